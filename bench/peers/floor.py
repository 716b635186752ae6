"""The bare floor of a turn: a socket, two requests of the model and a tool between them; nothing is checked or kept.

Run: `OPENAI_BASE_URL=… OPENAI_MODEL=… daphne -b 127.0.0.1 -p 9002 bench.peers.floor:application`
"""

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_client: httpx.AsyncClient | None = None


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Each message is answered by frames of text and the frame `end`."""
    if scope["type"] != "websocket":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    messages: list[dict[str, Any]] = []
    while (frame := await receive())["type"] == "websocket.receive":
        messages.append({"role": "user", "content": frame["text"]})
        while calls := await _asked(messages, send):
            messages += [{"role": "tool", "tool_call_id": one["id"], "content": "4"} for one in calls]
        await send({"type": "websocket.send", "text": "end"})


async def _asked(messages: list[dict[str, Any]], send: Send) -> list[dict[str, Any]]:
    """Ask once and pass on what comes; the calls of the tool."""
    global _client
    _client = _client or httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None))
    body = {"model": os.environ["OPENAI_MODEL"], "messages": messages, "stream": True}
    text = ""
    calls: list[dict[str, Any]] = []
    async with _client.stream(
        "POST", f"{os.environ['OPENAI_BASE_URL']}/chat/completions", json=body
    ) as answer:
        async for line in answer.aiter_lines():
            if not line.startswith("data: {"):
                continue
            delta = json.loads(line[6:])["choices"][0]["delta"]
            calls += delta.get("tool_calls", [])
            if part := delta.get("content"):
                text += part
                await send({"type": "websocket.send", "text": part})
    said = {"role": "assistant", "content": text or None}
    messages.append({**said, "tool_calls": calls} if calls else said)
    return calls
