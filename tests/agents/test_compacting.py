"""The loop asks the model for a summary when its window is full, and does without when none comes."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from agents import events as e
from agents.dialects.base import Delta, FinishDelta, TextDelta, UsageDelta
from agents.errors import ModelError
from agents.history import Summary
from agents.spec import AgentSpec, RunLimits
from agents.tools import Toolbox, ToolContext, tool
from tests.support.scripted import Line, Pause, ScriptedModel, asks, says
from tests.support.shell import Shell
from tests.support.waiting import eventually

AGENT = AgentSpec(
    "a", "A", "You help.", "m", tools=("look",), limits=RunLimits(window_tokens=2_000, steps=100)
)
SUMMARY: list[Line] = [
    TextDelta("They talked about tea."),
    UsageDelta(e.Usage(input=900, output=40)),
    FinishDelta("stop"),
]


def toolbox() -> Toolbox:
    @tool(effect="read_only")
    async def look(context: ToolContext) -> str:
        """Look."""
        return "tea " * 150

    return Toolbox([look])


class Two:
    """One model for answers and one for summaries, told apart by their system prompt."""

    def __init__(self, answers: ScriptedModel, summaries: ScriptedModel) -> None:
        self.answers = answers
        self.summaries = summaries

    def stream(self, body: Any) -> Any:
        system = body["messages"][0]["content"]
        return (self.summaries if system.startswith("You summarise") else self.answers).stream(body)


async def talk(shell: Shell, model: Two, turns: int, agent: AgentSpec = AGENT) -> None:
    for turn in range(turns):
        shell.say(f"question {len(shell.log)} " + "word " * 100)
        await shell.work(agent, model, toolbox())
        assert isinstance(shell.last(), e.RunFinished), turn


def summaries(shell: Shell) -> list[Any]:
    return [event for event in shell.log if isinstance(event, e.HistoryCompacted) and not event.problem]


@pytest.fixture
async def shell() -> Shell:
    return Shell()


async def test_a_long_conversation_is_summarised_and_goes_on(shell: Shell) -> None:
    model = Two(ScriptedModel(says("ok")), ScriptedModel(SUMMARY))
    await talk(shell, model, 40)
    found = summaries(shell)
    assert 1 < len(found) < 20, "not at every turn"
    assert all(body.get("tools") is None for body in model.summaries.bodies)
    last = model.answers.bodies[-1]["messages"]
    assert "question 0" in str(last) and "They talked about tea." in str(last), (
        "the first message and the summary"
    )
    assert len(str(last)) < 2_000 * 5
    assert "They talked about tea." in str(model.summaries.bodies[-1]), "a summary goes into the next one"
    assert sum(isinstance(item, Summary) for item in shell.history.items) == 1
    assert found[0].items > 3 and found[0].before > 500 and found[0].model == "m"


async def test_one_long_run_is_summarised_on_the_way(shell: Shell) -> None:
    """A run of sixty calls under one question: the question stays, the older steps are summarised."""
    model = Two(ScriptedModel(*[asks(("look", "{}"))] * 60, says("done")), ScriptedModel(SUMMARY))
    shell.say("look sixty times")
    await shell.work(AGENT, model, toolbox())
    assert isinstance(shell.last(), e.RunFinished) and summaries(shell)
    assert len(shell.log) > 200 and len(model.answers.bodies) == 61
    assert all("look sixty times" in str(body["messages"]) for body in model.answers.bodies)
    for event in summaries(shell):
        at = shell.log.index(event)
        started = {one.call for one in shell.log[:at] if isinstance(one, e.CallStarted)}
        ended = {one.call for one in shell.log[:at] if isinstance(one, e.CallSettled)}
        assert started == ended, "no call was in flight"


async def test_its_tokens_count_for_the_run(shell: Shell) -> None:
    model = Two(ScriptedModel(*[asks(("look", "{}"))] * 30, says("done")), ScriptedModel(SUMMARY))
    shell.say("look")
    await shell.work(AGENT, model, toolbox())
    assert shell.history.run is not None
    assert shell.history.run.usage.input == 900 * len(summaries(shell)) > 0


@pytest.mark.parametrize(
    "broken",
    [
        [ModelError("model_busy", "later", retry=True)],
        [FinishDelta("stop")],
        [TextDelta("half of a summ")],
        asks(("look", "{}")),
    ],
    ids=["busy", "empty", "cut", "calls"],
)
async def test_without_a_summary_the_oldest_items_are_left_out(shell: Shell, broken: list[Line]) -> None:
    model = Two(ScriptedModel(says("ok")), ScriptedModel(broken))
    await talk(shell, model, 40)
    assert not summaries(shell) and 1 <= len(model.summaries.bodies) < 10, "it is not asked for at every turn"
    assert "earlier entries of this conversation are left out" in str(model.answers.bodies[-1])
    tried = [event for event in shell.log if isinstance(event, e.HistoryCompacted)]
    assert len(tried) == len(model.summaries.bodies) and all(event.problem for event in tried)
    assert not [event for event in shell.log if isinstance(event, e.RunRetrying)]


async def test_off_means_off(shell: Shell) -> None:
    model = Two(ScriptedModel(says("ok")), ScriptedModel(SUMMARY))
    await talk(shell, model, 40, replace(AGENT, compaction=False))
    assert not model.summaries.bodies and not summaries(shell)


async def test_R7_a_stop_during_the_summary(shell: Shell) -> None:
    pause = Pause()
    held: list[Line] = [TextDelta("They"), pause]
    model = Two(ScriptedModel(says("ok")), ScriptedModel(held))

    async def talking() -> None:
        while not pause.reached.is_set():
            shell.say("question " + "word " * 200)
            await shell.work(AGENT, model, toolbox())

    work = asyncio.create_task(talking())
    await eventually(pause.reached.is_set, 10, "a summary to be asked for")
    shell.ask_to_stop()
    await asyncio.wait_for(work, 10)
    assert pause.cancelled and isinstance(shell.last(), e.RunStopped) and not summaries(shell)


async def test_a_summary_that_is_too_long_is_cut(shell: Shell) -> None:
    endless: list[Delta] = [TextDelta("tea " * 5_000), FinishDelta("stop")]
    model = Two(ScriptedModel(says("ok")), ScriptedModel(endless))
    await talk(shell, model, 20)
    assert all(len(event.summary) < 2_000 for event in summaries(shell)) and summaries(shell)
