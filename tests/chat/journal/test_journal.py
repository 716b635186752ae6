"""The journal over SQLite and PostgreSQL (rules S5, S6, W5)."""

import asyncio
import threading
import uuid
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents import events as e
from agents.history import Summary, UserMessage
from chat import models as m
from chat.journal.committed import Committed, commit
from chat.journal.journal import Journal
from chat.session.contract import Command, Position
from chat.session.errors import Behind, Diverged, IdReused, JournalUnavailable, NoConversation
from chat.session.state import EMPTY, change, is_open, items, merge, reduce
from chat.session.views import State
from chat.support.database import Database
from tests.support import databases
from tests.support.databases import in_thread
from tests.support.histories import START, flat, tell

Archived = tuple[State, Position]


async def begin(journal: Journal, owner: Any) -> str:
    conversation = str(uuid.uuid4())
    assert await journal.create(conversation, owner, "assistant", "", "web", START)
    return conversation


def prepare(
    state: State, at: Position, events: Sequence[e.Event], command: Command | None = None
) -> tuple[dict[str, Any], list[Committed], Position]:
    texts = [e.to_json(event) for event in events]
    places = at.after(texts)
    stored = [
        (place.tag, text, event, command if n == 0 else None)
        for n, (place, text, event) in enumerate(zip(places, texts, events, strict=True))
    ]
    after, committed = commit(state, at.seq, stored)
    return after, committed, places[-1]


async def archive(
    journal: Journal,
    conversation: str,
    state: State,
    at: Position,
    events: Sequence[e.Event],
    command: Command | None = None,
) -> Archived:
    after, committed, last = prepare(state, at, events, command)
    await journal.archive(conversation, (at.seq, at.tag), committed, after)
    return after, last


ZERO = Position("e", 0, "")
CREATED = e.ConversationCreated(at=START, title="", agent="assistant")


def message(text: str) -> e.MessageAdded:
    return e.MessageAdded(at=START, message=str(uuid.uuid4()), text=text)


EXAMPLES = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@EXAMPLES
@given(random=st.randoms(use_true_random=False))
async def test_S6_rebuild_equals_reduce_over_all_events(journal: Journal, owner: Any, random: Random) -> None:
    """At every append: what SQL gives back is what the reducer made of all events so far."""
    conversation = await begin(journal, owner)
    told = tell(random, runs=random.randint(0, 12))
    state: State = EMPTY
    at, everything, overlap = ZERO, dict[str, Any](), random.randint(0, 3)
    for number, append in enumerate(told):
        seq = at.seq
        after, committed, last = prepare(state, at, append)
        await journal.archive(conversation, (at.seq, at.tag), committed, after)
        if number % 5 == overlap:  # whoever comes twice
            await journal.archive(conversation, (at.seq, at.tag), committed, after)
        for event in append:
            seq += 1
            everything = merge(everything, change(everything, event, seq))
        state, at = after, last
        if number % 4 == 0 or number > len(told) - 4:
            base = await journal.base(conversation)
            assert (base.seq, base.tag) == (at.seq, at.tag)
            assert base.state == state
    await check_rows(journal, conversation, everything, flat(told))


async def kept(journal: Journal, conversation: str) -> list[Any]:
    """The bodies of all items that SQL has, in transcript order, as the pages of the browser take them."""

    def rows() -> list[Any]:
        found: list[tuple[int, Any]] = []
        for kind in (m.Message, m.Step):
            mine = kind.objects.using(journal.using).filter(conversation=conversation)
            found += mine.values_list("seq", "body")
        return [body for _, body in sorted(found, key=lambda one: one[0])]

    return await journal.ask(rows)


