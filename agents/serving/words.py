"""What the admin calls things that are data elsewhere."""

from datetime import UTC, datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from agents import extensions
from agents.profiles import all_profiles
from agents.serving.keys import environment_key
from agents.serving.models import ModelProvider

#: APIs as their makers call them; one of a package has its own name.
DIALECTS = {
    "chat": "Chat Completions",
    "responses": "Responses",
    "anthropic": "Anthropic Messages",
    "gemini": "Gemini generateContent",
}
KEY_STATES = {
    "none": lazy("none"),
    "stored": lazy("stored, for this address"),
    "other_address": lazy("none: the one that is stored is for another address"),
    "unreadable": lazy("stored, but this server’s DJANGO_SECRET_KEY cannot open it: enter it again"),
}


def dialects() -> list[tuple[str, str]]:
    """Choices of a dialect: name and title."""
    return [(one.name, DIALECTS.get(one.name, one.name)) for one in extensions.dialects]


def profiles() -> list[tuple[str, list[tuple[str, str]]]]:
    """Choices of a profile, by dialect."""
    known = all_profiles().values()
    groups = [(title, [(p.name, p.title) for p in known if p.dialect == name]) for name, title in dialects()]
    return [group for group in groups if group[1]]


def key_words(provider: ModelProvider) -> str:
    """How it stands with a provider's key; never the key, nor a part of it."""
    if provider.own_key:
        return str(KEY_STATES["stored"])
    if environment_key(provider.where):
        return _("the environment’s for this server")
    return str(KEY_STATES[provider.key_state])


def listed_words(provider: ModelProvider) -> SafeString | str:
    """The models that the server has said it has."""
    if provider.listed_at is None:
        return _("not asked yet")
    rows = [(one["name"], f" ({one['window']:,})" if one.get("window") else "") for one in provider.listed]
    when = datetime.fromtimestamp(provider.listed_at / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    said = _("%(count)d models, as of %(when)s UTC") % {"count": len(rows), "when": when}
    names = format_html_join("\n", "{}{}", rows)
    return format_html('{}<pre class="hf-text">{}</pre>', said, names)
