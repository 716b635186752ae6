"""The way from async code to SQL: work runs in a few threads, each with a database connection of its own.

    found = await ask(Agent.objects.filter(slug=slug).first)          the running loop's database
    found = await database.run(work, …)                               one that was handed over

What waits for a thread does so here, and those in a hurry come first (turns.py).
So one slow query holds up neither the event loop nor all others. A connection that had died is found out and opened
again. To PostgreSQL all of a process, its views and admin pages included, share one pool of
HOLDFAST_DATABASE_CONNECTIONS: a thread takes one for one piece of work and gives it back. A thread keeps its SQLite.
What the driver says of a database that is away or locked becomes JournalUnavailable, here and nowhere else.
Views and admin pages, which Django runs in threads of its own, use the ORM directly.
"""

import asyncio
import contextvars
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connections,
)
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.session.errors import JournalUnavailable
from chat.support.loops import PerLoop
from chat.support.turns import Turns
from chat.telemetry.metrics import STORE_ERRORS

#: What says something of the database and nothing of the rows: away, locked, full, read-only since a failover, or in
#: the middle of a migration. The same work may succeed later.
NOT_NOW = (OperationalError, InterfaceError, InternalError, ProgrammingError, NotSupportedError)
#: What says something of the rows: it is the asker's own.
THE_ASKERS = (DataError, IntegrityError)

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """One database, by Django's alias. Works on every alias; opens a connection when it needs one."""

    def __init__(self, using: str = DEFAULT_DB_ALIAS, threads: int | None = None) -> None:
        """`threads`: pieces of work at the same time; as many as there are connections, unless it is said."""
        self.using = using
        self.threads = threads or settings.HOLDFAST_DATABASE_CONNECTIONS
        #: The threads, and the connections that they have opened; None while it is closed.
        self._open: tuple[ThreadPoolExecutor, set[BaseDatabaseWrapper]] | None = None
        #: By event loop, should there be several.
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()
        #: It may be closed by another thread than the event loop's, and used again at the same moment.
        self._lock = Lock()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` returns, run in a thread. It may be run twice, if its connection had died: what it does must be
        harmless when it is done again. Raises JournalUnavailable, and whatever else `work` raises."""

        def guarded(mine: set[BaseDatabaseWrapper]) -> T:
            connection = connections[self.using]
            if connection not in mine:
                connection.inc_thread_sharing()  # so that `close` may close it from its own thread
                mine.add(connection)
            try:
                try:
                    return work(*args, **kwargs)
                except NOT_NOW:
                    if _alive(connection):
                        raise
                # The connection had died, most likely long ago.
                connection.close()
                return work(*args, **kwargs)
            except (DatabaseError, InterfaceError) as problem:
                if isinstance(problem, THE_ASKERS):
                    raise
                _discard(connection)
                STORE_ERRORS.labels("sql").inc()
                if isinstance(problem, ProgrammingError):
                    # Most likely a defect of ours, or a schema of another release; waited for, and told aloud.
                    log.error("The database does not understand a question: %s", problem)
                raise JournalUnavailable(
                    f"The database refused ({problem}); nothing is acknowledged. Try again."
                ) from problem
            finally:
                give_back(self.using)

        async with self._turns.setdefault(asyncio.get_running_loop(), Turns(self.threads)):
            with self._lock:
                if self._open is None:
                    self._open = ThreadPoolExecutor(self.threads, thread_name_prefix="database"), set()
                pool, opened = self._open
                # What is logged there is about what is at work here.
                running = pool.submit(contextvars.copy_context().run, guarded, opened)
            return await asyncio.wrap_future(running)

    def close(self) -> None:
        """Wait for what is going on and close the connections. Blocks. Work that comes later opens new ones."""
        with self._lock:
            found, self._open = self._open, None
        if found is None:
            return
        pool, opened = found
        pool.shutdown(wait=True)
        # In a thread, because Django refuses to touch a connection where an event loop runs.
        with ThreadPoolExecutor(1) as closing:
            for connection in opened:
                closing.submit(connection.close)


def give_back(using: str = DEFAULT_DB_ALIAS) -> None:
    """Put this thread's connection back into the pool, where there is one. Whoever waits for somebody who needs a
    connection, too, must not keep one meanwhile."""
    connection = connections[using]
    if getattr(connection, "pool", None) is not None and not connection.in_atomic_block:
        connection.close()


def _discard(connection: BaseDatabaseWrapper) -> None:
    """Give a connection up for good. A pool would keep one that lives, even to a server that became a standby."""
    if connection.vendor == "postgresql" and connection.connection is not None:
        connection.connection.close()
    connection.close()


def _alive(connection: BaseDatabaseWrapper) -> bool:
    return connection.connection is not None and connection.is_usable()


async def _close(database: Database) -> None:
    await asyncio.to_thread(database.close)


_databases: PerLoop[Database] = PerLoop(Database, _close)


def database() -> Database:
    """The running loop's; its connections are closed with the loop."""
    return _databases.get()


def use(made: Database) -> Database:
    """Have the running loop use this one, which is closed with it. It must not have one yet."""
    return _databases.use(made)


async def ask(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`Database.run` on the running loop's database."""
    return await database().run(work, *args, **kwargs)
