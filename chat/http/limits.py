"""How much one socket, or one user, may ask (rule W11)."""

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
