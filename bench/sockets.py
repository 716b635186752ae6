"""Many browsers in one process: sockets that come back as `frontend/src/sync/socket.ts` does, at little cost.

`python -m bench.sockets PORT GIVE_UP_S < people` reads a line of JSON for each socket, {"cookie", "token",
"conversation", "cursor", "say"}; opens all, says "ready" and, once the server has gone, "gone"; hears when that began
to answer again (CLOCK_MONOTONIC, s), and tells of each socket in the end how it came back. Whoever has something to say
says it in the beginning, and is answered by bench/model.py, whose tokens tell how long they have been on their way.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import struct
import sys
import time
from dataclasses import dataclass, field
from uuid import uuid4

from bench.text import Seen
from chat.entrances.web.protocol import PROTOCOL

BASE_S, CAP_S, GREET_S = 0.5, 20.0, 10.0
#: For so long text is looked at once all are back.
AFTER_S = 2.0


@dataclass(slots=True)
class Back:
    """How one socket came back: seconds after the call to come, tries that were refused or closed; and what text it was
    shown from then on, if there was any."""

    synced: float | None = None
    refused: int = 0
    text: Seen = field(default_factory=Seen)


class Browser:
    """One tab with one conversation."""

    def __init__(self, port: int, person: dict[str, str]) -> None:
        self.port, self.person = port, person
        self.cursor = person.get("cursor", "")
        self.back = Back()
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.StreamReader | None = None

    async def connect(self) -> None:
        """Open the socket and the conversation; returns once it is synced. Raises OSError when that fails."""
        async with asyncio.timeout(GREET_S):
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
            key = base64.b64encode(os.urandom(16)).decode()
            self._writer.write(
                f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                f"Origin: http://127.0.0.1:{self.port}\r\nCookie: {self.person['cookie']}\r\n\r\n".encode()
            )
            head = await self._reader.readuntil(b"\r\n\r\n")
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                raise OSError(head.split(b"\r\n", 1)[0].decode())
            token = self.person["token"]
            self._send({"type": "hello", "protocol": PROTOCOL, "tab": "bench", "token": token})
            await self._until("welcome")
        async with asyncio.timeout(120):
            opening = {"type": "open", "conversation": self.person["conversation"]}
            self._send(opening | ({"cursor": self.cursor} if self.cursor else {}))
            self.cursor = (await self._until("synced"))["cursor"]

    async def come_back(self, until: float, since: float) -> None:
        """Connect again and again, as the browser does, until it is synced."""
        attempt = 0
        while time.monotonic() < until:
            attempt += 1
            await asyncio.sleep(random.random() * min(CAP_S, BASE_S * 2 ** (attempt - 1)))
            try:
                await self.connect()
            except (OSError, EOFError, TimeoutError, asyncio.IncompleteReadError):
                self.back.refused += time.monotonic() > since
                self.close()
                continue
            self.back.synced = time.monotonic() - since
            return

    def say(self) -> None:
        """Send the message that this tab has to send, if any."""
        if text := self.person.get("say"):
            body = {"kind": "send", "message": str(uuid4()), "text": text}
            conversation = self.person["conversation"]
            self._send({"type": "command", "id": str(uuid4()), "conversation": conversation, "body": body})

    async def listen(self) -> None:
        """Take what comes, and look at the text; until the connection is lost."""
        begun = ""
        with contextlib.suppress(OSError, EOFError):
            while True:
                frame = await self._frame()
                if b'"type":"part"' in frame[:200]:
                    text = json.loads(frame)["text"]
                    if not begun:  # it may begin within a token
                        _, begun, text = text.partition(" ")
                    self.back.text.take(0, text)

    async def gone(self) -> None:
        """Wait until the server is gone."""
        try:
            while True:
                await self._frame()
        except (OSError, EOFError, asyncio.IncompleteReadError):
            self.close()

    def close(self) -> None:
        """Drop the connection."""
        if self._writer is not None:
            self._writer.transport.abort()

    def _send(self, frame: dict[str, object]) -> None:
        assert self._writer is not None
        data = json.dumps(frame).encode()
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        # Masked with zeros: masking is for proxies, and there is none here.
        self._writer.write(b"\x81" + size + b"\0\0\0\0" + data)

    async def _until(self, kind: str) -> dict[str, str]:
        mark = f'"type":"{kind}"'.encode()
        while True:
            text = await self._frame()
            if mark in text[:200]:
                found: dict[str, str] = json.loads(text)
                return found
            if b'"type":"goaway"' in text[:100]:
                raise OSError(text.decode())

    async def _frame(self) -> bytes:
        assert self._reader is not None
        first, size = await self._reader.readexactly(2)
        if size == 126:
            size = struct.unpack(">H", await self._reader.readexactly(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", await self._reader.readexactly(8))[0]
        data = await self._reader.readexactly(size)
        if first & 0x0F == 8:
            raise OSError(f"closed: {data[:2].hex()}")
        return data


async def main(port: int, give_up_s: float) -> None:
    """See the module's docstring."""
    browsers = [Browser(port, json.loads(line)) for line in iter(sys.stdin.readline, "\n")]
    room = asyncio.Semaphore(20)

    async def first(browser: Browser) -> None:
        said = ""
        async with room:
            for pause in (1, 2, 4, 8, 30):
                try:
                    return await browser.connect()
                except (OSError, EOFError, TimeoutError) as problem:
                    said = repr(problem)
                    browser.close()
                    await asyncio.sleep(pause)
            raise OSError(f"A socket cannot be opened at all: {said}")

    await asyncio.gather(*(first(browser) for browser in browsers))
    for browser in browsers:
        browser.say()
    gone = [asyncio.create_task(browser.gone()) for browser in browsers]
    print("ready", flush=True)
    await asyncio.gather(*gone)
    print("gone", flush=True)
    since = float(await asyncio.to_thread(sys.stdin.readline))
    listening: list[asyncio.Task[None]] = []

    async def back(browser: Browser) -> None:
        await browser.come_back(since + give_up_s, since)
        if browser.back.synced is not None:
            listening.append(asyncio.create_task(browser.listen()))

    await asyncio.gather(*(back(browser) for browser in browsers))
    await asyncio.sleep(AFTER_S)
    print(json.dumps([[b.back.synced, b.back.refused, b.back.text.latencies] for b in browsers]), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for task in listening:
        task.cancel()
    for browser in browsers:
        browser.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
