"""How much one socket, or one user, may ask (rule W11)."""

import asyncio
import math
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
    """A token bucket: each frame that passes costs one token, and what is refused costs nothing, so whoever comes
    steadily faster than the rate is heard at the rate.

    What is refused is counted apart, and time forgives it at the same rate: who goes on hammering becomes a flood.
    """

    def __init__(self, limits: RateLimits, now: int) -> None:
        self._limits = limits
        self._level = float(limits.burst)
        self._refused = 0.0
        self._at = now

    def take(self, now: int) -> Verdict:
        """Count one frame at `now` (ms) and say what becomes of it."""
        self._pass(now)
        # Tokens are counted in floats: a hair's breadth below one is one.
        if self._level >= 1 - 1e-9:
            self._level -= 1
            return "ok"
        self._refused += 1
        return "refused" if self._refused < self._limits.flood else "flood"

    def wait_s(self, now: int) -> float:
        """Seconds after which the next frame passes, if no other comes before it."""
        self._pass(now)
        return max(0.0, (1 - self._level) / self._limits.rate)

    def _pass(self, now: int) -> None:
        earned = max(0, now - self._at) * self._limits.rate / 1000
        self._at = max(now, self._at)
        self._level = min(self._limits.burst, self._level + earned)
        self._refused = max(0.0, self._refused - earned)


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
        """Count one request of `user`, and say whether it may be answered. What may not, costs nothing."""
        with self._lock:
            return self._bucket(user).take(self._now()) == "ok"

    def retry_after(self, user: Any) -> int:
        """Whole seconds after which a request of `user` will be answered: the header of a refusal."""
        with self._lock:
            return max(1, math.ceil(self._bucket(user).wait_s(self._now()) - 1e-6))

    def forget(self) -> None:
        """Start anew."""
        with self._lock:
            self._buckets.clear()

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _bucket(self, user: Any) -> Bucket:
        bucket = self._buckets.setdefault(user, Bucket(self._limits, self._now()))
        self._buckets.move_to_end(user)
        if len(self._buckets) > self.REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket


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
