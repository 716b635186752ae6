"""The waterfall of a run: told from its events alone, of generated histories and of stories told by hand."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import events as e
from chat.inspection.spans import Span, Waterfall
from chat.inspection.waterfall import waterfalls
from tests.support.histories import flat, tell

AT = 1_790_000_000_000


def numbered(events: list[e.Event]) -> list[tuple[int, e.Event]]:
    return list(enumerate(events, start=1))


def of_kind(fall: Waterfall, kind: str) -> list[Span]:
    return [span for span in fall.spans if span.kind == kind]


@given(st.randoms(use_true_random=False))
def test_every_try_of_generated_histories_has_its_span_and_none_stays_open(random: Random) -> None:
    told = flat(tell(random))
    falls = waterfalls(numbered(told))
    queued = [event.run for event in told if isinstance(event, e.RunQueued)]
    assert [fall.run for fall in falls] == list(dict.fromkeys(queued))
    steps = Counter(event.run for event in told if isinstance(event, e.StepStarted))
    calls = Counter(event.step.rpartition(".")[0] for event in told if isinstance(event, e.CallStarted))
    taken = Counter(event.run for event in told if isinstance(event, e.RunStarted))
    used: Counter[str] = Counter()
    for event in told:
        if isinstance(event, e.StepFinished | e.HistoryCompacted):
            used[event.run] += event.usage.input
    for fall in falls:
        ends = [
            event
            for event in told
            if isinstance(event, e.RunFinished | e.RunFailed | e.RunStopped) and event.run == fall.run
        ]
        assert fall.over == bool(ends)
        assert len(of_kind(fall, "model")) == steps[fall.run]
        begun = [span for span in of_kind(fall, "tool") if span.worker]
        assert len(begun) == calls[fall.run]
        assert len(of_kind(fall, "owner")) == taken[fall.run]
        assert sum(span.usage.input for span in fall.spans if span.usage) == used[fall.run]
        for span in fall.spans:
            assert span.length is None or span.length >= 0
            assert span.start >= fall.begin
            assert not (fall.over and span.open), span
            assert 0 < span.seqs[0] <= span.seqs[1] <= len(told)
        owners = of_kind(fall, "owner")
        for earlier, later in pairwise(owners):
            assert earlier.end is not None and earlier.end <= later.start, "two owners at once"


@given(st.randoms(use_true_random=False))
def test_between_two_owners_somebody_is_always_waited_for(random: Random) -> None:
    for fall in waterfalls(numbered(flat(tell(random)))):
        owners = of_kind(fall, "owner")
        rests = [span for span in fall.spans if span.kind in ("queue", "gap", "handover", "wait")]
        for owner in owners:
            assert any(rest.end == owner.start for rest in rests), "an owner came from nowhere"


def test_R4_a_killed_worker_leaves_a_gap_from_its_last_sign_of_life_and_both_tries_of_its_call() -> None:
    run, step = "r", "r.1"
    call = e.ProposedCall(call="c1", ordinal=0, name="research", arguments='{"q": 1}', provider_id="call_7")
    (fall,) = waterfalls(
        numbered(
            [
                e.MessageAdded(at=AT, message="m", text="go"),
                e.RunQueued(at=AT, run=run, cause="m"),
                e.RunStarted(at=AT + 200, run=run, attempt=1, fence=1, worker="w1"),
                e.StepStarted(at=AT + 210, run=run, step=step, model="demo"),
                e.StepFinished(
                    at=AT + 900, run=run, step=step, text="", calls=(call,), first_at=AT + 400,
                    usage=e.Usage(input=10, output=2, cost=5),
                ),
                e.CallStarted(at=AT + 910, step=step, call="c1", attempt=1, fence=1, worker="w1"),
                e.CallProgress(at=AT + 1_500, step=step, call="c1", fraction=0.5),
                e.RunRecovering(at=AT + 9_500, run=run, reason="lease_lost"),
                e.RunStarted(at=AT + 9_700, run=run, attempt=2, fence=2, worker="w2"),
                e.CallRetried(at=AT + 9_710, step=step, call="c1", by="recovery"),
                e.CallStarted(at=AT + 9_720, step=step, call="c1", attempt=2, fence=2, worker="w2"),
                e.CallSettled(
                    at=AT + 10_000, step=step, call="c1", attempt=2, status="succeeded", result="found",
                    preview="found", size=5,
                ),
            ]
        )
    )  # fmt: skip
    (queue,) = of_kind(fall, "queue")
    assert queue.length == 200
    (model,) = of_kind(fall, "model")
    assert (model.first, model.length, model.worker) == (AT + 400, 690, "w1")
    (gap,) = of_kind(fall, "gap")
    assert (gap.start, gap.end, gap.name) == (AT + 1_500, AT + 9_700, "lease_lost")
    assert gap.detail == "noticed 8.0 s later"
    first, second = of_kind(fall, "tool")
    assert (first.outcome, first.end, first.worker, first.attempt) == ("lost", AT + 1_500, "w1", 1)
    assert (second.outcome, second.worker, second.attempt, second.result) == ("succeeded", "w2", 2, "found")
    assert second.arguments == '{"q": 1}' and second.provider_id == "call_7"


def test_a_hand_over_is_no_gap_and_a_retry_ends_when_the_model_is_asked_again() -> None:
    run, step = "r", "r.1"
    (fall,) = waterfalls(
        numbered(
            [
                e.RunQueued(at=AT, run=run, cause="m"),
                e.RunStarted(at=AT + 1, run=run, attempt=1, fence=1, worker="w1"),
                e.StepStarted(at=AT + 2, run=run, step=step, model="demo"),
                e.RunRetrying(at=AT + 50, run=run, code="model_busy", detail="429", retry_at=AT + 1_050),
                e.StepStarted(at=AT + 1_060, run=run, step=step, attempt=2, model="demo"),
                e.RunRecovering(at=AT + 1_200, run=run, reason="handed_over"),
                e.RunStarted(at=AT + 1_300, run=run, attempt=2, fence=2, worker="w2"),
                e.StepStarted(at=AT + 1_310, run=run, step=step, attempt=3, model="demo"),
            ]
        )
    )
    assert [span.outcome for span in of_kind(fall, "model")] == ["failed", "handed over", ""]
    assert of_kind(fall, "model")[0].code == "model_busy"
    (retry,) = of_kind(fall, "retry")
    assert (retry.length, retry.detail) == (1_000, "429")
    assert not of_kind(fall, "gap")
    (handover,) = of_kind(fall, "handover")
    assert handover.length == 100


@pytest.mark.parametrize("decision", ["approved", "refused"])
def test_W8_the_wait_for_a_yes_is_told_with_who_said_it(decision: str) -> None:
    call = e.ProposedCall(call="c1", ordinal=0, name="pay", arguments="{}")
    (fall,) = waterfalls(
        numbered(
            [
                e.RunQueued(at=AT, run="r", cause="m"),
                e.RunStarted(at=AT, run="r", attempt=1, fence=1, worker="w1"),
                e.StepStarted(at=AT, run="r", step="r.1"),
                e.StepFinished(at=AT, run="r", step="r.1", text="", calls=(call,)),
                e.ApprovalAsked(at=AT, step="r.1", call="c1", digest="d"),
                e.RunWaiting(at=AT + 5, run="r", reason="approval"),
                e.ApprovalDecided(
                    at=AT + 60_000, step="r.1", call="c1", digest="other", decision="approved", by="eve"
                ),
                e.ApprovalDecided(
                    at=AT + 90_000, step="r.1", call="c1", digest="d", decision=decision, by="bob", note="no"
                ),
            ]
        )
    )
    (asked,) = of_kind(fall, "approval")
    assert (asked.length, asked.outcome, asked.by, asked.detail) == (90_000, decision, "bob", "no")
    (wait,) = of_kind(fall, "wait")
    assert wait.open and wait.name == "approval"
