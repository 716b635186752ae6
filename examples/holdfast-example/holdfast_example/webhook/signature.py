"""Standard Webhooks: who sent these bytes, and when. Pure.

The signature is over id, time and body, so nobody can send an old body under a new id; what comes twice under one id
is found by its id, and what is older than TOLERANCE_S is refused.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping

PREFIX = "whsec_"
#: Seconds that the sender's clock may differ from ours, and that a message may take.
TOLERANCE_S = 300
#: Bytes of a key, by the standard.
MIN_KEY, MAX_KEY = 24, 64
MAX_ID = 100


class Untrusted(Exception):
    """The request was not signed with the secret, or not now. Answered with 401 and nothing else."""


def new_secret() -> str:
    """A secret of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The key that a secret stands for. Raises ValueError for what is no secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not MIN_KEY <= len(key) <= MAX_KEY:
        raise ValueError(f"A secret is {PREFIX} and {MIN_KEY} to {MAX_KEY} bytes in base64.")
    return key


def headers(secret: str, id: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers that sign a body. Raises ValueError for what is no secret."""
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": _signature(key_of(secret), id, str(at_s), body),
    }


def check(secret: str, given: Mapping[str, str], body: bytes, now_s: float) -> str:
    """The id of a signed request. `given`: its headers, names in lower case. Raises Untrusted."""
    id, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not (id and len(id) <= MAX_ID and id.isascii() and id.isprintable()):
        raise Untrusted("it has no id")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Untrusted("it has no time")
    if abs(now_s - int(stamp)) > TOLERANCE_S:
        raise Untrusted("its time is not now")
    try:
        wanted = _signature(key_of(secret), id, stamp, body).encode()
    except ValueError:
        raise Untrusted("we have no secret") from None
    # Several, while a secret is being replaced.
    for signature in given.get("webhook-signature", "").split():
        if hmac.compare_digest(signature.encode(), wanted):
            return id
    raise Untrusted("the signature differs")


def _signature(key: bytes, id: str, stamp: str, body: bytes) -> str:
    signed = hmac.new(key, f"{id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"
