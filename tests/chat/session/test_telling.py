"""A state told from all events shows what a session did, whatever branch was shown (rules S3, S4, B6)."""

from random import Random

import pytest

from agents import events as e
from chat.session.state import merge, reduce
from chat.session.telling import Telling
from tests.support.branching import Branching
from tests.support.histories import flat, tell


@pytest.mark.parametrize("seed", range(12))
def test_S4_what_is_told_is_what_the_session_showed(seed: int) -> None:
    story, telling, told = Branching(Random(seed)), Telling(), 0
    for number in range(80):
        story.step()
        for event in story.events[told:]:
            told += 1
            telling.tell(event, told)
        assert telling.state == story.state, f"seed {seed}, step {number}"


def test_S4_without_branches_it_is_the_reducer_and_items_that_left_the_window_are_changed_too() -> None:
    telling, state = Telling(), {}
    events = flat(tell(Random(7), runs=8))
    for seq, event in enumerate(events, start=1):
        state = merge(state, reduce(state, event, seq))
        assert telling.tell(event, seq) == state
    first = next(event for event in events if isinstance(event, e.MessageAdded))
    seq = len(events)
    for more in (
        e.MessageEdited(at=1, message=first.message, text="changed"),
        e.BranchOpened(at=1, branch="b", before=seq),
        e.BranchChosen(at=1, branch=""),
    ):
        seq += 1
        telling.tell(more, seq)
    held = {item["id"]: item for item in telling._items.values()}
    assert held[first.message]["text"] == "changed"
