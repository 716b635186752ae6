"""Whether the login that opened a socket still holds (rule W11)."""

from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.utils.crypto import constant_time_compare

from chat.support.database import ask


async def still_logged_in(key: str | None, user_id: int) -> bool:
    """Whether the login stored under `key` exists, is this user's, and the user is active with the same password.

    Reads it afresh: what a socket's scope holds is as old as the socket. Raises Unavailable.
    """
    return key is not None and await ask(_holds, key, user_id)


def _holds(key: str, user_id: int) -> bool:
    stored = import_module(settings.SESSION_ENGINE).SessionStore(key)
    if stored.get(SESSION_KEY) != str(user_id) or BACKEND_SESSION_KEY not in stored:
        return False
    user = get_user_model().objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return False
    hash_then = stored.get(HASH_SESSION_KEY, "")
    return constant_time_compare(hash_then, user.get_session_auth_hash()) or any(
        constant_time_compare(hash_then, fallback) for fallback in user.get_session_auth_fallback_hash()
    )
