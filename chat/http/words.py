"""The texts of the few pages that Django renders, in the reader's language (`Accept-Language`).

They are in Django's catalogues like all that the server says (locale/); the chat has its own in the frontend.
"""

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext_lazy as _

TEXTS = {
    "login": _("Log in"),
    "login_lead": _("Conversations with agents that hold on."),
    "username": _("Username"),
    "password": _("Password"),
    "wrong": _("This username and password do not match. Both are case-sensitive."),
    "too_many": _("Too many wrong tries. Wait a minute, then try again."),
    "next": _("Log in to see that page."),
    "no_access": _("This login may not open that page. Log in with another one."),
    "change_password": _("Change password"),
    "change": _("Change"),
    "back": _("Back to the chat"),
    "loading": _("Loading…"),
    "no_script": _("The chat needs JavaScript. Please allow it for this site."),
    "not_built": _("The chat is not built yet"),
    "not_built_lead": _("Build the frontend once, then reload this page:"),
    "not_found": _("There is nothing here"),
    "not_found_lead": _("The address may be mistyped, or what it led to is gone."),
    "bad_request": _("This request makes no sense"),
    "bad_request_lead": _("Go back, reload the page and try again."),
    "host": _("This server does not go by that name"),
    "host_lead": _("If you run it: add the name in the address to DJANGO_ALLOWED_HOSTS and start it again."),
    "forbidden": _("Not for this login"),
    "forbidden_lead": _("This login may not see that page."),
    "stale": _("This page was open for too long"),
    "stale_lead": _("Nothing was changed. Go back, reload the page and try again."),
    "origin": _("This page came from another address than the server knows"),
    "origin_lead": _(
        "Nothing was changed. If you run it: have the proxy pass Host and X-Forwarded-Proto on, set "
        "DJANGO_BEHIND_PROXY=1, and name the address in DJANGO_CSRF_TRUSTED_ORIGINS."
    ),
    "plain": _("Logging in needs HTTPS here"),
    "plain_lead": _(
        "If you run it: behind an HTTPS proxy set DJANGO_BEHIND_PROXY=1 and have it pass X-Forwarded-Proto on; on a "
        "private network without HTTPS set DJANGO_INSECURE_HTTP=1."
    ),
    "failed": _("Something went wrong"),
    "failed_lead": _("It is our fault, and it is in the log. Your conversations are safe; please try again."),
}


def words(request: HttpRequest) -> dict[str, str]:
    """The texts for this reader, `lang` for the page, and `path`, with which all addresses begin. A page about a
    failure may be rendered where no middleware has set a language, so the request is asked."""
    language = translation.get_language_from_request(request)
    with translation.override(language):
        said = {name: str(text) for name, text in TEXTS.items()}
    return {"lang": "zh-Hans" if language.startswith("zh") else "en", "path": settings.HOLDFAST_PATH, **said}
