"""Sessions on bad days: crashes between the two writes, lost tails, empty and unreachable servers (S5–S8)."""

import asyncio
import uuid
from random import Random
from typing import Any

import pytest
from django.db import DataError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents import events as e
from chat.journal.journal import Journal
from chat.session import sessions as looking
from chat.session.contract import LOST, Command
from chat.session.errors import (
    Fenced,
    JournalUnavailable,
    NoConversation,
    PartGap,
    StoreUnavailable,
    Unarchivable,
)
from chat.session.memory import MemoryStore
from chat.session.sessions import Sessions
from chat.session.state import EMPTY, merge, reduce
from chat.session.store import RedisStore
from chat.session.views import State
from tests.chat.session.test_sessions import said, start, texts
from tests.support.histories import tell
from tests.support.ports import claim_port
from tests.support.waiting import eventually
from tests.support.worlds import RedisWorld, World

pytestmark = pytest.mark.django_db(transaction=True)


class Crash(Exception):
    """The process died here."""


class CrashingJournal(Journal):
    """A journal whose process dies just before it archives, as often as told."""

    crashes = 0

    async def archive(self, *args: Any, **kwargs: Any) -> None:
        if self.crashes:
            self.crashes -= 1
            raise Crash
        await super().archive(*args, **kwargs)


class RefusingJournal(Journal):
    """A journal whose database refuses to write, while `refuses`."""

    refuses = False

    async def archive(self, *args: Any, **kwargs: Any) -> None:
        if self.refuses:
            raise JournalUnavailable
        await super().archive(*args, **kwargs)


@pytest.fixture
def crashing(world: World, transactional_db: None) -> Any:
    journal = CrashingJournal()
    yield Sessions(world.store, journal)
    journal.close()


@pytest.fixture
def refusing(world: World, transactional_db: None) -> Any:
    journal = RefusingJournal()
    yield Sessions(world.store, journal)
    journal.close()


async def crash_while_appending(
    sessions: Sessions, conversation: str, *events: e.Event, command: Command | None = None
) -> None:
    assert isinstance(sessions.journal, CrashingJournal)
    sessions.journal.crashes = 1
    with pytest.raises(Crash):
        await sessions.append(conversation, lambda view: list(events), command=command)


# ---- the crash between Redis and SQL ----


async def test_S6_whoever_comes_next_archives_the_leftover(crashing: Sessions, alice: Any) -> None:
    conversation = await start(crashing, alice)
    await crash_while_appending(crashing, conversation, said("left"), said("over"))
    assert (await crashing.journal.base(conversation)).seq == 1
    await crashing.append(conversation, lambda view: [said("next")])
    base = await crashing.journal.base(conversation)
    view = await crashing.load(conversation)
    assert base.seq == 4 and base.state == view.state
    assert texts(view) == ["left", "over", "next"]


async def test_S6_a_mere_reader_archives_the_leftover_too(crashing: Sessions, alice: Any) -> None:
    conversation = await start(crashing, alice)
    await crash_while_appending(crashing, conversation, said("left over"))
    await crashing.ensure_archived(conversation)
    assert (await crashing.journal.base(conversation)).seq == 2


async def test_W5_a_command_that_crashed_before_it_was_archived(crashing: Sessions, alice: Any) -> None:
    """Applied in Redis, not acknowledged: the retry commits it, and tells the recorded result."""
    conversation = await start(crashing, alice)
    command = Command("c1", "d", '"done"')
    await crash_while_appending(crashing, conversation, said("once"), command=command)
    for _ in range(10):
        outcome = await crashing.append(conversation, lambda view: [said("twice")], command=command)
        assert outcome.duplicate and outcome.result == '"done"'
    base = await crashing.journal.base(conversation)
    assert base.seq == 2 and base.state == (await crashing.load(conversation)).state
    assert await crashing.journal.command(conversation, "c1") == command


async def test_W5_asking_for_a_crashed_command_commits_it(crashing: Sessions, alice: Any) -> None:
    conversation = await start(crashing, alice)
    command = Command("c1", "d", '"done"')
    await crash_while_appending(crashing, conversation, said("once"), command=command)
    assert await crashing.command(conversation, "c1") == command
    assert (await crashing.journal.base(conversation)).seq == 2


async def test_W5_a_crashed_command_that_redis_then_lost_is_carried_out_by_the_retry(
    crashing: Sessions, world: World, alice: Any
) -> None:
    conversation = await start(crashing, alice)
    command = Command("c1", "d", '"done"')
    await crash_while_appending(crashing, conversation, said("once"), command=command)
    await world.flush()
    outcome = await crashing.append(conversation, lambda view: [said("once")], command=command)
    assert not outcome.duplicate
    assert texts(outcome.view) == ["once"]


