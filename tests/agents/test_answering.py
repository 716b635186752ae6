"""One request and its answer: the gate in front of the provider."""

import asyncio
from contextlib import aclosing

from agents import events as e
from agents.answering import answer
from agents.history import fold
from agents.profiles import get
from agents.providers.base import Profile
from agents.spec import AgentSpec
from agents.steps import CallModel
from agents.tools import Toolbox, tool
from agents.work import PartText, StopOrDeadline, Work
from tests.support.scripted import ScriptedModel, asks, says
from tests.support.shell import Shell

#: A declaration that contradicts itself: its renderer makes ids that its own rules refuse.
MISDECLARED = Profile("misdeclared", "Misdeclared", dialect="responses", ids="kimi")


@tool(effect="read_only")
def look() -> str:
    """Look."""
    return "a red house"


AGENT = AgentSpec("a", "A", "You help.", "m", profile="openai-chat", tools=("look",))


async def after_a_call() -> Shell:
    """A conversation whose next request carries a call and its result."""
    shell = Shell()
    shell.say("What do you see?")
    until_settled = lambda one: isinstance(one, list) and isinstance(one[0], e.CallSettled)  # noqa: E731
    await shell.work(AGENT, ScriptedModel(asks(("look", "{}"))), Toolbox([look]), until=until_settled)
    return shell


async def answered(
    shell: Shell, model: ScriptedModel, profile: Profile, agent: AgentSpec = AGENT
) -> list[e.Event]:
    """The events of one try with this profile."""
    stop = asyncio.Event()
    work = Work(
        agent,
        profile,
        model,
        Toolbox([look]),
        lambda: shell.history,
        stop,
        shell.clock,
        1,
        "w",
        "alice",
        None,
    )
    stored: list[e.Event] = []
    async with StopOrDeadline(work) as halt, aclosing(answer(work, halt, CallModel("run1.2", 1))) as yielded:
        async for one in yielded:
            if not isinstance(one, PartText):
                stored += one
                for event in one:
                    shell.history = fold(shell.history, event, len(stored) + 100)
    return stored


async def test_T1_what_fails_the_gate_is_recorded_and_goes_out_as_text() -> None:
    shell = await after_a_call()
    model = ScriptedModel(says("A red house."))
    stored = await answered(shell, model, MISDECLARED)
    assert [type(event).__name__ for event in stored] == ["RunRetrying", "StepStarted", "StepFinished"]
    retrying = stored[0]
    assert isinstance(retrying, e.RunRetrying)
    assert retrying.code == "transcript_invalid" and "V6" in retrying.detail
    (body,) = model.bodies
    assert "function_call" not in str(body["input"])
    assert "a red house" in str(body["input"])


async def test_T1_what_fails_it_as_text_too_never_goes_out() -> None:
    shell = await after_a_call()
    model = ScriptedModel(says("never asked"))
    twice = AgentSpec("a", "A", "", "m", tools=("look", "look"))
    stored = await answered(shell, model, get("openai-chat"), twice)
    assert model.bodies == []
    (failed,) = stored
    assert isinstance(failed, e.RunFailed)
    assert failed.code == "transcript_invalid" and "V16" in failed.detail


async def test_T1_what_passes_goes_out_as_it_is() -> None:
    shell = await after_a_call()
    model = ScriptedModel(says("A red house."))
    stored = await answered(shell, model, get("openai-chat"))
    assert [type(event).__name__ for event in stored] == ["StepStarted", "StepFinished"]
    assert any(message["role"] == "tool" for message in model.bodies[0]["messages"])
