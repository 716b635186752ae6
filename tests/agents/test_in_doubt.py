"""What becomes of a call in doubt when nobody watches (R4): the pure decision, and the loop that carries it out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from agents import events as e
from agents.history import History, empty, fold
from agents.results import UNKNOWN
from agents.spec import AgentSpec, Unattended
from agents.steps import Fail, Settle, Wait, in_doubt, watched
from agents.tools import Probed, Toolbox, tool
from tests.support.scripted import ScriptedModel, asks, says
from tests.support.shell import Shell
from tests.support.waiting import eventually

NOW = 10_000
UNWATCHED = frozenset({"schedule", "trigger"})
TIMER = e.Origin(entrance="schedule", name="every morning")


def said(origin: e.Origin, message: str = "m1") -> e.Event:
    return e.MessageAdded(at=1, message=message, text="pay the rent", origin=origin)


def doubtful(*messages: e.Event, doubts: int = 1, cause: str = "m1") -> History:
    """A run with `doubts` calls in doubt and one that has succeeded; `messages` came before and during it."""
    first, *later = messages
    calls = tuple(
        e.ProposedCall(call=f"call{n}", ordinal=n, name=f"tool{n}", arguments="{}") for n in range(doubts + 1)
    )
    told: list[e.Event] = [
        first,
        e.RunQueued(at=1, run="r", cause=cause),
        e.RunStarted(at=2, run="r", attempt=1, fence=1, worker="w"),
        e.StepStarted(at=3, run="r", step="r.1"),
        e.StepFinished(at=4, run="r", step="r.1", text="", calls=calls),
        *later,
        *(e.CallStarted(at=4, step="r.1", call=call.call, attempt=1, fence=1, worker="w") for call in calls),
        *(e.CallInDoubt(at=5, step="r.1", call=f"call{n}", attempt=1) for n in range(doubts)),
        e.CallSettled(
            at=6,
            step="r.1",
            call=f"call{doubts}",
            attempt=1,
            status="succeeded",
            result="1",
            preview="1",
            size=1,
        ),
    ]
    history = empty("c")
    for seq, event in enumerate(told, start=1):
        history = fold(history, event, seq)
    return history


@pytest.mark.parametrize("entrance", ["schedule", "trigger"])
def test_R4_nobody_watches_a_run_of_a_schedule_or_a_trigger(entrance: Any) -> None:
    assert not watched(doubtful(said(e.Origin(entrance=entrance))), UNWATCHED)


@pytest.mark.parametrize("entrance", ["web", "feishu", "api"])
@pytest.mark.parametrize("policy", ["wait", "tell", "fail"])
def test_R4_a_run_that_a_person_asked_for_always_waits(entrance: Any, policy: Unattended) -> None:
    history = doubtful(said(e.Origin(entrance=entrance)))
    assert watched(history, UNWATCHED)
    assert in_doubt(history, policy, NOW, UNWATCHED) == Wait("in_doubt")


@pytest.mark.parametrize("policy", ["tell", "fail"])
def test_R4_a_run_in_which_a_person_has_spoken_since_waits(policy: Unattended) -> None:
    history = doubtful(said(TIMER), said(e.Origin(), "m2"))
    assert in_doubt(history, policy, NOW, UNWATCHED) == Wait("in_doubt")


def test_R4_what_a_person_said_before_the_run_is_no_watching() -> None:
    history = doubtful(said(TIMER, "m2"), cause="m2")
    before = fold(empty("c"), said(e.Origin(), "m0"), 0)
    held = replace(
        history, items=before.items + history.items, places={id: at + 1 for id, at in history.places.items()}
    )
    assert not watched(held, UNWATCHED)
    assert isinstance(in_doubt(held, "tell", NOW, UNWATCHED), Settle)


def test_R4_a_run_whose_cause_has_left_the_window_is_judged_by_what_is_held() -> None:
    assert not watched(doubtful(said(TIMER), cause="gone"), UNWATCHED)
    assert watched(doubtful(said(e.Origin()), cause="gone"), UNWATCHED)
    nothing = empty("c")
    assert watched(nothing, UNWATCHED)


def test_R4_wait_waits() -> None:
    assert in_doubt(doubtful(said(TIMER)), "wait", NOW, UNWATCHED) == Wait("in_doubt")


def test_R4_tell_settles_every_call_in_doubt_and_no_other() -> None:
    decision = in_doubt(doubtful(said(TIMER), doubts=2), "tell", NOW, UNWATCHED)
    assert isinstance(decision, Settle)
    assert [(x.call, x.status, x.code, x.by) for x in decision.events] == [
        ("call0", "cancelled", "outcome_unknown", "policy"),
        ("call1", "cancelled", "outcome_unknown", "policy"),
    ]
    assert decision.events[0].result == UNKNOWN
    assert "may or may not" in UNKNOWN


def test_R4_fail_names_the_tools() -> None:
    decision = in_doubt(doubtful(said(TIMER), doubts=2), "fail", NOW, UNWATCHED)
    assert isinstance(decision, Fail)
    assert (decision.code, decision.by) == ("outcome_unknown", "policy")
    assert "tool0, tool1" in decision.detail


# ---- the loop ----


class Bench:
    """A tool that never comes to its end, and one that can be looked up."""

    def __init__(self, found: Probed | None = None) -> None:
        self.started = 0
        bench = self

        async def look_up(context: Any) -> Probed:
            return found or Probed("unknown")

        @tool(effect="effectful", probe=look_up)
        async def pay() -> str:
            """Pay."""
            bench.started += 1
            await asyncio.Event().wait()
            return "paid"

        self.toolbox = Toolbox([pay])


AGENT = AgentSpec("a", "A", "You help.", "test-model", tools=("pay",))


async def left_in_doubt(shell: Shell, bench: Bench, model: ScriptedModel, agent: AgentSpec) -> None:
    """A schedule asks for a payment, the worker dies while it runs, and another one takes over."""
    shell.store(said(TIMER), e.RunQueued(at=1, run="run1", cause="m1"))
    work = asyncio.create_task(shell.work(agent, model, bench.toolbox))
    await eventually(lambda: bench.started, 5, "the tool to run")
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await shell.work(agent, model, bench.toolbox)


async def test_R4_told_that_the_outcome_is_unknown_the_model_goes_on() -> None:
    shell, bench = Shell(), Bench()
    model = ScriptedModel(asks(("pay", "{}")), says("I do not know whether the rent was paid."))
    await left_in_doubt(shell, bench, model, replace(AGENT, unattended="tell"))
    (call,) = shell.calls()
    assert (call.status, call.code, call.result) == ("cancelled", "outcome_unknown", UNKNOWN)
    assert isinstance(shell.last(), e.RunFinished)
    assert bench.started == 1
    (result,) = [message for message in model.bodies[-1]["messages"] if message["role"] == "tool"]
    assert result["content"] == UNKNOWN
    kinds = shell.kinds()
    assert "call.in_doubt" in kinds and "run.waiting" not in kinds


async def test_R4_failing_closes_what_is_open_in_the_name_of_the_policy() -> None:
    shell, bench = Shell(), Bench()
    model = ScriptedModel(asks(("pay", "{}")), says("never"))
    await left_in_doubt(shell, bench, model, replace(AGENT, unattended="fail"))
    end = shell.last()
    assert isinstance(end, e.RunFailed) and end.code == "outcome_unknown" and "pay" in end.detail
    (settled,) = [event for event in shell.log if isinstance(event, e.CallSettled)]
    assert (settled.status, settled.code, settled.by) == ("cancelled", "interrupted", "policy")
    assert len(model.bodies) == 1 and bench.started == 1


async def test_R4_waiting_is_the_default() -> None:
    shell, bench = Shell(), Bench()
    await left_in_doubt(shell, bench, ScriptedModel(asks(("pay", "{}"))), AGENT)
    end = shell.last()
    assert isinstance(end, e.RunWaiting) and end.reason == "in_doubt"


@pytest.mark.parametrize("policy", ["tell", "fail"])
async def test_R4_the_tool_is_asked_before_the_policy(policy: Unattended) -> None:
    shell, bench = Shell(), Bench(Probed("happened", "paid already"))
    model = ScriptedModel(asks(("pay", "{}")), says("Paid."))
    await left_in_doubt(shell, bench, model, replace(AGENT, unattended=policy))
    (call,) = shell.calls()
    assert (call.status, call.result) == ("succeeded", "paid already")
    assert isinstance(shell.last(), e.RunFinished)
