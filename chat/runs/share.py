"""A fair share of the queue for each worker (rule R12, docs/decisions/0018).

Each worker says how many runs it has, and hears it of the others. Who has about as few as the least busy one waits at
the queue; who has more only comes by now and then, for what was left lying because the others are full, stuck or gone.
So a worker that has come back fills up first, and nothing that one of them could begin waits for another.

    what I have, beside the least busy worker that has room    what I do
    ─────────────────────────────────────────────────────────  ──────────────────────────────────────────────
    no room                                                    nothing, until a run ends here
    about as much, or less; or nobody else has room            take at once up to where it is, or wait for one
    more                                                       every HOLD_S, take LEFT_OVER of what still lies
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from chat.session.errors import Unavailable
from chat.session.sessions import Sessions
from chat.support.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

#: Who has this many runs more than the least busy one, or this part more, is still as busy as that one.
SLACK, SLACK_PART = 1, 8
#: Seconds after which a busier worker comes by the queue again, and how much it then takes.
HOLD_S = 0.1
LEFT_OVER = 8
#: How often a worker says how busy it is, if that has changed and if not; how long others believe it (milliseconds).
CHANGED_MS, BEAT_MS, TTL_MS = 250, 1_000, 3_000
#: Seconds between two looks whether a run has ended here.
FULL_S = 0.02


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a worker is: runs that it has, and how many more it could begin."""

    runs: int
    room: int

    def words(self) -> str:
        """As it is told to others."""
        return f"{self.runs} {self.room}"

    @classmethod
    def parse(cls, words: str) -> "Load | None":
        """What a worker has told; None if that is not understood (another release)."""
        numbers = words.split()[:2]
        if len(numbers) < 2 or not all(part.isdecimal() for part in numbers):
            return None
        return cls(int(numbers[0]), int(numbers[1]))


@dataclass(frozen=True, slots=True)
class Turn:
    """What to do at the queue: take at most `count`, after `pause` seconds; then `wait` for an entry, or not."""

    count: int
    pause: float = 0.0
    wait: bool = False


def turn(mine: Load, others: list[Load]) -> Turn:
    """What a worker with this load does next, beside others with theirs."""
    if mine.room <= 0:
        return Turn(0, FULL_S)
    least = min((other.runs for other in others if other.room > 0), default=None)
    if least is None:
        return Turn(mine.room, wait=True)
    level = least + max(SLACK, least // SLACK_PART)
    if mine.runs <= level:
        return Turn(min(mine.room, level + 1 - mine.runs), wait=True)
    return Turn(min(mine.room, LEFT_OVER), HOLD_S)


class Share:
    """This worker's part of the queue. `load(taken)` says how busy it is, if it holds so many entries of the queue: of
    those that it has just taken nothing is begun yet."""

    def __init__(self, sessions: Sessions, worker: str, load: Callable[[int], Load]) -> None:
        self._sessions = sessions
        self._worker = worker
        self._load = load
        self._others: list[Load] = []

    def turn(self, taken: int) -> Turn:
        """What to do at the queue now, with so many of its entries in hand."""
        return turn(self._load(taken), self._others)

    async def beat(self) -> None:
        """Say how busy this worker is, and hear it of the others, until cancelled. Nobody waits for it: without the
        store each worker takes what it has room for."""
        told, passed = "", BEAT_MS
        try:
            while True:
                words = self._load(0).words()
                if words != told or passed >= BEAT_MS:
                    await self._tell(words)
                    told, passed = words, 0
                raise_if_cancelled()
                await asyncio.sleep(CHANGED_MS / 1000)
                passed += CHANGED_MS
        finally:
            await self._leave()

    async def _tell(self, words: str) -> None:
        try:
            said = await self._sessions.store.beat(self._worker, words, TTL_MS)
        except Unavailable as problem:
            log.debug("How busy this worker is cannot be told (%s).", problem)
            said = {}
        found = (Load.parse(text) for name, text in said.items() if name != self._worker)
        self._others = [load for load in found if load is not None]

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(0.5):
                await self._sessions.store.beat(self._worker, "", TTL_MS)
        except (Unavailable, TimeoutError):
            log.debug("It is not told that this worker leaves; it will be forgotten.")
