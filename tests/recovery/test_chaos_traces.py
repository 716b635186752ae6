"""What chaos says of traces: nothing of those that a run is told by, and something of each that is told wrongly."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agents import events as e
from chat.telemetry import spans as ours
from tests.chat.telemetry.test_spans import EVENTS
from tests.recovery.chaos.checker import Record, traces_follow_the_journal
from tests.recovery.chaos.tracing import Line, trace_of, untold

JOURNAL: list[Line] = [json.loads(e.to_json(event)) for event in EVENTS]


def as_received(span: ours.TraceSpan, run: str = "r") -> Line:
    """As `tests/support/otlp.py` has it."""
    return {
        "trace": f"{ours.trace_id(run):032x}",
        "id": f"{span.id:016x}",
        "parent": f"{span.parent:016x}" if span.parent else "",
        "name": span.name,
        "start": span.start * 1_000_000,
        "end": span.end * 1_000_000,
        "attributes": dict(span.attributes),
    }


def told() -> list[Line]:
    whole = [ours.command_span("conv", "r", "web", 0, 1), *ours.run_spans("conv", "r", EVENTS)]
    return [as_received(span) for span in whole]


def found(spans: list[Line], journal: list[Line] = JOURNAL, calm: int = 0) -> list[str]:
    rows = [(seq, json.dumps(event), "t") for seq, event in enumerate(journal, start=1)]
    return list(
        traces_follow_the_journal(Record({"conv": rows}, [], [], [], {}, spans=spans, calm_since=calm))
    )


def test_a_run_that_was_taken_over_and_is_told_as_it_was_is_well() -> None:
    assert found(told()) == []


def test_what_a_killed_process_has_not_told_is_excused_and_what_others_have_not_told_is_noticed() -> None:
    """Of the run's end, at 91, everything was well since 80 or only since 100."""
    assert found(told()[:1], calm=100) == found([], calm=100) == []
    (line,) = found(told()[:1], calm=80)
    assert "its run was not traced" in line
    assert len(untold([], [JOURNAL], 0)) == 2, "its command neither"


def dropped(name: str) -> Callable[[list[Line]], None]:
    def change(spans: list[Line]) -> None:
        spans.remove(next(span for span in spans if span["name"] == name))

    return change


def changed(name: str, **fields: Any) -> Callable[[list[Line]], None]:
    def change(spans: list[Line]) -> None:
        next(span for span in spans if span["name"] == name).update(fields)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda spans: spans.append(spans[2]), "told 2 times"),
        (lambda spans: spans.append({**spans[0], "trace": "f" * 32}), "is of no run"),
        (changed("run", parent=""), "run hangs on nothing"),
        (changed("lost", parent="0" * 16), "lost hangs on 0000"),
        (changed("run", end=92_000_000), "its trace ends at 92"),
        (changed("chat gpt", end=19_000_000), "has its end at 19"),
        (changed("queued", start=3_000_000), "has its start at 3"),
        (changed("run", attributes={"holdfast.state": "failed"}), "its trace says failed"),
        (dropped("run"), "without the run itself"),
        (dropped("chat gpt"), "1 spans of chat"),
        (dropped("execute_tool look"), "1 spans of execute_tool"),
        (dropped("lost"), "0 spans of lost"),
        (changed("chat gpt", attributes={"holdfast.worker": "third"}), "third is in its trace"),
    ],
)
def test_what_is_told_wrongly_is_noticed(change: Callable[[list[Line]], None], said: str) -> None:
    spans = told()
    change(spans)
    assert said in "\n".join(found(spans))


def test_an_end_that_the_journal_lacks_is_noticed() -> None:
    assert "the journal has none" in "\n".join(found(told(), JOURNAL[:-1]))


def test_ids_are_derived_here_as_they_are_there() -> None:
    assert trace_of("some run") == f"{ours.trace_id('some run'):032x}"
