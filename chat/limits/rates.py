"""How often somebody does something: counted by each process, and in memory."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from threading import Lock

from chat.limits.decide import too_fast

MINUTE_S = 60.0
#: Those who are remembered; who is forgotten starts anew.
REMEMBERED = 10_000


class PerMinute:
    """How often each did something within the last minute. What is refused does not count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: OrderedDict[Hashable, deque[float]] = OrderedDict()
        # The admin's views run in threads.
        self._lock = Lock()

    def take(self, who: Hashable, limit: int) -> None:
        """Count one more. Raises LimitReached if there have been `limit` (0: there is none) within the minute."""
        if not limit:
            return
        with self._lock:
            now = self._clock()
            times = self._times.setdefault(who, deque())
            self._times.move_to_end(who)
            if len(self._times) > REMEMBERED:
                self._times.popitem(last=False)
            while times and now - times[0] >= MINUTE_S:
                times.popleft()
            if len(times) >= limit:
                raise too_fast(times[len(times) - limit] + MINUTE_S - now)
            times.append(now)

    def forget(self) -> None:
        """Start anew."""
        with self._lock:
            self._times.clear()


#: Commands of each person at each entrance.
commands = PerMinute()
