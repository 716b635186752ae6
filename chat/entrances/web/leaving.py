"""Telling the sockets of this process that it stops (rule W9).

Daphne cancels its applications when it stops, but not reliably: with an upgraded request less than a second old
it fails on its own bookkeeping and cancels none. So we have Twisted's reactor tell us, and wait for us.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from django.conf import settings

from chat.http import lifespan
from chat.support.tasks import exit_after

#: Seconds that sockets get to write their last frames.
TIMEOUT_S = 1.0
#: Seconds for the transports to flush after that.
FLUSH_S = 0.1
#: Seconds after the goodbyes, and after the reactor's end, after which the process ends, whatever still waits: Daphne
#: waits for applications that may be waiting for a store, Python for a request's thread that waits for the event loop.
END_S = 3.0


def drain_pause(sockets: int, rate: int, longest: float) -> float:
    """Seconds between two goodbyes: `rate` a second, or faster if that would take longer than `longest` seconds.

    >>> drain_pause(10, 50, 5.0), drain_pause(1000, 50, 5.0)
    (0.02, 0.005)
    """
    return min(1 / rate, longest / sockets) if sockets else 0.0


class Leaver(Protocol):
    """A socket that can be told that the process stops."""

    #: Set once the last frame was written.
    left: asyncio.Event

    def leave(self) -> None:
        """Say goodbye and close."""


class Sockets:
    """The open sockets of this process."""

    def __init__(self) -> None:
        self._open: dict[Leaver, int | None] = {}
        self._per_user: Counter[int] = Counter()
        self._hooked: object | None = None

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, socket: object) -> bool:
        return socket in self._open

    def of(self, user_id: int) -> int:
        """How many of them are this user's."""
        return self._per_user[user_id]

    def add(self, socket: Leaver) -> None:
        """A socket is open; it will be told when the process stops. Call `discard` when it is closed."""
        self._open[socket] = None
        self._hook()

    def belongs(self, socket: Leaver, user_id: int) -> None:
        """Whose it is, once that is known."""
        self._open[socket] = user_id
        self._per_user[user_id] += 1

    def discard(self, socket: Leaver) -> None:
        """The socket is closed."""
        user_id = self._open.pop(socket, None)
        if user_id is not None:
            self._per_user[user_id] -= 1
            if not self._per_user[user_id]:
                del self._per_user[user_id]

    async def leave(self) -> None:
        """Tell all sockets, so many a second that those they go to can take them in, and wait a little until the
        last have written it."""
        sockets = list(self._open)
        pause = drain_pause(
            len(sockets), settings.HOLDFAST_DRAIN_PER_SECOND, settings.HOLDFAST_DRAIN_MS / 1000
        )
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for place, socket in enumerate(sockets):
            # By the clock and not by one sleep after another: a busy loop must not make it longer.
            await asyncio.sleep(max(0.0, begun + place * pause - loop.time()))
            socket.leave()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await asyncio.gather(*[socket.left.wait() for socket in self._open])
        except TimeoutError:
            pass  # their readers stand still; they find out by themselves
        await asyncio.sleep(FLUSH_S)

    def _hook(self) -> None:
        """Have the server wait for `leave` before it stops: the reactor, or another one (chat/http/lifespan.py)."""
        reactor: Any = sys.modules.get("twisted.internet.reactor")
        if reactor is None or not reactor.running:
            lifespan.before_end(self.leave)
            return
        if self._hooked is reactor:
            return
        self._hooked = reactor
        reactor.addSystemEventTrigger("before", "shutdown", close_doors, reactor)
        reactor.addSystemEventTrigger("before", "shutdown", _deferred(self.leave))
        reactor.addSystemEventTrigger("after", "shutdown", exit_after, END_S)


def close_doors(reactor: Any) -> None:
    """Take no connection any more. A socket that came while the others are told would end without a word, and a proxy
    that shares connections out would bring back those who were just sent away: refused, it asks another server."""
    from twisted.internet.tcp import Port

    for reader in reactor.getReaders():
        if isinstance(reader, Port):
            reader.stopListening()


def _deferred(work: Callable[[], Any]) -> Callable[[], Any]:
    def begin() -> Any:
        from twisted.internet.defer import Deferred

        exit_after(settings.HOLDFAST_DRAIN_MS / 1000 + TIMEOUT_S + FLUSH_S + END_S)
        return Deferred.fromFuture(asyncio.ensure_future(work()))

    return begin


sockets = Sockets()
