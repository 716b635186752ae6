"""Keys of providers. One that is stored is encrypted together with the address it was entered for, and opens for no
other: whoever changes an address, in the admin or in the database, cannot have the key sent there.

The environment's keys go by server: `OPENAI_API_KEY` to that of `OPENAI_BASE_URL`, others by `HOLDFAST_MODEL_KEYS`.
"""

import json
import logging
from typing import Literal
from urllib.parse import urlsplit

from cryptography.fernet import InvalidToken
from django.conf import settings

from agents.serving.sealing import box

log = logging.getLogger(__name__)

PURPOSE = "holdfast.provider-key"
#: How it stands with a stored key: there is none; it is for this address; for another one; SECRET_KEY cannot open it.
KeyState = Literal["none", "stored", "other_address", "unreadable"]
_PORTS = {"http": 80, "https": 443}


def canonical(address: str) -> str:
    """An address in one spelling: lower-case host, no default port, no slash at the end."""
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError:
        return address.strip()
    if not parts.hostname:
        return address.strip()
    host = parts.hostname.lower()
    host = f"[{host}]" if ":" in host else host
    named = f"{host}:{port}" if port and port != _PORTS.get(parts.scheme.lower()) else host
    return f"{parts.scheme.lower()}://{named}{parts.path.rstrip('/')}"


def seal_key(key: str, address: str) -> str:
    """A key for this address, encrypted; no key stays an empty text."""
    if not key:
        return ""
    text = json.dumps({"address": canonical(address), "key": key})
    return box(PURPOSE).encrypt(text.encode()).decode()


def open_key(sealed: str, address: str) -> str:
    """The key that was sealed for this address, and an empty text for any other."""
    return _opened(sealed, address)[1]


def key_state(sealed: str, address: str) -> KeyState:
    """How it stands with a stored key."""
    return _opened(sealed, address)[0]


def _opened(sealed: str, address: str) -> tuple[KeyState, str]:
    if not sealed:
        return "none", ""
    try:
        found = json.loads(box(PURPOSE).decrypt(sealed.encode()))
    except InvalidToken:
        log.error("A provider's key cannot be opened with this SECRET_KEY; enter it again in the admin.")
        return "unreadable", ""
    if found["address"] != canonical(address):
        return "other_address", ""
    return "stored", str(found["key"])


def environment_keys() -> dict[tuple[str, str], str]:
    """The configured keys by the server that each is for."""
    named = {settings.OPENAI_BASE_URL: settings.OPENAI_API_KEY, **settings.HOLDFAST_MODEL_KEYS}
    return {server(address): key for address, key in named.items()}


def environment_key(address: str) -> str:
    """The environment's key for the server of an address; empty if it has none."""
    return environment_keys().get(server(address), "") if server(address)[1] else ""


def server(address: str) -> tuple[str, str]:
    """Scheme and host with port, as the address has them; of what is no address, nothing that has a key."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()
