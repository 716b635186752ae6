"""A real HTTP server that plays a model provider: it parses requests itself and sends bytes as it is told.

`answer` gets the path and the JSON body and returns a Reply. Nothing here knows what a valid request is;
that is tests/support/strict_provider.py.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

Json = dict[str, Any]


@dataclass
class Reply:
    """An HTTP answer: `pieces` are written and flushed one by one, with `pause` seconds between them."""

    status: int = 200
    pieces: Sequence[bytes] = ()
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "text/event-stream"
    pause: float = 0.0
    #: The connection breaks after the pieces instead of ending the body properly.
    cut: bool = False
    #: After the pieces: keep the connection open and say nothing until the client goes.
    hang: bool = False


def json_reply(status: int, body: Any, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, [json.dumps(body).encode()], named, kind="application/json")


def event(data: Any) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def completion(
    text: str = "", calls: Sequence[Json] = (), finish: str | None = None, usage: tuple[int, int] = (10, 5)
) -> Reply:
    """A plain Chat Completions stream: the text in words, then the calls whole, then the end."""
    words = [word + " " for word in text.split(" ")] if text else []
    deltas: list[Json] = [{"content": word} for word in words]
    if words:
        deltas[-1]["content"] = words[-1][:-1]
    deltas += [{"tool_calls": [call]} for call in calls]
    pieces = [event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}) for delta in deltas]
    reason = finish or ("tool_calls" if calls else "stop")
    pieces.append(event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
    counts = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    return Reply(pieces=[*pieces, event({"choices": [], "usage": counts}), b"data: [DONE]\n\n"])


Answer = Callable[[str, Json], Reply | Awaitable[Reply]]


class Provider:
    """The server; use it as an async context manager. `requests` are the bodies it got, `headers` (names in lower
    case) came with them, `gone` counts clients that closed their connection before the answer was complete. What is
    asked without a body (a list of models) is passed to `answer` only if it `lists`; otherwise nothing is told, and
    nothing is counted."""

    def __init__(self, answer: Answer, *, lists: bool = False) -> None:
        self.answer = answer
        self.lists = lists
        self.requests: list[Json] = []
        self.raw: list[tuple[str, bytes]] = []
        self.keys: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.gone = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aenter__(self) -> Provider:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=64 * 1024 * 1024)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.gone += 1
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
        if not head:
            return False
        lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        sent = await reader.readexactly(int(headers.get("content-length", 0)))
        body = json.loads(sent or b"{}")
        method, path, *_ = lines[0].split(" ")
        reply: Any
        if method == "GET" and not self.lists:
            reply = json_reply(404, {"error": {"message": "Nothing is told here."}})
        else:
            self.requests.append(body)
            self.raw.append((path, sent))
            self.headers.append(headers)
            self.keys.append(headers.get("authorization", ""))
            reply = self.answer(path, body)
        if not isinstance(reply, Reply):
            reply = await reply
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        start = f"HTTP/1.1 {reply.status} X\r\ncontent-type: {reply.kind}\r\ntransfer-encoding: chunked\r\n{extra}\r\n"
        writer.write(start.encode())
        for piece in reply.pieces:
            if reader.at_eof():
                raise ConnectionResetError
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
            if reply.pause:
                await asyncio.sleep(reply.pause)
        if reply.hang:
            await reader.read()
            raise ConnectionResetError
        if reply.cut:
            writer.transport.abort()
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True
