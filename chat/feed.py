"""The feed: the only way out of a conversation, for every entrance (rules W2, W4).

One `Feed` per process reads the logs of all conversations that somebody in this process watches, in one
pipelined, non-blocking read per tick, and hands what it found to the sinks. It does not parse what it relays.

    rung, or due for a slow poll ─► dirty ┐
                                          ├─► store.read(positions) ─► merge parts ─► sink.on_batch(batch)
    has an active run ──────────► hot ────┘                       └─► lost        ─► sink.on_lost(reason)

A conversation is hot between the events that start and end its run: parts ring no bell, so hot ones are
polled every tick (those that were quiet lately a little less often). A sink gets every entry beyond the
snapshot it began with exactly once and in order, or `on_lost`; after `on_lost` it must open again.
"""

import asyncio
import json
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from agents.events import ACTIVE_RUN
from chat.session.contract import Batch, Loaded, LogEvent, LogPart, Lost, Store, utf16
from chat.support.backoff import Backoff
from chat.support.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

#: Seconds between two reads while something is hot: text is coalesced over 30–50 ms before it gets here, so
#: a shorter tick finds nothing more, and a longer one is seen by the eye.
TICK_S = 0.02
#: Longest tick. The tick grows to twice the time of the last fan-out, so that half of the process stays free.
MAX_TICK_S = 0.2
#: While a hot one has nothing to read it is read less often, up to this.
GAP_S = Backoff(TICK_S, MAX_TICK_S)
#: Each watched conversation is read at least this often, in case its bell was lost (seconds).
SLOW_POLL_S = 5.0
#: How finely the slow polls are spread over SLOW_POLL_S.
SLOW_SLICES = 20
#: Conversations per pipelined read, so that one read never holds the event loop for long.
CHUNK = 256
#: When the store is back after an outage, all watchers open again, spread over this many seconds.
RESYNC_SPREAD_S = 2.0
#: Seconds that one read may take before the store counts as away.
READ_TIMEOUT_S = 5.0

Reason = Literal["epoch", "gap", "slow", "behind", "store_lost"]
Entry = LogEvent | LogPart


#: Seconds in which others may wait for a snapshot that is being read; one that hangs holds up nobody who comes later.
SHARE_S = 0.1


class Sink(Protocol):
    """Who reads one conversation: an open socket's view of it, or a deliverer.

    Both methods are called from the feed's loop, one after another, and must return at once: a sink that
    cannot keep up conflates or drops what it holds (rule W10), it never makes the feed wait.
    """

    def on_batch(self, batch: Batch) -> None:
        """Entries beyond all that came before; `batch` is shared with other sinks and must not be changed."""

    def on_lost(self, reason: Reason) -> None:
        """What this sink has cannot be continued. It is no longer watching and must open again."""


class Loader(Protocol):
    """How the feed gets a snapshot: `Sessions.look`, which heals what it finds and parses nothing."""

    def __call__(self, conversation: str, /) -> Awaitable[Loaded]: ...


@dataclass(eq=False)
class _Channel:
    """A conversation that somebody in this process watches, and how far it has been read for them."""

    conversation: str
    #: Sinks, each with the log id of the last entry it has.
    sinks: dict[Sink, tuple[int, int]] = field(default_factory=dict)
    epoch: str = ""
    #: None until the first snapshot is there: nothing is read before that.
    position: str | None = None
    openers: int = 0
    #: For hot channels: when to read next, and after how long of quiet (seconds).
    due: float = 0.0
    #: Reads in a row that found nothing.
    empty: int = 0


@dataclass
class Counters:
    """What the feed has done since it began, for `/readyz`, logs and the bench."""

    reads: int = 0
    entries: int = 0
    lost: int = 0
    outages: int = 0


