"""A client of the wire in Python, for tests and benchmarks: login over HTTP, frames over a real WebSocket.

It keeps no state of a conversation: it sends what it is told and gives back what comes. (The real client, with all
its rules, is frontend/src/sync.)
"""

from __future__ import annotations

import asyncio
import http.cookiejar
import json
import os
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any
from uuid import UUID

import websockets

from tests.support.greeting import hello

Frame = dict[str, Any]


def new_id() -> str:
    """A UUIDv7, as the browser makes them (RFC 9562, section 5.7)."""
    stamp = time.time_ns() // 1_000_000
    number = int.from_bytes(stamp.to_bytes(6, "big") + os.urandom(10), "big")
    number = number & ~(0xF << 76) | 7 << 76
    return str(UUID(int=number & ~(0x3 << 62) | 0x2 << 62))


def login(address: str, person: str, password: str) -> str:
    """Log in through the login page; the value of a Cookie header."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = opener.open(f"{address}/accounts/login/", timeout=10).read().decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found, "The login page has no CSRF token."
    form = {"username": person, "password": password, "csrfmiddlewaretoken": found[1]}
    request = urllib.request.Request(f"{address}/accounts/login/", urllib.parse.urlencode(form).encode())
    request.add_header("Referer", f"{address}/accounts/login/")
    opener.open(request, timeout=10).read()
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
    assert "sessionid" in cookies, f"{person} could not log in."
    return cookies


class Wire:
    """`async with Wire(address, cookies) as wire:` says hello; then `send`, `until`, `command`."""

    def __init__(self, address: str, cookies: str) -> None:
        self.address = address
        self.cookies = cookies
        self.bytes_in = 0
        self.frames: list[Frame] = []
        self._socket: websockets.ClientConnection | None = None

    async def __aenter__(self) -> Wire:
        self._socket = await websockets.connect(
            self.address.replace("http", "ws", 1) + "/ws",
            additional_headers={"Cookie": self.cookies},
            origin=websockets.Origin("/".join(self.address.split("/")[:3])),  # the address may have a path
            max_size=None,
            compression=None,
            ping_interval=None,
        )
        await self.send(await asyncio.to_thread(hello, self.address, self.cookies, "python"))
        await self.until(lambda frame: frame["type"] == "welcome")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._socket is not None
        await self._socket.close()

    async def send(self, frame: Frame) -> None:
        """Send one frame."""
        assert self._socket is not None
        await self._socket.send(json.dumps(frame))

    async def receive(self, seconds: float = 10) -> Frame:
        """The next frame. Raises TimeoutError, or ConnectionClosed."""
        assert self._socket is not None
        async with asyncio.timeout(seconds):
            text = await self._socket.recv()
        self.bytes_in += len(text)
        frame: Frame = json.loads(text)
        self.frames.append(frame)
        return frame

    async def until(self, wanted: Callable[[Frame], bool], seconds: float = 20) -> Frame:
        """The next frame that is `wanted`; those before it are kept in `frames`."""
        end = time.monotonic() + seconds
        while True:
            frame = await self.receive(max(0.01, end - time.monotonic()))
            if wanted(frame):
                return frame

    async def open(self, conversation: str, cursor: str | None = None) -> list[Frame]:
        """Open a conversation; its frames up to `synced`."""
        start = len(self.frames)
        await self.send({"type": "open", "conversation": conversation, "cursor": cursor})
        await self.until(
            lambda frame: frame["type"] in ("synced", "gone") and frame["conversation"] == conversation
        )
        return self.frames[start:]

    async def command(self, conversation: str, body: Frame, command: str = "", seconds: float = 20) -> Frame:
        """Send a command and wait for its result."""
        command = command or new_id()
        await self.send({"type": "command", "id": command, "conversation": conversation, "body": body})
        return await self.until(lambda frame: frame["type"] == "result" and frame["id"] == command, seconds)

    async def say(self, conversation: str, text: str, seconds: float = 20) -> Frame:
        """Send a message; its result."""
        return await self.command(
            conversation, {"kind": "send", "message": new_id(), "text": text}, seconds=seconds
        )

    async def begin(self) -> str:
        """A new conversation with the default agent; its id."""
        conversation = new_id()
        result = await self.command(conversation, {"kind": "create", "agent": "", "title": ""})
        assert result["status"] == "applied", result
        return conversation
