"""Settings of metrics and traces that need more than a type. `name` is always the variable to blame; a secret is never
repeated."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

#: Characters of a token that others cannot guess, at least.
MIN_TOKEN = 24
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def token(name: str, value: str) -> str:
    """A token that is hard to guess, of characters that a header may have; '' for none."""
    if not value:
        return ""
    if len(value) < MIN_TOKEN or not re.fullmatch(r"[\x21-\x7e]+", value):
        raise ImproperlyConfigured(
            f"{name} must have {MIN_TOKEN} characters at least, without blanks. Make one: "
            'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return value


def metrics_host(name: str, host: str, *, token: str) -> str:
    """An address of this machine to listen at. `token` names the variable that must be set for any but loopback; '' if
    it is."""
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be an address of this machine, such as 127.0.0.1.") from None
    if not loopback and token:
        raise ImproperlyConfigured(
            f"{name} is {host}, where others can ask. Set {token} to a token that they must show, or leave {name} out."
        )
    return host


def traces_url(name: str, url: str) -> str:
    """The address of an OTLP receiver with its path; '/v1/traces', as all have it, where it names none."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        fit = None
    if not fit or parts.username or parts.password:
        raise ImproperlyConfigured(
            f"{name} must be an address like http://127.0.0.1:4318, where OTLP over HTTP is taken. What it wants for a "
            "login goes into HOLDFAST_TRACES_HEADERS."
        )
    return url.rstrip("/") + "/v1/traces" if parts.path in ("", "/") else url


def headers(name: str, text: str) -> dict[str, str]:
    """Headers of a request: `name=value`, separated by commas."""
    found: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        key, equals, value = part.partition("=")
        if (
            not equals
            or not _HEADER.fullmatch(key.strip())
            or not re.fullmatch(r"[\x20-\x7e]+", value.strip())
        ):
            raise ImproperlyConfigured(
                f"{name} must be headers like authorization=Bearer abc,x-team=ours. Entry {len(found) + 1} is none."
            )
        found[key.strip()] = value.strip()
    return found
