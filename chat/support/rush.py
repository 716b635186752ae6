"""Letting those go first who wait for a first sign of life, in one process.

    end = rush().begin()             somebody waits, until `end()`, or for MOST_S at most
    await rush().pass_by()           who is in no hurry waits here while there is a rush, for MOST_S at most

Turns at the database (turns.py) are not all that a process has to give: what goes on beside them takes the processor
from those who wait. So what has not begun yet, and may begin a little later, does. A few who wait are no rush: it
begins with more than FEW, and is over when nobody waits.
"""

import asyncio
import random
from collections.abc import Callable

from chat.support.loops import PerLoop

#: Seconds for which somebody may hold up others, and for which somebody is held up.
MOST_S = 4.0
FEW = 4
#: Seconds over which those who were held up go on, so that they are no rush themselves.
SPREAD_S = 0.5


class Rush:
    """For one event loop."""

    def __init__(self, most_s: float = MOST_S, few: int = FEW, spread_s: float = SPREAD_S) -> None:
        self._most_s, self._few, self._spread_s = most_s, few, spread_s
        self._open: set[object] = set()
        self._over = asyncio.Event()
        self._over.set()

    def begin(self) -> Callable[[], None]:
        """Somebody waits for a first sign of life; what to call when they have it. Harmless if called again."""
        mark = object()
        self._open.add(mark)
        if len(self._open) > self._few:
            self._over.clear()
        late = asyncio.get_running_loop().call_later(self._most_s, self._end, mark)

        def end() -> None:
            late.cancel()
            self._end(mark)

        return end

    @property
    def quiet(self) -> bool:
        """Whether nobody waits."""
        return not self._open

    async def pass_by(self) -> None:
        """Wait until the rush is over, if there is one, for so long at most."""
        if self._over.is_set():
            return
        try:
            async with asyncio.timeout(self._most_s):
                await self._over.wait()
        except TimeoutError:
            return  # they came at different times
        await asyncio.sleep(random.uniform(0, self._spread_s))

    def _end(self, mark: object) -> None:
        self._open.discard(mark)
        if not self._open:
            self._over.set()


async def _nothing(rush: Rush) -> None:
    """There is nothing to close."""


_rushes: PerLoop[Rush] = PerLoop(Rush, _nothing)


def rush() -> Rush:
    """The running loop's."""
    return _rushes.get()
