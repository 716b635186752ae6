"""`fold`: events into what the agent knows."""

from agents import events as e
from agents.history import EMPTY, History, HistoryNote, Step, UserMessage, empty, fold


def told(*events: e.Event, history: History = EMPTY) -> History:
    for seq, event in enumerate(events, start=1):
        history = fold(history, event, seq)
    return history


START = (
    e.MessageAdded(at=1, message="m1", text="hello"),
    e.RunQueued(at=1, run="r", cause="m1"),
    e.RunStarted(at=2, run="r", attempt=1, fence=1, worker="w"),
    e.StepStarted(at=3, run="r", step="r.1"),
)
CALLS = (
    e.ProposedCall(call="A", ordinal=0, name="clock", arguments="{}"),
    e.ProposedCall(call="B", ordinal=1, name="clock", arguments="{}"),
)


def test_T2_a_call_owns_its_result() -> None:
    history = told(
        *START,
        e.StepFinished(at=4, run="r", step="r.1", text="", calls=CALLS),
        e.CallStarted(at=5, step="r.1", call="B", attempt=1, fence=1, worker="w"),
        e.CallSettled(
            at=6, step="r.1", call="B", attempt=1, status="succeeded", result="12", preview="", size=2
        ),
    )
    step = history.step("r.1")
    assert step is not None
    assert [(call.id, call.status, call.result) for call in step.calls] == [
        ("A", "proposed", ""),
        ("B", "succeeded", "12"),
    ]
    assert step.open_calls == step.calls[:1]


def test_a_retry_moves_the_step_behind_what_arrived_meanwhile() -> None:
    history = told(
        *START,
        e.MessageAdded(at=4, message="m2", text="and?"),
        e.StepStarted(at=5, run="r", step="r.1", attempt=2),
    )
    assert [item.id for item in history.items] == ["m1", "m2", "r.1"]
    assert isinstance(history.items[2], Step) and history.items[2].attempt == 2
    assert history.step("r.1") is history.items[2]


def test_a_discarded_step_leaves_and_its_index_is_not_used_again() -> None:
    history = told(*START, e.StepDiscarded(at=4, run="r", step="r.1"))
    assert [item.id for item in history.items] == ["m1"]
    assert history.run is not None and history.run.last_index == 1 and history.run.steps == 0


def test_the_run_counts_steps_usage_and_failures() -> None:
    history = told(
        *START,
        e.RunRetrying(at=4, run="r", code="model_busy", retry_at=9),
        e.StepStarted(at=5, run="r", step="r.1", attempt=2),
    )
    assert history.run is not None and history.run.failures == 1
    history = fold(
        history,
        e.StepFinished(at=6, run="r", step="r.1", text="hi", usage=e.Usage(input=3, output=2)),
        9,
    )
    assert history.run is not None
    assert (history.run.failures, history.run.steps, history.run.usage.input) == (0, 1, 3)


def test_events_of_what_is_not_held_change_nothing() -> None:
    history = empty("c")
    for event in (
        e.StepFinished(at=1, run="r", step="r.7", text="x"),
        e.CallInDoubt(at=1, step="r.7", call="A", attempt=1),
        e.StepDiscarded(at=1, run="r", step="r.7"),
        e.RunFinished(at=1, run="r"),
        e.ConversationRenamed(at=1, title="t"),
    ):
        assert fold(history, event, 1) == history


def test_messages_and_notes_keep_their_order_and_origin() -> None:
    origin = e.Origin(entrance="trigger", name="disk")
    history = told(
        e.MessageAdded(at=1, message="m1", text="a"),
        e.NoteAdded(at=2, message="n1", text="b", origin=origin),
    )
    assert history.items == (UserMessage("m1", 1, "a"), HistoryNote("n1", 2, "b", origin))


def test_a_stop_is_remembered_with_who_asked() -> None:
    history = told(*START, e.RunStopping(at=4, run="r", by="Alice"))
    assert history.run is not None and history.run.stopping and history.run.stopped_by == "Alice"
    stopped = fold(history, e.RunStopped(at=5, run="r"), 6)
    assert stopped.run is not None and not stopped.run.active and not stopped.run.stopping


def test_R8_only_work_counts_as_time_of_the_run() -> None:
    """Waiting for a person does not count, nor does the time until a dead owner is missed."""
    history = told(
        e.RunQueued(at=0, run="r", cause="m1"),
        e.RunStarted(at=1_000, run="r", attempt=1, fence=1, worker="w"),
        e.RunWaiting(at=3_000, run="r", reason="approval"),
        e.RunResumed(at=90_000, run="r"),
        e.RunStarted(at=91_000, run="r", attempt=1, fence=2, worker="w"),
        e.StepStarted(at=92_000, run="r", step="r.1"),
    )
    assert history.run is not None and history.run.worked(93_000) == 4_000
    history = fold(history, e.RunRecovering(at=700_000, run="r", reason="lease_lost"), 7)
    assert history.run is not None and history.run.worked(800_000) == 3_000
    history = fold(history, e.RunStarted(at=800_000, run="r", attempt=2, fence=3, worker="x"), 8)
    assert history.run is not None and history.run.worked(800_500) == 3_500
