"""What is asked for in the same turn of the event loop, sent together: one round trip instead of one for each.

    replies = Together(send)                   send(items) ─► a reply for each, in order; an exception is raised there
    reply = await replies.ask(item)

Nobody waits for company. What comes while others are out goes with the next ones, in its order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from chat.support.tasks import raise_if_cancelled

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """One kind of question, for the running event loop. Unlike `Batches` it answers each for itself."""

    def __init__(
        self, send: Callable[[Sequence[T]], Awaitable[Sequence[R | BaseException]]], *, most: int = 100
    ) -> None:
        """`send` is given up to `most` items."""
        self._send = send
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._out: asyncio.Task[None] | None = None

    async def ask(self, item: T) -> R:
        """The reply to `item`. Raises what came instead, and what `send` raises."""
        reply: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, reply))
        if self._out is None:
            self._out = asyncio.create_task(self._serve(), name="together")
        return await reply

    async def _serve(self) -> None:
        some: list[tuple[T, asyncio.Future[R]]] = []
        try:
            while self._waiting:
                raise_if_cancelled()
                await asyncio.sleep(0)
                some, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                try:
                    replies = await self._send([item for item, _ in some])
                except Exception as problem:
                    replies = [problem] * len(some)
                for (_, waiting), reply in zip(some, replies, strict=True):
                    if waiting.done():
                        continue  # whoever asked has left
                    if isinstance(reply, BaseException):
                        waiting.set_exception(reply)
                    else:
                        waiting.set_result(reply)
        finally:
            self._out = None
            for _, waiting in (*some, *self._waiting):
                waiting.cancel()
            self._waiting.clear()
