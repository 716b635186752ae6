"""The token of a hello: that whoever opened a socket can read what this site says to the login (rule W11).

A browser sends the cookie of a login along with a socket that any page opens. That the page is ours says its `Origin`;
the token says it once more, in another way: it comes with the page and with its boot data, which no page of another
origin can read. It belongs to one login (Django's session), so the next login has another one. It is computed, not
stored.
"""

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

_SALT = "holdfast.hello"


def token_of(key: str | None) -> str:
    """The token of the login whose session has this key; 64 hex digits, '' without a login."""
    return _token(key, settings.SECRET_KEY) if key else ""


def is_token_of(key: str | None, token: str) -> bool:
    """Whether `token` is that of the login, by the secret key of now or by one that it follows."""
    if not key:
        return False
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(constant_time_compare(token, _token(key, secret)) for secret in secrets)


def _token(key: str, secret: str | bytes) -> str:
    return salted_hmac(_SALT, key, secret=secret, algorithm="sha256").hexdigest()
