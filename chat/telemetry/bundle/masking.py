"""What must not leave the house: secrets that settings and the database hold, and what people have written."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings

from agents.serving.resolve import all_keys
from chat.support import rotation

#: Names of settings whose values are secrets, or hold one.
SECRET = re.compile(r"KEY|PASSWORD|SECRET|TOKEN|HEADERS|CREDENTIAL", re.IGNORECASE)
URL = re.compile(r"URL$|^LOCATION$", re.IGNORECASE)
#: Shorter texts are not looked for: they would be found in everything.
MIN_CHARS = 6
MASK = "***"
#: Rows of one encrypted column that are opened, at most.
MAX_ROWS = 10_000
#: Quoted words in a line of a log may be somebody's; and a line is no longer than this.
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|“[^”\n]*”|`[^`\n]*`")
MAX_LINE = 240
_LINE = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) [\w.]+ ")
_FRAME = re.compile(r'^  File "[^"\n]+", line \d+, in [\w<>]+$')
_RAISED = re.compile(r"^([\w.]+(?:Error|Exception|Unavailable|Timeout|Cancelled)\w*)(?:: .*)?$")


class Mask:
    """Takes out of a text all secrets that it was told of, as they are and as an address writes them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {
            form
            for one in secrets
            for form in (one, quote(one, safe=""), unquote(one))
            if len(form) >= MIN_CHARS
        }
        self._known = sorted(known, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text with MASK in the place of each secret."""
        for secret in self._known:
            text = text.replace(secret, MASK)
        return text


def setting(name: str, value: Any) -> Any:
    """A setting as it may be told: of a secret whether it is set, of an address where it leads."""
    if isinstance(value, Mapping):
        secret = SECRET.search(name) is not None
        return {str(key): setting(name if secret else str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [setting(name, one) for one in value]
    if isinstance(value, bool | int | float | None):
        return value
    if SECRET.search(name):
        return MASK if value else ""
    return _where(value) if URL.search(name) and isinstance(value, str) else str(value)


def _where(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return MASK
    return f"{parts.scheme}://{host}" if parts.scheme else MASK if url else ""


def known_secrets(using: str = "default") -> list[str]:
    """All secrets that can be found: of the settings, and what is stored encrypted. Asks SQL; what it cannot tell is
    left out of the bundle all the same, because no section has it."""
    found = list(_of_settings())
    try:
        found += all_keys(using)
        for column in rotation.columns():
            rows = column.model._base_manager.using(using).values_list(column.name, flat=True)
            found += [str(value) for value in rows[:MAX_ROWS] if value]
    except Exception:  # away, of another release, or sealed with a key that is gone
        return found
    return found


def _of_settings() -> Iterable[str]:
    for name in dir(settings):
        if name.isupper():
            yield from _texts(name, getattr(settings, name))


def _texts(name: str, value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(name if SECRET.search(name) else str(key), inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _texts(name, inner)
    elif isinstance(value, str) and value:
        if SECRET.search(name):
            yield value
        elif "://" in value:
            yield from _of_url(value)


def _of_url(url: str) -> Iterable[str]:
    try:
        parts = urlsplit(url)
        password, query = parts.password, parts.query
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if SECRET.search(key) and value:
            yield value


def log_lines(lines: Iterable[str]) -> Iterable[str]:
    """Of a log what tells of a trouble and nothing of what anybody said: our own lines without what they quote, and of
    a traceback where it went and what was raised."""
    for line in lines:
        if _LINE.match(line):
            yield _QUOTED.sub("…", line)[:MAX_LINE]
        elif _FRAME.match(line):
            yield line
        elif found := _RAISED.match(line):
            yield found[1]
