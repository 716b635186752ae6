"""The bare relay that Holdfast is measured against: Redis → Daphne → WebSocket, and nothing else.

No login, no database, no schema, no state: what the same stack can do at best. Two commands:

    list <key>     LRANGE of a list, sent in frames of at most 512 KiB, then `end`
    relay <key>    every entry of a stream, one frame each; one XREAD per process serves all sockets

Run: `BENCH_REDIS=redis://127.0.0.1:6379/0 daphne -b 127.0.0.1 -p 9000 bench.baseline:application`
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

FRAME = 512 * 1024
Send = Callable[[dict[str, Any]], Awaitable[None]]

_redis: Redis | None = None
_listeners: dict[str, set[asyncio.Queue[str]]] = defaultdict(set)
_places: dict[str, str] = {}
_bus: asyncio.Task[None] | None = None


def redis() -> Redis:
    """The process's one client."""
    global _redis
    if _redis is None:
        _redis = Redis.from_url(os.environ["BENCH_REDIS"], socket_timeout=None, decode_responses=True)
    return _redis


async def application(
    scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send
) -> None:
    """An ASGI application with one kind of WebSocket."""
    if scope["type"] != "websocket":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    pump: asyncio.Task[None] | None = None
    queue: asyncio.Queue[str] = asyncio.Queue()
    key = ""
    try:
        while (message := await receive())["type"] == "websocket.receive":
            verb, _, key = message["text"].partition(" ")
            if verb == "list":
                await _send_list(key, send)
            elif verb == "relay":
                _subscribe(key, queue)
                pump = asyncio.create_task(_pump(queue, send))
    finally:
        _listeners[key].discard(queue)
        if pump is not None:
            pump.cancel()


async def _send_list(key: str, send: Send) -> None:
    rows = await redis().lrange(key, 0, -1)  # type: ignore[misc]
    frame: list[str] = []
    size = 0
    for row in rows:
        if size + len(row) > FRAME and frame:
            await send({"type": "websocket.send", "text": "[" + ",".join(frame) + "]"})
            frame, size = [], 0
        frame.append(row)
        size += len(row)
    await send({"type": "websocket.send", "text": "[" + ",".join(frame) + "]"})
    await send({"type": "websocket.send", "text": "end"})


def _subscribe(key: str, queue: "asyncio.Queue[str]") -> None:
    global _bus
    _listeners[key].add(queue)
    _places.setdefault(key, "0")
    if _bus is None:
        _bus = asyncio.create_task(_read_for_all())


async def _pump(queue: "asyncio.Queue[str]", send: Send) -> None:
    while True:
        await send({"type": "websocket.send", "text": await queue.get()})


async def _read_for_all() -> None:
    while True:
        answer = await redis().xread(dict(_places), block=100)
        for key, entries in answer or []:
            for entry_id, fields in entries:
                _places[key] = entry_id
                for queue in _listeners[key]:
                    queue.put_nowait(fields["x"])
