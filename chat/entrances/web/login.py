"""Who is logged in, for sockets: when one comes, and from time to time as long as it is there (rule W11).

Sockets ask together: all that come back after a restart share two statements, and so do all whose turn it is to be
looked at again.
"""

from collections.abc import Mapping, Sequence
from http.cookies import CookieError
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import parse_cookie
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from chat.support.batches import Batches
from chat.support.database import ask
from chat.support.loops import PerLoop


def session_key(scope: Mapping[str, Any]) -> str | None:
    """The key of the session whose cookie came with the handshake (an ASGI scope), or None."""
    sent = b"; ".join(value for name, value in scope.get("headers", ()) if name == b"cookie")
    try:
        return parse_cookie(sent.decode("latin-1")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None


async def logged_in(key: str | None) -> AbstractBaseUser | None:
    """Whose login is stored under `key`: it exists and has not run out, the user is active, and the password is the
    same as then. Read afresh. Raises Unavailable."""
    # Django's keys are 32 characters; what is longer is none of ours, and not worth a statement.
    return await _batches.get().ask(key) if key and len(key) <= 40 else None


async def still_logged_in(key: str | None) -> AbstractBaseUser | None:
    """The same for a socket that is there: it waits a moment for others whose turn it is to be looked at."""
    return await _later.get().ask(key) if key and len(key) <= 40 else None


def _look_up(keys: Sequence[str]) -> dict[str, AbstractBaseUser]:
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    rows = store.model.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    found = {key: store.decode(data) for key, data in rows.values_list("session_key", "session_data")}
    ids = {session[SESSION_KEY] for session in found.values() if SESSION_KEY in session}
    users = {str(user.pk): user for user in get_user_model().objects.filter(pk__in=ids, is_active=True)}
    return {
        key: user
        for key, session in found.items()
        if (user := users.get(session.get(SESSION_KEY, ""))) is not None and _holds(session, user)
    }


def _holds(session: Mapping[str, Any], user: Any) -> bool:
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    then = session.get(HASH_SESSION_KEY, "")
    return constant_time_compare(then, user.get_session_auth_hash()) or any(
        constant_time_compare(then, fallback) for fallback in user.get_session_auth_fallback_hash()
    )


async def _fetch(keys: Sequence[str]) -> Mapping[str, AbstractBaseUser]:
    return await ask(_look_up, keys)


async def _forget(_: object) -> None:
    """There is nothing to close."""


#: The share of the time between two heartbeats for which a socket that is looked at again waits for others.
WAIT_SHARE = 0.05


def _patient() -> Batches[str, AbstractBaseUser]:
    return Batches(_fetch, wait_s=WAIT_SHARE * settings.HOLDFAST_HEARTBEAT_MS / 1000)


_later: PerLoop[Batches[str, AbstractBaseUser]] = PerLoop(_patient, _forget)
_batches: PerLoop[Batches[str, AbstractBaseUser]] = PerLoop(lambda: Batches(_fetch), _forget)
