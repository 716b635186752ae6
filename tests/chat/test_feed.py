"""The feed reads for everybody in the process, and gives each reader everything once and in order."""

import asyncio
import json
import uuid
from contextlib import asynccontextmanager

import pytest

from chat.feed import SHARE_S, Feed, merge_parts
from chat.session.contract import Batch, Loaded, LogEvent, LogPart, Position, utf16
from chat.session.errors import NoConversation, StoreUnavailable
from chat.session.memory import MemoryStore
from tests.support.waiting import eventually

RUNNING = '{"at":1,"type":"run.started","run":"r"}'
FINISHED = '{"at":1,"type":"run.finished","run":"r"}'
NOTE = '{"at":1,"type":"note.added","message":"%d"}'


class Reader:
    """A sink that writes down what it gets, on top of the snapshot it began with."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.lost: list[str] = []
        self.start: Loaded | None = None

    def on_batch(self, batch: Batch) -> None:
        assert self.start is not None, "a batch came before the snapshot"
        self.batches.append(batch)

    def on_lost(self, reason: str) -> None:
        self.lost.append(reason)

    @property
    def entries(self) -> list:
        return [entry for batch in self.batches for entry in batch.entries]

    @property
    def seqs(self) -> list[int]:
        return [entry.seq for entry in self.entries if isinstance(entry, LogEvent)]

    @property
    def text(self) -> str:
        return "".join(entry.text for entry in self.entries if isinstance(entry, LogPart))


class Unreliable(MemoryStore):
    """The store in memory, which can be told to be away, or to hold its answers back."""

    away = False
    reads = 0

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.holding = asyncio.Event()
        self.answer = asyncio.Event()
        self.answer.set()

    async def read(self, positions):
        self.reads += 1
        if self.away:
            raise StoreUnavailable
        found = await super().read(positions)
        self.holding.set()
        await self.answer.wait()
        return found


class World:
    """A store with conversations, and a feed over it."""

    def __init__(self, store: Unreliable, feed: Feed) -> None:
        self.store = store
        self.feed = feed

    async def begin(self) -> str:
        conversation = str(uuid.uuid4())
        start = Position("epoch0", 0, "")
        await self.store.seed(conversation, start, {"run": "null"}, fence=0, archived=0, replaces=None)
        return conversation

    async def write(self, conversation: str, *texts: str, run: str | None = None, ring: bool = True) -> None:
        head = await self.store.head(conversation)
        patch = {} if run is None else {"run": json.dumps({"status": run})}
        await self.store.append(conversation, head[0], texts, patch)
        if ring:
            self.feed.ring(conversation)

    async def open(self, conversation: str) -> Reader:
        reader = Reader()
        reader.start = await self.feed.open(conversation, reader)
        return reader


@asynccontextmanager
async def running(**options):
    store = Unreliable()

    async def load(conversation: str) -> Loaded:
        if (loaded := await store.load(conversation)) is None:
            raise NoConversation
        return loaded

    feed = Feed(store, load, **{"spread_s": 0.05, **options})
    task = asyncio.create_task(feed.run())
    try:
        yield World(store, feed)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_ring_brings_what_is_new_and_nothing_twice():
    async with running() as world:
        conversation = await world.begin()
        await world.write(conversation, NOTE % 1)
        reader = await world.open(conversation)
        assert reader.start.position.seq == 1
        for n in range(2, 6):
            await world.write(conversation, NOTE % n)
        await eventually(lambda: len(reader.seqs) >= 4, 5, "four events")
        world.feed.ring(conversation)
        await asyncio.sleep(0.1)
        assert reader.seqs == [2, 3, 4, 5]
        assert [entry.text for entry in reader.entries] == [NOTE % n for n in range(2, 6)]


async def test_a_lost_bell_is_made_up_for_by_the_slow_poll():
    async with running(slow_poll_s=0.4) as world:
        conversation = await world.begin()
        reader = await world.open(conversation)
        await asyncio.sleep(0.1)
        await world.write(conversation, NOTE % 1, ring=False)
        await eventually(lambda: reader.seqs == [1], 5, "the slow poll")


async def test_text_of_an_active_run_comes_without_bells():
    async with running(slow_poll_s=60) as world:
        conversation = await world.begin()
        reader = await world.open(conversation)
        await world.write(conversation, RUNNING, run="running")
        await eventually(lambda: reader.seqs == [1], 5, "the run to start")
        await world.store.part(conversation, 0, "s", 0, "Hello ")
        await world.store.part(conversation, 0, "s", 6, "world")
        await eventually(lambda: reader.text == "Hello world", 5, "the text")


async def test_a_snapshot_of_an_active_run_is_hot_and_a_finished_run_cools_down():
    async with running(slow_poll_s=60) as world:
        conversation = await world.begin()
        await world.write(conversation, RUNNING, run="running")
        reader = await world.open(conversation)
        await world.store.part(conversation, 0, "s", 0, "Hello")
        await eventually(lambda: reader.text == "Hello", 5, "the text")
        await world.write(conversation, FINISHED, run="finished")
        await eventually(lambda: reader.seqs == [2], 5, "the end of the run")
        await asyncio.sleep(0.1)
        before = world.store.reads
        await asyncio.sleep(0.3)
        assert world.store.reads == before, "a conversation that rests is still polled"


async def test_two_readers_with_snapshots_of_different_age_both_get_everything_once():
    async with running() as world:
        conversation = await world.begin()
        gate, entered = asyncio.Event(), asyncio.Event()
        load = world.feed._load

        async def slow(conversation: str) -> Loaded:
            """The snapshot is taken at once, but arrives late."""
            loaded = await load(conversation)
            if not entered.is_set():
                entered.set()
                await gate.wait()
            return loaded

        world.feed._load = slow
        late = asyncio.create_task(world.open(conversation))
        await entered.wait()
        await asyncio.sleep(2 * SHARE_S)  # so that the second one does not wait for the same snapshot
        early = await world.open(conversation)
        for n in range(1, 4):
            await world.write(conversation, NOTE % n)
        await eventually(lambda: early.seqs == [1, 2, 3], 5, "the early reader")
        gate.set()
        reader = await late
        assert reader.start.position.seq == 0
        await eventually(lambda: reader.seqs == [1, 2, 3], 5, "the late reader")
        await world.write(conversation, NOTE % 4)
        await eventually(lambda: early.seqs == reader.seqs == [1, 2, 3, 4], 5, "both")


async def test_a_rebuilt_session_is_lost_to_its_readers():
    async with running() as world:
        conversation = await world.begin()
        reader = await world.open(conversation)
        fresh = Position("epoch1", 7, "t")
        await world.store.seed(conversation, fresh, {}, fence=0, archived=7, replaces="epoch0")
        world.feed.ring(conversation)
        await eventually(lambda: reader.lost == ["epoch"], 5, "the loss")
        assert world.feed.watched == 0
        again = await world.open(conversation)
        assert again.start.position.epoch == "epoch1"


async def test_opening_a_rebuilt_session_tells_the_readers_of_the_former_one():
    async with running(slow_poll_s=60) as world:
        conversation = await world.begin()
        old = await world.open(conversation)
        await asyncio.sleep(0.1)
        fresh = Position("epoch1", 7, "t")
        await world.store.seed(conversation, fresh, {}, fence=0, archived=7, replaces="epoch0")
        new = await world.open(conversation)
        assert old.lost == ["epoch"]
        await world.write(conversation, NOTE % 8)
        await eventually(lambda: new.seqs == [8], 5, "the new reader")
        assert old.seqs == []


async def test_S7_after_an_outage_everybody_opens_again(caplog):
    async with running() as world:
        conversations = [await world.begin() for _ in range(3)]
        readers = [await world.open(conversation) for conversation in conversations]
        await asyncio.sleep(0.1)
        world.store.away = True
        world.feed.ring(conversations[0])
        await eventually(lambda: world.feed.counters.outages == 1, 5, "the outage to be seen")
        await world.write(conversations[0], NOTE % 1)
        world.store.away = False
        await eventually(lambda: all(reader.lost == ["store_lost"] for reader in readers), 5, "the resyncs")
        assert "cannot read the store" in caplog.text
        assert "The store is back" in caplog.text
        again = await world.open(conversations[0])
        assert again.start.position.seq == 1


async def test_a_reader_that_fails_harms_nobody_else(caplog):
    async with running() as world:
        conversation = await world.begin()
        bad, good = await world.open(conversation), await world.open(conversation)
        bad.start = None
        await world.write(conversation, NOTE % 1)
        await world.write(conversation, NOTE % 2)
        await eventually(lambda: good.seqs == [1, 2], 5, "the good reader")
        assert bad.batches == []
        assert "was let go" in caplog.text


async def test_nobody_watches_what_could_not_be_opened():
    async with running() as world:
        with pytest.raises(NoConversation):
            await world.open(str(uuid.uuid4()))
        assert world.feed.watched == 0


async def test_unwatching_ends_the_reading():
    async with running() as world:
        conversation = await world.begin()
        reader, other = await world.open(conversation), await world.open(conversation)
        world.feed.unwatch(conversation, reader)
        await world.write(conversation, NOTE % 1)
        await eventually(lambda: other.seqs == [1], 5, "the other reader")
        assert reader.seqs == []
        world.feed.unwatch(conversation, other)
        world.feed.unwatch(conversation, other)
        assert world.feed.watched == 0


async def test_a_last_reader_who_leaves_during_a_read_stops_the_reading_for_nobody_else(caplog):
    """What the read brings begins a run: kept as hot for nobody, it once stopped the whole feed."""
    async with running() as world:
        left, other = await world.begin(), await world.begin()
        leaver, reader = await world.open(left), await world.open(other)
        await asyncio.sleep(0.1)  # what they ring for when they come is read
        world.store.holding.clear()
        world.store.answer.clear()
        await world.write(left, RUNNING, run="running")
        await asyncio.wait_for(world.store.holding.wait(), 5)
        world.feed.unwatch(left, leaver)
        world.store.answer.set()
        await world.write(other, NOTE % 1)
        await eventually(lambda: reader.seqs == [1], 5, "the other reader to be served")
        assert reader.lost == [] and world.feed.watched == 1 and "cannot read" not in caplog.text
        again = await world.open(left)
        await world.write(left, FINISHED, run="finished", ring=False)
        await eventually(lambda: again.seqs == [2], 5, "the one who came back")


async def test_W3_heads_are_those_of_the_store():
    async with running() as world:
        conversation = await world.begin()
        await world.open(conversation)
        await world.write(conversation, NOTE % 1)
        head = await world.store.head(conversation)
        missing = str(uuid.uuid4())
        assert await world.feed.heads([conversation, missing]) == {conversation: head[0].cursor}


def part(number: int, offset: int, text: str, message: str = "s") -> LogPart:
    return LogPart(f"3-{number}", message, offset, text)


def test_W4_neighbouring_parts_become_one():
    event = LogEvent("4-0", 4, "a", "b", "{}")
    entries = [part(1, 0, "a"), part(2, 1, "🙂"), part(3, 3, "c"), event, part(4, 4, "d"), part(5, 9, "gap")]
    merged = merge_parts(entries)
    assert merged == [part(3, 0, "a🙂c"), event, part(4, 4, "d"), part(5, 9, "gap")]
    other = [part(1, 0, "a"), part(2, 1, "b", message="t")]
    assert merge_parts(other) == other
    assert utf16("a🙂c") == 4


async def test_W4_one_process_relays_ten_thousand_parts_a_second():
    """200 streams of 50 parts a second; the store in memory, so this is the cost of the feed alone."""
    async with running() as world:
        conversations = [await world.begin() for _ in range(200)]
        for conversation in conversations:
            await world.write(conversation, RUNNING, run="running")
        readers = [await world.open(conversation) for conversation in conversations]
        loop = asyncio.get_running_loop()
        began, spent = loop.time(), 0.0
        for n in range(50):
            for conversation in conversations:
                await world.store.part(conversation, 0, "s", 6 * n, "token ")
            await asyncio.sleep(max(0, began + 0.02 * (n + 1) - loop.time()))
        spent = loop.time() - began
        await eventually(lambda: all(r.text == "token " * 50 for r in readers), 10, "all text")
        assert loop.time() - began < 3 * max(spent, 1.0)
