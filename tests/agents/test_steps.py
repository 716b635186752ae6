"""`next_step`: every state of a run and what follows from it."""

from typing import Any

import pytest

from agents import events as e
from agents.closing import close_calls
from agents.history import History, empty, fold
from agents.results import INTERRUPTED, NOT_STARTED, REFUSED, STOPPED_BEFORE, STOPPED_RUNNING
from agents.spec import RunLimits
from agents.steps import (
    MAX_ATTEMPTS,
    AskApproval,
    CallModel,
    Fail,
    Finish,
    Reconcile,
    Rest,
    RunCalls,
    Settle,
    Stop,
    Wait,
    next_step,
    reconcile,
)

LIMITS = RunLimits()
NOW = 10_000


def told(*events: e.Event) -> History:
    history = empty("c")
    for seq, event in enumerate(events, start=1):
        history = fold(history, event, seq)
    return history


def message(id: str = "m1") -> e.Event:
    return e.MessageAdded(at=1, message=id, text="hello")


def queued(run: str = "r") -> e.Event:
    return e.RunQueued(at=1, run=run, cause="m1")


def started(run: str = "r", attempt: int = 1, at: int = 1_000) -> e.Event:
    return e.RunStarted(at=at, run=run, attempt=attempt, fence=attempt, worker="w")


def step(id: str = "r.1", attempt: int = 1) -> e.Event:
    return e.StepStarted(at=2_000, run=id.split(".")[0], step=id, attempt=attempt)


def answer(*calls: e.ProposedCall, id: str = "r.1", text: str = "", usage: e.Usage | None = None) -> e.Event:
    run = id.split(".")[0]
    return e.StepFinished(at=3_000, run=run, step=id, text=text, calls=calls, usage=usage or e.Usage())


def call(id: str, **more: Any) -> e.ProposedCall:
    return e.ProposedCall(call=id, ordinal=ord(id) - ord("A"), name="clock", arguments="{}", **more)


def runs(id: str, step: str = "r.1", attempt: int = 1) -> e.Event:
    return e.CallStarted(at=4_000, step=step, call=id, attempt=attempt, fence=1, worker="w")


def settled(id: str, step: str = "r.1") -> e.Event:
    return e.CallSettled(
        at=5_000, step=step, call=id, attempt=1, status="succeeded", result="1", preview="1", size=1
    )


BEGUN = (message(), queued(), started())


def test_nothing_to_do_without_an_active_run() -> None:
    assert next_step(told(message()), LIMITS, NOW) == Rest()
    assert next_step(told(*BEGUN, e.RunFinished(at=2, run="r")), LIMITS, NOW) == Rest()


def test_an_unanswered_message_goes_to_the_model() -> None:
    assert next_step(told(*BEGUN), LIMITS, NOW) == CallModel("r.1", 1)


def test_R5_a_step_left_streaming_is_begun_again_with_the_same_index() -> None:
    assert next_step(told(*BEGUN, step()), LIMITS, NOW) == CallModel("r.1", 2)
    assert next_step(told(*BEGUN, step(attempt=3)), LIMITS, NOW) == CallModel("r.1", 4)


def test_a_step_that_never_ends_fails_the_run() -> None:
    decision = next_step(told(*BEGUN, step(attempt=MAX_ATTEMPTS)), LIMITS, NOW)
    assert isinstance(decision, Fail) and decision.code == "crashed_too_often"


def test_proposed_calls_run() -> None:
    history = told(*BEGUN, step(), answer(call("A"), call("B")))
    decision = next_step(history, LIMITS, NOW)
    assert isinstance(decision, RunCalls)
    assert [one.id for one in decision.calls] == ["A", "B"]


@pytest.mark.parametrize("problem", ["malformed_arguments", "truncated_arguments", "unknown_tool"])
def test_a_call_with_a_problem_is_settled_and_never_executed(problem: e.CallCode) -> None:
    history = told(*BEGUN, step(), answer(call("A", problem=problem), call("B")))
    decision = next_step(history, LIMITS, NOW, ("clock",))
    assert isinstance(decision, Settle)
    (event,) = decision.events
    assert (event.call, event.status, event.code) == ("A", "failed", problem)
    assert "not executed" in event.result
    after = fold(history, event, 99)
    following = next_step(after, LIMITS, NOW)
    assert isinstance(following, RunCalls) and [one.id for one in following.calls] == ["B"]


def test_R4_what_a_dead_owner_left_running_is_reconciled_first() -> None:
    history = told(
        *BEGUN,
        step(),
        answer(call("A"), call("B", effect="read_only"), call("C", effect="idempotent"), call("D")),
        runs("A"),
        runs("B"),
        runs("C"),
    )
    assert next_step(history, LIMITS, NOW) == Reconcile()
    events = reconcile(history, NOW)
    assert [(type(event).__name__, event.call) for event in events] == [  # type: ignore[attr-defined]
        ("CallInDoubt", "A"),
        ("CallRetried", "B"),
        ("CallRetried", "C"),
    ]
    for event in events:
        history = fold(history, event, 99)
    decision = next_step(history, LIMITS, NOW)
    assert isinstance(decision, RunCalls)
    assert [(one.id, one.attempt) for one in decision.calls] == [("B", 1), ("C", 1), ("D", 0)]


