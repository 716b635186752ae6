"""Agents set up schedules and triggers by their tools: once per call, within limits, for the owner alone."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents.models import Agent, ensure_default_agent, installed_tools
from agents.spec import AgentSpec
from agents.tools import Toolbox, ToolContext
from agents.tools.notes.store import NoteStorage
from chat.commands import CreateBody, SendBody
from chat.entrances.schedules.models import Schedule
from chat.entrances.schedules.tools import schedules
from chat.entrances.triggers.models import Trigger
from chat.inbox import Inbox, Sender
from chat.journal.journal import Journal
from chat.models import Call, Run
from chat.runs.dependencies import RunDependencies
from chat.runs.runner import Runner
from chat.session.sessions import Sessions
from chat.support.database import ask
from chat.support.tasks import end
from tests.support import rows
from tests.support.scripted import ScriptedModel, asks, says
from tests.support.waiting import eventually
from tests.support.worlds import MemoryWorld

WEEKDAYS: dict[str, Any] = {
    "action": "create",
    "name": "Morning",
    "prompt": "Look at the news.",
    "cron": "0 9 * * 1-5",
    "time_zone": "Europe/Berlin",
}
SHIPPED: dict[str, Any] = {
    "action": "create",
    "name": "Shipped",
    "prompt": "Tell me {{ payload.secret }}.",
    "when": "message",
    "match": "contains",
    "pattern": "shipped",
}


class Hand:
    """An agent's hand on its tools, in one conversation."""

    def __init__(self, owner: Any, conversation: Any) -> None:
        self.owner, self.conversation, self.calls = owner, conversation, 0

    async def __call__(self, tool: str, key: str = "", **arguments: Any) -> str:
        self.calls += 1
        context = ToolContext(
            call="abcdefghi",
            key=key or f"key-{self.conversation.pk}-{self.calls}",
            conversation=str(self.conversation.pk),
            owner=str(self.owner.pk),
            storage=NoteStorage(ask),
        )
        return (await installed_tools().run(tool, json.dumps(arguments), context)).text


@pytest.fixture
def hand(transactional_db: None, alice: Any) -> Hand:
    """The default agent, which may have two of each, talks with Alice."""
    agent = ensure_default_agent(also=("schedules", "triggers"))
    Agent.objects.filter(pk=agent.pk).update(max_schedules=2, max_triggers=2)
    return Hand(alice, rows.conversation(alice))


async def test_a_schedule_is_set_up_listed_and_cancelled(hand: Hand) -> None:
    told = await hand("schedules", **WEEKDAYS)
    row = await Schedule.objects.aget()
    assert told.startswith(f"Set up: {row.pk.hex[:8]} “Morning”: cron 0 9 * * 1-5 (Europe/Berlin), next at ")
    assert (row.owner_id, row.made_in, row.conversation) == (
        hand.owner.pk,
        hand.conversation.pk,
        hand.conversation.pk,
    )
    assert await hand("schedules", action="list") == told.removeprefix("Set up: ")
    assert (
        await hand("schedules", action="cancel", id=row.pk.hex[:8])
        == f"The schedule {row.pk.hex[:8]} is cancelled."
    )
    assert await hand("schedules", action="list") == "You have set up no schedules."
    assert "no schedule with the id" in await hand("schedules", action="cancel", id=row.pk.hex[:8])


async def test_a_trigger_is_set_up_listed_and_cancelled(hand: Hand) -> None:
    told = await hand("triggers", **SHIPPED)
    row = await Trigger.objects.aget()
    assert "when a person says what contains this “shipped”; fired 0 times, active" in told
    assert (row.made_by, row.made_in, row.owner_id) == ("assistant", hand.conversation.pk, hand.owner.pk)
    assert (row.conversation, row.watched) == (hand.conversation.pk, [str(hand.conversation.pk)])
    assert "{{" not in row.prompt  # what a model writes is never a template
    assert await hand("triggers", action="list") == told.removeprefix("Set up: ")
    assert "is cancelled" in await hand("triggers", action="cancel", id=row.pk.hex[:8])
    assert not await Trigger.objects.aexists()


