"""Whether a request to the webhook comes from Feishu, and what it says. Pure: bytes in, an event out.

With an Encrypt Key every event is signed and encrypted, and anything else is refused; without one the Verification
Token is all there is. The signature is a plain hash over timestamp, nonce, key and body, so its age is no proof of
anything: Feishu delivers again for hours, and what comes twice is found by its message id.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from agents.borders import BadDocument, document

BLOCK = 16


class Untrusted(Exception):
    """The request is not Feishu's, or not for this app. It is answered with 401 and nothing else."""


@dataclass(frozen=True)
class Challenge:
    """The console asks whether the address is ours: answer with this text."""

    text: str


@dataclass(frozen=True)
class FeishuEvent:
    """One event: `header` (event_id, event_type, …) and `body`."""

    header: dict[str, Any]
    body: dict[str, Any]


def open_request(
    raw: bytes, headers: Mapping[str, str], *, encrypt_key: str, token: str
) -> Challenge | FeishuEvent:
    """What a verified request says. `headers` with names in lower case. Raises Untrusted."""
    sent = _object(raw)
    if encrypt_key:
        opened = _object(decrypt(encrypt_key, sent.get("encrypt")))
        # Feishu does not sign the challenge: its key and its token are what proves it.
        if opened.get("type") != "url_verification":
            check_signature(raw, headers, encrypt_key)
    else:
        opened = sent
    header = opened.get("header")
    named = header.get("token") if isinstance(header, dict) else opened.get("token")
    if not (token and isinstance(named, str) and hmac.compare_digest(named.encode(), token.encode())):
        raise Untrusted("the verification token differs")
    if opened.get("type") == "url_verification":
        return Challenge(str(opened.get("challenge", "")))
    if not isinstance(header, dict) and opened.get("type") == "event_callback":
        raise Untrusted(
            "it is an event of the old format (1.0): choose version 2.0 of the event in the console"
        )
    body = opened.get("event")
    return FeishuEvent(header if isinstance(header, dict) else {}, body if isinstance(body, dict) else {})


def check_signature(raw: bytes, headers: Mapping[str, str], encrypt_key: str) -> None:
    """Raises Untrusted unless the headers sign these bytes."""
    stamp, nonce = headers.get("x-lark-request-timestamp", ""), headers.get("x-lark-request-nonce", "")
    signature = headers.get("x-lark-signature", "")
    mine = hashlib.sha256((stamp + nonce + encrypt_key).encode() + raw).hexdigest()
    if not (stamp and nonce and hmac.compare_digest(mine.encode(), signature.encode())):
        raise Untrusted("the signature differs")


def decrypt(encrypt_key: str, sealed: Any) -> bytes:
    """AES-256-CBC with the key's SHA-256; the first block is the IV. Raises Untrusted."""
    try:
        data = base64.b64decode(sealed, validate=True)
        if len(data) < 2 * BLOCK:
            raise ValueError("too short")
        key = hashlib.sha256(encrypt_key.encode()).digest()
        opener = Cipher(algorithms.AES(key), modes.CBC(data[:BLOCK])).decryptor()
        padded = opener.update(data[BLOCK:]) + opener.finalize()
        remover = padding.PKCS7(8 * BLOCK).unpadder()
        text = remover.update(padded) + remover.finalize()
    except (ValueError, TypeError, binascii.Error) as problem:
        raise Untrusted("it cannot be decrypted") from problem
    if not text:
        raise Untrusted("it is empty")
    return text


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = document(raw)
    except BadDocument as problem:
        raise Untrusted("it is no JSON") from problem
    if not isinstance(found, dict):
        raise Untrusted("it is no object")
    return found
