"""What was learned of a provider's models, as its page shows it (the table is of `agents.learned`)."""

from datetime import UTC, datetime

from django.apps import apps
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from agents.transcript.forms import TITLES, RequestForm

#: What people read of a form's changes (agents/transcript/forms.py), in their language.
FORMS = {
    "alternating": lazy("with roles that alternate"),
    "no_replay": lazy("without replay data"),
    "one_call": lazy("with one call per step"),
    "no_system": lazy("without a system role"),
    "text_only": lazy("with tool exchanges as plain text"),
    "no_pictures": lazy("without pictures"),
    "no_options": lazy("without options"),
    "no_tools": lazy("without tools"),
}


def form_words(form: RequestForm) -> str:
    """The changes of a form, in the language that is active."""
    said = ", ".join(str(FORMS.get(name, TITLES[name])) for name in form.names)
    return said or _("as its profile says")


def learned_words(address: str) -> SafeString | str:
    """A line for each model at an address of which something was learned: how it is asked, why and since when."""
    try:
        rules = apps.get_model("agents", "LearnedRule")
    except LookupError:
        return _("nothing")
    rows = [
        (
            rule.model,
            form_words(rule.request_form),
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