async def test_R3_the_same_call_again_sets_up_nothing_more(hand: Hand) -> None:
    schedules = {await hand("schedules", key="one", **WEEKDAYS) for _ in range(3)}
    triggers = {await hand("triggers", key="two", **SHIPPED) for _ in range(3)}
    assert len(schedules) == len(triggers) == 1
    assert await Schedule.objects.acount() == await Trigger.objects.acount() == 1
    # A retry of the last call that there is room for is not refused either.
    last = [await hand("triggers", key="three", **SHIPPED) for _ in range(2)]
    assert last[0] == last[1] and last[0].startswith("Set up")


async def test_tools_of_which_an_agent_may_have_none_are_not_offered(hand: Hand) -> None:
    agent = await Agent.objects.aget()
    assert {"schedules", "triggers"} <= set((await sync_to_async(agent.spec)()).tools)
    agent.max_schedules = agent.max_triggers = 0
    assert not {"schedules", "triggers"} & set((await sync_to_async(agent.spec)()).tools)
    await agent.asave()
    assert await hand("schedules", **WEEKDAYS) == "This agent may not set up schedules."
    assert await hand("triggers", **SHIPPED) == "This agent may not set up triggers."
    assert Agent().max_schedules == Agent().max_triggers == 0


async def test_limits_are_counted_over_all_conversations_of_the_owner(hand: Hand, bob: Any) -> None:
    other = Hand(hand.owner, await sync_to_async(rows.conversation)(hand.owner))
    for one in (hand, other):
        assert (await one("schedules", **WEEKDAYS)).startswith("Set up")
        assert (await one("triggers", **SHIPPED)).startswith("Set up")
    assert "at a time for this person" in await other("schedules", **WEEKDAYS)
    assert "at a time for this person" in await other("triggers", **SHIPPED)
    await Trigger.objects.filter(made_in=hand.conversation.pk).aupdate(
        expires_at=1
    )  # what has ended takes no room
    assert (await other("triggers", **SHIPPED)).startswith("Set up")
    theirs = Hand(bob, await sync_to_async(rows.conversation)(bob))
    assert (await theirs("triggers", **SHIPPED)).startswith("Set up")


async def test_what_others_have_set_up_is_neither_seen_nor_cancelled(hand: Hand, bob: Any) -> None:
    await hand("schedules", **WEEKDAYS)
    await hand("triggers", **SHIPPED)
    ids = [row.pk.hex[:8] for model in (Schedule, Trigger) async for row in model.objects.all()]
    stranger = Hand(bob, await sync_to_async(rows.conversation)(bob))
    thief = Hand(bob, hand.conversation)  # as if a conversation's id were enough
    for one in (stranger, thief):
        for tool, id in zip(("schedules", "triggers"), ids, strict=True):
            assert "“" not in await one(tool, action="list")
            assert "is cancelled" not in await one(tool, action="cancel", id=id)
    by_hand = await Trigger.objects.acreate(
        owner=hand.owner, name="mine", kind="webhook", prompt="x", created_at=1, updated_at=1
    )
    assert "mine" not in await hand("triggers", action="list")
    assert "is cancelled" not in await hand("triggers", action="cancel", id=by_hand.pk.hex[:8])


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("schedules", {"cron": "* * * * *"}, "15 min"),
        ("schedules", {"cron": "", "every_minutes": 5}, "15 min"),
        ("schedules", {"cron": "", "every_minutes": 0}, "exactly one"),
        ("schedules", {"every_minutes": 60}, "exactly one"),
        ("schedules", {"cron": "61 * * * *"}, "Bad minute"),
        ("schedules", {"time_zone": "Mars/Base"}, "time zone"),
        ("schedules", {"prompt": " "}, "Give a prompt"),
        ("triggers", {"when": None}, "Say when"),
        ("triggers", {"when": "address", "url": "http://x/", "every_minutes": 5}, "15 min"),
        ("triggers", {"when": "address", "url": "file:///etc/passwd"}, "http"),
        ("triggers", {"match": "regex", "pattern": "("}, "pattern"),
        ("triggers", {"pattern": ""}, "what to look for"),
    ],
)
async def test_what_cannot_be_is_told_to_the_model(hand: Hand, tool: str, arguments: Any, told: str) -> None:
    given = {**(WEEKDAYS if tool == "schedules" else SHIPPED), **arguments}
    assert told in await hand(tool, **given)
    assert not await Schedule.objects.aexists() and not await Trigger.objects.aexists()


