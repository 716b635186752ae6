"""Writes streaming text to Redis at a pace, in a process of its own.

`python -m bench.pieces RATE SECONDS CONVERSATION …` writes parts as a worker does: coalesced over 40 ms,
through the store.
`python -m bench.pieces --bare RATE SECONDS KEY …` adds every token to a stream.
"""

import asyncio
import os
import sys
import time
from typing import Any
from uuid import uuid4

from agents import events as e

COALESCE = 0.04


async def begin_streaming(sessions: Any, owner: int, conversation: str) -> None:
    """A conversation whose run is active and whose step streams; pieces are then written to `<run>.1`."""
    now = time.time_ns() // 1_000_000
    message, run = str(uuid4()), conversation
    await sessions.create(conversation, owner, "assistant", "streaming", "web")
    events: list[e.Event] = [
        e.MessageAdded(at=now, message=message, text="go"),
        e.RunQueued(at=now, run=run, cause=message),
        e.RunStarted(at=now, run=run, attempt=1, fence=0, worker="bench"),
        e.StepStarted(at=now, run=run, step=f"{run}.1", model="bench"),
    ]
    await sessions.append(conversation, lambda view: events)


async def write_parts(rate: int, seconds: int, conversations: list[str]) -> None:
    """Every stream's tokens, coalesced; the streams are spread over the interval, as real ones are."""
    from chat.runtime import current

    sessions = current().sessions

    async def stream(number: int, conversation: str) -> None:
        offset = 0
        begin = time.monotonic() + COALESCE * number / len(conversations)
        born = 0
        while born < rate * seconds:
            await asyncio.sleep(max(0.0, begin + (born / rate) + COALESCE - time.monotonic()))
            text = ""
            while born < rate * seconds and begin + born / rate <= time.monotonic():
                text += f"{(begin + born / rate) * 1000:.0f} "
                born += 1
            if text:
                await sessions.part(conversation, 0, f"{conversation}.1", offset, text)
                offset += len(text)
        now = time.time_ns() // 1_000_000
        done: list[e.Event] = [
            e.StepFinished(at=now, run=conversation, step=f"{conversation}.1", text="…"),
            e.RunFinished(at=now, run=conversation),
        ]
        await sessions.append(conversation, lambda view: done)

    await asyncio.gather(*(stream(number, one) for number, one in enumerate(conversations)))


async def write_bare(rate: int, seconds: int, keys: list[str]) -> None:
    """One XADD per token, all streams of a tick in one pipeline."""
    from redis.asyncio import Redis

    redis = Redis.from_url(os.environ["REDIS_URL"], socket_timeout=None)
    begin = time.monotonic()
    for number in range(rate * seconds):
        await asyncio.sleep(max(0.0, begin + number / rate - time.monotonic()))
        pipe = redis.pipeline(transaction=False)
        for key in keys:
            pipe.xadd(key, {"x": f"{time.monotonic() * 1000:.0f} "}, maxlen=1000)
        await pipe.execute()
    for key in keys:
        await redis.xadd(key, {"x": "end"})
    await redis.aclose()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[0] == "--bare":
        asyncio.run(write_bare(int(arguments[1]), int(arguments[2]), arguments[3:]))
    else:
        import django

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django.setup()
        asyncio.run(write_parts(int(arguments[0]), int(arguments[1]), arguments[2:]))
