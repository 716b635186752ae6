"""A tab of a browser, as far as the wire is concerned: a real WebSocket client that reads everything as it comes."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any, Protocol

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chat.entrances.web import protocol as p
from tests.support.greeting import hello
from tests.support.processes import Stack, password
from tests.support.waiting import eventually


class Addressed(Protocol):
    """Whatever people reach at an address, without a slash at its end."""

    @property
    def address(self) -> str: ...


async def log_in(stack: Addressed, person: str) -> dict[str, str]:
    """The cookies of a fresh login, through the login page."""
    async with httpx.AsyncClient(base_url=stack.address) as client:
        await client.get("/accounts/login/")
        fields = {
            "username": person,
            "password": password(person),
            "csrfmiddlewaretoken": client.cookies["csrftoken"],
        }
        answer = await client.post("/accounts/login/", data=fields)
        assert answer.status_code == 302, answer.text
        return dict(client.cookies)


class Tab:
    """`async with Tab(stack, cookies) as tab`: connected and greeted; `tab.frames` is all that came."""

    def __init__(self, stack: Stack, cookies: dict[str, str] | None, *, greet: bool = True) -> None:
        self.stack = stack
        self.cookies = cookies or {}
        self.greet = greet
        self.frames: list[dict[str, Any]] = []
        #: Bytes of the largest frame that came.
        self.largest = 0
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Tab:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self._socket = await connect(
            self.stack.address.replace("http", "ws") + "/ws",
            origin=self.stack.address,  # type: ignore[arg-type]
            additional_headers={"Cookie": cookie},
            max_size=None,
        )
        self._reader = asyncio.create_task(self._read())
        if self.greet:
            await self.say(**await asyncio.to_thread(hello, self.stack.address, cookie, "test"))
            await self.hears("welcome")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._socket and self._reader
        await self._socket.close()
        await self._reader

    async def _read(self) -> None:
        assert self._socket
        try:
            async for text in self._socket:
                assert isinstance(text, str)
                p.server_frames.validate_json(text)
                self.largest = max(self.largest, len(text.encode()))
                self.frames.append(json.loads(text))
        except ConnectionClosed:
            pass

    @property
    def close_code(self) -> int | None:
        """The code with which the server closed, None while it is open."""
        assert self._socket
        return self._socket.close_code

    async def say(self, **frame: Any) -> None:
        """Send a frame."""
        await self.send(json.dumps(frame, ensure_ascii=False))

    async def send(self, data: str | bytes) -> None:
        """Send whatever this is."""
        assert self._socket
        await self._socket.send(data)

    async def command(self, conversation: str, id: str | None = None, **body: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        id = id or str(uuid.uuid4())
        have = len(self.all("result", id=id))
        await self.say(type="command", id=id, conversation=conversation, body=body)
        await eventually(lambda: len(self.all("result", id=id)) > have, 10, f"the result of {body}")
        return self.all("result", id=id)[-1]

    async def create(self) -> str:
        """A new conversation."""
        conversation = str(uuid.uuid4())
        result = await self.command(conversation, kind="create", agent="", title="")
        assert result["status"] == "applied", result
        return conversation

    async def message(self, conversation: str, text: str, **how: Any) -> dict[str, Any]:
        """Say something; the result."""
        return await self.command(conversation, kind="send", message=str(uuid.uuid4()), text=text, **how)

    async def open(self, conversation: str, **how: Any) -> dict[str, Any]:
        """Open a conversation and return its state once it is synced."""
        have = len(self.all("synced", conversation=conversation))
        await self.say(type="open", conversation=conversation, **how)
        await eventually(
            lambda: len(self.all("synced", conversation=conversation)) > have,
            10,
            "the conversation to be synced",
        )
        return self.all("synced", conversation=conversation)[-1]

    def all(self, type: str, **fields: Any) -> list[dict[str, Any]]:
        """The frames of a type that have come so far, with these values."""
        return [
            frame
            for frame in self.frames
            if frame["type"] == type and all(frame.get(name) == value for name, value in fields.items())
        ]

    async def hears(self, type: str, seconds: float = 10, **fields: Any) -> dict[str, Any]:
        """The first frame of a type with these values; waits for it."""
        found = await eventually(lambda: self.all(type, **fields), seconds, f"a frame {type} {fields}")
        return found[0]