async def test_the_address_of_a_webhook_is_not_told_to_the_model_but_where_it_is_found(
    hand: Hand, client: Any
) -> None:
    """What the model passes on must lead somewhere."""
    told = await hand("triggers", **{**SHIPPED, "when": "webhook", "match": "any", "pattern": ""})
    row = await Trigger.objects.aget()
    secret = row.hook.rsplit("/", 1)[1]
    assert secret not in told and f"their page /triggers/{row.pk}" in told
    await sync_to_async(client.force_login)(hand.owner)
    assert secret in (await sync_to_async(client.get)(f"/api/triggers/{row.pk}")).content.decode()


@pytest.mark.parametrize("conversation", ["c", "018f3c5e-7c1a-4000-8000-00000000000a"])
async def test_nothing_is_set_up_where_there_is_no_conversation(
    transactional_db: None, conversation: str
) -> None:
    context = ToolContext(call="abcdefghi", key="k", conversation=conversation, owner="1")
    for tool, given in (("schedules", WEEKDAYS), ("triggers", SHIPPED)):
        result = await installed_tools().run(tool, json.dumps(given), context)
        told = "Nothing can be set up here: the conversation or its agent is gone."
        assert (result.ok, result.text) == (False, told)


async def test_R3_a_worker_that_dies_in_the_middle_of_the_call_leaves_one_schedule(
    hand: Hand, sqlite_journal: Journal
) -> None:
    """From a person's message to the answer, with the worker lost after the effect and before its result."""
    sessions = Sessions(MemoryWorld.make(600_000).store, sqlite_journal)
    lost = asyncio.Event()

    async def dying(**arguments: Any) -> str:
        """Sets it up, and then the worker is gone."""
        told: str = await schedules(**arguments)
        lost.set()
        await asyncio.Event().wait()
        return told

    model = ScriptedModel(asks(("schedules", json.dumps(WEEKDAYS))), says("Every weekday at nine, then."))

    async def agent(slug: str) -> AgentSpec:
        return await sync_to_async((await Agent.objects.aget(slug=slug)).spec)()

    def worker(name: str, tools: Toolbox) -> Runner:
        """One of the processes that also perform what may have taken its worker down."""
        kit = RunDependencies(agent, lambda spec: model, tools, NoteStorage(ask))
        return Runner(sessions, enqueue, kit, worker=name, lease_ms=300, renew_ms=100, isolated=True)

    async def enqueue(conversation: str, run: str) -> bool:
        queued.append((conversation, run))
        return True

    queued: list[tuple[str, str]] = []
    inbox, place = Inbox(sessions, enqueue), str(uuid.uuid4())
    sender = Sender(hand.owner.pk)
    for body in (
        CreateBody(kind="create", agent="assistant"),
        SendBody(kind="send", message=str(uuid.uuid4()), text="Wake yourself every weekday at nine."),
    ):
        assert (await inbox.submit(sender, place, str(uuid.uuid4()), body)).status == "applied"
    first = asyncio.create_task(
        worker("one", Toolbox([replace(schedules, function=dying)])).perform(*queued[0])
    )
    await asyncio.wait_for(lost.wait(), 20)
    await end([first])
    second = worker("two", installed_tools())

    async def over() -> bool:
        await second.perform(*queued[0])
        return await Run.objects.filter(status="finished").aexists()

    await eventually(over, 20, "another worker to finish")
    assert await Schedule.objects.acount() == 1
    call = await Call.objects.aget()
    assert (call.status, call.attempt) == ("succeeded", 2)
    assert call.result.startswith("Set up: ")
