"""How long to wait before another try: twice as long each time, up to a limit, and spread where many try at once.

    for pause in BACKOFF:                      a loop that goes on until it succeeds
        if await tried():
            break
        await asyncio.sleep(pause)

    next_at = now + BACKOFF.delay(row.tries)   a row that remembers how often it was tried

Pure: it neither waits nor counts.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

#: Doublings beyond which no limit of ours lies; more would only make the numbers larger.
MAX_DOUBLINGS = 40


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff. `base` and `cap` are the first and the longest pause, in any one unit: so are the pauses.

    `jitter`: the share of each pause that is left to chance, from 0 (none) to 1 (anything from 0 to the whole: those
    who collided do not stay in step).
    """

    base: float
    cap: float
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.base <= self.cap and 0 <= self.jitter <= 1):
            raise ValueError("Backoff needs 0 <= base <= cap and 0 <= jitter <= 1.")

    def delay(self, tries: int, chance: Callable[[], float] = random.random) -> float:
        """The pause after `tries` earlier ones that failed (0: it was the first). `chance` is in [0, 1)."""
        whole = min(self.cap, self.base * 2 ** min(tries, MAX_DOUBLINGS))
        return whole * (1 - self.jitter * chance()) if self.jitter else whole

    def __iter__(self) -> Iterator[float]:
        """The pauses, without an end."""
        return (self.delay(tries) for tries in count())
