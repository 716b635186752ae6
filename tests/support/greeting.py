"""The hello of a socket, with the token of its login (rule W11), as a page says it."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from chat.entrances.web.protocol import PROTOCOL

#: By address and Cookie header: a token is the same for as long as its login is.
_tokens: dict[tuple[str, str], str] = {}


def hello(address: str, cookies: str, tab: str) -> dict[str, Any]:
    """The first frame of a socket to the server at `address`, in the login of a Cookie header; asks for its boot data.

    Raises OSError when the server does not answer.
    """
    if token := hello_token(address, cookies):
        return {"type": "hello", "protocol": PROTOCOL, "tab": tab, "token": token}
    return {"type": "hello", "protocol": 1, "tab": tab}  # 0.1.0, which knows of no token


def hello_token(address: str, cookies: str) -> str:
    """What the boot data say that a hello must carry; '' from a release that says nothing of it."""
    if (address, cookies) not in _tokens:
        request = urllib.request.Request(f"{address}/api/boot", headers={"Cookie": cookies})
        with urllib.request.urlopen(request, timeout=20) as answer:
            token = json.load(answer).get("hello_token", "")
        if not token:
            return ""
        _tokens[address, cookies] = token
    return _tokens[address, cookies]
