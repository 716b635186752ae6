"""The messengers' way to SQL: that of everybody (chat/support/database.py), with more threads. Hundreds of lanes ask
many short questions, which must neither stand in one line nor take the journal's turns."""

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError

from chat.session.errors import Unavailable
from chat.support.database import Database
from chat.support.loops import PerLoop

P = ParamSpec("P")
T = TypeVar("T")

#: The database is away or too busy: nobody's fault who asks, and to be tried again. The first is what `ask` raises, the
#: others are what work in one of its threads meets.
OUTAGES = (Unavailable, OperationalError, InterfaceError)
THREADS = 8

_databases: PerLoop[Database] = PerLoop(
    lambda: Database(threads=THREADS), lambda one: asyncio.to_thread(one.close)
)
_running: set[asyncio.Future[Any]] = set()


async def ask(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns, run in a database thread; see `Database.run`. Raises Unavailable."""
    return await _databases.get().run(work, *args, **kwargs)


def in_thread(work: Callable[[], None]) -> None:
    """Have `work`, which raises nothing, done in a database thread, whatever becomes of who asks for it."""
    running = asyncio.ensure_future(ask(work))
    _running.add(running)
    running.add_done_callback(_running.discard)
