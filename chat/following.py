"""One conversation as somebody follows it who can say where they are: what they missed, then everything as it happens
(rules W1–W4).

    cursor ─► on the journal's chain? ─ yes ─► the events after it, from the journal ─┐
                     │                                                                ├─► what the feed reads
                     └─ no, or none ─────────► a snapshot ────────────────────────────┘

A cursor names a place on a chain of hashes, and the journal has that chain whatever happened to Redis since. So who
comes back after a dropped link, another server or a store that was lost goes on with the next event, and gets a
snapshot only for a place that never was.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from uuid import UUID

from chat.feed import Feed, Reason
from chat.journal.journal import Journal
from chat.models import Event
from chat.notify.doorbell import Ear
from chat.session.contract import Batch, Loaded, LogEvent, LogPart, Position
from chat.session.errors import NoConversation, Unavailable
from chat.support.backoff import Backoff
from chat.support.tasks import end

log = logging.getLogger(__name__)

#: Events that are told one by one to who has missed them; for more a snapshot is less.
MAX_MISSED = 500
#: Entries that may wait for a reader before it counts as slow, and is told the rest from the journal.
MAX_QUEUED = 1_000
#: Seconds after which silence is told.
QUIET_S = 15.0
#: Characters of a cursor.
MAX_CURSOR = 100
#: Seconds until what was lost is opened again.
LOST_S = 0.05
#: Seconds between two tries while a store is away.
AWAY_S = Backoff(0.5, 5.0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole state as of `loaded.position`."""

    loaded: Loaded


@dataclass(frozen=True, slots=True)
class Told:
    """The next event; `text` is its JSON and `place` where the reader is then."""

    place: Position
    text: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing for a while. A reader that is gone is noticed by what it is sent."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The conversation was deleted."""


Entry = Snapshot | Told | LogPart | Quiet | Gone


class Following:
    """A reader of one conversation, which must be theirs. Iterate over `entries` once."""

    def __init__(self, feed: Feed, journal: Journal, conversation: str, *, quiet_s: float = QUIET_S) -> None:
        self._feed = feed
        self._journal = journal
        self._conversation = conversation
        self._quiet_s = quiet_s
        self._queue: deque[LogEvent | LogPart] = deque()
        self._news = asyncio.Event()
        self._lost = False

    async def entries(self, cursor: str = "") -> AsyncGenerator[Entry, None]:
        """What the reader at `cursor` ("": nowhere yet) has not seen, then what happens, until it leaves."""
        place = Position.parse(cursor) if len(cursor) <= MAX_CURSOR else None
        ringing = asyncio.create_task(self._hear(), name="following")
        failures = 0
        try:
            while True:
                try:
                    async with aclosing(self._opened(place)) as opened:
                        async for entry in opened:
                            failures = 0
                            if isinstance(entry, Snapshot):
                                place = entry.loaded.position
                            elif isinstance(entry, Told):
                                place = entry.place
                            yield entry
                    await asyncio.sleep(LOST_S)
                except NoConversation:
                    yield Gone()
                    return
                except Unavailable as problem:
                    failures += 1
                    log.warning("Conversation %s cannot be followed now: %s", self._conversation, problem)
                    yield Quiet()
                    await asyncio.sleep(AWAY_S.delay(failures))
        finally:
            self._feed.unwatch(self._conversation, self)
            await end([ringing])

    # ---- the feed's sink ----

    def on_batch(self, batch: Batch) -> None:
        self._queue.extend(batch.entries)
        if len(self._queue) > MAX_QUEUED:
            self._feed.unwatch(self._conversation, self)
            self.on_lost("slow")
        self._news.set()

    def on_lost(self, reason: Reason) -> None:
        self._queue.clear()
        self._lost = True
        self._news.set()

    # ---- one opening ----

    async def _opened(self, place: Position | None) -> AsyncGenerator[Entry, None]:
        """From a place until the feed has lost it, or it does not fit."""
        self._queue.clear()
        self._lost = False
        loaded = await self._feed.open(self._conversation, self)
        head = loaded.position
        try:
            missed = None if place is None else await self._missed(place, head)
            if missed is None:
                yield Snapshot(loaded)
            else:
                for told in missed:
                    yield told
            place = head
            if loaded.part is not None:
                yield LogPart(loaded.log_id, loaded.part.message, 0, loaded.part.text)
            while not self._lost:
                entry = await self._next()
                if isinstance(entry, LogEvent):
                    if entry.seq <= place.seq:
                        continue
                    if entry.seq != place.seq + 1 or entry.prev != place.tag:
                        return
                    place = Position(place.epoch, entry.seq, entry.tag)
                    yield Told(place, entry.text)
                elif entry is not None:
                    yield entry
        finally:
            self._feed.unwatch(self._conversation, self)

    async def _next(self) -> LogEvent | LogPart | Quiet | None:
        """What comes next; None: look again whether it was lost."""
        if self._queue:
            return self._queue.popleft()
        self._news.clear()
        try:
            async with asyncio.timeout(self._quiet_s):
                await self._news.wait()
        except TimeoutError:
            return Quiet()
        return self._queue.popleft() if self._queue else None

    async def _missed(self, place: Position, head: Position) -> list[Told] | None:
        """The events from a place to the head; None if the journal has never been at that place, or they are many."""
        if not 0 <= head.seq - place.seq <= MAX_MISSED:
            return None

        def work() -> list[tuple[int, str, str]]:
            rows = Event.objects.using(self._journal.using).filter(
                conversation_id=UUID(self._conversation), seq__gte=place.seq, seq__lte=head.seq
            )
            return list(rows.order_by("seq").values_list("seq", "tag", "text"))

        rows = await self._journal.ask(work)
        if place.seq > 0:
            first = rows.pop(0) if rows else None
            if first is None or first[:2] != (place.seq, place.tag):
                return None
        elif place.tag:
            return None
        if [seq for seq, _, _ in rows] != list(range(place.seq + 1, head.seq + 1)):
            return None
        return [Told(Position(head.epoch, seq, tag), text) for seq, tag, text in rows]

    async def _hear(self) -> None:
        """Have the feed read as soon as it rings; without a bell it looks from time to time by itself."""
        ear = Ear(self._conversation)
        failures = 0
        try:
            while True:
                try:
                    rings = ear.rings
                    if await ear.open() and await ear.beyond(rings, self._quiet_s):
                        self._feed.ring(self._conversation)
                    failures = 0
                except Exception as problem:
                    failures += 1
                    log.debug("The bell of %s is not heard: %r", self._conversation, problem)
                    await asyncio.sleep(AWAY_S.delay(failures))
        finally:
            with suppress(Exception):
                await ear.close()
