"""The clock that due times are compared with: the machine's own, unless a test moves it.

`HOLDFAST_TEST_CLOCK` names a file with a number of milliseconds, by which the clock of every process is ahead; whoever
replaces the file moves all of them at once. Only what waits for hours and days asks this clock. Leases, retries and the
times of events never do: they are about this machine and this moment. Unset, as in every production, it costs nothing.
"""

import time
from pathlib import Path

from django.conf import settings


def machine_ms() -> int:
    """The machine's clock, in milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def wall_ms() -> int:
    """The time of now for schedules: the machine's clock, and what a test has added to it."""
    return machine_ms() + _ahead()


def _ahead() -> int:
    named: str = settings.HOLDFAST_TEST_CLOCK
    if not named:
        return 0
    try:
        return int(Path(named).read_text() or 0)
    except FileNotFoundError:
        return 0