class Feed:
    """All readers of one process. Call `run()` once in a task of its own; everything else may be called any time."""

    def __init__(
        self,
        store: Store,
        load: Loader,
        *,
        clock: Callable[[], float] = time.monotonic,
        spread_s: float = RESYNC_SPREAD_S,
        slow_poll_s: float = SLOW_POLL_S,
    ) -> None:
        self.counters = Counters()
        self._store = store
        self._load = load
        self._clock = clock
        self._spread_s = spread_s
        self._slow_poll_s = slow_poll_s
        self._channels: dict[str, _Channel] = {}
        #: Snapshots that are being read, for all who wait for one of the same conversation.
        self._loading: dict[str, tuple[asyncio.Future[Loaded], float]] = {}
        self._dirty: set[str] = set()
        self._hot: set[str] = set()
        self._slow: deque[str] = deque()
        self._slice = 0
        self._wake = asyncio.Event()
        self._away = False

    # ---- for entrances ----

    async def open(self, conversation: str, sink: Sink) -> Loaded:
        """Watch a conversation: its snapshot now, and everything beyond it through `sink`.

        Join the conversation's bell before this call, so that nothing rings unheard in between. The caller
        must have checked that its user may see the conversation (rule W11). Await this directly (not in a
        task of its own): `sink` may be called as soon as the event loop turns again, and by then the caller
        must have taken the snapshot. Raises what the loader raises, and then nothing is watched.
        """
        channel = self._channels.get(conversation)
        if channel is None:
            channel = self._channels[conversation] = _Channel(conversation)
        channel.openers += 1
        try:
            loaded = await self._shared_load(conversation)
        finally:
            channel.openers -= 1
            self._forget_if_unwatched(channel)
        self._channels[conversation] = channel
        self._attach(channel, sink, loaded)
        return loaded

    async def _shared_load(self, conversation: str) -> Loaded:
        """One snapshot for all who open a conversation at the same time. It may have been read a moment before
        one of them asked: what came since is read for them at once, see `_attach`."""
        loading, since = self._loading.get(conversation, (None, 0.0))
        if loading is None or self._clock() - since > SHARE_S:
            loading = asyncio.ensure_future(self._load(conversation))
            self._loading[conversation] = (loading, self._clock())
            loading.add_done_callback(lambda done: self._loaded(conversation, done))
        # Whoever began it may leave; the others still wait for it.
        return await asyncio.shield(loading)

    def _loaded(self, conversation: str, done: "asyncio.Future[Loaded]") -> None:
        if self._loading.get(conversation, (None, 0.0))[0] is done:
            del self._loading[conversation]
        if not done.cancelled():
            done.exception()  # heard by those who wait, and by nobody if they have all left

    def unwatch(self, conversation: str, sink: Sink) -> None:
        """Stop watching. Harmless if `sink` is not watching."""
        channel = self._channels.get(conversation)
        if channel is not None:
            channel.sinks.pop(sink, None)
            self._forget_if_unwatched(channel)

    def ring(self, conversation: str) -> None:
        """The bell of a conversation rang: read it with the next tick."""
        if conversation in self._channels:
            self._dirty.add(conversation)
            self._wake.set()

    async def heads(self, conversations: Sequence[str]) -> dict[str, str]:
        """The head cursor of each conversation that the store holds, for the heartbeat (rule W3)."""
        found = await self._store.heads(list(conversations))
        return {conversation: position.cursor for conversation, position in found.items()}

    @property
    def watched(self) -> int:
        """How many conversations are watched in this process."""
        return len(self._channels)

    # ---- the loop ----

    async def run(self) -> None:
        """Read and deliver until cancelled. Survives any failure of the store, and says so in the log."""
        took = 0.0
        next_slow = self._clock() + self._slow_poll_s / SLOW_SLICES
        while True:
            raise_if_cancelled()
            await self._pause(took, next_slow)
            now = self._clock()
            if now >= next_slow:
                next_slow = now + self._slow_poll_s / SLOW_SLICES
                self._mark_slow()
            try:
                await self._tick(now)
            except Exception as problem:
                self._store_went_away(problem)
                await asyncio.sleep(MAX_TICK_S)
            took = self._clock() - now

    async def _pause(self, took: float, next_slow: float) -> None:
        """Wait for a bell, the next tick of what is hot, or the next slow poll, and at least for one tick."""
        tick = min(max(TICK_S, 2 * took), MAX_TICK_S)
        await asyncio.sleep(tick)
        if not self._hot and not self._dirty:
            try:
                async with asyncio.timeout(max(next_slow - self._clock(), 0)):
                    await self._wake.wait()
            except TimeoutError:
                pass
        self._wake.clear()

    def _mark_slow(self) -> None:
        """Mark the next slice of all that is watched; one round through them takes SLOW_POLL_S."""
        if not self._slow:
            self._slow = deque(self._channels)
            self._slice = -(-len(self._slow) // SLOW_SLICES)
        for _ in range(min(self._slice, len(self._slow))):
            conversation = self._slow.popleft()
            if conversation in self._channels:
                self._dirty.add(conversation)

    async def _tick(self, now: float) -> None:
        due = {c for c in self._hot if self._channels[c].due <= now} | self._dirty
        self._dirty.clear()
        readable = [self._channels[c] for c in due if c in self._channels]
        readable = [channel for channel in readable if channel.position is not None]
        for start in range(0, len(readable), CHUNK):
            await self._read(readable[start : start + CHUNK])
        if self._away and readable:
            self._store_came_back()

    async def _read(self, channels: list[_Channel]) -> None:
        asked = {c.conversation: (c.epoch, c.position or "") for c in channels}
        async with asyncio.timeout(READ_TIMEOUT_S):
            found = await self._store.read(asked)
        self.counters.reads += 1
        if self._away:
            return  # everything is resynced anyway, see _store_came_back
        for channel in channels:
            if self._channels.get(channel.conversation) is not channel:
                continue  # its last reader left while we read; what was heated now would stay hot for ever
            answer = found.get(channel.conversation)
            # Someone may have opened or left while we read, and a rewind (see _attach) must not be undone.
            if answer is None or asked[channel.conversation] != (channel.epoch, channel.position):
                self._dirty.add(channel.conversation)
            elif isinstance(answer, Lost):
                self._lose(channel, "epoch")
            else:
                self._deliver(channel, answer)

    def _deliver(self, channel: _Channel, batch: Batch) -> None:
        if not batch.entries:
            channel.empty += 1
            channel.due = self._clock() + GAP_S.delay(channel.empty)
            return
        channel.position = batch.log_id
        channel.empty = 0
        channel.due = 0.0
        self._dirty.add(channel.conversation)  # there may be more than one read returns
        self._note_run(channel, batch.entries)
        self.counters.entries += len(batch.entries)
        merged = Batch(epoch=batch.epoch, entries=merge_parts(batch.entries), log_id=batch.log_id)
        first, last = _id(batch.entries[0].id), _id(batch.log_id)
        for sink, has in list(channel.sinks.items()):
            if has >= last:
                continue
            mine = merged
            if has >= first:
                beyond = [entry for entry in batch.entries if _id(entry.id) > has]
                mine = Batch(epoch=batch.epoch, entries=merge_parts(beyond), log_id=batch.log_id)
            channel.sinks[sink] = last
            try:
                sink.on_batch(mine)
            except Exception:
                log.exception("A reader of conversation %s failed and was let go.", channel.conversation)
                self.unwatch(channel.conversation, sink)

    def _note_run(self, channel: _Channel, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if isinstance(entry, LogEvent) and '"type":"run.' in entry.text[:60]:
                self._heat(channel, not _ends_run(entry.text))

    def _heat(self, channel: _Channel, hot: bool) -> None:
        if hot:
            self._hot.add(channel.conversation)
        else:
            self._hot.discard(channel.conversation)

    # ---- who watches ----

    def _attach(self, channel: _Channel, sink: Sink, loaded: Loaded) -> None:
        has = _id(loaded.log_id)
        epoch = loaded.position.epoch
        if channel.position is not None and channel.epoch != epoch:
            # The session was rebuilt while others watch its former incarnation: theirs has ended.
            self._lose(channel, "epoch")
            self._channels[channel.conversation] = channel
            channel.position = None
        if channel.position is None or _id(channel.position) > has:
            # Either the first snapshot, or one taken before others were served what lies beyond it: read
            # again from there. Those who have it already are skipped by their own mark.
            channel.position = loaded.log_id
        channel.epoch = epoch
        channel.sinks[sink] = has
        self._heat(channel, _run_is_active(loaded))
        channel.due = 0.0
        self.ring(channel.conversation)

    def _forget_if_unwatched(self, channel: _Channel) -> None:
        if channel.sinks or channel.openers or self._channels.get(channel.conversation) is not channel:
            return
        del self._channels[channel.conversation]
        self._hot.discard(channel.conversation)
        self._dirty.discard(channel.conversation)

    def _lose(self, channel: _Channel, reason: Reason) -> None:
        sinks = list(channel.sinks)
        channel.sinks.clear()
        channel.position = None
        self._hot.discard(channel.conversation)
        self._forget_if_unwatched(channel)
        self.counters.lost += len(sinks)
        for sink in sinks:
            _tell_lost(sink, reason)

    # ---- when the store is away ----

    def _store_went_away(self, problem: Exception) -> None:
        if not self._away:
            self.counters.outages += 1
            log.error(
                "The feed cannot read the store (%s: %s). It keeps trying; %d conversations are watched.",
                type(problem).__name__,
                problem,
                len(self._channels),
            )
        self._away = True
        self._dirty.update(self._channels)

    def _store_came_back(self) -> None:
        """Everybody opens again, but not all at once: their snapshots would be a storm of their own."""
        self._away = False
        channels = [channel for channel in self._channels.values() if channel.sinks]
        log.warning("The store is back: %d conversations are opened again.", len(channels))
        loop = asyncio.get_running_loop()
        for channel in channels:
            loop.call_later(
                random.uniform(0, self._spread_s), self._lose_if_still, channel, set(channel.sinks)
            )

    def _lose_if_still(self, channel: _Channel, sinks: set[Sink]) -> None:
        if sinks & set(channel.sinks):
            self._lose(channel, "store_lost")


def merge_parts(entries: Sequence[Entry]) -> list[Entry]:
    """The same entries with neighbouring parts of one text joined into one part (rule W4)."""
    merged: list[Entry] = []
    run: list[LogPart] = []
    end = 0
    for entry in entries:
        if isinstance(entry, LogPart):
            if run and run[-1].message == entry.message and entry.offset == end:
                run.append(entry)
                end += utf16(entry.text)
                continue
            _flush(merged, run)
            run = [entry]
            end = entry.offset + utf16(entry.text)
        else:
            _flush(merged, run)
            run = []
            merged.append(entry)
    _flush(merged, run)
    return merged


def _flush(merged: list[Entry], run: list[LogPart]) -> None:
    if len(run) == 1:
        merged.append(run[0])
    elif run:
        text = "".join(part.text for part in run)
        merged.append(LogPart(id=run[-1].id, message=run[0].message, offset=run[0].offset, text=text))


def _tell_lost(sink: Sink, reason: Reason) -> None:
    try:
        sink.on_lost(reason)
    except Exception:
        log.exception("A reader failed while it was told to open again.")


def _ends_run(text: str) -> bool:
    """Whether a stored `run.*` event leaves nobody working. Looks at the head of the text, without parsing it."""
    kind = text[: text.find('"', text.find('"type":"run.') + 12)].rpartition("run.")[2]
    return kind in ("finished", "failed", "stopped", "waiting")


def _run_is_active(loaded: Loaded) -> bool:
    run = json.loads(loaded.fields.get("run") or "null")
    return run is not None and run["status"] in ACTIVE_RUN and run["status"] != "waiting"


def _id(log_id: str) -> tuple[int, int]:
    """A log id as numbers, in the order of the log."""
    seq, _, part = log_id.partition("-")
    return int(seq), int(part or 0)
