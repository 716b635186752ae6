"""A worker may die anywhere: between any two things the loop yields, and at any turn of the event loop.

Each time the next worker takes over with nothing but what was stored, and the conversation ends as it would have.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import pytest

from agents import events as e
from agents.dialects.base import FinishDelta, TextDelta
from agents.dialects.requests import render, validate
from agents.history import Call
from agents.loop import PartText
from agents.profiles import all_profiles
from agents.spec import AgentSpec
from agents.tools import Toolbox, ToolContext, tool
from agents.transcript.room import ModelSettings
from tests.support.scripted import Line, ScriptedModel, asks
from tests.support.shell import Shell
from tests.support.strict_provider import refusal

AGENT = AgentSpec("a", "A", "You help.", "m", profile="openai-chat", tools=("look", "book", "write"))
#: An agent that asks before it books or writes (rule W8).
CAREFUL = replace(AGENT, approval_tools=("book", "write"))

Until = Callable[[list[e.Event] | PartText], bool]


class World:
    """What tools have done to it. `began` counts starts, `effects` what happened by idempotency key."""

    def __init__(self) -> None:
        self.began: dict[str, int] = {}
        self.effects: dict[str, str] = {}

    def toolbox(self) -> Toolbox:
        world = self

        async def act(name: str, context: ToolContext) -> str:
            world.began[name] = world.began.get(name, 0) + 1
            await context.progress(0.5)
            await asyncio.sleep(0)
            world.effects[context.key] = name
            await asyncio.sleep(0)
            return f"{name} done"

        @tool(effect="read_only")
        async def look(context: ToolContext) -> str:
            """Look."""
            return await act("look", context)

        @tool(effect="idempotent")
        async def book(context: ToolContext) -> str:
            """Book."""
            return await act("book", context)

        @tool(effect="effectful")
        async def write(context: ToolContext) -> str:
            """Write."""
            return await act("write", context)

        return Toolbox([look, book, write])


class Model(ScriptedModel):
    """Answers what the request asks for and not what comes next in a list: it may be asked twice."""

    async def stream(self, body):  # type: ignore[no-untyped-def]
        rounds = sum(1 for message in body["messages"] if message.get("tool_calls"))
        script: list[list[Line]] = [
            asks(("look", "{}"), ("book", "{}"), ("write", "{}"), ("fly", "{}"), text="Let me see."),
            asks(("look", "{"), ("look", "{}")),
            [TextDelta("All "), TextDelta("done."), FinishDelta("stop")],
        ]
        self.responses = [script[min(rounds, 2)]]
        async for delta in super().stream(body):
            yield delta


def decided(step: str, call: Call, refuses: str = "") -> list[e.Event]:
    """What a person says of a call that waits for them: it happened, they allow it, or they refuse it."""
    at: dict[str, Any] = {"at": 1, "step": step, "call": call.id}
    outcome: dict[str, Any] = {
        "attempt": call.attempt,
        "result": "Somebody decided.",
        "preview": "",
        "size": 0,
    }
    if call.status == "in_doubt":
        return [e.CallSettled(**at, **outcome, status="succeeded", code="resolved_by_person")]
    assert call.status == "awaiting_approval" and call.approval is not None
    refused = call.name == refuses
    said = e.ApprovalDecided(
        **at, digest=call.approval.digest, decision="refused" if refused else "approved", by="alice"
    )
    return [said, e.CallSettled(**at, **outcome, status="cancelled", code="refused")] if refused else [said]


async def taken_over(
    shell: Shell,
    world: World,
    model: Model,
    agent: AgentSpec = AGENT,
    *,
    until: Until | None = None,
    refuses: str = "",
) -> None:
    """Workers come until the run is over; a person decides what waits for them."""
    for _ in range(8):
        run = shell.history.run
        assert run is not None
        if run.status == "waiting":
            for step in list(shell.history.steps()):
                for call in step.open_calls:
                    shell.store(*decided(step.id, call, refuses))
            shell.store(e.RunResumed(at=1, run=run.id))
        elif not run.active:
            return
        await shell.work(agent, model, world.toolbox(), until=until)
    raise AssertionError("the run does not end")


def hold_to_the_rules(shell: Shell, world: World, model: Model) -> None:
    """What must be true however often workers died."""
    assert isinstance(shell.last(), e.RunFinished) and shell.last().limit is None  # type: ignore[attr-defined]
    assert [step.text for step in shell.steps()] == ["Let me see.", "", "All done."]
    assert not any(call.open for call in shell.calls())
    statuses = [call.status for call in shell.calls()]
    assert statuses == ["succeeded"] * 3 + ["failed"] * 2 + ["succeeded"]
    # R3, R4: what has an effect is never started twice; what may be, has one effect per call.
    assert world.began["write"] == 1
    assert sorted(world.effects.values()).count("book") == 1
    assert sorted(world.effects.values()).count("look") == 2
    started = [event.call for event in shell.log if isinstance(event, e.CallStarted)]
    settled = [event.call for event in shell.log if isinstance(event, e.CallSettled)]
    assert len(settled) == len(set(settled)) == 6
    assert set(started) <= set(settled)
    for body in model.bodies:
        assert validate(body, all_profiles()["openai-chat"]) == []
        assert refusal("openai-chat", dict(body)) is None
    for profile in all_profiles().values():
        assert validate(render(shell.history, profile, ModelSettings("m")), profile) == []


async def test_undisturbed() -> None:
    shell, world, model = Shell(), World(), Model([])
    shell.say("go")
    await shell.work(AGENT, model, world.toolbox())
    hold_to_the_rules(shell, world, model)
    assert world.began == {"look": 2, "book": 1, "write": 1}


async def test_R4_it_dies_after_each_thing_that_was_stored() -> None:
    points = 0
    while True:
        shell, world, model = Shell(), World(), Model([])
        shell.say("go")
        left = points

        def until(one: list[e.Event] | PartText) -> bool:
            nonlocal left
            left -= 1
            return left < 0

        await shell.work(AGENT, model, world.toolbox(), until=until)
        if left >= 0:
            break
        await taken_over(shell, world, model)
        _with_unstarted_write(shell, world)
        hold_to_the_rules(shell, world, model)
        points += 1
    assert points > 10


@pytest.mark.parametrize("seed", range(60))
async def test_R4_it_dies_at_any_turn_of_the_event_loop(seed: int) -> None:
    random = Random(seed)
    shell, world, model = Shell(), World(), Model([])
    shell.say("go")
    for _ in range(3):
        work = asyncio.create_task(shell.work(AGENT, model, world.toolbox()))
        for _ in range(random.randrange(2, 45)):
            await asyncio.sleep(0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        run = shell.history.run
        if run is None or run.status == "waiting" or not run.active:
            break
    await taken_over(shell, world, model)
    _with_unstarted_write(shell, world)
    hold_to_the_rules(shell, world, model)


def _with_unstarted_write(shell: Shell, world: World) -> None:
    """Died between CallStarted and the start: nothing was executed, and nobody can know that. It was in doubt."""
    if "write" not in world.began:
        assert any(isinstance(event, e.CallInDoubt) for event in shell.log)
        world.began["write"] = 1


class Dies:
    """Gives the run up after so many stored things, counted over all owners; `first` looks at each of them before."""

    def __init__(self, after: int, first: Callable[[list[e.Event] | PartText], None] | None = None) -> None:
        self.left = after
        self._first = first

    def __call__(self, one: list[e.Event] | PartText) -> bool:
        if self._first is not None:
            self._first(one)
        self.left -= 1
        return self.left == -1


def allow_at_once(shell: Shell, one: list[e.Event] | PartText) -> None:
    """Somebody allows what is asked for before the worker does anything more."""
    if isinstance(one, list) and isinstance(one[0], e.ApprovalAsked):
        step = shell.steps()[-1]
        for call in step.open_calls:
            if call.status == "awaiting_approval":
                shell.store(*decided(step.id, call))


def hold_to_the_word(shell: Shell) -> None:
    """W8: everybody is asked once about a call, and nothing that waits for a yes is started before it has it."""
    asked = [event.call for event in shell.log if isinstance(event, e.ApprovalAsked)]
    assert len(asked) == len(set(asked)) == 2
    allowed: set[str] = set()
    for event in shell.log:
        if isinstance(event, e.ApprovalDecided) and event.decision == "approved":
            allowed.add(event.call)
        assert not isinstance(event, e.CallStarted) or event.call in allowed or event.call not in asked


@pytest.mark.parametrize("at_once", [True, False], ids=["decided at once", "decided when it waits"])
async def test_W8_R4_it_dies_after_each_thing_that_was_stored(at_once: bool) -> None:
    points = 0
    while True:
        shell, world, model = Shell(), World(), Model([])
        shell.say("go")
        dies = Dies(points, partial(allow_at_once, shell) if at_once else None)
        await taken_over(shell, world, model, CAREFUL, until=dies)
        _with_unstarted_write(shell, world)
        hold_to_the_rules(shell, world, model)
        hold_to_the_word(shell)
        if dies.left >= 0:
            break
        points += 1
    assert points > 12


@pytest.mark.parametrize("seed", range(20))
async def test_W8_R4_it_dies_at_any_turn_of_the_event_loop(seed: int) -> None:
    random = Random(seed)
    shell, world, model = Shell(), World(), Model([])
    shell.say("go")
    for _ in range(4):
        run = shell.history.run
        if run is None or not run.active:
            break
        if run.status == "waiting":
            for step in list(shell.history.steps()):
                for call in step.open_calls:
                    shell.store(*decided(step.id, call))
            shell.store(e.RunResumed(at=1, run=run.id))
        work = asyncio.create_task(shell.work(CAREFUL, model, world.toolbox()))
        for _ in range(random.randrange(2, 60)):
            await asyncio.sleep(0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    await taken_over(shell, world, model, CAREFUL)
    _with_unstarted_write(shell, world)
    hold_to_the_rules(shell, world, model)
    hold_to_the_word(shell)


async def test_W8_what_was_refused_never_runs_wherever_the_worker_dies() -> None:
    points = 0
    while True:
        shell, world, model = Shell(), World(), Model([])
        shell.say("go")
        dies = Dies(points)
        await taken_over(shell, world, model, CAREFUL, until=dies, refuses="write")
        assert "write" not in world.began and "write" not in world.effects.values()
        (write,) = [call for call in shell.calls() if call.name == "write"]
        assert (write.status, write.code) == ("cancelled", "refused")
        hold_to_the_word(shell)
        assert isinstance(shell.last(), e.RunFinished)
        for body in model.bodies:
            assert refusal("openai-chat", dict(body)) is None
        if dies.left >= 0:
            break
        points += 1
    assert points > 12