def test_R4_only_doubt_is_left_and_the_run_waits() -> None:
    history = told(
        *BEGUN, step(), answer(call("A"), call("B")), runs("A"), settled("B"),
        e.CallInDoubt(at=1, step="r.1", call="A", attempt=1),
    )  # fmt: skip
    assert next_step(history, LIMITS, NOW) == Wait("in_doubt")


def test_all_settled_goes_back_to_the_model_with_the_next_index() -> None:
    history = told(*BEGUN, step(), answer(call("A")), runs("A"), settled("A"))
    assert next_step(history, LIMITS, NOW) == CallModel("r.2", 1)


def test_a_final_text_finishes() -> None:
    assert next_step(told(*BEGUN, step(), answer(text="hi")), LIMITS, NOW) == Finish()


def test_R6_a_message_that_arrived_while_the_answer_streamed_is_answered_in_the_same_run() -> None:
    history = told(*BEGUN, step(), message("m2"), answer(text="hi"))
    assert next_step(history, LIMITS, NOW) == CallModel("r.2", 1)


def test_R6_a_message_that_a_retry_has_seen_is_not_answered_twice() -> None:
    history = told(*BEGUN, step(), message("m2"), step(attempt=2), answer(text="hi"))
    assert next_step(history, LIMITS, NOW) == Finish()


def test_a_note_alone_asks_for_no_answer() -> None:
    history = told(*BEGUN, step(), answer(text="hi"), e.NoteAdded(at=1, message="n", text="disk full"))
    assert next_step(history, LIMITS, NOW) == Finish()


def test_R7_stopping_comes_before_everything() -> None:
    history = told(*BEGUN, step(), answer(call("A")), runs("A"), e.RunStopping(at=1, run="r", by="Alice"))
    assert next_step(history, LIMITS, NOW) == Stop()


def test_R7_every_open_call_is_closed_with_what_is_known_of_it() -> None:
    history = told(*BEGUN, step(), answer(call("A"), call("B"), call("C")), runs("A"), settled("C"))
    events = close_calls(history.steps(), "stopped", NOW, by="Alice")
    assert [(event.call, event.code, event.result, event.by) for event in events] == [
        ("A", "cancelled_by_user", STOPPED_RUNNING, "Alice"),
        ("B", "cancelled_by_user", STOPPED_BEFORE, "Alice"),
    ]
    failed = close_calls(history.steps(), "failed", NOW)
    assert [(event.code, event.result) for event in failed] == [
        ("interrupted", INTERRUPTED),
        ("not_started", NOT_STARTED),
    ]


def test_a_call_in_doubt_is_closed_as_interrupted_and_not_as_cancelled() -> None:
    """A text that blames the user for a crash would make the model say something false."""
    history = told(*BEGUN, step(), answer(call("A")), runs("A"), *_doubt("A"))
    (event,) = close_calls(history.steps(), "stopped", NOW)
    assert (event.code, event.result) == ("interrupted", INTERRUPTED)


def _doubt(id: str) -> list[e.Event]:
    return [e.CallInDoubt(at=1, step="r.1", call=id, attempt=1)]


@pytest.mark.parametrize(
    ("limits", "now", "code"),
    [
        (RunLimits(steps=1), NOW, "limit_steps"),
        (RunLimits(seconds=9), NOW, "limit_seconds"),
        (RunLimits(tokens=30), NOW, "limit_tokens"),
    ],
)
def test_R8_a_limit_ends_the_run_with_a_message(limits: RunLimits, now: int, code: str) -> None:
    usage = e.Usage(input=20, output=10)
    history = told(*BEGUN, step(), answer(call("A"), usage=usage), runs("A"), settled("A"))
    decision = next_step(history, limits, now)
    assert isinstance(decision, Finish) and decision.limit == code and decision.detail


def test_R8_a_limit_that_is_reached_with_the_final_answer_is_no_limit() -> None:
    history = told(*BEGUN, step(), answer(text="done"))
    assert next_step(history, RunLimits(steps=1, seconds=1), NOW) == Finish()


def test_calls_that_an_earlier_run_left_open_are_closed_and_not_started() -> None:
    history = told(
        *BEGUN, step(), answer(call("A")),
        e.RunFailed(at=1, run="r", code="internal"), message("m2"), queued("s"), started("s"),
    )  # fmt: skip
    decision = next_step(history, LIMITS, NOW)
    assert isinstance(decision, Settle)
    assert [(event.call, event.code) for event in decision.events] == [("A", "not_started")]


