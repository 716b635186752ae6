"""A model server for the bench: streams stamped tokens at a given pace, and does nothing else.

The model's name says what to stream: `bench-<tokens>-<per second>`. Each token is its time of birth (CLOCK_MONOTONIC,
ms) and a space, so that whoever reads it knows how long it has been on its way. All streams of one tick are written
together. `turn-<tokens>-<per second>` asks for the calculator first, and streams once it has the result.
Run: `daphne -b 127.0.0.1 -p 9001 bench.model:application`
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """An ASGI application with one address, in the shape of OpenAI's chat completions."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if not body:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
        return
    asked = json.loads(body)
    kind, tokens, rate = asked["model"].split("-")
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if kind == "turn" and asked["messages"][-1]["role"] != "tool":
        await send({"type": "http.response.body", "body": _call(len(asked["messages"]))})
        return
    begin = time.monotonic()
    for number in range(int(tokens)):
        await asyncio.sleep(max(0.0, begin + number / int(rate) - time.monotonic()))
        text = f"{time.monotonic() * 1000:.0f} "
        await send({"type": "http.response.body", "body": _chunk({"content": text}, None), "more_body": True})
    await send({"type": "http.response.body", "body": _chunk({}, "stop") + b"data: [DONE]\n\n"})


def _chunk(delta: dict[str, Any], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    whole = {
        "id": "bench",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "bench",
        "choices": [choice],
    }
    return b"data: " + json.dumps(whole).encode() + b"\n\n"


def _call(number: int) -> bytes:
    function = {"name": "calculator", "arguments": '{"expression": "2 + 2"}'}
    call = {"index": 0, "id": f"call_{number}", "type": "function", "function": function}
    return _chunk({"tool_calls": [call]}, None) + _chunk({}, "tool_calls") + b"data: [DONE]\n\n"
