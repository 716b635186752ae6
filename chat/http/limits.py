"""How much one socket, or one user, may ask (rule W11)."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
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


class Admission:
    """A token bucket that makes people wait instead of refusing them: after a burst of as many as a second allows, one
    every 1/`rate` seconds, in the order in which they came. For a storm of reconnects (rule W9)."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = 1 / rate
        self._clock = clock
        #: When the bucket will be full again, or was.
        self._full = clock()

    def wait(self) -> float:
        """Take a place; the seconds after which it is this one's turn (0 most of the time)."""
        now = self._clock()
        self._full = max(self._full, now) + self._pause
        return max(0.0, self._full - now - 1.0)
