"""Processor time for each token of a stream, from bytes to assembled text: the client's own parser, httpx-sse, ours.

    python -m tests.agents.dialects.streams.cost

All three get the same bytes without a socket, by turns, in one run; the best of seven counts.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx2
from httpx_sse._decoders import SSEDecoder, SSELineDecoder
from openai import AsyncOpenAI, AsyncStream

from agents.dialects.assembler import Assembler
from agents.dialects.base import Delta, FinishDelta
from agents.dialects.body import DONE, Body
from agents.dialects.chat.stream import read_chunk

TOKENS = 20_000
ROUNDS = 7


def pieces(together: int) -> list[bytes]:
    """A stream of TOKENS frames, so many of them in each piece."""
    choice = {"index": 0, "delta": {"content": " word"}, "logprobs": None, "finish_reason": None}
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }
    frame = f"data: {json.dumps(chunk, separators=(',', ':'))}\n\n".encode()
    return [frame * together] * (TOKENS // together) + [b"data: [DONE]\n\n"]


async def opened(sent: list[bytes]) -> AsyncStream[Any]:
    async def body() -> AsyncGenerator[bytes, None]:
        for piece in sent:
            yield piece

    class Served(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            headers = {"content-type": "text/event-stream"}
            return httpx2.Response(200, headers=headers, content=body())

    client = AsyncOpenAI(
        base_url="http://localhost", api_key="x", http_client=httpx2.AsyncClient(transport=Served())
    )
    return await client.post("/x", body={}, cast_to=object, stream=True, stream_cls=AsyncStream[object])


async def by_client(stream: AsyncStream[Any]) -> AsyncIterator[Delta]:
    async for chunk in stream:
        for delta in read_chunk(chunk):
            yield delta


async def by_httpx_sse(stream: AsyncStream[Any]) -> AsyncIterator[Delta]:
    lines, decoder = SSELineDecoder(), SSEDecoder()
    async for text in stream.response.aiter_text():
        for line in lines.decode(text):
            event = decoder.decode(line)
            if event is not None and event.data != "[DONE]":
                for delta in read_chunk(json.loads(event.data)):
                    yield delta


async def by_us(stream: AsyncStream[Any]) -> AsyncIterator[Delta]:
    body = Body()
    async for piece in stream.response.aiter_bytes():
        for frame in body.feed(piece):
            if frame is DONE:
                yield FinishDelta("")
                continue
            for delta in read_chunk(frame):
                yield delta


WAYS: dict[str, Any] = {"the client's own parser": by_client, "httpx-sse": by_httpx_sse, "ours": by_us}


async def measured(way: Any, sent: list[bytes]) -> float:
    """Microseconds of processor time for each token."""
    stream = await opened(sent)
    assembler, begun = Assembler(), time.process_time()
    size = 0
    async with aclosing(way(stream)) as deltas:
        async for delta in deltas:
            size += len(assembler.feed(delta))
    assert size == TOKENS * len(" word")
    return (time.process_time() - begun) / TOKENS * 1e6


async def main() -> None:
    for together in (1, 10):
        sent = pieces(together)
        best = dict.fromkeys(WAYS, float("inf"))
        for _ in range(ROUNDS):
            for name, way in WAYS.items():
                best[name] = min(best[name], await measured(way, sent))
        listed = ", ".join(f"{name} {cost:.1f} µs" for name, cost in best.items())
        print(f"{together} token(s) in each piece: {listed}")


if __name__ == "__main__":
    asyncio.run(main())