async def test_S5_nothing_is_acknowledged_while_sql_refuses(refusing: Sessions, alice: Any) -> None:
    conversation = await start(refusing, alice)
    journal = refusing.journal
    assert isinstance(journal, RefusingJournal)
    journal.refuses = True
    command = Command("c1", "d", "1")
    with pytest.raises(JournalUnavailable):
        await refusing.append(conversation, lambda view: [said("1")], command=command)
    with pytest.raises(JournalUnavailable):
        await refusing.append(conversation, lambda view: [said("2")])
    journal.refuses = False
    outcome = await refusing.append(conversation, lambda view: [said("1")], command=command)
    assert outcome.duplicate
    assert texts(outcome.view) == ["1"], "the second was refused before it got into Redis"


async def test_S6_an_event_that_sql_never_takes_does_not_block_its_conversation(
    world: World, transactional_db: None, alice: Any
) -> None:
    class Picky(Journal):
        def archive_here(self, conversation: str, base: Any, committed: Any, after: Any) -> Any:
            if any("poison" in each.text for each in committed):
                raise DataError("value too long")
            return super().archive_here(conversation, base, committed, after)

    sessions = Sessions(world.store, Picky())
    conversation = await start(sessions, alice)
    with pytest.raises(Unarchivable):
        await sessions.append(conversation, lambda view: [said("poison")])
    at = (await sessions.load(conversation)).position
    await sessions.store.append(conversation, at, [e.to_json(said("poison left over"))], {})
    view = (await sessions.append(conversation, lambda view: [said("fine")])).view
    assert texts(view) == ["fine"]
    sessions.journal.close()


# ---- Redis loses everything ----


async def test_S7_flush_in_the_middle_of_a_conversation(sessions: Sessions, world: World, alice: Any) -> None:
    conversation = await start(sessions, alice)
    before = (await sessions.append(conversation, lambda view: [said("1")])).view
    await world.flush()
    read = await sessions.store.read({conversation: (before.position.epoch, before.loaded.log_id)})
    assert read == {conversation: LOST}
    after = (await sessions.append(conversation, lambda view: [said("2")])).view
    assert after.position.epoch != before.position.epoch
    assert after.position.seq == 3 and texts(after) == ["1", "2"]


async def test_S6_the_bell_rings_for_a_rebuilt_session(
    world: World, sqlite_journal: Journal, alice: Any
) -> None:
    """Readers look at once, and find another epoch."""
    rung: list[str] = []

    async def ring(conversation: str, events: object) -> None:
        rung.append(conversation)

    sessions = Sessions(world.store, sqlite_journal, on_change=ring)
    conversation = await start(sessions, alice)
    await world.save()
    for mishap in (world.flush, world.restart_with_saved):
        rung.clear()
        await mishap()
        await sessions.load(conversation)
        assert rung == [conversation]
        await sessions.load(conversation)
        assert rung == [conversation]


async def test_S7_a_worker_whose_session_vanished_goes_on(
    sessions: Sessions, world: World, alice: Any
) -> None:
    conversation = await start(sessions, alice)
    fence = await sessions.take(conversation, "worker", 60_000)
    assert fence is not None
    started = e.StepStarted(at=1, run="r", step="r.1")
    await sessions.append(conversation, lambda view: [started], fence=fence)
    await sessions.part(conversation, fence, "r.1", 0, "Hello ")
    await world.flush()
    with pytest.raises(PartGap) as caught:
        await sessions.part(conversation, fence, "r.1", 6, "world")
    assert caught.value.have == 0
    await sessions.part(conversation, fence, "r.1", 0, "Hello world")
    assert await sessions.renew(conversation, "worker", 60_000)
    assert await sessions.store.lease(conversation) == "worker"
    await sessions.append(conversation, lambda view: [said("still here")], fence=fence)


async def test_S7_a_worker_that_lost_its_run_does_not_get_it_back(
    sessions: Sessions, world: World, alice: Any
) -> None:
    conversation = await start(sessions, alice)
    old = await sessions.take(conversation, "old", 60_000)
    await world.flush()
    new = await sessions.take(conversation, "new", 60_000)
    assert old is not None and new is not None and new > old
    assert not await sessions.renew(conversation, "old", 60_000)
    await world.flush()
    assert not await sessions.renew(conversation, "old", 60_000), "the fence in SQL has moved on"
    with pytest.raises(Fenced):
        await sessions.append(conversation, lambda view: [said("zombie")], fence=old)
    assert await sessions.renew(conversation, "new", 60_000)


