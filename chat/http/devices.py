"""Browsers at which somebody has logged in before: they are let try a password whatever others try elsewhere.

    a right password ─► a cookie: which names, each with an id of its own ─► the next try is counted by that id alone

The cookie is signed and tells nobody the names. Whoever has taken one may try passwords as slowly as from an address.
"""

import secrets
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

SALT = "holdfast.devices"
#: Seconds for which a browser stays known after a login.
MAX_AGE_S = 365 * 24 * 3600
#: Names that one browser is known for; the ones before are forgotten.
MAX_NAMES = 5
#: What is kept at a request whose password was right.
_PASSED = "_holdfast_passed"


def device_of(request: HttpRequest, name: str) -> str:
    """The id of the browser, if this name has logged in there before; otherwise empty."""
    mark = _mark(name)
    return next((id for known, id in _read(request) if constant_time_compare(known, mark)), "")


def passed(request: HttpRequest, name: str) -> None:
    """The password of this name was right: `remember` is to know."""
    setattr(request, _PASSED, name)


def remember(request: HttpRequest, response: HttpResponseBase) -> None:
    """Have the browser known from now on for the name whose password was right, if one was."""
    name = getattr(request, _PASSED, None)
    if name is None:
        return
    mark = _mark(name)
    id = device_of(request, name) or secrets.token_hex(8)
    others = [one for one in _read(request) if one[0] != mark]
    response.set_cookie(
        settings.HOLDFAST_DEVICE_COOKIE,
        signing.dumps([(mark, id), *others][:MAX_NAMES], salt=SALT),
        max_age=MAX_AGE_S,
        path=settings.SESSION_COOKIE_PATH,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )


def _mark(name: str) -> str:
    return salted_hmac(SALT, name.casefold()[:150], algorithm="sha256").hexdigest()[:32]


def _read(request: HttpRequest) -> list[tuple[str, str]]:
    """(mark of a name, id) of each that the browser is known for; none if the cookie is not ours or too old."""
    try:
        found: Any = signing.loads(
            request.COOKIES.get(settings.HOLDFAST_DEVICE_COOKIE, ""), salt=SALT, max_age=MAX_AGE_S
        )
        return [(str(mark), str(id)) for mark, id in found][:MAX_NAMES]
    except (signing.BadSignature, TypeError, ValueError):
        return []
