"""How much one socket, or one user, may ask (rule W11)."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

Verdict = Literal["ok", "refused", "flood"]


@dataclass(frozen=True)
class RateLimits:
    """Limits of one socket; the numbers suit a person with a fast hand and an outbox after a long tunnel."""

    #: Sockets of one user in one process: many more than a person has tabs and devices.
    sockets: int = 50
    #: Conversations that one socket shows at the same time.
    open: int = 20
    #: Frames that may come at once, and frames per second after that.
    burst: int = 30
    rate: float = 10.0
    #: Refused frames, beyond what time forgives, after which the socket is closed.
    flood: int = 100
    #: Milliseconds within which a socket must have said hello.
    hello_ms: int = 10_000


class Bucket:
    """A token bucket that goes into debt: each frame costs one token, refused or not.

    So a client that stops hammering is heard again, and one that does not sinks until it is a flood.
    """

    def __init__(self, limits: RateLimits, now: int) -> None:
        self._limits = limits
        self._level = float(limits.burst)
        self._at = now

    def take(self, now: int) -> Verdict:
        """Count one frame at `now` (ms) and say what becomes of it."""
        elapsed = max(0, now - self._at)
        self._at = now
        self._level = min(self._limits.burst, self._level + elapsed * self._limits.rate / 1000) - 1
        if self._level >= 0:
            return "ok"
        return "refused" if self._level > -self._limits.flood else "flood"


class Allowance:
    """A bucket for each of the users who asked lately, for requests over HTTP."""

    #: Users to remember; who is forgotten starts with a full bucket.
    REMEMBERED = 10_000

    def __init__(self, limits: RateLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._buckets: OrderedDict[Any, Bucket] = OrderedDict()
        # Views run in threads.
        self._lock = Lock()

    @property
    def pause_s(self) -> float:
        """Seconds until one who has spent everything may ask once more."""
        return 1 / self._limits.rate

    def take(self, user: Any) -> bool:
        """Count one request of `user`, and say whether it may be answered."""
        now = int(self._clock() * 1000)
        with self._lock:
            bucket = self._buckets.setdefault(user, Bucket(self._limits, now))
            self._buckets.move_to_end(user)
            if len(self._buckets) > self.REMEMBERED:
                self._buckets.popitem(last=False)
            return bucket.take(now) == "ok"

    def forget(self) -> None:
        """Start anew."""
        with self._lock:
            self._buckets.clear()


#: Turns at the same time: enough to keep a process busy while stores answer, and few enough to leave it responsive.
PLACES = 32


class Admission:
    """Makes people wait instead of refusing them, for a storm of reconnects (rule W9): so many have their turn at the
    same time, and so many begin in a second, after a burst of as many; all others wait in the order in which they came.
    Who was let in and comes for more goes before those who have nothing yet. For one event loop."""

    #: Seconds between two words to those who wait, and how far off a turn is that is worth one.
    TELL_S = 2.0

    def __init__(
        self, rate: float, places: int = PLACES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pause = 1 / rate
        self._free = places
        self._clock = clock
        #: When the bucket will be full again, or was.
        self._full = clock()
        self._queues: tuple[OrderedDict[asyncio.Future[None], None], ...] = (OrderedDict(), OrderedDict())
        self._timer: asyncio.TimerHandle | None = None
        #: Seconds between two turns that began while others waited; smoothed.
        self._each = 1 / rate
        self._last: float | None = None

    @asynccontextmanager
    async def turn(
        self, told: Callable[[float], None] = lambda _: None, *, inside: bool = False
    ) -> AsyncIterator[None]:
        """Wait for a turn, and have it as long as the block lasts. `told` hears about how many seconds it will take,
        again and again, when it is long. `inside`: it was let in before."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._queues[0 if inside else 1]
        queue[mine] = None
        try:
            self._next()
            worth_a_word = 1.0
            while not mine.done():
                ahead = len(self._queues[0]) + (0 if inside else len(self._queues[1]))
                seconds = ahead * self._each
                if seconds >= worth_a_word:
                    told(seconds)
                await asyncio.wait({mine}, timeout=self.TELL_S)
                worth_a_word = 0.0  # it takes longer than it was reckoned
            yield
        finally:
            if mine.done():
                self._free += 1
            else:
                del queue[mine]
            self._next()

    def _next(self) -> None:
        """Give away the places that are free, as fast as the rate allows."""
        while self._free > 0 and (queue := self._queues[0] or self._queues[1]):
            now = self._clock()
            self._full = max(self._full, now)
            if self._full + self._pause - now > 1 + 1e-9:
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(
                        self._full + self._pause - now - 1, self._due
                    )
                return
            self._full += self._pause
            self._free -= 1
            queue.popitem(last=False)[0].set_result(None)
            if self._last is not None:
                self._each += 0.05 * (min(now - self._last, 1.0) - self._each)
            self._last = now if self._queues[0] or self._queues[1] else None

    def _due(self) -> None:
        self._timer = None
        self._next()
