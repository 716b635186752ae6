"""What a run did with its time, from its events."""

from __future__ import annotations

from agents import events as e
from chat.journal.timeline import as_json, timeline

CALL = e.ProposedCall(call="c1", ordinal=0, name="notes", arguments="{}")
START = {"fence": 1, "worker": "w1"}


def spans(*events: e.Event) -> list[tuple[str, str, int, int | None, str]]:
    return [(s.kind, s.name, s.start, s.end, s.outcome) for s in timeline(events, "r")]


def begun() -> list[e.Event]:
    return [
        e.RunQueued(at=0, run="r", cause="m"),
        e.RunStarted(at=10, run="r", attempt=1, **START),
        e.StepStarted(at=11, run="r", step="r.1", model="demo"),
        e.StepFinished(at=30, run="r", step="r.1", text="", calls=(CALL,)),
    ]


def test_model_tool_and_waits_follow_each_other():
    found = spans(
        *begun(),
        e.ApprovalAsked(at=31, step="r.1", call="c1", digest="d"),
        e.RunWaiting(at=32, run="r", reason="approval"),
        e.ApprovalDecided(at=90, step="r.1", call="c1", digest="d", decision="approved", by="mei"),
        e.RunResumed(at=91, run="r"),
        e.CallStarted(at=95, step="r.1", call="c1", attempt=1, **START),
        e.CallSettled(
            at=99, step="r.1", call="c1", attempt=1, status="succeeded", result="", preview="", size=0
        ),
        e.RunRetrying(at=100, run="r", code="model_busy", retry_at=110),
        e.StepStarted(at=110, run="r", step="r.2", model="demo"),
        e.StepFinished(at=120, run="r", step="r.2", text="Done."),
        e.RunFinished(at=121, run="r"),
    )
    assert found == [
        ("queued", "", 0, 10, ""),
        ("model", "demo", 11, 30, "finished"),
        ("approval", "notes", 31, 90, "approved"),
        ("waiting", "approval", 32, 91, ""),
        ("call", "notes", 95, 99, "succeeded"),
        ("retrying", "model_busy", 100, 110, ""),
        ("model", "demo", 110, 120, "finished"),
    ]


def test_R4_the_gap_of_a_lost_lease_is_seen_and_what_was_at_work_then_is_cut():
    found = timeline(
        [
            *begun(),
            e.CallStarted(at=40, step="r.1", call="c1", attempt=1, **START),
            e.RunRecovering(at=60, run="r", reason="lease_lost"),
            e.RunStarted(at=75, run="r", attempt=2, fence=2, worker="w2"),
            e.CallStarted(at=76, step="r.1", call="c1", attempt=2, fence=2, worker="w2"),
        ],
        "r",
    )
    told = [(s.kind, s.attempt, s.worker, s.start, s.end, s.outcome) for s in found[2:]]
    assert told == [
        ("call", 1, "w1", 40, 60, "cut"),
        ("lost", 1, "w1", 60, 75, ""),
        ("call", 2, "w2", 76, None, ""),
    ]
    assert as_json(found)[-1]["end"] is None


def test_other_runs_and_their_steps_are_passed_over():
    other = [
        e.RunQueued(at=1, run="x", cause="m"),
        e.StepStarted(at=2, run="x", step="x.1"),
        e.CallStarted(at=3, step="x.1", call="c9", attempt=1, **START),
    ]
    assert spans(*other, *begun()) == spans(*begun())