async def check_rows(journal: Journal, conversation: str, everything: State, events: list[e.Event]) -> None:
    """The rows have every item there is, however old, and the typed columns agree with the items."""
    assert await kept(journal, conversation) == items(everything)

    def rows() -> None:
        row = m.Conversation.objects.using(journal.using).get(id=conversation)
        assert row.head_seq == len(events)
        steps = {item["id"]: item for item in items(everything) if item["kind"] == "step"}
        assert {s.step: s.body for s in row.steps.all()} == steps
        assert {s.step for s in row.steps.filter(open=True)} == {k for k, s in steps.items() if is_open(s)}
        calls = {call["id"]: call for step in steps.values() for call in step["calls"]}
        assert {c.call: (c.status, c.attempt, c.code) for c in row.calls.all()} == {
            id: (call["status"], call["attempt"], call["code"] or "") for id, call in calls.items()
        }
        settled = {ev.call: ev.result for ev in events if isinstance(ev, e.CallSettled)}
        for call in row.calls.exclude(result=""):
            assert call.result == settled[call.call].replace("\0", "\ufffd")
        run = everything.get("run")
        assert row.run_status == (run["status"] if run else "")
        if run is not None:
            newest = row.runs.order_by("-seq").first()
            assert newest is not None
            assert (newest.run, newest.status, newest.attempt) == (run["id"], run["status"], run["attempt"])

    in_thread(rows)


async def test_S5_archiving_again_is_harmless_also_in_part(journal: Journal, owner: Any) -> None:
    conversation = await begin(journal, owner)
    one, first, at_one = prepare(EMPTY, ZERO, [CREATED, message("1")])
    two, second, at_two = prepare(one, at_one, [message("2"), message("3")])
    await journal.archive(conversation, (0, ""), first, one)
    await journal.archive(conversation, (0, ""), [*first, *second], two)
    await journal.archive(conversation, (0, ""), first, one)
    await journal.archive(conversation, (0, ""), first[:1], one)
    await journal.archive(conversation, (1, first[0].tag), [first[1], second[0]], two)
    base = await journal.base(conversation)
    assert (base.seq, base.tag, base.state) == (4, at_two.tag, two)


async def test_S6_events_beyond_a_gap_are_refused(journal: Journal, owner: Any) -> None:
    conversation = await begin(journal, owner)
    state, _, at = prepare(EMPTY, ZERO, [CREATED])
    with pytest.raises(Behind):
        await archive(journal, conversation, state, at, [message("2")])
    assert (await journal.base(conversation)).seq == 0


async def test_S6_another_history_is_refused(journal: Journal, owner: Any) -> None:
    conversation = await begin(journal, owner)
    state, at = await archive(journal, conversation, EMPTY, ZERO, [CREATED])
    await archive(journal, conversation, state, at, [message("a"), message("b")])
    with pytest.raises(Diverged):
        await archive(journal, conversation, state, at, [message("other")])
    with pytest.raises(Diverged):
        await archive(journal, conversation, state, at, [message("x"), message("y"), message("z")])
    with pytest.raises(Diverged):
        await archive(journal, conversation, state, Position("e", 1, "f" * 16), [message("x")])
    assert (await journal.base(conversation)).seq == 3


async def test_S5_two_who_archive_at_once_agree(journal: Journal, owner: Any) -> None:
    """Of two histories one wins; of the same one, both do."""
    conversation = await begin(journal, owner)
    state, at = await archive(journal, conversation, EMPTY, ZERO, [CREATED])
    ours, theirs = [message("ours")], [message("theirs")]
    outcomes = await asyncio.gather(
        *(archive(journal, conversation, state, at, each) for each in (ours, theirs, ours, theirs)),
        return_exceptions=True,
    )
    lost = [outcome for outcome in outcomes if isinstance(outcome, Diverged)]
    won = [outcome for outcome in outcomes if isinstance(outcome, tuple)]
    assert len(lost) == 2 and len(won) == 2 and won[0] == won[1]
    assert (await journal.base(conversation)).tag == won[0][1].tag


async def test_W5_a_command_has_one_effect_and_its_result_for_ever(journal: Journal, owner: Any) -> None:
    conversation = await begin(journal, owner)
    command = Command("c1", "digest", '"done"')
    state, at = await archive(journal, conversation, EMPTY, ZERO, [CREATED], command)
    assert await journal.command(conversation, "c1") == command
    assert await journal.command(conversation, "c2") is None
    with pytest.raises(Diverged):
        await archive(journal, conversation, state, at, [message("again")], command)
    assert await journal.remember(conversation, Command("c1", "digest", '"other"')) == command
    with pytest.raises(IdReused):
        await journal.remember(conversation, Command("c1", "another", '"other"'))
    refused = Command("c3", "digest", '"refused"')
    assert await journal.remember(conversation, refused) == refused
    assert await journal.command(conversation, "c3") == refused


