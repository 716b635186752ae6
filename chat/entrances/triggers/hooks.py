"""The secret addresses of webhooks, and what comes to them, read.

The token of an address is made from SECRET_KEY, the trigger's id and its salt. Nothing secret is stored: a copy of the
database opens no address, and the owner can be shown it again at any time. A new salt is a new address. With another
SECRET_KEY the addresses change, unless the old one stays in SECRET_KEY_FALLBACKS.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.conf import settings

from agents import borders
from agents.tools.texts import decoded, media_type
from chat.entrances.triggers import senders

#: Headers by which senders name a delivery, if the trigger does not name another one.
DELIVERY_HEADERS = senders.DELIVERIES
SIGNATURE_HEADER = "X-Hub-Signature-256"
MAX_DELIVERY = 150
#: Headers of one delivery that are kept, and characters of each.
MAX_HEADERS, MAX_HEADER = 30, 300
_NO_MEANING = re.compile(
    r"^(accept.*|cache-control|connection|content-.*|cookie|expect|forwarded|host|keep-alive|pragma|te|traceparent"
    r"|tracestate|transfer-encoding|upgrade.*|user-agent|via|x-(forwarded|real|request|amzn|cloud|envoy|b3|datadog)-.*)$"
    r"|authori[sz]ation|authenticat|cookie|hmac|password|secret|signature|token|api-?key"
)
#: Values of one JSON document that are read as such: each takes about a hundred bytes of memory.
MAX_VALUES = 2_000_000


def new_salt() -> str:
    return secrets.token_hex(16)


def token_of(trigger: UUID | str, salt: str, key: str | None = None) -> str:
    """The secret part of a trigger's address."""
    made_with = str(settings.SECRET_KEY if key is None else key).encode()
    digest = hmac.digest(made_with, f"holdfast.hook\0{trigger}\0{salt}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def is_token(token: str, trigger: UUID | str, salt: str) -> bool:
    """Whether a token is this trigger's, in constant time."""
    given = token.encode()
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(hmac.compare_digest(given, token_of(trigger, salt, str(key)).encode()) for key in keys)


def path_of(trigger: UUID | str, salt: str) -> str:
    """The address without its host."""
    return f"/hooks/{trigger}/{token_of(trigger, salt)}"


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether a signature (hexadecimal, with or without `sha256=`) is the HMAC-SHA256 of the body."""
    return senders.is_signed("hmac", senders.Given({"given": signature}, body, 0.0, "given"), secret)


def delivery_of(
    headers: Mapping[str, str],
    place: str,
    payload: Any = None,
    places: Iterable[str] = DELIVERY_HEADERS,
) -> str:
    """How the sender names this delivery, or "": at `place` (a header, or "$.data.id" of the payload), or without one
    at the first of `places` that says anything. Only what is short and printable is a name; a long one is hashed."""
    given = senders.first([place] if place else places, headers, payload)
    plain = len(given) <= MAX_DELIVERY and given.isascii() and given.isprintable()
    return given if plain else hashlib.sha256(given.encode(errors="replace")).hexdigest()


def headers_of(headers: Mapping[str, str], but: str = "") -> dict[str, str]:
    """The headers that a sender may mean something by, in lower case: what is secret, and what any client and any proxy
    sends, is left out, and so is the one that is named `but`."""
    kept: dict[str, str] = {}
    for name, given in headers.items():
        name = name.lower()
        if name == but.lower() or _NO_MEANING.search(name) or len(kept) >= MAX_HEADERS:
            continue
        kept[name] = borders.text(given[:MAX_HEADER])
    return kept


def payload_of(body: bytes, kind: str) -> Any:
    """What a body says: JSON if it is that (and no more than MAX_VALUES), the fields of a form (and JSON in its
    `payload`), else a text."""
    source = decoded(body, media_type(kind)[1])
    if kind.split(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        try:
            fields: dict[str, Any] = borders.value(
                dict(parse_qsl(source, keep_blank_values=True, max_num_fields=1_000))
            )
        except ValueError:
            return borders.text(source)
        if "payload" in fields:
            fields["payload"] = _json(fields["payload"])
            return fields["payload"] if len(fields) == 1 else fields
        return fields
    return _json(source)


def _json(source: str) -> Any:
    if sum(map(source.count, ",[{")) > MAX_VALUES:
        return borders.text(source)
    try:
        return borders.document(source)
    except borders.BadDocument:
        return borders.text(source)
