"""Try again, say anew, choose: branches as people and workers make them, over both stores (rules R6, W5, W8, J4)."""

from __future__ import annotations

import asyncio
import typing
import uuid
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from agents import events as e
from agents.dialects.base import TextDelta
from agents.errors import ModelError
from agents.events.vocabulary import Vocabulary
from agents.models import Agent, ensure_default_agent
from agents.spec import AgentSpec
from chat import models as m
from chat.commands import ChooseBody, CreateBody, EditBody, RewriteBody, SendBody, StopBody, TryAgainBody
from chat.inbox import CommandResult
from chat.journal.replies import readers
from chat.session import paths
from chat.session.state import items
from tests.chat.runs.test_runner import SPEC, House
from tests.support.scripted import Pause, ScriptedModel, asks, says


def uid() -> str:
    return str(uuid.uuid4())


class Talk(House):
    """A house whose people try again."""

    async def do(self, body: Any, id: str = "") -> CommandResult:
        return await self.inbox.submit(self.who, self.conversation, id or uid(), body)

    async def shown(self) -> list[str]:
        """The texts of what the shown branch has; of notices their codes."""
        state = await self.state()
        on = [item for item in items(state) if paths.on_path(state, item)]
        return [item["code"] if item["kind"] == "notice" else item["text"] for item in on]

    async def last(self) -> str:
        state = await self.state()
        return [item for item in items(state) if paths.on_path(state, item)][-1]["id"]

    async def again(self, item: str = "", **more: Any) -> str:
        branch = uid()
        body = TryAgainBody(kind="try_again", item=item or await self.last(), branch=branch, **more)
        result = await self.do(body)
        assert result.status == "applied", result
        return branch

    async def fork(self) -> Any:
        return (await self.state())["branches"]["forks"]


