"""What a process needs to talk to conversations: made once for each event loop, and handed to everything else.

    current()                                  the running loop's: web, workers
    async with opened() as runtime: …          one for a moment, in a loop that is somebody else's: admin pages

Connections belong to the loop that opened them, so these do, too. `close` lets go of the running loop's; what is left
when a loop ends is closed with it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.conf import settings

from agents.clock import Clock
from agents.events.earlier import EARLIER
from chat.feed import Feed
from chat.inbox import Inbox
from chat.installation import installation
from chat.journal.journal import Journal
from chat.notify.listeners import Bells
from chat.runs.queue import Queue
from chat.session.sessions import Sessions
from chat.session.store import RedisStore
from chat.support.clock import MACHINE
from chat.support.database import Database, database
from chat.support.loops import PerLoop
from chat.support.tasks import end


class Runtime:
    """Sessions with their way in (`inbox`), their way out (`feed`) and the workers' queue, over one database."""

    def __init__(self, sessions: Sessions, queue: Queue, clock: Clock = MACHINE) -> None:
        self.sessions = sessions
        self.queue = queue
        self.clock = clock
        self.inbox = Inbox(sessions, queue.put, clock=clock)
        self._feed: Feed | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def database(self) -> Database:
        """The way to SQL, the same as the journal's."""
        return self.sessions.journal.database

    @property
    def feed(self) -> Feed:
        """The way out. Its reader is started when somebody needs it first, and again should it ever have ended."""
        if self._feed is None or self._reader is None or self._reader.done():
            self._feed = Feed(self.sessions.store, self.sessions.look)
            self._reader = asyncio.get_running_loop().create_task(self._feed.run(), name="feed")
        return self._feed

    async def close(self) -> None:
        """Stop what runs and let go of all connections. Whoever uses them must have ended before."""
        if self._reader is not None:
            await end([self._reader])
            self._reader = None
        await self.queue.close()
        await self.sessions.close()


def from_settings(database: Database) -> Runtime:
    """A runtime as Django's settings say; inside the event loop that uses it. The caller must close it."""
    store = RedisStore(
        settings.HOLDFAST_REDIS_URL,
        idle_ttl_ms=settings.HOLDFAST_IDLE_TTL_MS,
        log_entries=settings.HOLDFAST_LOG_EVENTS,
        prefix=settings.HOLDFAST_REDIS_PREFIX,
        owner=lambda: database.run(installation, database.using),
        clock=MACHINE,
    )
    journal = Journal(database)
    sessions = Sessions(
        store,
        journal,
        on_change=Bells(journal).ring,
        lease_ms=settings.HOLDFAST_LEASE_MS,
        clock=MACHINE,
        told=EARLIER.get(settings.HOLDFAST_COMPATIBILITY_VERSION),
    )
    return Runtime(sessions, Queue(), MACHINE)


_runtimes: PerLoop[Runtime] = PerLoop(lambda: from_settings(database()), Runtime.close)


def current() -> Runtime:
    """The running loop's, over the loop's database; made when it is needed first."""
    return _runtimes.get()


def use(runtime: Runtime) -> Runtime:
    """Have the running loop use this one, for tests. It is closed with the loop."""
    return _runtimes.use(runtime)


async def close() -> None:
    """Close the running loop's, if it has one."""
    await _runtimes.close()


@asynccontextmanager
async def opened() -> AsyncIterator[Runtime]:
    """One for a moment, with connections of its own: the running loop may be one that others use."""
    runtime = from_settings(Database(threads=1))
    try:
        yield runtime
    finally:
        await runtime.close()