async def test_S8_an_idle_session_comes_back_from_sql(alice: Any, sqlite_journal: Journal) -> None:
    now = 0
    store = MemoryStore(idle_ttl_ms=1_000, clock=lambda: now)
    sessions = Sessions(store, sqlite_journal)
    conversation = await start(sessions, alice)
    before = (await sessions.append(conversation, lambda view: [said("1")])).view
    now = 2_000
    assert await store.head(conversation) is None
    after = await sessions.load(conversation)
    assert after.state == before.state and after.position.tag == before.position.tag


async def test_S6_only_one_of_many_rebuilds(sessions: Sessions, world: World, alice: Any) -> None:
    conversation = await start(sessions, alice)
    await world.flush()
    views = await asyncio.gather(*(sessions.load(conversation) for _ in range(8)))
    assert len({view.position.epoch for view in views}) == 1


# ---- Redis loses its tail ----


async def test_S6_lost_tail_is_rebuilt_under_a_new_epoch(
    sessions: Sessions, world: World, alice: Any
) -> None:
    """The server is killed and comes back with an older copy of its data."""
    conversation = await start(sessions, alice)
    command = Command("c1", "d", '"done"')
    await sessions.append(conversation, lambda view: [said("kept")])
    await world.save()
    before = (await sessions.append(conversation, lambda view: [said("acknowledged")], command=command)).view
    await world.restart_with_saved()
    read = await sessions.store.read({conversation: (before.position.epoch, before.loaded.log_id)})
    assert read == {conversation: LOST}
    after = await sessions.load(conversation)
    assert texts(after) == ["kept", "acknowledged"]
    assert after.position.epoch != before.position.epoch
    assert after.position.tag == before.position.tag
    again = await sessions.append(conversation, lambda view: [said("twice")], command=command)
    assert again.duplicate and texts(again.view) == ["kept", "acknowledged"]


async def test_S6_a_restart_that_lost_only_what_nobody_acknowledged(
    crashing: Sessions, world: World, alice: Any
) -> None:
    """Readers may have seen the lost event; a new epoch tells them to look again."""
    conversation = await start(crashing, alice)
    await world.save()
    await crash_while_appending(crashing, conversation, said("seen, then lost"))
    seen = await crashing.store.load(conversation)
    assert seen is not None
    await world.restart_with_saved()
    after = (await crashing.append(conversation, lambda view: [said("instead")])).view
    assert texts(after) == ["instead"]
    assert after.position.epoch != seen.position.epoch


async def test_S6_a_restart_that_lost_nothing_keeps_the_leftovers(
    crashing: Sessions, world: World, alice: Any
) -> None:
    conversation = await start(crashing, alice)
    await crash_while_appending(crashing, conversation, said("left over"))
    await world.save()
    await world.restart_with_saved()
    after = await crashing.load(conversation)
    assert texts(after) == ["left over"]
    assert (await crashing.journal.base(conversation)).seq == 2


