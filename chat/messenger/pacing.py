"""How fast: all processes together keep to what a messenger allows, so that it rarely has to say no.

The counts lie in Django's cache. What the messenger refuses all the same holds the chat, or the whole app, back.
"""

import asyncio
import logging
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.core.cache import cache

from agents.clock import Clock
from chat.support.clock import MACHINE

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rates:
    """How fast one app may be."""

    #: Sends to one chat: one per slot of this many seconds.
    slot_s: float
    #: (seconds, requests): so many to one API per window. Of two windows that follow each other, both may be used up.
    windows: tuple[tuple[float, int], ...]


class Shared:
    """Django's cache as the processes share it. When it is away, each process goes on by itself."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{prefix}:"
        #: What this process keeps while the cache is away: value, and until when (by the monotonic clock).
        self._own: dict[str, tuple[Any, float]] = {}

    async def get(self, key: str) -> Any:
        return await self._ask("get", key)

    async def put(self, key: str, value: Any, seconds: int) -> None:
        await self._ask("set", key, value, seconds)

    async def add(self, key: str, value: Any, seconds: int) -> bool:
        """Set it unless it is set; whether it was not."""
        return bool(await self._ask("add", key, value, seconds))

    async def drop(self, key: str) -> None:
        await self._ask("delete", key)

    async def count(self, key: str, seconds: int) -> int:
        """Count one more; how many there are now. Forgotten after so many seconds."""
        return int(await self._ask("count", key, 0, seconds))

    async def _ask(self, what: str, key: str, value: Any = None, seconds: int = 0) -> Any:
        rest = () if what in ("get", "delete") else (value, seconds)
        work = _counted if what == "count" else getattr(cache, what)
        try:
            return await sync_to_async(work, thread_sensitive=False)(self._prefix + key, *rest)
        except Exception as problem:
            log.debug("The cache does not answer: %r", problem)
            return self._alone(what, key, value, seconds)

    def _alone(self, what: str, key: str, value: Any, seconds: int) -> Any:
        now = time.monotonic()
        self._own = {name: kept for name, kept in self._own.items() if kept[1] > now}
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
        self._own[key] = (value, now + seconds)
        return True


def _counted(key: str, start: int, seconds: int) -> int:
    cache.add(key, start, seconds)
    try:
        return int(cache.incr(key))
    except ValueError:  # it ran out in between
        return 1


class Pace:
    """Turns, for one app. `wait` lets the callers of a process through in the order in which they came."""

    def __init__(self, shared: Shared, rates: Rates, clock: Clock = MACHINE) -> None:
        self._shared = shared
        self._rates = rates
        self._clock = clock
        self._lines: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def turn(self, api: str) -> float:
        """Take a turn at an API. 0: it is ours now; otherwise ask again after so many seconds."""
        if held := await self.held(""):
            return held
        for seconds, most in self._rates.windows:
            now = self._clock.now() / 1000
            number = int(now / seconds)
            if await self._shared.count(f"api:{api}:{seconds}:{number}", int(seconds) + 2) > most:
                return (number + 1) * seconds - now + 0.005
        return 0.0

    async def wait(self, api: str) -> None:
        """Take a turn at an API as soon as there is one."""
        async with self._lines[api]:
            while wait := await self.turn(api):  # noqa: ASYNC110 - processes elsewhere take turns, too
                await asyncio.sleep(min(wait, 1.0))

    async def slot(self, chat: str) -> float:
        """Take a turn to send to this chat. 0: it is ours now; otherwise ask again after so many seconds."""
        now = self._clock.now() / 1000
        slot_s = self._rates.slot_s
        number = int(now / slot_s)
        if await self._shared.add(f"slot:{chat}:{number}", 1, 3):
            return 0.0
        return (number + 1) * slot_s - now + 0.005

    async def hold(self, chat: str, seconds: float) -> None:
        """Nobody sends to this chat for a while (`chat` empty: nobody asks anything), because the messenger says so."""
        await self._shared.put(f"hold:{chat}", self._clock.now() / 1000 + seconds, int(seconds) + 1)

    async def held(self, chat: str) -> float:
        """Seconds until this app may send to the chat again; with an empty `chat`, until it may ask anything."""
        keys = {f"hold:{chat}", "hold:"}
        until = [await self._shared.get(key) or 0.0 for key in keys]
        return max(0.0, max(until) - self._clock.now() / 1000)
