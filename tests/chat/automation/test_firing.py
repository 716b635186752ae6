"""From an event to a run, once, and which run answers a message (rules W5, R6)."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any, get_args

import pytest
from asgiref.sync import sync_to_async
from hypothesis import given
from hypothesis import strategies as st

from agents import events as e
from agents.models import Agent, ensure_default_agent
from chat import models as m
from chat.automation.firing import Firing, fire
from chat.commands import MAX_TEXT
from chat.decide import MAX_WAITING, run_id
from chat.inbox import CreateBody, DeleteBody, Inbox, SendBody, Sender, StopBody
from chat.journal import replies
from chat.session.errors import StoreUnavailable
from chat.session.memory import MemoryStore
from chat.session.sessions import Sessions


class Door:
    """An inbox, and the person whose events come in."""

    def __init__(self, sessions: Sessions, owner: int) -> None:
        self.sessions, self.owner = sessions, owner
        self.inbox = Inbox(sessions, self._enqueue)
        self.firing = Firing("schedule:17:1764000000000", owner, "schedule", "Morning", "What is new?")

    async def _enqueue(self, conversation: str, run: str) -> bool:
        return True

    async def says(self, conversation: str, text: str = "hello") -> str:
        """The owner writes; the message's id."""
        message = str(uuid.uuid4())
        body = SendBody(kind="send", message=message, text=text)
        result = await self.inbox.submit(Sender(self.owner), conversation, str(uuid.uuid4()), body)
        assert result.status == "applied", result
        return message

    async def begin(self) -> str:
        conversation = str(uuid.uuid4())
        await self.inbox.submit(
            Sender(self.owner), conversation, str(uuid.uuid4()), CreateBody(kind="create")
        )
        return conversation

    async def append(self, conversation: str, *events: e.Event) -> None:
        """What a worker would append."""
        await self.sessions.append(conversation, lambda view: list(events))

    async def events(self, conversation: str) -> list[str]:
        rows = m.Event.objects.filter(conversation_id=conversation).order_by("seq")
        return [row.type async for row in rows]


