"""How much may be asked by one token (rule W11): counted by each web process, and in memory."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from uuid import UUID

from chat.http.limits import Bucket, RateLimits

#: Tokens to remember; one that is forgotten starts with a full bucket.
REMEMBERED = 10_000
#: Streams and waiting requests that may be open by one token at a time in one process.
MAX_OPEN = 30
#: Tokens of a full bucket: what may come at once, as a share of what may come in a minute.
BURST = 1 / 4


class TooManyOpen(Exception):
    """As much is open by this token as may be."""


class TokenLimits:
    """Requests by each token that was shown lately, and what is open by it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[UUID, tuple[int, Bucket]] = OrderedDict()
        self._open: dict[UUID, int] = {}
        self._lock = Lock()

    def take(self, token: UUID, per_minute: int) -> int:
        """Count one request; 0: it may be answered, otherwise whole seconds after which the next one will be. What may
        not be answered costs nothing."""
        now = int(self._clock() * 1000)
        with self._lock:
            bucket = self._bucket(token, per_minute, now)
            if bucket.take(now) == "ok":
                return 0
            return max(1, math.ceil(bucket.wait_s(now) - 1e-6))

    def full(self, token: UUID) -> bool:
        """Whether no more may be opened by this token."""
        return self._open.get(token, 0) >= MAX_OPEN

    @contextmanager
    def open(self, token: UUID) -> Iterator[None]:
        """Something is open by this token as long as the block lasts. Raises TooManyOpen."""
        with self._lock:
            if self._open.get(token, 0) >= MAX_OPEN:
                raise TooManyOpen
            self._open[token] = self._open.get(token, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._open[token] -= 1
                if not self._open[token]:
                    del self._open[token]

    def forget(self) -> None:
        """Start anew."""
        with self._lock:
            self._buckets.clear()

    def _bucket(self, token: UUID, per_minute: int, now: int) -> Bucket:
        known, bucket = self._buckets.get(token, (0, None))
        if bucket is None or known != per_minute:
            limits = RateLimits(burst=max(1, int(per_minute * BURST)), rate=per_minute / 60, flood=1_000_000)
            bucket = Bucket(limits, now)
        self._buckets[token] = (per_minute, bucket)
        self._buckets.move_to_end(token)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket


limits = TokenLimits()
