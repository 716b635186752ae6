"""The clocks of this process. Whoever decides anything by time is handed one of them; tests hand over one of their own.

    MACHINE   the machine's clock, for the times of events, leases and retries: they are about this moment
    WALL      what due times are compared with: the machine's clock, unless a test moves it

`HOLDFAST_TEST_CLOCK` names a file with a number of milliseconds, by which WALL is ahead in every process; whoever
replaces the file moves all of them at once. Only what waits for hours and days asks it. Unset, as in every production,
it costs nothing.
"""

import time
from pathlib import Path

from django.conf import settings

from agents.clock import Clock, SystemClock


class WallClock(SystemClock):
    """The machine's clock, and what a test has added to it."""

    def now(self) -> int:
        return super().now() + _ahead()


def _ahead() -> int:
    named: str = settings.HOLDFAST_TEST_CLOCK
    if not named:
        return 0
    try:
        return int(Path(named).read_text() or 0)
    except FileNotFoundError:
        return 0


MACHINE: Clock = SystemClock()
WALL: Clock = WallClock()

#: Milliseconds since the Unix epoch, for what nobody hands a clock: views, admin pages, functions in database threads.
now_ms = MACHINE.now
wall_ms = WALL.now


def unstopped_s() -> float:
    """Seconds since some moment, for a promise that must not outlive its time: nobody sets it, and neither SIGSTOP
    nor, on Linux, a suspended machine stops it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