@pytest.fixture(autouse=True)
def bells_in_memory(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
async def door(sessions: Sessions, alice: Any) -> Door:
    await sync_to_async(ensure_default_agent)()
    return Door(sessions, alice.pk)


async def test_an_event_becomes_a_conversation_a_message_and_a_run(door: Door) -> None:
    fired = await fire(door.inbox, door.firing)
    assert (fired.status, fired.code, fired.retry) == ("applied", None, False)
    assert await door.events(fired.conversation) == [
        "conversation.created",
        "message.added",
        "conversation.renamed",
        "run.queued",
    ]
    row = await m.Conversation.objects.aget(id=fired.conversation)
    assert (row.owner_id, row.entrance) == (door.owner, "schedule")
    said = await m.Message.objects.aget(conversation=row, message=fired.message)
    assert said.body["text"] == "What is new?"
    assert said.body["origin"] == {"entrance": "schedule", "name": "Morning"}
    assert fired.run == run_id(fired.conversation, fired.message)


async def test_W5_the_same_event_fired_by_many_at_once_has_one_effect(door: Door) -> None:
    found = await asyncio.gather(*(fire(door.inbox, door.firing) for _ in range(5)))
    assert {one.run for one in found} == {run_id(found[0].conversation, found[0].message)}
    assert [one.status for one in found].count("applied") == 1
    assert len(await door.events(found[0].conversation)) == 4


async def test_W5_what_was_sent_first_stands_when_the_prompt_was_changed_before_it_was_fired_again(
    door: Door,
) -> None:
    first = await fire(door.inbox, door.firing)
    again = await fire(door.inbox, replace(door.firing, prompt="Something else", title="Else", agent="other"))
    assert again == replace(first, status="duplicate")
    assert await m.Message.objects.filter(conversation=first.conversation).acount() == 1


async def test_two_events_that_say_the_same_are_two(door: Door) -> None:
    fired = [await fire(door.inbox, replace(door.firing, key=key)) for key in ("a", "b")]
    assert fired[0].conversation != fired[1].conversation
    assert [one.status for one in fired] == ["applied", "applied"]


async def test_events_of_a_series_share_one_conversation(door: Door) -> None:
    fired = [await fire(door.inbox, replace(door.firing, key=key, series="17")) for key in ("a", "b")]
    assert fired[0].conversation == fired[1].conversation
    texts = m.Message.objects.filter(conversation=fired[0].conversation, kind="message")
    assert await texts.acount() == 2


async def test_R6_a_message_that_waits_is_answered_by_the_run_that_reads_it(door: Door) -> None:
    place = await door.begin()
    first = run_id(place, await door.says(place))
    await door.append(
        place,
        e.RunStarted(at=1, run=first, attempt=1, fence=1, worker="w"),
        e.StepStarted(at=1, run=first, step=f"{first}.1"),
    )
    fired = await fire(door.inbox, replace(door.firing, conversation=place))
    assert (fired.conversation, fired.status, fired.run) == (place, "applied", first)
    look = sync_to_async(replies.readers)
    assert await look(place, [fired.message]) == {}, "the request under way had not seen it"
    await door.append(
        place,
        e.StepFinished(at=2, run=first, step=f"{first}.1", text="One moment."),
        e.StepStarted(at=3, run=first, step=f"{first}.2"),
    )
    assert await look(place, [fired.message]) == {fired.message: first}
    # The worker dies and the step is cut: the same run has read it all the same.
    await door.append(place, e.StepDiscarded(at=4, run=first, step=f"{first}.2", reason="crashed"))
    assert await look(place, [fired.message]) == {fired.message: first}


async def test_R7_a_message_behind_a_stopped_run_is_answered_by_the_next_run(door: Door) -> None:
    place = await door.begin()
    first = run_id(place, await door.says(place))
    fired = await fire(door.inbox, replace(door.firing, conversation=place))
    assert fired.run == first
    stop = StopBody(kind="stop")
    await door.inbox.submit(Sender(door.owner), place, str(uuid.uuid4()), stop)
    second = run_id(place, fired.message)
    assert await sync_to_async(replies.expected)(place, fired.message) == second
    await door.append(
        place,
        e.RunStarted(at=1, run=second, attempt=1, fence=1, worker="w"),
        e.StepStarted(at=1, run=second, step=f"{second}.1"),
    )
    assert await sync_to_async(replies.readers)(place, [fired.message]) == {fired.message: second}


async def test_what_a_run_has_come_to(door: Door) -> None:
    place = await door.begin()
    run = run_id(place, await door.says(place))

    @sync_to_async
    def reply() -> replies.Reply:
        row = replies.find_run(place, run)
        assert row is not None
        return replies.reply_of(row)

    assert not (await reply()).over
    await door.append(
        place,
        e.RunStarted(at=1, run=run, attempt=1, fence=1, worker="w"),
        e.StepStarted(at=1, run=run, step=f"{run}.1"),
        e.StepFinished(at=2, run=run, step=f"{run}.1", text="Rain. "),
        e.RunFailed(at=3, run=run, code="limit_steps", detail="20 steps"),
    )
    found = await reply()
    assert found.over and found.text == "Rain."
    assert found.whole == "Rain.\n\n*The run reached its limit of steps. 20 steps*"


async def test_R6_a_message_that_joined_has_its_own_answer_whatever_the_run_did_before_and_after(
    door: Door,
) -> None:
    place = await door.begin()
    run = run_id(place, await door.says(place, "first"))
    started = e.RunStarted(at=1, run=run, attempt=1, fence=1, worker="w")
    await door.append(place, started, e.StepStarted(at=1, run=run, step=f"{run}.1"))
    fired = await fire(door.inbox, replace(door.firing, conversation=place))
    last = await door.says(place, "last")
    for number, text in ((1, "To the first."), (2, "To the schedule."), (3, "To the last.")):
        if number > 1:
            await door.append(place, e.StepStarted(at=1, run=run, step=f"{run}.{number}"))
        if number == 2:
            later = await door.says(place, "later still")
        await door.append(place, e.StepFinished(at=2, run=run, step=f"{run}.{number}", text=text))
    await door.append(place, e.RunFailed(at=3, run=run, code="limit_steps", detail=""))

    @sync_to_async
    def whole(message: str) -> str:
        row = replies.find_run(place, run)
        assert row is not None
        return replies.reply_of(row, message).whole

    assert await whole(fired.message) == await whole(last) == "To the schedule."
    assert await whole(later) == await whole("") == "To the last.\n\n*The run reached its limit of steps.*"


def test_there_are_words_for_each_way_in_which_a_run_may_end() -> None:
    assert set(replies.REASONS) == set(get_args(e.RunCode))


async def test_a_deleted_conversation_is_a_final_refusal(door: Door) -> None:
    place = await door.begin()
    await door.inbox.submit(Sender(door.owner), place, str(uuid.uuid4()), DeleteBody(kind="delete"))
    for firing in (
        replace(door.firing, conversation=place),
        replace(door.firing, conversation=str(uuid.uuid4())),
    ):
        fired = await fire(door.inbox, firing)
        assert (fired.status, fired.code, fired.retry) == ("rejected", "not_found", False)


async def test_W11_somebody_elses_conversation_is_as_good_as_none(door: Door, bob: Any) -> None:
    place = await door.begin()
    fired = await fire(door.inbox, replace(door.firing, owner=bob.pk, conversation=place))
    assert (fired.status, fired.code) == ("rejected", "not_found")
    assert await door.events(place) == ["conversation.created"]


async def test_a_missing_agent_is_a_final_refusal(door: Door) -> None:
    await Agent.objects.acreate(slug="off", name="Off", enabled=False)
    fired = await fire(door.inbox, replace(door.firing, agent="off"))
    assert (fired.status, fired.code, fired.retry) == ("rejected", "agent_missing", False)


@pytest.mark.parametrize("prompt", ["", " \n "])
async def test_a_prompt_that_is_no_message_is_refused_before_anything_is_made(
    door: Door, prompt: str
) -> None:
    fired = await fire(door.inbox, replace(door.firing, prompt=prompt))
    assert (fired.status, fired.code, fired.retry) == ("rejected", "bad_command", False)
    assert await m.Conversation.objects.acount() == 0


async def test_a_prompt_longer_than_a_message_is_cut_with_a_mark_and_not_lost(door: Door) -> None:
    fired = await fire(door.inbox, replace(door.firing, prompt="x" * (MAX_TEXT + 1)))
    assert fired.status == "applied"
    said = await m.Message.objects.aget(conversation_id=fired.conversation, kind="message")
    assert MAX_TEXT - 20 < len(said.body["text"]) <= MAX_TEXT
    assert said.body["text"].endswith("characters are not shown]")


async def test_R6_a_conversation_full_of_waiting_messages_takes_it_later(door: Door) -> None:
    place = await door.begin()
    run = run_id(place, await door.says(place))
    await door.append(
        place,
        e.RunStarted(at=1, run=run, attempt=1, fence=1, worker="w"),
        e.StepStarted(at=1, run=run, step=f"{run}.1"),
    )
    for _ in range(MAX_WAITING):
        await door.says(place)
    firing = replace(door.firing, conversation=place)
    fired = await fire(door.inbox, firing)
    assert (fired.status, fired.code, fired.retry) == ("rejected", "too_many_waiting", True)
    await door.append(
        place,
        e.StepFinished(at=2, run=run, step=f"{run}.1", text="So much."),
        e.StepStarted(at=3, run=run, step=f"{run}.2"),
    )
    assert (await fire(door.inbox, firing)).status == "applied"


async def test_an_outage_means_later(sqlite_journal: Any, alice: Any) -> None:
    await sync_to_async(ensure_default_agent)()

    class Away(MemoryStore):
        away = True

        async def load(self, *args: Any, **kwargs: Any) -> Any:
            if self.away:
                raise StoreUnavailable("away")
            return await super().load(*args, **kwargs)

    store = Away(idle_ttl_ms=600_000, log_entries=100, clock=lambda: 0)
    door = Door(Sessions(store, sqlite_journal), alice.pk)
    fired = await fire(door.inbox, door.firing)
    assert (fired.status, fired.code, fired.retry) == ("rejected", "unavailable", True)
    store.away = False
    assert (await fire(door.inbox, door.firing)).status == "applied"


@given(st.lists(st.text(min_size=1), min_size=2, max_size=5, unique=True))
def test_ids_are_made_of_the_key_and_of_nothing_else(keys: list[str]) -> None:
    made = [Firing(key, 1, "trigger", "n", "p") for key in keys]
    assert len({one.message for one in made}) == len({one.place for one in made}) == len(keys)
    told = replace(made[0], prompt="q", name="o", title="t", agent="a")
    assert (told.message, told.place) == (made[0].message, made[0].place)