async def test_S6_what_was_written_to_the_former_primary_after_a_failover_is_shown(
    sessions: Sessions, world: World, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has not heard of the failover yet: the server before takes the event, and SQL, but not this one."""
    monkeypatch.setattr(looking, "SECOND_LOOK_S", 0.2)
    conversation = await start(sessions, alice)
    await world.save()
    await world.restart_with_saved()
    seen = await sessions.load(conversation)
    late = Sessions(MemoryStore(idle_ttl_ms=60_000, log_entries=100), sessions.journal)
    await late.append(conversation, lambda view: [said("late")])
    stale = await sessions.load(conversation)
    assert texts(stale) == [], "nothing tells that it is missing"

    async def shown() -> bool:
        return texts(await sessions.load(conversation)) == ["late"]

    await eventually(shown, 10, "the late event to be shown")
    assert (await sessions.load(conversation)).position.epoch != seen.position.epoch
    await late.store.aclose()


async def test_S6_a_dead_branch_in_redis_is_dropped(
    sessions: Sessions, world: World, sqlite_journal: Journal, alice: Any
) -> None:
    """Redis came back with an event that SQL never got, while SQL has another one in its place."""
    conversation = await start(sessions, alice)
    at = (await sessions.load(conversation)).position
    await sessions.store.append(conversation, at, [e.to_json(said("dead"))], {})
    await world.save()
    await sessions.store.delete(conversation)
    await sessions.append(conversation, lambda view: [said("alive")])
    await world.restart_with_saved()
    after = (await sessions.append(conversation, lambda view: [said("next")])).view
    assert texts(after) == ["alive", "next"]
    assert (await sqlite_journal.base(conversation)).state == after.state


async def test_S6_an_archive_that_overtook_a_rebuild_is_shown(
    sessions: Sessions, sqlite_journal: Journal, alice: Any
) -> None:
    """Between a writer's two writes somebody rebuilt Redis from SQL, without the event."""
    conversation = await start(sessions, alice)

    class Meddled(Journal):
        async def archive(self, *args: Any, **kwargs: Any) -> None:
            await sessions.store.delete(conversation)
            await sessions.load(conversation)
            await super().archive(*args, **kwargs)

    journal = Meddled()
    await Sessions(sessions.store, journal).append(conversation, lambda view: [said("overtaken")])
    journal.close()
    assert texts(await sessions.load(conversation)) == ["overtaken"]


# ---- Redis is away ----


async def test_unreachable_redis_is_a_clear_error(sqlite_journal: Journal, alice: Any) -> None:
    url = f"redis://127.0.0.1:{claim_port()}/0"
    store = RedisStore(url, idle_ttl_ms=60_000, log_entries=100, socket_timeout=0.5)
    sessions = Sessions(store, sqlite_journal)
    conversation = str(uuid.uuid4())
    with pytest.raises(StoreUnavailable) as caught:
        await sessions.create(conversation, alice.pk, "assistant", "", "web")
    assert caught.value.retry
    for asked in (
        sessions.load(conversation),
        sessions.append(conversation, lambda view: []),
        sessions.take(conversation, "a", 1_000),
        sessions.part(conversation, 1, "s", 0, "x"),
        store.read({conversation: ("e", "0-0")}),
        store.heads([conversation]),
    ):
        with pytest.raises(StoreUnavailable):
            await asked
    await store.aclose()


async def test_redis_that_hangs_is_a_clear_error_and_comes_back(
    redis_world: RedisWorld, sqlite_journal: Journal, alice: Any
) -> None:
    url = redis_world.server.url
    store = RedisStore(url, idle_ttl_ms=60_000, log_entries=100, socket_timeout=0.3)
    sessions = Sessions(store, sqlite_journal)
    conversation = await start(sessions, alice)
    redis_world.server.pause()
    try:
        with pytest.raises(StoreUnavailable):
            await sessions.load(conversation)
    finally:
        redis_world.server.resume()
    assert (await sessions.append(conversation, lambda view: [said("1")])).view.position.seq == 2
    await store.aclose()


async def test_unknown_conversations_are_not_made_by_looking(sessions: Sessions) -> None:
    with pytest.raises(NoConversation):
        await sessions.load(str(uuid.uuid4()))
    with pytest.raises(NoConversation):
        await sessions.load("not-a-uuid")


# ---- all of it, at random ----


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(random=st.randoms(use_true_random=False))
async def test_S7_nothing_acknowledged_is_ever_lost(random: Random, alice: Any) -> None:
    """A history is told by writers that die, to a store that is flushed, set back and left idle."""
    now = 0
    store = MemoryStore(idle_ttl_ms=1_000, clock=lambda: now)
    journal = CrashingJournal()
    sessions = Sessions(store, journal)
    conversation = await start(sessions, alice)
    copy = store.copy()
    acknowledged: list[e.Event] = []
    epochs = set()
    for number, append in enumerate(tell(random, runs=3)[1:]):
        mishap = random.choice(("none", "none", "none", "flush", "save", "back", "idle", "crash"))
        match mishap:
            case "flush":
                store.flush()
            case "save":
                copy = store.copy()
            case "back":
                store.restart(copy)
            case "idle":
                now += 2_000
            case "crash":
                journal.crashes = 1
        command = Command(f"c{number}", "d", "1")
        for _ in range(2):
            try:
                outcome = await sessions.append(conversation, lambda view, a=append: a, command=command)  # type: ignore[misc]
                break
            except Crash:
                if random.random() < 0.3:
                    store.flush()
        acknowledged += append
        epochs.add(outcome.view.position.epoch)
        assert outcome.view.position.seq == 1 + len(acknowledged)
    state: State = EMPTY
    first = e.ConversationCreated(at=0, title="Hello", agent="assistant")
    for seq, event in enumerate([first, *acknowledged], start=1):
        state = merge(state, reduce(state, event, seq))
    view = await sessions.load(conversation)
    told, found = dict(state), dict(view.state)
    assert {**told, "info": None} == {**found, "info": None}
    base = await journal.base(conversation)
    assert base.state == view.state and (base.seq, base.tag) == (view.position.seq, view.position.tag)
    await asyncio.to_thread(journal.close)