async def test_text_that_a_column_cannot_hold_is_kept_in_the_events(journal: Journal, owner: Any) -> None:
    conversation = await begin(journal, owner)
    text = "nul \0 你好 🙂 \u2028 \\u0000"
    created = e.ConversationCreated(at=START, title=text, agent="assistant")
    state, _ = await archive(journal, conversation, EMPTY, ZERO, [created, message(text)])
    assert (await journal.base(conversation)).state == state
    assert (await kept(journal, conversation))[0]["text"] == text
    history = await journal.history(conversation)
    assert [item.text for item in history.items] == [text]


async def test_R2_the_fence_grows_by_one_for_each_owner(journal: Journal, owner: Any) -> None:
    conversation = await begin(journal, owner)
    fences = await asyncio.gather(*(journal.grow_fence(conversation) for _ in range(6)))
    assert sorted(fences) == [1, 2, 3, 4, 5, 6]
    assert await journal.fence(conversation) == 6


async def test_deleted_and_foreign_conversations_are_not_there(journal: Journal, owner: Any) -> None:
    conversation = await begin(journal, owner)
    assert not await journal.create(conversation, owner, "assistant", "", "web", START)
    with pytest.raises(NoConversation):
        await journal.create(conversation, owner + 1, "assistant", "", "web", START)
    assert await journal.delete(conversation, START)
    assert not await journal.delete(conversation, START)
    for name in (conversation, str(uuid.uuid4()), "not-a-uuid"):
        with pytest.raises(NoConversation):
            await journal.base(name)
    with pytest.raises(NoConversation):
        await journal.create(conversation, owner, "assistant", "", "web", START)
    with pytest.raises(NoConversation):
        await archive(journal, conversation, EMPTY, ZERO, [CREATED])


async def test_S3_rebuilding_reads_a_bounded_number_of_rows(journal: Journal, owner: Any) -> None:
    """The same queries with the same bounds, for 60 messages and for 600."""
    conversation = await begin(journal, owner)
    state, at = await archive(journal, conversation, EMPTY, ZERO, [CREATED])
    seen = []
    for _ in range(3):
        state, at = await archive(journal, conversation, state, at, [message("m") for _ in range(200)])

        def rebuild() -> tuple[int, int]:
            with CaptureQueriesContext(connections[journal.using]) as captured:
                base = journal.base_here(conversation)
            return len(captured), len(base.state)

        seen.append(in_thread(rebuild))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] <= 4


async def test_the_first_message_of_a_long_history_says_what_it_says_now(
    journal: Journal, owner: Any
) -> None:
    conversation, first = await begin(journal, owner), message("teh")
    edited = e.MessageEdited(at=START, message=first.message, text="the")
    told = [CREATED, first, edited, *[message(str(n)) for n in range(30)]]
    await archive(journal, conversation, EMPTY, ZERO, told)
    for newest in (5, 400):
        opening = (await journal.history(conversation, items=newest)).items[0]
        assert (opening.id, getattr(opening, "text", "")) == (first.message, "the")


async def test_history_holds_the_newest_items_and_all_of_the_run(journal: Journal, owner: Any) -> None:
    conversation = await begin(journal, owner)
    state, at = await archive(journal, conversation, EMPTY, ZERO, [CREATED, *[message("old")] * 1])
    cause = message("cause")
    run = [
        cause,
        e.RunQueued(at=START, run="r", cause=cause.message),
        e.RunStarted(at=START, run="r", attempt=1, fence=1, worker="w"),
    ]
    state, at = await archive(journal, conversation, state, at, run)
    state, at = await archive(journal, conversation, state, at, [message(str(n)) for n in range(20)])
    whole = await journal.history(conversation)
    assert len(whole.items) == 22
    some = await journal.history(conversation, items=5)
    assert some.run == whole.run and some.run is not None and some.run.attempt == 1
    assert some.items == whole.items, "the first message, and from the cause of the run on"
    done = [e.RunFinished(at=START, run="r"), *[message(str(n)) for n in range(30)]]
    state, at = await archive(journal, conversation, state, at, done)
    state, at = await archive(
        journal,
        conversation,
        state,
        at,
        [e.RunQueued(at=START, run="r2", cause=done[-1].message)],  # type: ignore[attr-defined]
    )
    later = await journal.history(conversation, items=5)
    assert later.items[0] == whole.items[0] and len(later.items) == 1 + 5
    assert later.run is not None and later.run.id == "r2"