@pytest.fixture(autouse=True)
def bells_in_memory(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
async def talk(sessions: Any, alice: Any) -> Any:
    await sync_to_async(ensure_default_agent)()
    talk = Talk(sessions, alice.pk)
    result = await talk.do(CreateBody(kind="create"))
    assert result.status == "applied"
    yield talk
    for task in talk.tasks:
        task.cancel()
    await asyncio.gather(*talk.tasks, return_exceptions=True)


def spoken(model: ScriptedModel) -> list[str]:
    """What the last request held of people and of the model."""
    return [one["content"] for one in model.bodies[-1]["messages"] if one["role"] != "system"]


async def test_an_answer_is_made_again_beside_the_first_with_one_question(talk: Talk) -> None:
    model = ScriptedModel(says("One."), says("Two."), says("Three."))
    await talk.ask("q")
    worker = talk.worker(model)
    await talk.finish(worker)
    first = await talk.last()
    await talk.again()
    await talk.finish(worker)
    assert await talk.shown() == ["q", "Two."]
    assert spoken(model) == ["q"], "one question, and nothing of the first answer"
    await talk.again(first)
    await talk.finish(worker)
    assert await talk.shown() == ["q", "Three."]
    (fork,) = await talk.fork()
    assert (len(fork["ways"]), fork["at"]) == (3, 2), (
        "also where the first answer, on another branch, was named"
    )
    assert (await talk.do(ChooseBody(kind="choose", branch=fork["ways"][0]))).status == "applied"
    assert await talk.shown() == ["q", "One."]
    runs = [run.input_tokens async for run in m.Run.objects.filter(conversation_id=talk.conversation)]
    row = await m.Conversation.objects.aget(id=talk.conversation)
    assert len(runs) == 3 and row.input_tokens == sum(runs), (
        "each token is counted once, at the run that took it"
    )


async def test_after_an_error_and_after_a_stop_the_failed_answer_is_a_sibling(talk: Talk) -> None:
    pause = Pause()
    model = ScriptedModel([ModelError("model_auth", "no")], [TextDelta("Half"), pause], says("Whole."))
    await talk.ask("q")
    worker = talk.worker(model)
    await talk.finish(worker)
    assert await talk.shown() == ["q", "model_auth"]
    await talk.again()
    task = talk.start(worker)
    await pause.reached.wait()
    await talk.submit(StopBody(kind="stop"))
    await asyncio.wait_for(task, 10)
    assert await talk.shown() == ["q", "Half", "stopped"]
    await talk.again()
    await talk.finish(worker)
    assert await talk.shown() == ["q", "Whole."]
    assert spoken(model) == ["q"]
    (fork,) = await talk.fork()
    assert (len(fork["ways"]), fork["at"]) == (3, 2)


async def test_a_message_is_said_anew_and_nothing_that_followed_it_is_gone(talk: Talk) -> None:
    model = ScriptedModel(*(says(f"Answer {n}.") for n in range(1, 6)))
    worker, first = talk.worker(model), uid()
    await talk.submit(SendBody(kind="send", message=first, text="teh"))
    await talk.finish(worker)
    await talk.ask("and?")
    await talk.finish(worker)
    rewrite = RewriteBody(kind="rewrite", message=first, as_message=uid(), branch=uid(), text="the")
    assert (await talk.do(rewrite, id := uid())).status == "applied"
    assert (await talk.do(rewrite, id)).status == "duplicate"
    await talk.finish(worker)
    assert await talk.shown() == ["the", "Answer 3."] and spoken(model) == ["the"]
    (fork,) = await talk.fork()
    await talk.do(ChooseBody(kind="choose", branch=""))
    assert await talk.shown() == ["teh", "Answer 1.", "and?", "Answer 2."]
    await talk.ask("more")
    await talk.finish(worker)
    assert spoken(model) == ["teh", "Answer 1.", "and?", "Answer 2.", "more"]
    await talk.do(ChooseBody(kind="choose", branch=fork["ways"][1]))
    assert await talk.shown() == ["the", "Answer 3."]
    missing = rewrite.model_copy(update={"message": uid(), "branch": uid()})
    assert (await talk.do(missing)).code == "unknown_message"


async def test_a_tools_result_stays_with_its_call_whatever_branch_is_looked_at(talk: Talk) -> None:
    model = ScriptedModel(says("First."), asks(("look", "{}")), says("Looked."), says("On B."))
    await talk.ask("q")
    worker = talk.worker(model)
    await talk.finish(worker)
    branch = await talk.again()
    task = talk.start(worker)
    await asyncio.wait_for(talk.bench.busy.wait(), 10)
    await talk.do(ChooseBody(kind="choose", branch=""))
    state = await talk.state()
    assert await talk.shown() == ["q", "First."] and state["run"]["branch"] == branch
    await talk.ask("on the first")  # it waits behind the run of the other branch
    talk.bench.gate.set()
    await asyncio.wait_for(task, 20)
    await talk.finish(worker)
    assert await talk.shown() == ["q", "First.", "on the first", "On B."]
    assert spoken(model) == ["q", "First.", "on the first"], "no trace of the call"
    await talk.do(ChooseBody(kind="choose", branch=branch))
    assert await talk.shown() == ["q", "", "Looked."]
    (call,) = [call async for call in m.Call.objects.filter(conversation_id=talk.conversation)]
    assert (call.status, call.result) == ("succeeded", "look done")


async def test_B4_what_waits_is_answered_although_another_branch_is_shown_by_then(talk: Talk) -> None:
    model = ScriptedModel(says("First."), asks(("look", "{}")), says("Looked."), says("On the first."))
    await talk.ask("q")
    worker = talk.worker(model)
    await talk.finish(worker)
    branch = await talk.again()
    task = talk.start(worker)
    await asyncio.wait_for(talk.bench.busy.wait(), 10)
    await talk.submit(SendBody(kind="send", message=uid(), text="on the first", branch=""))
    await talk.do(ChooseBody(kind="choose", branch=branch))  # nothing of what waits is in sight any more
    assert [item["text"] for item in paths.waiting(await talk.state())] == ["on the first"]
    talk.bench.gate.set()
    await asyncio.wait_for(task, 20)
    await talk.finish(worker)
    assert await talk.shown() == ["q", "", "Looked."]
    await talk.do(ChooseBody(kind="choose", branch=""))
    assert await talk.shown() == ["q", "First.", "on the first", "On the first."]


async def test_a_message_is_answered_by_a_run_of_its_own_branch_and_told_the_first_of_several_answers(
    talk: Talk,
) -> None:
    """For whoever waits for it elsewhere: a schedule's destination, a chat."""
    model = ScriptedModel(says("First."), asks(("look", "{}")), says("Looked."), says("On the first."))
    worker, question, waiting = talk.worker(model), uid(), uid()
    await talk.submit(SendBody(kind="send", message=question, text="q"))
    await talk.finish(worker)
    first = (await talk.run())["id"]
    await talk.again()
    task = talk.start(worker)
    await asyncio.wait_for(talk.bench.busy.wait(), 10)
    await talk.submit(SendBody(kind="send", message=waiting, text="on the first", branch=""))
    talk.bench.gate.set()
    await asyncio.wait_for(task, 20)
    await talk.finish(worker)
    found = await sync_to_async(readers)(talk.conversation, [question, waiting])
    assert found == {question: first, waiting: (await talk.run())["id"]}


async def test_W8_two_who_try_again_at_once_get_one_answer_and_the_other_is_told(talk: Talk) -> None:
    worker = talk.worker(ScriptedModel(says("One."), says("Two.")))
    await talk.ask("q")
    await talk.finish(worker)
    item = await talk.last()
    bodies = [TryAgainBody(kind="try_again", item=item, branch=uid()) for _ in range(2)]
    results = await asyncio.gather(*(talk.do(body) for body in bodies))
    assert sorted(result.status for result in results) == ["applied", "rejected"]
    assert next(result.code for result in results if result.status == "rejected") == "run_active"
    edit = EditBody(kind="edit", message=(await m.Message.objects.aget(kind="message")).message, text="x")
    assert (await talk.do(edit)).code == "run_active"


async def test_what_is_said_belongs_to_the_branch_that_its_author_looked_at(talk: Talk) -> None:
    model = ScriptedModel(says("One."), says("Two."), says("Late."))
    worker = talk.worker(model)
    await talk.ask("q")
    await talk.finish(worker)
    await talk.again()
    await talk.finish(worker)
    late = SendBody(kind="send", message=uid(), text="to the first", branch="")
    assert (await talk.do(late)).status == "applied"
    await talk.finish(worker)
    assert await talk.shown() == ["q", "One.", "to the first", "Late."]
    nowhere = late.model_copy(update={"message": uid(), "branch": uid()})
    assert (await talk.do(nowhere)).code == "unknown_branch"
    assert (await talk.do(ChooseBody(kind="choose", branch=uid()))).code == "unknown_branch"


async def test_another_agent_may_answer_and_the_conversation_keeps_its_own(talk: Talk) -> None:
    await Agent.objects.acreate(slug="second", name="Second", model="m", base_url="http://localhost/v1")
    asked: list[str] = []
    worker = talk.worker(ScriptedModel(says("One."), says("Two."), says("Three.")))

    async def agent(slug: str) -> AgentSpec | None:
        asked.append(slug)
        return replace(SPEC, slug=slug)

    worker.dependencies = replace(worker.dependencies, agent=agent)
    await talk.ask("q")
    await talk.finish(worker)
    await talk.again(agent="second")
    await talk.finish(worker)
    await talk.ask("more")
    await talk.finish(worker)
    assert asked == ["assistant", "second", "assistant"]
    assert (
        await talk.do(TryAgainBody(kind="try_again", item=await talk.last(), branch=uid(), agent="gone"))
    ).code == ("agent_missing")


async def test_a_page_counts_what_its_branch_has_and_hides_nothing_of_it(talk: Talk, alice: Any) -> None:
    worker = talk.worker(ScriptedModel(says("One."), says("Two.")))
    await talk.ask("q")
    await talk.finish(worker)
    notes = [e.NoteAdded(at=1, message=uid(), text=f"main {n}") for n in range(70)]
    await talk.sessions.append(talk.conversation, lambda view: list(notes))
    answer = await m.Step.objects.aget(conversation_id=talk.conversation)
    branch = await talk.again(answer.step)
    await talk.finish(worker)
    more = [e.NoteAdded(at=1, message=uid(), text=f"branch {n}") for n in range(70)]
    await talk.sessions.append(talk.conversation, lambda view: list(more))
    assert len(items(await talk.state())) == 50

    def page(**query: Any) -> list[str]:
        client = Client()
        client.force_login(alice)
        found = client.get(f"/api/conversations/{talk.conversation}/items", {"limit": 100, **query}).json()
        assert not found["more"]
        return [item["text"] for item in found["items"]]

    assert await sync_to_async(page)() == ["q", "Two.", *(f"branch {n}" for n in range(70))]
    assert await sync_to_async(page)(branch="") == ["q", "One.", *(f"main {n}" for n in range(70))]
    assert await sync_to_async(page)(branch=branch) == await sync_to_async(page)()


async def test_J4_a_release_that_knows_no_branches_leaves_their_runs_to_others(talk: Talk) -> None:
    worker = talk.worker(ScriptedModel(says("One."), says("Two."), says("Three.")))
    await talk.ask("q")
    await talk.finish(worker)
    await talk.again()
    await talk.finish(worker)
    await talk.ask("more")
    told = typing.get_args(e.AnyEvent)
    kinds = [kind for kind in typing.get_args(told[0]) if not kind.__name__.startswith("Branch")]
    older = Vocabulary(typing.Annotated[typing.Union[tuple(kinds)], told[1]], {})  # noqa: UP007
    rows = m.Event.objects.filter(conversation_id=talk.conversation).order_by("seq")
    read = [older.read(row.text) async for row in rows]
    since = max(n for n, event in enumerate(read) if isinstance(event, e.RunFinished))
    unread = [event for event in read[since:] if isinstance(event, e.UnknownEvent)]
    assert [(event.type, event.ignorable) for event in unread] == [("branch.continued", False)]
