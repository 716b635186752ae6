"""How fast: all processes together keep to what a messenger allows, so that it rarely has to say no.

The counts lie in Django's cache. What the messenger refuses all the same holds the chat, or the whole app, back.
"""

import asyncio
import logging
import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.core.cache import cache

from agents.clock import Clock
from chat.support.clock import MACHINE

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Rates:
    """How fast one app may be."""

    #: Sends to one chat: one per slot of this many seconds.
    slot_s: float
    #: (seconds, requests): so many to one API per window. Of two windows that follow each other, both may be used up.
    windows: tuple[tuple[float, int], ...] = ()
    #: (seconds, requests): so many to one API within any such time, wherever it begins. The longest comes last.
    spans: tuple[tuple[float, int], ...] = ()

    @property
    def part_s(self) -> float:
        """Requests are counted by parts of the longest span, of so many seconds."""
        return self.spans[-1][0] / PARTS


#: Parts of the longest span. A span is held over as much more as one of them is.
PARTS = 10

#: Asks the cache: what (get, many, set, add, delete, count or uncount), a key or keys, and a value and its seconds
#: where there is one.
Ask = Callable[..., Any]


class Shared:
    """Django's cache as the processes share it. When it is away, each process goes on by itself."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{prefix}:"
        #: What this process keeps while the cache is away: value, and until when (by the monotonic clock).
        self._own: dict[str, tuple[Any, float]] = {}
        self._lock = threading.Lock()

    async def together(self, work: Callable[[Ask], T]) -> T:
        """What `work` returns, which runs in a thread and may ask as often as it wants: a way there and back costs more
        than most questions."""
        return await sync_to_async(work, thread_sensitive=False)(self._ask)

    async def get(self, key: str) -> Any:
        return await self.together(lambda ask: ask("get", key))

    async def put(self, key: str, value: Any, seconds: int) -> None:
        await self.together(lambda ask: ask("set", key, value=value, seconds=seconds))

    async def add(self, key: str, value: Any, seconds: int) -> bool:
        """Set it unless it is set; whether it was not."""
        return bool(await self.together(lambda ask: ask("add", key, value=value, seconds=seconds)))

    async def drop(self, key: str) -> None:
        await self.together(lambda ask: ask("delete", key))

    def _ask(self, what: str, *keys: str, value: Any = None, seconds: int = 0) -> Any:
        rest = (value, seconds) if what in ("set", "add", "count") else ()
        work = _WORK.get(what) or getattr(cache, what)
        try:
            return work(*(self._prefix + key for key in keys), *rest)
        except Exception as problem:
            log.debug("The cache does not answer: %r", problem)
        with self._lock:
            return self._alone(what, keys, value, seconds)

    def _alone(self, what: str, keys: tuple[str, ...], value: Any, seconds: int) -> Any:
        now = time.monotonic()
        self._own = {name: kept for name, kept in self._own.items() if kept[1] > now}
        if what == "many":
            return [self._own[key][0] if key in self._own else None for key in keys]
        (key,) = keys
        held = self._own.get(key)
        if what == "get":
            return held[0] if held else None
        if what == "delete":
            return self._own.pop(key, None)
        if what == "add" and held:
            return False
        if what == "count":
            until = held[1] if held else now + seconds
            self._own[key] = ((held[0] if held else 0) + 1, until)
            return self._own[key][0]
        if what == "uncount":
            if held:
                self._own[key] = (held[0] - 1, held[1])
            return None
        self._own[key] = (value, now + seconds)
        return True


def _counted(key: str, start: int, seconds: int) -> int:
    for _ in range(2):
        try:
            return int(cache.incr(key))
        except ValueError:  # there is none, or it has just run out
            if cache.add(key, start + 1, seconds):
                return start + 1
    return start + 1


def _uncounted(key: str) -> None:
    try:
        cache.decr(key)
    except ValueError:
        return  # it has just run out


def _many(*keys: str) -> list[Any]:
    found = cache.get_many(keys)
    return [found.get(key) for key in keys]


_WORK: dict[str, Callable[..., Any]] = {"count": _counted, "uncount": _uncounted, "many": _many}


class Pace:
    """Turns, for one app. `wait` lets the callers of a process through in the order in which they came."""

    def __init__(self, shared: Shared, rates: Rates, clock: Clock = MACHINE) -> None:
        self._shared = shared
        self._rates = rates
        self._clock = clock
        self._lines: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def turn(self, api: str) -> float:
        """Take a turn at an API. 0: it is ours now; otherwise ask again after so many seconds."""
        return await self._shared.together(partial(self._turn, api))

    async def wait(self, api: str) -> None:
        """Take a turn at an API as soon as there is one."""
        async with self._lines[api]:
            while wait := await self.turn(api):  # noqa: ASYNC110 - processes elsewhere take turns, too
                await asyncio.sleep(min(wait, 1.0))

    async def wait_for(self, api: str, seconds: float) -> float:
        """Take a turn at an API as soon as there is one, if that is within so many seconds. 0: it is ours; else ask
        again after so many seconds."""
        until = time.monotonic() + seconds
        async with self._lines[api]:
            while wait := await self.turn(api):
                if time.monotonic() + wait > until:
                    return wait
                await asyncio.sleep(wait)
        return 0.0

    async def slot(self, chat: str) -> float:
        """Take a turn to send to this chat, which is not held. 0: it is ours now; else ask again after so many
        seconds."""
        return await self._shared.together(partial(self._slot, chat))

    async def hold(self, chat: str, seconds: float) -> None:
        """Nobody sends to this chat for a while (`chat` empty: nobody asks anything), because the messenger says so."""
        await self._shared.put(f"hold:{chat}", self._clock.now() / 1000 + seconds, int(seconds) + 1)

    async def held(self, chat: str) -> float:
        """Seconds until this app may send to the chat again; with an empty `chat`, until it may ask anything."""
        return await self._shared.together(partial(self._held, chat))

    # ---- in a thread ----

    def _turn(self, api: str, ask: Ask) -> float:
        taken = ""
        if self._rates.spans:
            taken, wait = self._within_spans(api, ask)
        else:
            wait = self._held("", ask)
        if wait:
            return wait
        for seconds, most in self._rates.windows:
            now = self._clock.now() / 1000
            number = int(now / seconds)
            name = f"api:{api}:{seconds}:{number}"
            if int(ask("count", name, value=0, seconds=int(seconds) + 2)) > most:
                if taken:
                    ask("uncount", taken)
                return (number + 1) * seconds - now + 0.005
        return 0.0

    def _within_spans(self, api: str, ask: Ask) -> tuple[str, float]:
        """A turn within all spans: where it was counted, and 0; or how long to wait. It is counted first, so that of
        several at once none is overlooked, and given back if it is one too many."""
        part, now = self._rates.part_s, self._clock.now() / 1000
        number = int(now / part)
        names = [f"part:{api}:{one}" for one in range(number - PARTS, number + 1)]
        ask("count", names[-1], value=0, seconds=int(self._rates.spans[-1][0]) + 2)
        until, *found = ask("many", "hold:", *names)
        wait = max(0.0, (until or 0.0) - now)
        counts = [int(count or 0) for count in found]
        for seconds, most in self._rates.spans:
            wait = max(wait, _until_room(counts, most, math.ceil(seconds / part) + 1, number, part) - now)
        if not wait:
            return names[-1], 0.0
        ask("uncount", names[-1])
        return "", wait + 0.005

    def _slot(self, chat: str, ask: Ask) -> float:
        if held := self._held(chat, ask):
            return held
        now = self._clock.now() / 1000
        slot_s = self._rates.slot_s
        number = int(now / slot_s)
        if ask("add", f"slot:{chat}:{number}", value=1, seconds=3):
            return 0.0
        return (number + 1) * slot_s - now + 0.005

    def _held(self, chat: str, ask: Ask) -> float:
        until = [at or 0.0 for at in ask("many", *{f"hold:{chat}", "hold:"})]
        return max(0.0, max(until) - self._clock.now() / 1000)


def _until_room(counts: Sequence[int], most: int, parts: int, number: int, part: float) -> float:
    """When the newest of these counts is within the `most` of so many `parts` that end with its own, which is part
    `number`; 0: it is."""
    within = counts[-parts:]
    kept = sum(within)
    if kept <= most:
        return 0.0
    for place, count in enumerate(within):
        kept -= count
        if kept <= most:
            return (number - len(within) + 1 + place + parts) * part
    return (number + parts) * part
