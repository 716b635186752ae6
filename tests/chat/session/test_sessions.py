"""Sessions on good days: append, dedupe, own, read (rules S2, S5, S8, R2, W5)."""

import asyncio
import uuid
from typing import Any

import pytest

from agents import events as e
from agents.events.earlier import EARLIER
from chat.models import Event
from chat.session.contract import Batch, Command
from chat.session.errors import Fenced, IdReused, NoConversation, PartGap, Rejected
from chat.session.sessions import Sessions, SessionView
from chat.session.state import items
from tests.support.histories import START
from tests.support.worlds import World

pytestmark = pytest.mark.django_db(transaction=True)


def said(text: str) -> e.MessageAdded:
    return e.MessageAdded(at=START, message=str(uuid.uuid4()), text=text)


def texts(view: SessionView) -> list[str]:
    return [item["text"] for item in items(view.state)]


async def start(sessions: Sessions, owner: Any) -> str:
    conversation = str(uuid.uuid4())
    await sessions.create(conversation, owner.pk, "assistant", "Hello", "web")
    return conversation


async def test_S5_what_append_returns_is_in_the_journal(sessions: Sessions, alice: Any) -> None:
    conversation = await start(sessions, alice)
    outcome = await sessions.append(conversation, lambda view: [said("1"), said("2")])
    base = await sessions.journal.base(conversation)
    assert (base.seq, base.tag) == (3, outcome.view.position.tag)
    assert base.state == outcome.view.state
    again = await sessions.load(conversation)
    assert again == outcome.view
    assert texts(again) == ["1", "2"]


async def test_S2_concurrent_appends_all_stand_once(sessions: Sessions, alice: Any) -> None:
    conversation = await start(sessions, alice)

    async def say(number: int) -> None:
        await sessions.append(conversation, lambda view: [said(str(number))])

    await asyncio.gather(*(say(number) for number in range(10)))
    view = await sessions.load(conversation)
    assert view.position.seq == 11
    assert sorted(texts(view), key=int) == [str(n) for n in range(10)]


async def test_a_decision_may_be_not_to(sessions: Sessions, alice: Any) -> None:
    conversation = await start(sessions, alice)

    def refuse(view: SessionView) -> list[e.Event]:
        raise Rejected("no_run")

    with pytest.raises(Rejected, match="no_run"):
        await sessions.append(conversation, refuse)
    outcome = await sessions.append(conversation, lambda view: [])
    assert outcome.events == [] and not outcome.duplicate
    assert (await sessions.load(conversation)).position.seq == 1


async def test_W5_ten_times_the_same_command_one_effect(sessions: Sessions, alice: Any) -> None:
    conversation = await start(sessions, alice)
    command = Command("c1", "digest", '"done"')
    outcomes = await asyncio.gather(
        *(sessions.append(conversation, lambda view: [said("once")], command=command) for _ in range(10))
    )
    assert sum(not outcome.duplicate for outcome in outcomes) == 1
    assert {outcome.result for outcome in outcomes} == {'"done"'}
    assert texts(await sessions.load(conversation)) == ["once"]
    with pytest.raises(IdReused):
        await sessions.append(conversation, lambda view: [said("x")], command=Command("c1", "other", ""))
    assert await sessions.command(conversation, "c1") == command


async def test_W5_results_outlive_redis(sessions: Sessions, world: World, alice: Any) -> None:
    conversation = await start(sessions, alice)
    done, nothing = Command("c1", "d", '"done"'), Command("c2", "d", '"nothing"')
    await sessions.append(conversation, lambda view: [said("once")], command=done)
    await sessions.append(conversation, lambda view: [], command=nothing)
    refused = await sessions.remember(conversation, Command("c3", "d", '"refused"'))
    await world.flush()
    for command in (done, nothing, refused):
        outcome = await sessions.append(conversation, lambda view: [said("twice")], command=command)
        assert outcome.duplicate and outcome.result == command.result
        assert await sessions.command(conversation, command.id) == command
    assert texts(await sessions.load(conversation)) == ["once"]


async def test_W5_creating_twice_is_creating_once(sessions: Sessions, alice: Any, bob: Any) -> None:
    conversation, command = str(uuid.uuid4()), Command("c1", "d", '"made"')
    first = await sessions.create(conversation, alice.pk, "assistant", "A", "web", command)
    again = await sessions.create(conversation, alice.pk, "assistant", "A", "web", command)
    other = await sessions.create(conversation, alice.pk, "assistant", "B", "web", Command("c2", "d", "1"))
    assert (first.duplicate, again.duplicate, other.events) == (False, True, [])
    assert again.view.position == first.view.position == other.view.position
    with pytest.raises(NoConversation):
        await sessions.create(conversation, bob.pk, "assistant", "A", "web", Command("c3", "d", "1"))


async def test_a_deleted_conversation_is_gone(sessions: Sessions, alice: Any) -> None:
    conversation = await start(sessions, alice)
    await sessions.delete(conversation)
    await sessions.delete(conversation)
    with pytest.raises(NoConversation):
        await sessions.load(conversation)
    with pytest.raises(NoConversation):
        await sessions.append(conversation, lambda view: [said("x")])
    with pytest.raises(NoConversation):
        await sessions.take(conversation, "a", 1000)


