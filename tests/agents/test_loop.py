"""The loop with a scripted model and a real toolbox: what it stores, in which order, and how it ends."""

import asyncio
import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from agents import events as e
from agents import history as h
from agents.dialects.assembler import MAX_BYTES
from agents.dialects.base import CallDelta, FinishDelta, ReasoningDelta, TextDelta, UsageDelta
from agents.errors import ModelError, TooLong, TranscriptRefused
from agents.loop import PartText, perform
from agents.retrying import MAX_SHORTENED
from agents.spec import AgentSpec, Fallback, Prices, RunLimits
from agents.tools import Toolbox, ToolContext, tool
from tests.support.scripted import Line, Pause, ScriptedModel, asks, says
from tests.support.shell import QuickClock, Shell
from tests.support.waiting import eventually


class Bench:
    """Tools that report what they do, and wait where a test wants them to."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.keys: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.running = 0
        self.most = 0

    def toolbox(self) -> Toolbox:
        bench = self

        @tool(effect="read_only")
        async def look(name: str, context: ToolContext) -> str:
            """Look at something.

            Args:
                name: what to look at
            """
            return await bench.through("look", name, context)

        @tool(effect="effectful")
        async def write(name: str, context: ToolContext) -> str:
            """Write something.

            Args:
                name: what to write
            """
            return await bench.through("write", name, context)

        @tool(effect="read_only")
        async def climb(context: ToolContext) -> str:
            """Report progress often."""
            for number in range(100):
                await context.progress(number / 100, f"{number}")
                await asyncio.sleep(0.012)
            return "top"

        @tool(effect="effectful")
        async def stubborn() -> str:
            """Ignore being cancelled."""
            bench.started.append("stubborn")
            end = time.monotonic() + 2
            while time.monotonic() < end:
                try:
                    await asyncio.sleep(0.05)
                except asyncio.CancelledError:
                    continue
            return "never"

        return Toolbox([look, write, climb, stubborn])

    async def through(self, kind: str, name: str, context: ToolContext) -> str:
        self.started.append(name)
        self.keys.append(context.key)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if name in self.gates:
                await self.gates[name].wait()
            else:
                await asyncio.sleep(0)
        finally:
            self.running -= 1
        return f"{kind} {name}"


AGENT = AgentSpec("a", "A", "You help.", "test-model", tools=("look", "write", "climb", "stubborn"))


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
async def shell() -> Shell:
    return Shell()


def look(name: str) -> tuple[str, str]:
    return ("look", f'{{"name": "{name}"}}')


def write(name: str) -> tuple[str, str]:
    return ("write", f'{{"name": "{name}"}}')


def events_of(shell: Shell, kind: type[e.Event]) -> list[Any]:
    return [event for event in shell.log if isinstance(event, kind)]


def holds(one: list[e.Event] | PartText, kind: type[e.Event]) -> bool:
    return isinstance(one, list) and any(isinstance(event, kind) for event in one)


async def test_an_answer(shell: Shell, bench: Bench) -> None:
    shell.say("hello")
    model = ScriptedModel(
        [TextDelta("Good "), UsageDelta(e.Usage(input=3)), TextDelta("day"), FinishDelta("stop")]
    )
    await shell.work(AGENT, model, bench.toolbox())
    assert shell.kinds() == [
        "message.added", "run.queued", "run.started", "step.started", "step.finished", "run.finished",
    ]  # fmt: skip
    (finished,) = events_of(shell, e.StepFinished)
    assert (finished.text, finished.usage.input, finished.step) == ("Good day", 3, "run1.1")
    assert "".join(part.text for part in shell.parts) == "Good day"
    assert model.closed == 1


async def test_a_response_tells_when_its_first_piece_came(shell: Shell, bench: Bench) -> None:
    shell.say("hello")
    pause = Pause()
    work = asyncio.create_task(
        shell.work(
            AGENT,
            ScriptedModel([UsageDelta(e.Usage(input=3)), pause, TextDelta("Good day"), FinishDelta("stop")]),
            bench.toolbox(),
        )
    )
    await pause.reached.wait()
    (started,) = events_of(shell, e.StepStarted)
    await asyncio.sleep(0.05)
    pause.release.set()
    await work
    (finished,) = events_of(shell, e.StepFinished)
    assert started.at + 40 <= finished.first_at <= finished.at, "usage alone is no piece of an answer"


async def test_what_was_cut_by_a_stop_tells_when_its_first_piece_came(shell: Shell, bench: Bench) -> None:
    shell.say("hello")
    pause = Pause()
    work = asyncio.create_task(
        shell.work(AGENT, ScriptedModel([TextDelta("Good "), pause, FinishDelta("stop")]), bench.toolbox())
    )
    await pause.reached.wait()
    shell.ask_to_stop()
    await work
    (stopped,) = events_of(shell, e.StepStopped)
    assert stopped.first_at is not None and stopped.first_at <= stopped.at


async def test_R3_a_call_is_stored_before_it_starts(shell: Shell, bench: Bench) -> None:
    shell.say("look")
    model = ScriptedModel(asks(look("a")), says("done"))
    checked: list[list[str]] = []

    def check(one: list[e.Event] | PartText) -> None:
        if isinstance(one, list) and isinstance(one[-1], e.CallStarted):
            checked.append(list(bench.started))

    await shell.work(AGENT, model, bench.toolbox(), after=check)
    assert checked == [[]]
    assert bench.started == ["a"]
    assert [call.result for call in shell.calls()] == ["look a"]
    results = [message for message in model.bodies[1]["messages"] if message["role"] == "tool"]
    assert [message["content"] for message in results] == ["look a"]


async def test_a_step_is_stored_together_with_what_follows_from_it(shell: Shell, bench: Bench) -> None:
    """One append each: no tool has begun, and the run is not over, before both are stored."""
    stored: list[list[str]] = []

    def note(one: list[e.Event] | PartText) -> None:
        if isinstance(one, list):
            stored.append([event.type for event in one])  # type: ignore[attr-defined]

    shell.say("hello")
    model = ScriptedModel(asks(("look", '{"name": "a"}')), says("Done."))
    await shell.work(AGENT, model, bench.toolbox(), after=note)
    assert stored == [
        ["step.started"],
        ["step.finished", "call.started"],
        ["call.settled"],
        ["step.started"],
        ["step.finished", "run.finished"],
    ]


async def test_R9_calls_run_side_by_side_up_to_the_limit_and_settle_on_their_own(
    shell: Shell, bench: Bench
) -> None:
    names = ["a", "b", "c", "d", "e"]
    bench.gates = {name: asyncio.Event() for name in names}
    shell.say("look")
    agent = replace(AGENT, limits=RunLimits(parallel=2))
    model = ScriptedModel(asks(*(look(name) for name in names)), says("done"))
    work = asyncio.create_task(shell.work(agent, model, bench.toolbox()))
    await eventually(lambda: bench.started == ["a", "b"], 10, "two calls to start")
    bench.gates["b"].set()
    await eventually(lambda: bench.started == ["a", "b", "c"], 10, "the third call to take the free place")
    assert [call.status for call in shell.calls()] == [
        "running",
        "succeeded",
        "running",
        "proposed",
        "proposed",
    ]
    for gate in bench.gates.values():
        gate.set()
    await work
    assert bench.most == 2
    assert [call.result for call in shell.calls()] == [f"look {name}" for name in names]
    order = [m["content"] for m in model.bodies[1]["messages"] if m["role"] == "tool"]
    assert order == [f"look {name}" for name in names]


async def test_progress_is_told_twice_a_second_at_most(shell: Shell, bench: Bench) -> None:
    shell.say("climb")
    begun = time.monotonic()
    await shell.work(AGENT, ScriptedModel(asks(("climb", "{}")), says("done")), bench.toolbox())
    told = events_of(shell, e.CallProgress)
    assert 2 <= len(told) <= 2 + (time.monotonic() - begun) * 2
    assert [event.fraction for event in told] == sorted(event.fraction for event in told)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (("look", '{"name": '), "malformed_arguments"),
        (("look", '["a"]'), "malformed_arguments"),
        (("fly", "{}"), "unknown_tool"),
    ],
)
async def test_a_call_that_cannot_be_executed_comes_back_to_the_model(
    shell: Shell, bench: Bench, call: tuple[str, str], code: str
) -> None:
    shell.say("look")
    model = ScriptedModel(asks(call, look("b")), says("sorry"))
    await shell.work(AGENT, model, bench.toolbox())
    assert bench.started == ["b"]
    first, second = shell.calls()
    assert (first.status, first.code, first.attempt) == ("failed", code, 0)
    assert second.status == "succeeded"
    told = next(m for m in model.bodies[1]["messages"] if m["role"] == "tool")
    assert "not executed" in told["content"]


async def test_a_truncated_call_is_never_executed(shell: Shell, bench: Bench) -> None:
    shell.say("look")
    cut: list[Line] = [CallDelta(0, "a", *look("x")), CallDelta(1, "b", *look("y")), FinishDelta("length")]
    await shell.work(AGENT, ScriptedModel(cut, says("sorry")), bench.toolbox())
    assert bench.started == ["x"]
    assert [call.code for call in shell.calls()] == [None, "truncated_arguments"]


async def test_R5_a_cut_stream_is_not_committed_and_tried_again_visibly(shell: Shell, bench: Bench) -> None:
    shell.say("hello")
    cut: list[Line] = [TextDelta("Half an ans"), ModelError("model_error", "cut off", retry=True)]
    await shell.work(AGENT, ScriptedModel(cut, says("A whole answer")), bench.toolbox())
    assert [step.text for step in shell.steps()] == ["A whole answer"]
    (retrying,) = events_of(shell, e.RunRetrying)
    assert (retrying.code, retrying.retry_at - retrying.at) == ("model_error", 1_000)
    assert [(event.step, event.attempt) for event in events_of(shell, e.StepStarted)] == [
        ("run1.1", 1),
        ("run1.1", 2),
    ]
    assert [part.offset for part in shell.parts if part.text.startswith(("Half", "A"))] == [0, 0]


async def test_R5_a_stream_that_ends_without_an_end_is_cut_but_a_habit_is_accepted(
    shell: Shell, bench: Bench
) -> None:
    shell.say("hello")
    await shell.work(AGENT, ScriptedModel([TextDelta("no finish reason")]), bench.toolbox())
    assert [step.text for step in shell.steps()] == ["no finish reason"]
    assert len(events_of(shell, e.RunRetrying)) == 1


async def test_tries_are_bounded_and_end_with_a_code(shell: Shell, bench: Bench) -> None:
    shell.say("hello")
    model = ScriptedModel([ModelError("model_unreachable", "nobody there", retry=True)])
    await shell.work(AGENT, model, bench.toolbox())
    failed = shell.last()
    assert isinstance(failed, e.RunFailed)
    assert (failed.code, failed.detail) == ("model_unreachable", "nobody there")
    assert len(model.bodies) == 5
    waits = [event.retry_at - event.at for event in events_of(shell, e.RunRetrying)]
    assert waits == [1_000, 2_000, 4_000, 8_000]
    assert shell.steps() == []


async def test_an_error_is_never_stored_as_if_the_assistant_had_said_it(shell: Shell, bench: Bench) -> None:
    shell.say("hello")
    await shell.work(AGENT, ScriptedModel([ModelError("model_auth", "wrong key")]), bench.toolbox())
    assert shell.steps() == []
    shell.say("again")
    model = ScriptedModel(says("now it works"))
    await shell.work(AGENT, model, bench.toolbox())
    assert "wrong key" not in str(model.bodies)


async def test_retry_after_is_honoured_up_to_a_day(shell: Shell, bench: Bench) -> None:
    shell.say("hello")
    busy = ModelError("model_busy", "later", retry=True, after=30)
    await shell.work(AGENT, ScriptedModel([busy], says("ok")), bench.toolbox())
    (retrying,) = events_of(shell, e.RunRetrying)
    assert retrying.retry_at - retrying.at == 30_000
    shell.say("hello")
    busy = ModelError("model_busy", "next week", retry=True, after=8 * 86_400)
    await shell.work(AGENT, ScriptedModel([busy], says("ok")), bench.toolbox())
    assert isinstance(shell.last(), e.RunFailed)


async def test_T5_a_refused_transcript_is_sent_once_more_as_text_and_never_the_same(
    shell: Shell, bench: Bench
) -> None:
    shell.say("look")
    refused = TranscriptRefused("E1", "No tool call found")
    model = ScriptedModel(asks(look("a")), [refused], says("I see"))
    await shell.work(AGENT, model, bench.toolbox())
    assert [event.code for event in events_of(shell, e.RunRetrying)] == ["transcript_invalid"]
    _, second, third = model.bodies
    assert second != third
    assert any(message["role"] == "tool" for message in second["messages"])
    assert not any(message["role"] == "tool" for message in third["messages"])
    assert "look a" in str(third["messages"])
    assert bench.started == ["a"]


async def test_T5_a_refusal_of_every_form_ends_the_run(shell: Shell, bench: Bench) -> None:
    shell.say("hello")
    model = ScriptedModel(asks(look("a")), [TranscriptRefused("E25", "illegal")])
    await shell.work(AGENT, model, bench.toolbox())
    bodies = [str(body) for body in model.bodies]
    assert len(bodies) == len(set(bodies)) > 3 and bench.started == ["a"]
    failed = shell.last()
    assert isinstance(failed, e.RunFailed) and failed.code == "model_rejected"


async def test_T5_no_body_is_sent_twice_where_forms_do_not_differ(shell: Shell, bench: Bench) -> None:
    shell.say("hello")
    model = ScriptedModel([TranscriptRefused("E25", "illegal")])
    await shell.work(AGENT, model, bench.toolbox())
    bodies = [str(body) for body in model.bodies]
    assert len(bodies) == len(set(bodies)), "as text only it would say the same"
    failed = shell.last()
    assert isinstance(failed, e.RunFailed) and (failed.code, failed.detail) == ("model_rejected", "illegal")


async def test_a_request_that_is_too_long_is_made_shorter(shell: Shell, bench: Bench) -> None:
    agent = replace(AGENT, compaction=False)
    for number in range(6):
        shell.say(f"{number} " + "word " * 2_000)
        await shell.work(agent, ScriptedModel(says("ok")), bench.toolbox())
    shell.say("and now?")
    model = ScriptedModel([TooLong("too long")], [TooLong("too long")], says("ok"))
    await shell.work(agent, model, bench.toolbox())
    sizes = [len(str(body)) for body in model.bodies]
    assert sizes[1] < sizes[0] * 0.7 and sizes[2] < sizes[1] * 0.7
    assert "and now?" in str(model.bodies[2])


async def test_a_request_that_stays_too_long_fails_with_a_sentence(shell: Shell, bench: Bench) -> None:
    shell.say("word " * 10_000)
    model = ScriptedModel([TooLong("The conversation is longer than this model can read.")])
    await shell.work(AGENT, model, bench.toolbox())
    failed = shell.last()
    assert isinstance(failed, e.RunFailed) and "longer than" in failed.detail
    bodies = [str(body) for body in model.bodies]
    assert 3 < len(bodies) == len(set(bodies)) <= 1 + MAX_SHORTENED
    assert shell.learned.kept == [], "a shorter form says nothing of forms"


async def test_a_fallback_stands_in_and_no_tool_runs_twice(shell: Shell, bench: Bench) -> None:
    shell.say("write")
    agent = replace(AGENT, fallbacks=(Fallback("other-model"),), prices=Prices(Decimal(2), Decimal(10)))
    model = ScriptedModel(
        [*asks(write("a")), UsageDelta(e.Usage(input=100, output=10))],
        [ModelError("model_quota", "No credit.")],
    )
    other = ScriptedModel([UsageDelta(e.Usage(input=50)), *says("done")])
    await shell.work(agent, model, bench.toolbox(), fallbacks=[other])
    assert isinstance(shell.last(), e.RunFinished)
    assert bench.started == ["a"]
    assert [body["model"] for body in other.bodies] == ["other-model"]
    assert "write a" in str(other.bodies[0])
    (retrying,) = events_of(shell, e.RunRetrying)
    assert retrying.detail == "No credit. other-model stands in."
    assert [event.usage.cost for event in events_of(shell, e.StepFinished)] == [300_000, None]


async def test_a_fallback_that_fails_too_ends_the_run(shell: Shell, bench: Bench) -> None:
    shell.say("hello")
    agent = replace(AGENT, fallbacks=(Fallback("other-model"),))
    model = ScriptedModel([ModelError("model_quota", "No credit.")])
    other = ScriptedModel([ModelError("model_auth", "wrong key")])
    await shell.work(agent, model, bench.toolbox(), fallbacks=[other])
    failed = shell.last()
    assert isinstance(failed, e.RunFailed) and failed.code == "model_auth"
    assert (len(model.bodies), len(other.bodies)) == (1, 1)


async def test_R7_a_stop_cancels_the_stream_and_keeps_what_came(shell: Shell, bench: Bench) -> None:
    pause = Pause()
    shell.say("tell")
    model = ScriptedModel([TextDelta("Once upon a time"), pause, TextDelta("never")])
    work = asyncio.create_task(shell.work(AGENT, model, bench.toolbox()))
    await eventually(lambda: shell.parts, 10, "the first text")
    begun = time.monotonic()
    shell.ask_to_stop("Alice")
    await work
    assert time.monotonic() - begun < 5
    assert pause.cancelled and model.closed == 1
    last = shell.batches[-1]
    assert [type(event).__name__ for event in last] == ["StepStopped", "RunStopped"]
    assert [step.text for step in shell.steps()] == ["Once upon a time"]


async def test_R7_a_stop_closes_every_call_in_one_batch(shell: Shell, bench: Bench) -> None:
    bench.gates = {"a": asyncio.Event(), "b": asyncio.Event()}
    shell.say("go")
    agent = replace(AGENT, limits=RunLimits(parallel=3))
    model = ScriptedModel(asks(look("a"), write("b"), look("c"), ("stubborn", "{}"), look("d")))
    work = asyncio.create_task(shell.work(agent, model, bench.toolbox()))
    await eventually(lambda: set(bench.started) == {"a", "b", "c", "stubborn"}, 10, "calls to run")
    begun = time.monotonic()
    shell.ask_to_stop("Alice")
    await work
    assert time.monotonic() - begun < 5
    assert isinstance(shell.last(), e.RunStopped) and shell.last().by == "Alice"  # type: ignore[attr-defined]
    closing = [event for event in shell.batches[-1] if isinstance(event, e.CallSettled)]
    assert {event.status for event in closing} == {"cancelled"}
    texts = {call.name + call.arguments: call.result for call in shell.calls()}
    assert "may or may not" in texts['write{"name": "b"}'] and "may or may not" in texts["stubborn{}"]
    assert "may or may not" not in texts['look{"name": "a"}']
    assert texts['look{"name": "c"}'] == "look c"
    assert (
        "was not executed" in texts['look{"name": "d"}']
        or "Nothing was executed" in texts['look{"name": "d"}']
    )
    assert not any(call.open for call in shell.calls())


async def test_R7_a_stop_that_came_while_nobody_worked(shell: Shell, bench: Bench) -> None:
    shell.say("go")
    model = ScriptedModel(asks(write("a")), says("done"))
    await shell.work(AGENT, model, bench.toolbox(), until=lambda one: holds(one, e.CallStarted))
    shell.ask_to_stop()
    await shell.work(AGENT, model, bench.toolbox())
    assert isinstance(shell.last(), e.RunStopped)
    assert [call.status for call in shell.calls()] == ["cancelled"]
    assert len(model.bodies) == 1


async def test_R7_a_stop_during_the_pause_before_a_retry(shell: Shell, bench: Bench) -> None:
    shell.clock = QuickClock(speed=1)
    shell.say("go")
    model = ScriptedModel([ModelError("model_busy", "later", retry=True, after=30)])
    work = asyncio.create_task(shell.work(AGENT, model, bench.toolbox()))
    await eventually(lambda: events_of(shell, e.RunRetrying), 10, "the retry to be announced")
    shell.ask_to_stop()
    await asyncio.wait_for(work, 10)
    assert isinstance(shell.last(), e.RunStopped)
    assert shell.steps() == []


async def test_R8_time_ends_a_stream_with_a_message(shell: Shell, bench: Bench) -> None:
    pause = Pause()
    shell.say("tell")
    agent = replace(AGENT, limits=RunLimits(seconds=10))
    await shell.work(agent, ScriptedModel([TextDelta("Once"), pause]), bench.toolbox())
    finished = shell.last()
    assert isinstance(finished, e.RunFinished) and finished.limit == "limit_seconds"
    assert [step.text for step in shell.steps()] == ["Once"]


async def test_R8_time_ends_tools_with_a_message(shell: Shell, bench: Bench) -> None:
    bench.gates = {"a": asyncio.Event()}
    shell.say("look")
    agent = replace(AGENT, limits=RunLimits(seconds=10))
    await shell.work(agent, ScriptedModel(asks(look("a"))), bench.toolbox())
    finished = shell.last()
    assert isinstance(finished, e.RunFinished) and finished.limit == "limit_seconds"
    assert [call.code for call in shell.calls()] == ["interrupted"]


async def test_R8_steps_end_a_run_that_never_comes_to_an_answer(shell: Shell, bench: Bench) -> None:
    shell.say("look")
    agent = replace(AGENT, limits=RunLimits(steps=3))
    model = ScriptedModel(asks(look("a")))
    await shell.work(agent, model, bench.toolbox())
    finished = shell.last()
    assert isinstance(finished, e.RunFinished) and finished.limit == "limit_steps"
    assert len(model.bodies) == 3 and bench.started == ["a"] * 3
    assert len(set(bench.keys)) == 3


async def test_R8_a_response_without_end_is_cut_with_a_message(shell: Shell, bench: Bench) -> None:
    shell.say("tell")
    flood = [TextDelta("word " * 10_000) for _ in range(100)]
    await shell.work(AGENT, ScriptedModel([*flood, FinishDelta("stop")]), bench.toolbox())
    finished = shell.last()
    assert isinstance(finished, e.RunFinished) and finished.limit == "limit_tokens"
    (step,) = shell.steps()
    assert MAX_BYTES < len(step.text) < 2 * MAX_BYTES


async def test_R4_a_call_of_a_dead_worker_runs_again_with_the_same_key_or_is_in_doubt(
    shell: Shell, bench: Bench
) -> None:
    bench.gates = {"a": asyncio.Event(), "b": asyncio.Event()}
    shell.say("go")
    model = ScriptedModel(asks(look("a"), write("b")), says("done"))
    work = asyncio.create_task(shell.work(AGENT, model, bench.toolbox()))
    await eventually(lambda: bench.started == ["a", "b"], 10, "both calls to run")
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    for gate in bench.gates.values():
        gate.set()
    await shell.work(AGENT, model, bench.toolbox())
    assert [(call.status, call.attempt) for call in shell.calls()] == [("succeeded", 2), ("in_doubt", 1)]
    assert bench.keys[0] == bench.keys[2] != bench.keys[1]
    waiting = shell.last()
    assert isinstance(waiting, e.RunWaiting) and waiting.reason == "in_doubt"


async def test_R4_a_person_decides_and_the_run_goes_on(shell: Shell, bench: Bench) -> None:
    await test_R4_a_call_of_a_dead_worker_runs_again_with_the_same_key_or_is_in_doubt(shell, bench)
    doubt = shell.calls()[1]
    shell.store(e.CallRetried(at=1, step="run1.1", call=doubt.id, by="Alice"), e.RunResumed(at=1, run="run1"))
    await shell.work(AGENT, ScriptedModel(says("done")), bench.toolbox())
    assert [(call.status, call.attempt) for call in shell.calls()] == [("succeeded", 2), ("succeeded", 2)]
    assert isinstance(shell.last(), e.RunFinished)


async def test_R5_a_worker_that_dies_in_the_stream_leaves_nothing_of_the_step(
    shell: Shell, bench: Bench
) -> None:
    shell.say("tell")
    pause = Pause()
    model = ScriptedModel([TextDelta("Half"), pause], says("Whole"))
    await shell.work(AGENT, model, bench.toolbox(), until=lambda one: isinstance(one, PartText))
    assert pause.cancelled or not pause.reached.is_set()
    assert model.closed == 1
    await shell.work(AGENT, model, bench.toolbox())
    assert [(step.id, step.attempt, step.text) for step in shell.steps()] == [("run1.1", 2, "Whole")]


async def test_R6_a_message_that_arrives_during_a_call_is_read_with_its_result(
    shell: Shell, bench: Bench
) -> None:
    bench.gates = {"a": asyncio.Event()}
    shell.say("look")
    model = ScriptedModel(asks(look("a")), says("both"))
    work = asyncio.create_task(shell.work(AGENT, model, bench.toolbox()))
    await eventually(lambda: bench.started, 10, "the call to run")
    shell.say("and hurry")
    bench.gates["a"].set()
    await work
    assert [message["role"] for message in model.bodies[1]["messages"]] == [
        "system", "user", "assistant", "tool", "assistant", "user",
    ]  # fmt: skip


async def test_R6_a_message_that_arrives_during_the_last_answer_is_answered(
    shell: Shell, bench: Bench
) -> None:
    shell.say("one")
    pause = Pause()
    model = ScriptedModel([TextDelta("first"), pause, FinishDelta("stop")], says("second"))
    work = asyncio.create_task(shell.work(AGENT, model, bench.toolbox()))
    await eventually(lambda: shell.parts, 10, "the first text")
    shell.say("two")
    pause.release.set()
    await work
    assert [step.text for step in shell.steps()] == ["first", "second"]
    assert [event.type for event in shell.log].count("run.queued") == 1  # type: ignore[attr-defined]


async def test_R6_a_message_that_slips_in_before_the_step_is_sent_with_it(shell: Shell, bench: Bench) -> None:
    """It was stored after the loop had looked and before its step.started: it stands before the step, so the step
    must have read it, or nobody ever will."""
    slipped = ["two"]

    def slip_in(batch: list[e.Event]) -> None:
        if isinstance(batch[-1], e.StepStarted) and slipped:
            shell.say(slipped.pop())

    shell.before_store = slip_in
    shell.say("one")
    model = ScriptedModel(says("both"))
    await shell.work(AGENT, model, bench.toolbox())
    assert [message["content"] for message in model.bodies[0]["messages"][1:]] == ["one\n\ntwo"]
    assert [step.text for step in shell.steps()] == ["both"]


async def test_R6_a_message_that_is_taken_back_before_a_step_begins_again_is_not_sent_with_it(
    shell: Shell, bench: Bench
) -> None:
    """It waited behind the first try of the step, and was taken back after the next worker had looked and before its
    step.started. Seen with chaos, seed 3033: the model read what nobody says any more."""
    shell.say("one")
    died = ScriptedModel([TextDelta("Half"), Pause()])
    await shell.work(AGENT, died, bench.toolbox(), until=lambda one: isinstance(one, PartText))
    shell.say("two")
    waiting = shell.history.items[-1].id

    def take_back(batch: list[e.Event]) -> None:
        if isinstance(batch[-1], e.StepStarted) and shell.history.items[-1].id == waiting:
            shell.store(e.MessageWithdrawn(at=1, message=waiting, by="Alice"))

    shell.before_store = take_back
    model = ScriptedModel(says("Whole"))
    await shell.work(AGENT, model, bench.toolbox())
    assert [message["content"] for message in model.bodies[0]["messages"][1:]] == ["one"]
    assert [(step.id, step.attempt, step.text) for step in shell.steps()] == [("run1.1", 2, "Whole")]


async def test_R6_a_message_that_comes_right_after_the_step_began_is_not_sent_with_it(
    shell: Shell, bench: Bench
) -> None:
    late = ["late"]
    shell.before_store = lambda batch: (
        shell.say("early") if isinstance(batch[-1], e.StepStarted) and late else None
    )

    def speak(one: list[e.Event] | PartText) -> None:
        if isinstance(one, list) and isinstance(one[-1], e.StepStarted) and late:
            shell.say(late.pop())

    shell.say("one")
    model = ScriptedModel(says("first"), says("second"))
    await shell.work(AGENT, model, bench.toolbox(), after=speak)
    asked = [[message["content"] for message in body["messages"][1:]] for body in model.bodies]
    assert asked == [["one\n\nearly"], ["one\n\nearly", "first", "late"]]


async def test_W4_offsets_count_UTF_16_units_and_pieces_are_conflated(shell: Shell, bench: Bench) -> None:
    shell.say("tell")
    words = [TextDelta("🙂é ") for _ in range(500)]
    await shell.work(AGENT, ScriptedModel([*words, FinishDelta("stop")]), bench.toolbox())
    text = ""
    for part in shell.parts:
        assert part.offset == len(text.encode("utf-16-le")) // 2
        text += part.text
    assert text == "🙂é " * 500
    assert len(shell.parts) < 10


async def test_V14_reasoning_is_kept_for_its_issuer_only(shell: Shell, bench: Bench) -> None:
    shell.say("think")
    thinking = replace(AGENT, profile="deepseek-thinking", model="deepseek-reasoner")
    model = ScriptedModel([ReasoningDelta("hm, "), ReasoningDelta("yes"), *asks(look("a"))], says("done"))
    await shell.work(thinking, model, bench.toolbox())
    (assistant,) = [m for m in model.bodies[1]["messages"] if m["role"] == "assistant"]
    assert assistant["reasoning_content"] == "hm, yes"
    shell.say("again")
    other = ScriptedModel(says("ok"))
    await shell.work(replace(AGENT, profile="openai-chat"), other, bench.toolbox())
    assert "hm, yes" not in str(other.bodies)


async def test_V9_what_stands_for_no_words_is_not_taken_for_words(shell: Shell, bench: Bench) -> None:
    """A model that imitates what it read beside its calls has said nothing; as an answer it is one."""
    shell.say("look")
    model = ScriptedModel(asks(look("a"), text=" …\n"), asks(look("b"), text="… b"), says("…"))
    await shell.work(AGENT, model, bench.toolbox())
    assert [step.text for step in shell.steps()] == ["", "… b", "…"]


async def test_an_empty_answer_is_no_answer(shell: Shell, bench: Bench) -> None:
    shell.say("hello")
    await shell.work(AGENT, ScriptedModel([FinishDelta("stop")], says("here")), bench.toolbox())
    assert [step.text for step in shell.steps()] == ["here"]


async def test_nothing_to_do_yields_nothing(shell: Shell, bench: Bench) -> None:
    shell.say("hello")
    model = ScriptedModel(says("x"))
    await shell.work(AGENT, model, bench.toolbox())
    again = perform(
        AGENT, model, bench.toolbox(), lambda: shell.history, shell.stop, shell.clock, fence=9, worker="w"
    )
    assert [one async for one in again] == []


async def test_provider_ids_that_repeat_or_are_empty_never_meet(shell: Shell, bench: Bench) -> None:
    shell.say("go")
    same: list[Line] = [
        CallDelta(0, "call_1", *look("a")),
        CallDelta(1, "call_1", *look("b")),
        FinishDelta("tool_calls"),
    ]
    none: list[Line] = [CallDelta(0, "", *look("c")), CallDelta(1, "", *look("d")), FinishDelta("tool_calls")]
    model = ScriptedModel(same, same, none, says("done"))
    await shell.work(AGENT, model, bench.toolbox())
    ids = [call.id for call in shell.calls()]
    assert len(set(ids)) == 6
    assert [call.result for call in shell.calls()] == [f"look {name}" for name in "ababcd"]


# ---- approvals (W8) ----

CAREFUL = replace(AGENT, approval_tools=("write",))


def word(shell: Shell, call: h.Call, decision: Any = "approved") -> list[e.Event]:
    """What a person says of a call, and that the run goes on."""
    assert call.approval is not None
    step = shell.steps()[-1]
    digest = call.approval.digest
    said = e.ApprovalDecided(at=1, step=step.id, call=call.id, digest=digest, decision=decision, by="Alice")
    return [said, e.RunResumed(at=1, run=step.run)]


async def test_W8_nobody_is_asked_about_arguments_that_do_not_fit(shell: Shell, bench: Bench) -> None:
    shell.say("go")
    model = ScriptedModel(asks(("write", '{"nome": "a"}'), ("write", "{"), write("b")), says("done"))
    await shell.work(CAREFUL, model, bench.toolbox())
    assert [(call.status, call.code) for call in shell.calls()] == [
        ("failed", "invalid_arguments"), ("failed", "malformed_arguments"), ("awaiting_approval", None),
    ]  # fmt: skip
    asked = [event for event in shell.log if isinstance(event, e.ApprovalAsked)]
    assert [event.digest for event in asked] == [e.approval_digest(*write("b"))]
    waiting = shell.last()
    assert isinstance(waiting, e.RunWaiting) and waiting.reason == "approval"
    assert bench.started == []


async def test_W8_what_was_allowed_runs_once_and_the_model_goes_on(shell: Shell, bench: Bench) -> None:
    shell.say("go")
    model = ScriptedModel(asks(write("a")), says("done"))
    await shell.work(CAREFUL, model, bench.toolbox())
    shell.store(*word(shell, shell.calls()[0]))
    await shell.work(CAREFUL, model, bench.toolbox())
    assert bench.started == ["a"]
    assert isinstance(shell.last(), e.RunFinished)
    assert model.bodies[-1]["messages"][-1]["content"] == "write a"


async def test_W8_a_tool_that_the_agent_lost_meanwhile_does_not_run(shell: Shell, bench: Bench) -> None:
    shell.say("go")
    model = ScriptedModel(asks(write("a")), says("done"))
    await shell.work(CAREFUL, model, bench.toolbox())
    shell.store(*word(shell, shell.calls()[0]))
    await shell.work(replace(CAREFUL, tools=("look",), approval_tools=()), model, bench.toolbox())
    assert bench.started == []
    assert [(call.status, call.code) for call in shell.calls()] == [("failed", "unknown_tool")]


async def test_R7_a_stop_while_another_call_runs_closes_what_waits_for_a_yes(
    shell: Shell, bench: Bench
) -> None:
    bench.gates = {"a": asyncio.Event()}
    shell.say("go")
    model = ScriptedModel(asks(look("a"), write("b")), says("done"))
    work = asyncio.create_task(shell.work(CAREFUL, model, bench.toolbox()))
    await eventually(lambda: bench.started == ["a"], 10, "the other call to run")
    shell.ask_to_stop()
    await work
    assert [(call.status, call.code) for call in shell.calls()] == [("cancelled", "cancelled_by_user")] * 2
    assert isinstance(shell.last(), e.RunStopped)
