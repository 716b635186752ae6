"""The secret addresses of webhooks, and the signatures of what comes to them.

The token of an address is made from SECRET_KEY, the trigger's id and its salt. Nothing secret is stored: a copy of the
database opens no address, and the owner can be shown it again at any time. A new salt is a new address. With another
SECRET_KEY the addresses change, unless the old one stays in SECRET_KEY_FALLBACKS.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.conf import settings

#: Headers by which senders name a delivery, if the trigger does not name another one.
DELIVERY_HEADERS = (
    "Idempotency-Key",
    "Webhook-Id",
    "X-GitHub-Delivery",
    "X-Gitlab-Event-UUID",
    "X-Delivery-Id",
)
SIGNATURE_HEADER = "X-Hub-Signature-256"
MAX_DELIVERY = 150
MAX_NESTING = 100
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
    given = signature.strip().removeprefix("sha256=").lower()
    right = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(given.encode(), right.encode())


def delivery_of(headers: Mapping[str, str], header: str) -> str:
    """How the sender names this delivery, or "". Only what is short and printable is a name; a long one is hashed."""
    for name in [header] if header else DELIVERY_HEADERS:
        given = headers.get(name, "").strip()
        if given:
            plain = len(given) <= MAX_DELIVERY and given.isascii() and given.isprintable()
            return given if plain else hashlib.sha256(given.encode()).hexdigest()
    return ""


def payload_of(body: bytes, kind: str) -> Any:
    """What a body says: JSON if it is that (and no more than MAX_VALUES), the fields of a form (and JSON in its
    `payload`), else a text."""
    text = body.decode("utf-8", "replace")
    if kind.split(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        try:
            fields: dict[str, Any] = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=1_000))
        except ValueError:
            return text
        if "payload" in fields:
            fields["payload"] = _json(fields["payload"])
            return fields["payload"] if len(fields) == 1 else fields
        return fields
    return _json(text)


def is_deep(value: Any) -> bool:
    """Whether JSON is nested deeper than anything honest, so deep that writing it again might fail."""
    layer = [value]
    for _ in range(MAX_NESTING):
        layer = [
            inner
            for one in layer
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not layer:
            return False
    return True


def _json(text: str) -> Any:
    if sum(map(text.count, ",[{")) > MAX_VALUES:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if is_deep(value) else value