async def test_R2_a_zombie_with_an_old_fence_writes_nothing(sessions: Sessions, alice: Any) -> None:
    conversation = await start(sessions, alice)
    old = await sessions.take(conversation, "a", 5_000)
    assert old == 1
    assert await sessions.take(conversation, "b", 5_000) is None
    await sessions.release(conversation, "a")
    new = await sessions.take(conversation, "b", 5_000)
    assert new == 2
    with pytest.raises(Fenced):
        await sessions.append(conversation, lambda view: [said("zombie")], fence=old)
    with pytest.raises(Fenced):
        await sessions.part(conversation, old, "s", 0, "zombie")
    assert not await sessions.renew(conversation, "a", 5_000)
    await sessions.append(conversation, lambda view: [said("owner")], fence=new)
    assert texts(await sessions.load(conversation)) == ["owner"]


async def test_W4_parts_end_with_their_step(sessions: Sessions, alice: Any) -> None:
    conversation = await start(sessions, alice)
    fence = await sessions.take(conversation, "a", 5_000)
    assert fence is not None
    started = e.StepStarted(at=START, run="r", step="r.1")
    await sessions.append(conversation, lambda view: [started], fence=fence)
    await sessions.part(conversation, fence, "r.1", 0, "Hel")
    await sessions.part(conversation, fence, "r.1", 3, "lo")
    with pytest.raises(PartGap):
        await sessions.part(conversation, fence, "r.1", 9, "!")
    view = await sessions.load(conversation)
    assert view.part is not None and view.part.text == "Hello"
    outcome = await sessions.append(conversation, lambda view: [said("meanwhile")])
    assert outcome.view.part is not None
    done = e.StepFinished(at=START, run="r", step="r.1", text="Hello")
    outcome = await sessions.append(conversation, lambda view: [done], fence=fence)
    assert outcome.view.part is None and (await sessions.load(conversation)).part is None


async def test_history_has_what_was_just_appended(sessions: Sessions, alice: Any) -> None:
    conversation = await start(sessions, alice)
    await sessions.append(conversation, lambda view: [said("1")])
    history = await sessions.history(conversation)
    assert history.conversation == conversation
    assert [item.seq for item in history.items] == [2]


async def test_the_bell_rings_after_the_journal_has_it(world: World, sqlite_journal: Any, alice: Any) -> None:
    heard: list[int] = []

    async def hear(conversation: str, events: object) -> None:
        heard.append((await sqlite_journal.base(conversation)).seq)

    sessions = Sessions(world.store, sqlite_journal, on_change=hear)
    conversation = await start(sessions, alice)
    await sessions.append(conversation, lambda view: [said("1"), said("2")])
    assert heard[-2:] == [1, 3]


async def test_a_bell_that_cannot_be_rung_fails_nothing(
    world: World, sqlite_journal: Any, alice: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(conversation: str, events: object) -> None:
        raise RuntimeError("no bell")

    sessions = Sessions(world.store, sqlite_journal, on_change=broken)
    conversation = await start(sessions, alice)
    assert (await sessions.load(conversation)).position.seq == 1
    assert "no bell" in caplog.text


async def test_what_is_decided_is_told_so_that_the_release_before_can_read_it(
    world: World, sqlite_journal: Any, alice: Any
) -> None:
    """Store, journal and state have one and the same text of it (rules S2, S5)."""
    sessions = Sessions(world.store, sqlite_journal, told=EARLIER["0.1"])
    conversation = await start(sessions, alice)
    queued = [said("hi"), e.RunQueued(at=1, run="r", cause="m")]
    step = e.StepStarted(at=1, run="r", step="r.1", agent="assistant")
    outcome = await sessions.append(conversation, lambda view: [*queued, step])
    assert outcome.events[-1] == step.model_copy(update={"agent": ""})
    history = await sessions.history(conversation)
    assert (await sessions.load(conversation)).position == outcome.view.position
    assert [item.id for item in history.steps()] == ["r.1"]
    texts = await sessions.journal.ask(
        lambda: list(Event.objects.order_by("seq").values_list("text", flat=True))
    )
    assert texts[-1] == e.to_json(outcome.events[-1])
    assert "assistant" not in texts[-1]


async def test_readers_get_each_event_with_the_tags_of_the_cursors(sessions: Sessions, alice: Any) -> None:
    """Rule W2: the cursor before and after each event can be told from the log alone."""
    conversation = await start(sessions, alice)
    before = (await sessions.load(conversation)).position
    after = (await sessions.append(conversation, lambda view: [said("1"), said("2")])).view.position
    log_id = f"{before.seq}-0"
    batch = (await sessions.store.read({conversation: (before.epoch, log_id)}))[conversation]
    assert isinstance(batch, Batch)
    tags = [getattr(entry, "prev", "") for entry in batch.entries] + [after.tag]
    assert tags[0] == before.tag
    assert [getattr(entry, "tag", "") for entry in batch.entries] == tags[1:]
