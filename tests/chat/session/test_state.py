"""The reducer: snapshot and events are one truth (rules S3, S4)."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from agents import events as e
from chat.session.state import EMPTY, WINDOW, is_open, items, merge, reduce
from chat.session.views import State
from tests.support.histories import flat, tell

HISTORIES = st.randoms(use_true_random=False).map(lambda random: flat(tell(random, runs=6)))


def run_through(events: list[e.Event]) -> list[dict[str, object]]:
    """The state before the first event and after each."""
    states: list[dict[str, object]] = [{}]
    for seq, event in enumerate(events, start=1):
        states.append(merge(states[-1], reduce(states[-1], event, seq)))
    return states


@settings(max_examples=60, deadline=None, derandomize=True)
@given(events=HISTORIES)
def test_S4_snapshot_plus_events_equals_head(events: list[e.Event]) -> None:
    """From a snapshot that went over the wire as JSON, at every prefix."""
    import json

    states = run_through(events)
    for at in range(1, len(events), max(1, len(events) // 12)):
        state: State = json.loads(json.dumps(states[at]))
        for seq in range(at + 1, len(events) + 1):
            stored = e.from_json(e.to_json(events[seq - 1]))
            state = merge(state, reduce(state, stored, seq))
        assert state == states[-1]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(events=HISTORIES)
def test_S3_snapshot_is_bounded_and_hides_no_open_call(events: list[e.Event]) -> None:
    started = {event.call for event in events if isinstance(event, e.CallStarted)}
    closed = {event.call for event in events if isinstance(event, e.CallSettled)}
    shown = items(run_through(events)[-1])
    assert len([item for item in shown if not is_open(item)]) <= WINDOW
    steps = [item for item in shown if item["kind"] == "step"]
    running = {call["id"] for step in steps for call in step["calls"] if call["status"] in e.OPEN_CALL}
    assert started - closed <= running


@settings(max_examples=30, deadline=None, derandomize=True)
@given(events=HISTORIES)
def test_reduce_changes_nothing_that_it_was_given(events: list[e.Event]) -> None:
    from copy import deepcopy

    state: State = {}
    for seq, event in enumerate(events, start=1):
        before = deepcopy(state)
        patch = reduce(state, event, seq)
        assert state == before
        state = merge(state, patch)


def test_events_of_things_unknown_change_nothing() -> None:
    events = flat(tell(Random(30), runs=2))
    state = merge(EMPTY, reduce(EMPTY, events[0], 1))
    about_others = [event for event in events if not isinstance(event, _MAKES)]
    for seq, event in enumerate(about_others, start=2):
        assert reduce(state, event, seq) == {}, event


_MAKES = (
    e.ConversationCreated,
    e.ConversationRenamed,
    e.MessageAdded,
    e.NoteAdded,
    e.RunQueued,
    e.StepStarted,
)
