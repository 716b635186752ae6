"""Another agent answers from here on: what is stored, who is asked, and what is refused."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model

from agents.models import Agent, ensure_default_agent
from agents.spec import AgentSpec
from chat import models as m
from chat.commands import ChangeAgentBody, CreateBody
from chat.inbox import CommandResult, Sender
from chat.journal import export
from chat.session.state import items
from tests.chat.runs.test_runner import SPEC, House
from tests.support.scripted import Pause, ScriptedModel, says

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


class Talk(House):
    """A house with two agents, that notes whom each run asked."""

    asked: list[str]

    async def change(self, agent: str, id: str = "", who: Sender | None = None) -> CommandResult:
        body = ChangeAgentBody(kind="change_agent", agent=agent)
        return await self.inbox.submit(who or self.who, self.conversation, id or str(uuid.uuid4()), body)

    def answering(self, *answers: str) -> Any:
        worker = self.worker(ScriptedModel(*(says(one) for one in answers)))
        self.asked = []

        async def agent(slug: str) -> AgentSpec | None:
            self.asked.append(slug)
            return replace(SPEC, slug=slug)

        worker.dependencies = replace(worker.dependencies, agent=agent)
        return worker


@pytest.fixture
async def talk(sessions: Any, alice: Any, settings: Any) -> Any:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    await sync_to_async(ensure_default_agent)()
    await Agent.objects.acreate(slug="second", name="Second", model="m", base_url="http://localhost/v1")
    await Agent.objects.acreate(slug="closed", name="Closed", enabled=False)
    talk = Talk(sessions, alice.pk)
    result = await talk.inbox.submit(
        talk.who, talk.conversation, str(uuid.uuid4()), CreateBody(kind="create")
    )
    assert result.status == "applied"
    yield talk
    for task in talk.tasks:
        task.cancel()
    await asyncio.gather(*talk.tasks, return_exceptions=True)


async def test_the_next_run_asks_the_other_agent_and_the_transcript_says_so(talk: Talk) -> None:
    worker = talk.answering("One.", "Two.")
    await talk.ask("q")
    await talk.finish(worker)
    assert (await talk.change("second")).status == "applied"
    await talk.ask("more")
    await talk.finish(worker)
    assert talk.asked == ["assistant", "second"]
    state = await talk.state()
    assert state["info"]["agent"] == "second"
    assert [item["kind"] for item in items(state)] == ["message", "step", "agent", "message", "step"]
    row = await m.Conversation.objects.aget(id=talk.conversation)
    assert row.agent == "second", "lists and filters have it, too"
    told = await m.Message.objects.aget(conversation_id=talk.conversation, kind="agent")
    assert (told.body["before"], told.body["agent"]) == ("assistant", "second")
    assert told.body["by"] == talk.who.name
    answers = [item["agent"] for item in items(state) if item["kind"] == "step"]
    assert answers == ["assistant", "second"], "each answer says whose it is"
    info = {"title": "T", "agent": "assistant", "created_at": 1}
    assert "> second · " in export.as_markdown(info, items(state))


async def test_no_request_says_anything_of_it(talk: Talk) -> None:
    model = ScriptedModel(says("One."), says("Two."))
    worker = talk.worker(model)
    await talk.ask("q")
    await talk.finish(worker)
    await talk.change("second")
    await talk.ask("more")
    await talk.finish(worker)
    said = [(one["role"], one["content"]) for one in model.bodies[-1]["messages"] if one["role"] != "system"]
    assert said == [("user", "q"), ("assistant", "One."), ("user", "more")]


async def test_W5_it_is_done_once_and_the_same_agent_again_changes_nothing(talk: Talk) -> None:
    id = str(uuid.uuid4())
    assert [(await talk.change("second", id)).status for _ in range(3)] == [
        "applied",
        "duplicate",
        "duplicate",
    ]
    assert (await talk.change("second")).status == "applied"
    assert await m.Event.objects.filter(type="conversation.agent_changed").acount() == 1


@pytest.mark.parametrize("agent", ["gone", "closed"])
async def test_an_agent_that_nobody_can_ask_is_refused(talk: Talk, agent: str) -> None:
    assert (await talk.change(agent)).code == "agent_missing"
    assert (await talk.state())["info"]["agent"] == "assistant"


async def test_a_run_that_is_at_work_keeps_its_agent(talk: Talk) -> None:
    pause = Pause()
    worker = talk.worker(ScriptedModel([*says("One.")[:1], pause, *says("One.")[1:]]))
    await talk.ask("q")
    going = asyncio.create_task(talk.finish(worker))
    await pause.reached.wait()
    assert (await talk.change("second")).code == "run_active"
    pause.release.set()
    await going
    assert (await talk.change("second")).status == "applied"


async def test_W11_nobody_else_changes_it(talk: Talk) -> None:
    bob = await get_user_model().objects.acreate(username="bob-2")
    assert (await talk.change("second", who=Sender(bob.pk))).code == "not_found"
    assert (await talk.state())["info"]["agent"] == "assistant"


async def test_S4_what_sql_has_is_what_the_session_had(talk: Talk, world: Any) -> None:
    worker = talk.answering("One.")
    await talk.ask("q")
    await talk.finish(worker)
    await talk.change("second")
    before = await talk.state()
    await world.flush()
    assert await talk.state() == before


async def test_who_died_between_the_row_and_its_first_event_leaves_no_conversation_without_an_agent(
    talk: Talk, sessions: Any, alice: Any
) -> None:
    """A schedule asks again, with the same ids, and says nothing of the agent then either."""
    there = str(uuid.uuid4())
    await sessions.journal.create(there, alice.pk, "second", "", "web", 1)
    result = await talk.inbox.submit(talk.who, there, str(uuid.uuid4()), CreateBody(kind="create"))
    assert result.status == "applied"
    assert (await sessions.load(there)).state["info"]["agent"] == "second"
    assert (await m.Conversation.objects.aget(id=there)).agent == "second"
