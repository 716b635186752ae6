"""The clocks of this process. Whoever decides anything by time is handed one of them; tests hand over one of their own.

    MACHINE   the time of events, leases, claims, retries and ages: the store's clock, as this machine can tell it
    WALL      what due times are compared with: the same, unless a test moves it

Processes on several machines compare times that the others wrote, and no two machines have the same time. So there is
one clock for all of them, Redis': each answer that tells the time corrects what this process believes, and between two
answers time goes on by a clock that nobody sets. Before the first answer it is the machine's own.

`HOLDFAST_TEST_CLOCK` names a file with a number of milliseconds, by which WALL is ahead in every process; whoever
replaces the file moves all of them at once. Only what waits for hours and days asks it. Unset, as in every production,
it costs nothing.
"""

import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from agents.clock import Clock, SystemClock


def unstopped_s() -> float:
    """Seconds since some moment, for a promise that must not outlive its time: nobody sets it, and neither SIGSTOP
    nor, on Linux, a suspended machine stops it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class StoreClock(SystemClock):
    """The store's clock, from what the store has told of it.

    An answer says that the store's clock stood at `store` at some moment between the question and its arrival. Only
    what contradicts that is corrected, and no further than to the nearest time that does not: so a slow answer proves
    little and changes nothing, and a machine whose clock is right keeps it. Any thread may ask and learn.
    """

    def __init__(
        self, own: Callable[[], float] = time.time, unstopped: Callable[[], float] = unstopped_s
    ) -> None:
        #: The machine's clock, and one that nobody sets; both in seconds.
        self._own = own
        self._unstopped = unstopped
        #: What the store's clock (ms) is ahead of the unstopped one; None: it has told nothing yet.
        self._ahead: float | None = None

    def now(self) -> int:
        """Milliseconds since the Unix epoch."""
        if self._ahead is None:
            return int(self._own() * 1000)
        return int(self._unstopped() * 1000 + self._ahead)

    @property
    def moment(self) -> float:
        """What `learn` wants to know of the moment before a question."""
        return self._unstopped() * 1000

    def learn(self, asked: float, store: float) -> None:
        """The store has answered at this moment that its clock stood at `store` (ms); `asked` is the `moment` before
        the question."""
        latest, earliest = store - asked, store - self.moment
        ahead = self._ahead
        if ahead is None:
            ahead = self._own() * 1000 - self.moment
        self._ahead = min(max(ahead, earliest), latest)

    def difference_ms(self) -> int | None:
        """How far this machine's own clock is ahead of the store's; None before the store has told it."""
        return None if self._ahead is None else int(self._own() * 1000) - self.now()


class WallClock(SystemClock):
    """The store's clock, and what a test has added to it."""

    def now(self) -> int:
        """Milliseconds since the Unix epoch."""
        return MACHINE.now() + _test_ahead()


def _test_ahead() -> int:
    named: str = settings.HOLDFAST_TEST_CLOCK
    if not named:
        return 0
    try:
        return int(Path(named).read_text() or 0)
    except FileNotFoundError:
        return 0


MACHINE = StoreClock()
WALL: Clock = WallClock()

#: Milliseconds since the Unix epoch, for what nobody hands a clock: views, admin pages, functions in database threads.
now_ms = MACHINE.now
wall_ms = WALL.now
