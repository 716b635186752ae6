"""The trace of a run is made from its journal: one, whoever tells a part of it, before and after a takeover."""

from __future__ import annotations

from agents import events as e
from chat.telemetry import spans

EVENTS: list[e.Event] = [
    e.MessageAdded(at=0, message="m", text="a text of somebody"),
    e.RunQueued(at=0, run="r", cause="m"),
    e.RunStarted(at=5, run="r", attempt=1, fence=1, worker="first"),
    e.StepStarted(at=6, run="r", step="s", model="gpt"),
    e.StepFinished(
        at=20,
        run="r",
        step="s",
        text="words of the model",
        calls=(e.ProposedCall(call="c", name="look", arguments='{"secret": 1}', ordinal=0),),
        usage=e.Usage(input=10, output=4),
    ),
    e.CallStarted(at=21, step="s", call="c", attempt=1, fence=1, worker="first"),
    e.RunRecovering(at=50, run="r", reason="lease_lost"),
    e.RunStarted(at=60, run="r", attempt=2, fence=2, worker="second"),
    e.CallStarted(at=61, step="s", call="c", attempt=2, fence=2, worker="second"),
    e.CallSettled(
        at=70, step="s", call="c", attempt=2, status="succeeded", result="text", preview="text", size=4
    ),
    e.StepStarted(at=71, run="r", step="t", model="gpt"),
    e.StepFinished(at=90, run="r", step="t", text="done"),
    e.RunFinished(at=91, run="r"),
]


def test_a_run_that_was_taken_over_is_one_trace_with_both_workers() -> None:
    told = spans.run_spans("conv", "r", EVENTS)
    whole = told[0]
    first = spans.command_span("conv", "r", "web", 0, 1)
    assert whole.parent == first.id == spans.span_id("r", "command") and first.parent == 0
    assert (whole.start, whole.end) == (0, 91) and whole.attributes["holdfast.state"] == "finished"
    assert {one.parent for one in told[1:]} == {whole.id}
    assert len({one.id for one in told}) == len(told)
    assert [(one.name, one.start, one.end, one.failed) for one in told[1:]] == [
        ("queued", 0, 5, False),
        ("chat gpt", 6, 20, False),
        ("execute_tool look", 21, 50, True),
        ("lost", 50, 60, False),
        ("execute_tool look", 61, 70, False),
        ("chat gpt", 71, 90, False),
    ]
    workers = {one.attributes.get("holdfast.worker") for one in told if one.name.startswith("execute")}
    assert workers == {"first", "second"}
    assert told[2].attributes["gen_ai.usage.input_tokens"] == 10


def test_nothing_that_anybody_said_is_told() -> None:
    told = repr(spans.run_spans("conv", "r", EVENTS))
    for text in ("a text of somebody", "words of the model", "secret"):
        assert text not in told


def test_ids_come_from_the_runs_own_in_every_process() -> None:
    assert spans.trace_id("r") == spans.trace_id("r") != spans.trace_id("q")
    assert 0 < spans.trace_id("r") < 2**128 and 0 < spans.span_id("r", "run") < 2**64
    runs = [f"run-{n}" for n in range(1_000)]
    sampled = [run for run in runs if spans.is_sampled(run, 25)]
    assert 150 < len(sampled) < 350
    assert not any(spans.is_sampled(run, 0) for run in runs) and all(
        spans.is_sampled(run, 100) for run in runs
    )


def test_a_run_that_is_not_over_has_no_trace_yet() -> None:
    assert spans.run_spans("conv", "r", EVENTS[:-1]) == []
