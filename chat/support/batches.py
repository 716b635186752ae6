"""Questions that many ask at the same moment, answered together: one statement for a crowd instead of one for each.

    who = Batches(look_up)                     look_up(keys) ─► {key: answer}
    answer = await who.ask(key)                one of a batch with all who ask while the batch before is out

Nobody waits for company, unless it is said how long: a question that comes alone goes out with the next turn of the
loop. An answer is never older than its question, because those that come while a batch is out go with the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from chat.support.tasks import raise_if_cancelled

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Batches(Generic[K, V]):
    """One kind of question, for the running event loop."""

    def __init__(
        self,
        fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        *,
        most: int = 200,
        wait_s: float = 0.0,
    ) -> None:
        """`fetch` answers up to `most` questions; what it leaves out is answered by None. `wait_s`: for how long the
        first question waits for others, where nobody is in a hurry (seconds)."""
        self._wait_s = wait_s
        self._fetch = fetch
        self._most = most
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._out: asyncio.Task[None] | None = None

    async def ask(self, key: K) -> V | None:
        """The answer to `key`. Raises what `fetch` raises, for all of its batch."""
        found = self._waiting.get(key)
        if found is None:
            found = self._waiting[key] = asyncio.get_running_loop().create_future()
            if self._out is None:
                self._out = asyncio.create_task(self._send(), name="batches")
        # Others may have asked the same: whoever leaves does not take the answer along.
        return await asyncio.shield(found)

    async def _send(self) -> None:
        try:
            while self._waiting:
                raise_if_cancelled()
                await asyncio.sleep(self._wait_s)
                keys = list(self._waiting)[: self._most]
                asked = {key: self._waiting.pop(key) for key in keys}
                try:
                    answers = await self._fetch(keys)
                except Exception as problem:
                    for one in asked.values():
                        if not one.done():
                            one.set_exception(problem)
                            one.exception()  # heard by those who wait, and by nobody if they have all left
                except BaseException:
                    for one in asked.values():
                        one.cancel()
                    raise
                else:
                    for key, one in asked.items():
                        if not one.done():
                            one.set_result(answers.get(key))
        finally:
            self._out = None
            for one in self._waiting.values():
                one.cancel()
            self._waiting.clear()
