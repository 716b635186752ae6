"""The overview's figures, from a sample of the newest runs: pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agents.lifecycle import RUN

HOUR_MS = 3_600_000
HOURS = 24
#: How a plot groups the states of runs, from below.
SHARES = ("finished", "stopped", "failed", "active")


@dataclass(frozen=True)
class RunFigure:
    """One run, as far as the overview needs it. Times in milliseconds."""

    status: str
    entrance: str
    queued_at: int
    started_at: int | None
    ended_at: int | None


@dataclass(frozen=True)
class Spread:
    """The median and the 95th percentile of some lengths (milliseconds), and how many there were."""

    p50: int | None
    p95: int | None
    count: int


@dataclass
class Period:
    """The runs that were queued in a stretch of time until now."""

    runs: int = 0
    by_state: Counter[str] = field(default_factory=Counter)
    by_entrance: Counter[str] = field(default_factory=Counter)
    queue_wait: Spread = Spread(None, None, 0)
    run_time: Spread = Spread(None, None, 0)

    @property
    def ended(self) -> int:
        return sum(self.by_state[state] for state in RUN.final)

    @property
    def failed_share(self) -> float | None:
        """Of those that are over, the share that failed; None: none is over."""
        return self.by_state["failed"] / self.ended if self.ended else None


def period(runs: Iterable[RunFigure], since: int) -> Period:
    """The figures of the runs that were queued at `since` or later."""
    made, waits, times = Period(), list[int](), list[int]()
    for run in runs:
        if run.queued_at < since:
            continue
        made.runs += 1
        made.by_state[run.status] += 1
        made.by_entrance[run.entrance] += 1
        if run.started_at is not None:
            waits.append(max(0, run.started_at - run.queued_at))
            if run.ended_at is not None:
                times.append(max(0, run.ended_at - run.started_at))
    made.queue_wait, made.run_time = spread(waits), spread(times)
    return made


def spread(lengths: Sequence[int]) -> Spread:
    """Median and 95th percentile, each a value that was there (nearest rank)."""
    ordered = sorted(lengths)
    if not ordered:
        return Spread(None, None, 0)
    return Spread(_rank(ordered, 50), _rank(ordered, 95), len(ordered))


def _rank(ordered: Sequence[int], percent: int) -> int:
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def hourly(runs: Iterable[RunFigure], now: int) -> list[dict[str, int]]:
    """How many runs were queued in each of the last HOURS hours, oldest first, by `SHARES`."""
    hours = [dict.fromkeys(SHARES, 0) for _ in range(HOURS)]
    for run in runs:
        ago = (now - run.queued_at) // HOUR_MS
        if 0 <= ago < HOURS:
            hours[HOURS - 1 - ago][run.status if run.status in SHARES else "active"] += 1
    return hours