def asked(id: str, digest: str = "d") -> e.Event:
    return e.ApprovalAsked(at=4_000, step="r.1", call=id, digest=digest)


def said(id: str, decision: Any, digest: str = "d", note: str = "") -> e.Event:
    return e.ApprovalDecided(
        at=5_000, step="r.1", call=id, digest=digest, decision=decision, by="alice", note=note
    )


def decide(*events: e.Event, approvals: tuple[str, ...] = ("clock",)) -> Any:
    return next_step(told(*BEGUN, step(), *events), LIMITS, NOW, approvals=approvals)


def pay(id: str, **more: Any) -> e.ProposedCall:
    return e.ProposedCall(call=id, ordinal=ord(id) - ord("A"), name="pay", arguments="{}", **more)


def test_W8_what_needs_a_yes_is_asked_for_first_and_the_others_run_meanwhile() -> None:
    calls = answer(pay("A"), call("B"))
    first = decide(calls, approvals=("pay",))
    assert isinstance(first, AskApproval) and [one.id for one in first.calls] == ["A"]
    then = decide(calls, asked("A"), approvals=("pay",))
    assert isinstance(then, RunCalls) and [one.id for one in then.calls] == ["B"]
    assert decide(calls, asked("A"), runs("B"), settled("B"), approvals=("pay",)) == Wait("approval")


def test_W8_nobody_is_asked_about_a_call_that_cannot_run() -> None:
    decision = decide(answer(call("A", problem="malformed_arguments"), call("B")))
    assert isinstance(decision, Settle) and [event.call for event in decision.events] == ["A"]


def test_W8_what_was_allowed_runs_and_is_not_asked_for_again() -> None:
    events = (answer(call("A"), call("B")), asked("A"), asked("B"), said("B", "approved"))
    decision = decide(*events)
    assert isinstance(decision, RunCalls) and [one.id for one in decision.calls] == ["B"]
    # Its worker died, and it may run twice: the yes still stands.
    again = e.CallRetried(at=1, step="r.1", call="B", by="recovery")
    decision = decide(*events, runs("B"), again)
    assert isinstance(decision, RunCalls) and [one.id for one in decision.calls] == ["B"]


def test_W8_a_word_about_something_else_or_a_later_one_changes_nothing() -> None:
    calls = answer(call("A"))
    assert decide(calls, asked("A"), said("A", "approved", digest="other")) == Wait("approval")
    assert isinstance(decide(calls, said("A", "approved")), AskApproval)
    late = decide(calls, asked("A"), said("A", "approved"), said("A", "refused"))
    assert isinstance(late, RunCalls)
    assert isinstance(decide(calls, asked("A"), said("A", "approved"), asked("A")), RunCalls)


def test_W8_a_refusal_whose_outcome_is_missing_gets_it() -> None:
    decision = decide(answer(call("A")), asked("A"), said("A", "refused", note="not today"))
    assert isinstance(decision, Settle)
    (event,) = decision.events
    assert (event.status, event.code, event.by) == ("cancelled", "refused", "alice")
    assert event.result.startswith(REFUSED) and event.result.endswith("not today")


def test_W8_a_doubt_is_the_more_urgent_reason_to_wait() -> None:
    events = (answer(call("A"), call("B")), asked("A"), runs("B"), *_doubt("B"))
    assert decide(*events) == Wait("in_doubt")


def test_R7_a_call_that_waits_for_a_yes_is_closed_by_a_stop_and_by_the_next_run() -> None:
    waiting = (*BEGUN, step(), answer(call("A")), asked("A"))
    (event,) = close_calls(told(*waiting).steps(), "stopped", NOW, by="Alice")
    assert (event.code, event.result) == ("cancelled_by_user", STOPPED_BEFORE)
    later = told(
        *waiting, e.RunFailed(at=1, run="r", code="internal"), message("m2"), queued("s"), started("s")
    )
    decision = next_step(later, LIMITS, NOW)
    assert isinstance(decision, Settle) and [one.code for one in decision.events] == ["not_started"]


def test_R8_nobody_is_asked_when_the_time_is_up_and_waiting_does_not_count() -> None:
    calls = answer(call("A"))
    late = next_step(told(*BEGUN, step(), calls), RunLimits(seconds=9), NOW, approvals=("clock",))
    assert isinstance(late, Finish) and late.limit == "limit_seconds"
    waited = told(
        *BEGUN, step(), calls, asked("A"), e.RunWaiting(at=5_000, run="r", reason="approval"),
        said("A", "approved"), e.RunResumed(at=9_000_000, run="r"), started(at=9_001_000),
    )  # fmt: skip
    assert isinstance(next_step(waited, RunLimits(seconds=9), 9_001_000, approvals=("clock",)), RunCalls)
