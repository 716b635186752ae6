"""What was learned of a provider's models, as its page shows it (the table is of `agents.learned`)."""

from datetime import UTC, datetime

from django.apps import apps
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _


def learned_words(address: str) -> SafeString | str:
    """A line for each model at an address of which something was learned: how it is asked, why and since when."""
    try:
        rules = apps.get_model("agents", "LearnedRule")
    except LookupError:
        return _("nothing")
    rows = [
        (
            rule.model,
            rule.request_form.title,
            rule.reason[:200] or rule.kind,
            datetime.fromtimestamp(rule.learned_at / 1000, UTC).strftime("%Y-%m-%d %H:%M"),
            "" if rule.enabled else _("(switched off)"),
        )
        for rule in rules._default_manager.filter(address__in=[address, address.rstrip("/")]).order_by(
            "model"
        )
    ]
    if not rows:
        return _("nothing: it takes requests as they are made")
    lines = format_html_join("", "<li><strong>{}</strong>: {} – {} ({} UTC) {}</li>", rows)
    return format_html("<ul>{}</ul>", lines)
