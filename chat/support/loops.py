"""One of a kind for each event loop: connections belong to the loop that opened them.

What is left when a loop ends is closed then: `asyncio.run` ends the async generators that its loop has begun, and each
thing is held by one. A server whose loop ends with its process leaves that to the process.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Made by `make` when a loop needs it first, and given to `close` once."""

    def __init__(self, make: Callable[[], T], close: Callable[[T], Awaitable[object]]) -> None:
        self._make = make
        self._close = close
        self._held: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[None, None]]] = (
            WeakKeyDictionary()
        )

    def get(self) -> T:
        """The one of the running loop."""
        found = self._held.get(asyncio.get_running_loop())
        return self.use(self._make()) if found is None else found[0]

    def use(self, made: T) -> T:
        """Have the running loop use this one, which it closes in the end. It must not have one yet."""
        loop = asyncio.get_running_loop()
        assert loop not in self._held, "the one that this loop has would never be closed"
        keeper = self._keep(made)
        try:
            keeper.__anext__().send(None)  # begin it, up to its only `yield`: from now on the loop knows it
        except StopIteration:
            pass
        self._held[loop] = made, keeper
        return made

    async def close(self) -> None:
        """Close the one of the running loop, if it has one; the next `get` makes another."""
        found = self._held.get(asyncio.get_running_loop())
        if found is not None:
            await found[1].aclose()

    async def _keep(self, made: T) -> AsyncGenerator[None, None]:
        loop = asyncio.get_running_loop()
        try:
            yield
        finally:
            self._held.pop(loop, None)
            await self._close(made)
