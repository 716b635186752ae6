"""Turns at what only so many may do at the same time. Whoever is in a hurry comes first, within bounds.

    turns = Turns(4)
    async with turns: …              a turn
    with in_a_hurry(since): …        what asks for turns in here, and in tasks that begin in here, is in a hurry

A hurry is for somebody who has seen nothing yet, and for what keeps a claim. Of those in a hurry, the one comes first
that has waited longest (`since`, whatever clock, the same for all). All others have their turns in the order of asking,
and one of MOST_IN_A_ROW + 1 is theirs however many are in a hurry.
"""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

#: Turns in a row of those in a hurry while others wait.
MOST_IN_A_ROW = 7

_since: ContextVar[float | None] = ContextVar("in a hurry since", default=None)


@contextmanager
def in_a_hurry(since: float | None) -> Iterator[None]:
    """What asks for turns in here is in a hurry, since then. None: it is in none."""
    token = _since.set(since)
    try:
        yield
    finally:
        _since.reset(token)


def whose(hurried: int, usual: int, in_a_row: int) -> Literal["hurried", "usual", "nobody"]:
    """Whose turn it is, with so many waiting, after so many turns in a row of those in a hurry while others waited."""
    if hurried and not (usual and in_a_row >= MOST_IN_A_ROW):
        return "hurried"
    return "usual" if usual else "nobody"


class Turns:
    """So many turns at the same time, for one event loop."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._hurried: list[tuple[float, int, asyncio.Future[None]]] = []
        self._usual: deque[asyncio.Future[None]] = deque()
        self._number = itertools.count()
        self._in_a_row = 0

    async def __aenter__(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if (since := _since.get()) is None:
            self._usual.append(turn)
        else:
            heapq.heappush(self._hurried, (since, next(self._number), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()  # it had just become ours
            raise

    async def __aexit__(self, *_: object) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        while (turn := self._next()) is not None:
            if not turn.done():  # else whoever waited has left
                turn.set_result(None)
                return
        self._free += 1

    def _next(self) -> asyncio.Future[None] | None:
        match whose(len(self._hurried), len(self._usual), self._in_a_row):
            case "hurried":
                self._in_a_row = self._in_a_row + 1 if self._usual else 0
                return heapq.heappop(self._hurried)[2]
            case "usual":
                self._in_a_row = 0
                return self._usual.popleft()
            case _:
                return None
