"""The path of a branch: one function, held by a witness that copies lists (rules S3, T2)."""

from __future__ import annotations

import pytest

from agents import branches as b
from agents import events as e
from agents.history import empty, fold
from tests.agents.branching_fuzz import check


def opened(branch: str, parent: str, before: int) -> e.BranchOpened:
    return e.BranchOpened(at=1, branch=branch, parent=parent, before=before)


def told(*events: e.Event) -> b.Branches:
    branches = b.NONE
    for seq, event in enumerate(events, start=100):
        branches = b.fold(branches, event, seq)
    return branches


def test_a_path_is_its_parent_below_a_place_and_then_its_own():
    branches = told(opened("B", "", 10), opened("C", "B", 50), opened("D", "B", 5))
    assert b.path(branches, "") == b.WHOLE
    assert b.path(branches, "C").segments == (b.Segment("", 10), b.Segment("B", 50), b.Segment("C"))
    on = b.path(branches, "C")
    assert on.holds("", 9) and not on.holds("", 10) and on.holds("B", 49) and not on.holds("B", 50)
    assert on.holds("C", 10_000) and not on.holds("D", 60)
    assert b.path(branches, "D").segments[0] == b.Segment("", 5), "never more than its parent has"
    assert b.path(branches, "nowhere") == b.WHOLE


def test_all_ways_on_from_one_place_stand_beside_each_other():
    branches = told(opened("B", "", 10), opened("C", "", 10), e.BranchChosen(at=1, branch=""))
    (fork,) = b.forks(branches, "")
    assert fork == b.Fork(10, ("", "B", "C"), 0)
    assert b.forks(branches, "C") == (b.Fork(10, ("", "B", "C"), 2),)
    # The answer on C is made again: C has nothing of its own before it, so this is a fourth way from the same place.
    assert b.departure(branches, "C", 120, lambda branch, below: False) == ("", 10)
    assert b.departure(branches, "C", 120, lambda branch, below: True) == ("C", 120)


def test_a_way_goes_back_to_what_was_shown_of_it_last():
    branches = told(opened("B", "", 10), opened("B2", "B", 60), e.BranchChosen(at=1, branch=""))
    (fork,) = b.forks(branches, "")
    assert fork.ways == ("", "B2"), "of B the newest that was looked at"
    again = b.fold(branches, e.BranchChosen(at=1, branch="B"), 200)
    again = b.fold(again, e.BranchChosen(at=1, branch=""), 201)
    assert b.forks(again, "")[0].ways == ("", "B")
    assert [fork.before for fork in b.forks(again, "B")] == [10, 60]


def test_what_is_not_there_is_neither_chosen_nor_opened_upon():
    branches = told(opened("B", "", 10))
    for event in (
        e.BranchChosen(at=1, branch="gone"),
        opened("X", "gone", 3),
        opened("B", "", 3),
        e.BranchContinued(at=1, run="r", branch="gone"),
    ):
        assert b.fold(branches, event, 300) is branches


def test_T2_a_summary_stands_where_all_that_it_stands_for_is():
    branches = told(opened("B", "", 10), opened("C", "B", 50))
    main, on_b, on_c = (b.path(branches, branch) for branch in ("", "B", "C"))
    assert b.covers(main, 9, on_b) and not b.covers(main, 10, on_b)
    assert b.covers(on_b, 49, on_c) and not b.covers(on_b, 50, on_c) and not b.covers(on_b, 20, main)


def test_a_summary_made_on_a_branch_does_not_exist_on_another():
    """T2: it is asked for on one branch, the person goes to another, and then it comes."""
    told = [
        e.ConversationCreated(at=1, title="", agent="a"),
        *(e.MessageAdded(at=1, message=f"m{n}", text=str(n)) for n in range(4)),
        e.RunQueued(at=1, run="r", cause="m3"),
        opened("B", "", 4),
        e.BranchContinued(at=1, run="r", branch=""),
        e.MessageAdded(at=1, message="b", text="b"),
        e.HistoryCompacted(at=1, run="r", upto=4, summary="all of it"),
    ]
    ids = {}
    for branch in ("", "B"):
        branches = b.NONE
        for seq, event in enumerate(told, start=1):
            branches = b.fold(branches, event, seq)
        history = empty("c", b.path(branches, branch))
        for seq, event in enumerate(told, start=1):
            history = fold(history, event, seq)
        ids[branch] = [item.id for item in history.items]
    assert ids[""] == ["m0", "summary-4", "m3"]
    assert ids["B"] == ["m0", "m1", "b"]


@pytest.mark.parametrize("seed", range(40))
def test_S4_T2_every_branch_of_a_random_conversation_is_what_the_witness_has(seed: int):
    """Snapshots equal the witness after every append; the request of every branch is valid for all profiles."""
    assert check(seed, 90)["branches"] > 1