async def test_T2_a_summary_is_there_however_long_ago(journal: Journal, owner: Any) -> None:
    conversation = await begin(journal, owner)
    told = [CREATED, *[message(f"old {n}") for n in range(10)], e.RunQueued(at=START, run="r", cause="c")]
    usage = e.Usage(input=100, output=20, cached=50, cost=7)
    told += [e.HistoryCompacted(at=START, run="r", upto=11, summary="old ones", items=8, usage=usage)]
    told += [e.RunFinished(at=START, run="r"), *[message(f"new {n}") for n in range(30)]]
    told += [e.RunQueued(at=START, run="r2", cause=told[-1].message)]  # type: ignore[attr-defined]
    await archive(journal, conversation, EMPTY, ZERO, told)
    for newest in (5, 400):
        history = await journal.history(conversation, items=newest)
        (summary,) = (item for item in history.items if isinstance(item, Summary))
        assert (summary.text, summary.items) == ("old ones", 8)
        assert [item.text for item in history.items[:1] if isinstance(item, UserMessage)] == ["old 0"]
    page = [item for item in await kept(journal, conversation) if item["seq"] < 12]
    assert len([item for item in page if item["kind"] == "message"]) == 10, "people keep seeing everything"
    row = m.Conversation.objects.using(journal.using).filter(id=conversation)
    assert await journal.ask(lambda: row.values_list("input_tokens", "cached_tokens", "cost").get()) == (
        100,
        50,
        7,
    )


class Impatient(Database):
    """Waits for a lock for fifty milliseconds. Said before each piece of work: with a pool each has its connection."""

    async def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        def hurried() -> Any:
            _execute(
                self.using, {"sqlite": "PRAGMA busy_timeout = 50", "postgresql": "SET lock_timeout = '50ms'"}
            )
            try:
                return work(*args, **kwargs)
            finally:
                _execute(self.using, {"sqlite": "SELECT 1", "postgresql": "RESET lock_timeout"})

        return await super().run(hurried)


async def test_S5_a_locked_database_acknowledges_nothing(journal: Journal, owner: Any) -> None:
    """Somebody holds the lock for longer than our patience."""
    conversation = await begin(journal, owner)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(using=journal.using):
            m.Conversation.objects.using(journal.using).select_for_update().get(id=conversation)
            held.set()
            done.wait(30)

    impatient = Journal(Impatient(journal.using, threads=1))
    holder = asyncio.create_task(asyncio.to_thread(in_thread, hold))
    await asyncio.to_thread(held.wait, 30)
    with pytest.raises(JournalUnavailable) as caught:
        await archive(impatient, conversation, EMPTY, ZERO, [CREATED])
    assert caught.value.retry
    done.set()
    await holder
    await archive(impatient, conversation, EMPTY, ZERO, [CREATED])
    assert (await impatient.base(conversation)).seq == 1
    impatient.close()


async def test_a_database_that_restarted_is_found_again_at_once(
    postgres_alias: str, django_db_blocker: Any
) -> None:
    """Every connection that a thread has kept is dead, and nobody gets to see it."""
    with django_db_blocker.unblock():
        users = get_user_model().objects.using(postgres_alias)
        owner = in_thread(lambda: users.create(username="carol").pk)
        journal = Journal(Database(postgres_alias))
        conversation = await begin(journal, owner)
        await asyncio.gather(*(journal.fence(conversation) for _ in range(8)))
        in_thread(lambda: connections[postgres_alias].cursor().execute(_END_ALL_OTHERS))
        assert await asyncio.gather(*(journal.fence(conversation) for _ in range(8))) == [0] * 8
        journal.close()
        databases.empty(postgres_alias)


_END_ALL_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def _execute(using: str, statements: dict[str, str]) -> None:
    connection = connections[using]
    connection.cursor().execute(statements[connection.vendor])


def test_S4_reduce_is_change_and_eviction() -> None:
    """What the journal keeps of an event is what the state shows of it, but for what leaves the window."""
    state: State = EMPTY
    for seq, event in enumerate(flat(tell(Random(7), runs=12)), start=1):
        whole, own = reduce(state, event, seq), change(state, event, seq)
        assert {key: value for key, value in whole.items() if value is not None} == {
            key: value for key, value in own.items() if value is not None and whole[key] is not None
        }
        state = merge(state, whole)
