"""A journal that holds what a later release has told: every reader passes it on (rules J2 to J4)."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from agents import events as e
from chat import models as m
from chat.commands import StopBody
from chat.journal import queries
from chat.journal.committed import commit
from chat.journal.journal import Journal
from chat.session.contract import Batch, LogEvent, next_tag
from chat.session.sessions import Sessions
from chat.session.state import EMPTY, merge, reduce
from tests.chat.runs.test_runner import House, bells_in_memory, house  # noqa: F401
from tests.chat.session.test_sessions import said, start, texts
from tests.support.histories import START
from tests.support.scripted import ScriptedModel, says
from tests.support.worlds import World

pytestmark = pytest.mark.django_db(transaction=True)


class LaterMessage(e.MessageAdded):
    """The same event in a later release: with a field more, from an entrance that is not known here."""

    mood: str = "calm"


def sms(text: str) -> LaterMessage:
    origin = e.Origin(entrance="sms", name="Ada")
    return LaterMessage(at=START, message=str(uuid.uuid4()), text=text, origin=origin)


def foreign(type: str = "run.checked", **told: Any) -> e.Event:
    """An event that this release does not know."""
    return e.from_json(json.dumps({"at": START, "type": type, **told}, separators=(",", ":")))


async def test_J2_J3_it_is_appended_archived_and_rebuilt_as_it_was_told(
    sessions: Sessions, world: World, alice: Any
) -> None:
    conversation = await start(sessions, alice)
    before = (await sessions.load(conversation)).loaded
    strange = foreign("call.postponed" + "x" * 60, step="r.1", call="A")
    view = (await sessions.append(conversation, lambda view: [sms("hi"), strange, said("ok")])).view
    base = await sessions.journal.base(conversation)
    assert (base.seq, base.tag, base.state) == (4, view.position.tag, view.state)
    assert texts(view) == ["hi", "ok"]
    # The feed relays the texts, byte for byte.
    read = await sessions.store.read({conversation: (before.position.epoch, before.log_id)})
    batch = read[conversation]
    assert isinstance(batch, Batch)
    relayed = [entry.text for entry in batch.entries if isinstance(entry, LogEvent)]
    rows = [
        row async for row in m.Event.objects.filter(conversation_id=conversation, seq__gt=1).order_by("seq")
    ]
    assert [row.text for row in rows] == relayed and '"mood":"calm"' in relayed[0]
    tag = before.position.tag
    for row in rows:
        tag = next_tag(tag, row.text)
        assert row.tag == tag
    assert [(row.version, len(row.type) <= 40) for row in rows] == [(1, True)] * 3
    # A store that lost everything gets it back; older items page; the agent's history has the messages.
    await world.flush()
    again = await sessions.load(conversation)
    assert again.state == view.state
    item = await m.Message.objects.aget(conversation_id=conversation, seq=2)
    assert item.body["origin"] == {"entrance": "sms", "name": "Ada"}
    history = await sessions.history(conversation)
    assert [item.text for item in history.items] == ["hi", "ok"]
    assert history.unread is not None and history.unread.type == strange.type  # type: ignore[attr-defined]


async def test_J3_what_a_later_release_left_in_redis_is_archived_by_this_one(
    sessions: Sessions, alice: Any
) -> None:
    """Its writer died between the two writes."""
    conversation = await start(sessions, alice)
    at = (await sessions.load(conversation)).position
    left = [e.to_json(sms("hi")), foreign("run.finished", v=2, run="r").text]  # type: ignore[attr-defined]
    await sessions.store.append(conversation, at, left, {})
    await sessions.ensure_archived(conversation)
    kept = [row async for row in m.Event.objects.filter(conversation_id=conversation).order_by("seq")]
    assert [row.text for row in kept[1:]] == left
    assert [row.version for row in kept] == [1, 1, 2]


async def test_J3_a_release_that_does_not_know_the_column_still_inserts(journal: Journal, owner: Any) -> None:
    conversation = str(uuid.uuid4())
    await journal.create(conversation, owner, "assistant", "", "web", START)

    def insert() -> int:
        from django.db import connections

        with connections[journal.using].cursor() as cursor:
            cursor.execute(
                "INSERT INTO chat_event (conversation_id, seq, type, at, text, tag) VALUES (%s, 1, 'x', 1, '{}', '')",
                [uuid.UUID(conversation).hex if journal.using == "default" else conversation],
            )
        return m.Event.objects.using(journal.using).get(conversation_id=conversation).version

    assert await journal.ask(insert) == 1


async def test_J4_what_led_to_a_run_is_a_part_of_it_and_what_came_before_is_not(
    sessions: Sessions, alice: Any
) -> None:
    conversation = await start(sessions, alice)
    journal = sessions.journal

    async def tell(*events: e.Event) -> None:
        await sessions.append(conversation, lambda view: list(events))

    async def unread(run: str) -> str | None:
        found = (await queries.known_of(journal, conversation, run)).unread
        history = (await journal.history(conversation)).unread
        assert (found and found.text) == (history and history.text), "the question to SQL and the fold agree"
        return None if found is None else found.type

    await tell(
        said("1"), e.RunQueued(at=START, run="r1", cause="1"), foreign("conversation.pinned", ignorable=True)
    )
    assert await unread("r1") is None
    await tell(foreign())
    assert await unread("r1") == "run.checked"
    await tell(e.RunStopped(at=START, run="r1"))
    await tell(said("2"), e.RunQueued(at=START, run="r2", cause="2"))
    assert await unread("r2") is None
    await tell(e.RunStopped(at=START, run="r2"))
    await tell(foreign("voice.added"), said("3"), e.RunQueued(at=START, run="r3", cause="3"))
    assert await unread("r3") == "voice.added"


async def test_J4_a_worker_does_not_begin_what_it_cannot_read(house: House, caplog: Any) -> None:  # noqa: F811
    await house.ask()
    await house.sessions.append(house.conversation, lambda view: [foreign()])
    told = await house.events()
    for _ in range(3):
        house.queue.append((house.conversation, (await house.run())["id"]))
        await house.finish(house.worker(ScriptedModel(says("never"))))
    assert await house.events() == told, "nothing is written by those who leave it"
    assert (await house.run())["status"] == "queued"
    assert "run.checked" in caplog.text and "later release" in caplog.text
    assert await house.sessions.store.lease(house.conversation) is None


@pytest.mark.parametrize(
    "strange",
    [
        {"type": "run.checked"},
        # Not to be found by its type and version: a word that decides what a call becomes.
        {"type": "call.settled", "step": "s", "call": "A", "attempt": 1, "status": "partial"}
        | {"result": "", "preview": "", "size": 0},
    ],
    ids=lambda told: told["type"],
)
async def test_J4_a_worker_that_meets_it_on_the_way_hands_over_once(
    house: House,  # noqa: F811
    strange: dict[str, Any],
) -> None:
    """The event comes while it works: it ends what it has in hand, and goes no further."""
    await house.ask()
    worker = house.worker(ScriptedModel(says("an answer")))
    run, spec = (await house.run())["id"], house.spec

    async def late(slug: str) -> Any:
        await house.sessions.append(house.conversation, lambda view: [foreign(**strange)])
        return spec

    worker.dependencies = replace(worker.dependencies, agent=late)
    await house.finish(worker)
    assert (await house.run())["status"] == "recovering"
    told = await house.events()
    assert told[-1] == "run.recovering" and told.count("run.started") == 1
    house.queue.append((house.conversation, run))
    await house.finish(worker)
    assert await house.events() == told, "this process does not begin it again"


async def test_R7_a_run_that_cannot_be_read_can_be_stopped(house: House) -> None:  # noqa: F811
    await house.ask()
    await house.sessions.append(house.conversation, lambda view: [foreign()])
    await house.submit(StopBody(kind="stop"))
    await house.finish(house.worker(ScriptedModel(says("never"))))
    assert (await house.run())["status"] == "stopped"
    await house.ask("and now?")
    await house.finish(house.worker(ScriptedModel(says("Good day"))))
    assert (await house.run())["status"] == "finished"


def test_an_append_reduces_to_what_the_reducer_says() -> None:
    """What the event changes and what leaves the window because of it are the two halves of one reduction."""
    events = [said(str(number)) for number in range(60)]
    stored = [("t", e.to_json(event), event, None) for event in events]
    after, committed = commit(EMPTY, 0, stored)
    state: dict[str, Any] = {}
    for seq, event in enumerate(events, start=1):
        state = merge(state, reduce(state, event, seq))
    assert after == state and len(committed) == 60
