"""One person's conversation with each server: `async with` a client, then `await turn()` as often as wanted.

All speak the server's own wire over one connection, as its page does, and read all that comes until a turn is over.
"""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Protocol
from uuid import uuid4

import httpx
import websockets

from tests.support.wire import Wire, new_id

QUESTION = "How much is two and two?"
TIMEOUT_S = 120.0


class Client(Protocol):
    """A conversation."""

    async def __aenter__(self) -> Client: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def turn(self) -> str:
        """Say something and read the answer to its end; its text."""


class _Socket:
    """What those have in common that speak over a WebSocket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket: Any = None

    async def __aenter__(self) -> Any:
        self._socket = await websockets.connect(
            self.address, max_size=None, compression=None, ping_interval=None, open_timeout=60
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()


class Floor(_Socket):
    """`bench/peers/floor.py`."""

    async def turn(self) -> str:
        """Frames of text, then `end`."""
        await self._socket.send(QUESTION)
        text = ""
        while (frame := await self._socket.recv()) != "end":
            text += str(frame)
        return text


class Chainlit(_Socket):
    """Socket.IO 5 over Engine.IO 4, by WebSocket alone."""

    async def __aenter__(self) -> Any:
        await super().__aenter__()
        await self._until("0")
        who = {"clientType": "webapp", "sessionId": str(uuid4()), "threadId": "", "userEnv": "{}"}
        await self._socket.send(f"40{json.dumps(who)}")
        await self._until("40")
        await self._emit("connection_successful")
        return self

    async def turn(self) -> str:
        """A message; tokens come one by one, `task_end` last (others come when a conversation begins)."""
        message = {"id": str(uuid4()), "threadId": "", "name": "user", "type": "user_message"}
        message |= {"output": QUESTION, "createdAt": "2026-01-01T00:00:00Z"}
        await self._emit("client_message", {"message": message, "fileReferences": []})
        text = ""
        while True:
            name, *arguments = json.loads((await self._until("42"))[2:])
            if name == "stream_token":
                text += arguments[0]["token"]
            if name == "task_end" and text:
                return text

    async def _emit(self, *what: Any) -> None:
        await self._socket.send(f"42{json.dumps(what)}")

    async def _until(self, begin: str) -> str:
        while True:
            frame = str(await self._socket.recv())
            if frame == "2":
                await self._socket.send("3")
            elif frame.startswith(begin):
                return frame


class LangGraph:
    """A thread over HTTP; each turn is a run that streams messages and values."""

    def __init__(self, address: str) -> None:
        self._http = httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S)
        self._thread = ""

    async def __aenter__(self) -> LangGraph:
        answer = await self._http.post("/threads", json={})
        self._thread = answer.raise_for_status().json()["thread_id"]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def turn(self) -> str:
        """The run's events, to the end of the response."""
        body = {
            "assistant_id": "agent",
            "input": {"messages": [{"role": "user", "content": QUESTION}]},
            "stream_mode": ["messages-tuple", "values"],
            "stream_resumable": True,
        }
        values = ""
        async with self._http.stream("POST", f"/threads/{self._thread}/runs/stream", json=body) as answer:
            answer.raise_for_status()
            kind = ""
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: ") and kind in ("values", "error"):
                    values = line[6:]
                    assert kind == "values", values
        return str(json.loads(values)["messages"][-1]["content"])


class Holdfast:
    """The web chat's socket."""

    def __init__(self, address: str, cookies: str) -> None:
        self._wire = Wire(address, cookies)
        self._conversation = ""

    async def __aenter__(self) -> Holdfast:
        await self._wire.__aenter__()
        self._conversation = await self._wire.begin()
        await self._wire.open(self._conversation)
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._wire.__aexit__(*details)

    async def turn(self) -> str:
        """A command; parts and events come, the run's end last."""
        body = {"kind": "send", "message": new_id(), "text": QUESTION}
        await self._wire.send(
            {"type": "command", "id": new_id(), "conversation": self._conversation, "body": body}
        )
        text = ""
        while True:
            frame = await self._wire.receive(TIMEOUT_S)
            self._wire.frames.clear()
            if frame["type"] == "event":
                event = frame["event"]
                if event["type"] == "step.finished":
                    text = event["text"]
                if event["type"].startswith("run.") and event["type"] not in ("run.queued", "run.started"):
                    assert event["type"] == "run.finished", event
                    return str(text)
