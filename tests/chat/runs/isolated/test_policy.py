"""Which run it is that takes its worker down: the judgement alone (docs/decisions/0012)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.runs.isolated.groups import Group, Member, room_in
from chat.runs.isolated.policy import (
    AMONG_OTHERS,
    MAX_LOST,
    NOWHERE,
    UNKNOWN_CROWD,
    Losses,
    Placement,
    judged,
    placement,
    relapsed,
    verdict,
)


def isolated(group: int) -> Placement:
    return Placement("isolated", group)


@pytest.mark.parametrize(
    ("losses", "place"),
    [
        (Losses(), AMONG_OTHERS),
        (Losses().plus(20), isolated(10)),
        (Losses().plus(20).plus(7), isolated(3)),
        (Losses().plus(20).seen(10).seen(5), isolated(2)),
        (Losses().plus(20).seen(2), isolated(1)),
        (Losses().plus(1), isolated(1)),
        (Losses().plus(0), isolated(UNKNOWN_CROWD // 2)),
        (Losses().plus(20).forgotten(), AMONG_OTHERS),
        (Losses().plus(20).forgotten().plus(40), isolated(20)),
        (Losses().plus(2).seen(1), isolated(1)),
        (Losses().plus(2).seen(1).forgotten(), isolated(1)),
        (Losses().plus(2).seen(1).seen(1), NOWHERE),
        (Losses().seen(1).forgotten().seen(1), NOWHERE),
        (Losses().plus(1).seen(1), NOWHERE),
        (Losses(crowds=(64,) * MAX_LOST), NOWHERE),
        (Losses(relapse=True), isolated(1)),
    ],
)
def test_where_a_run_is_performed_next(losses: Losses, place: Placement) -> None:
    assert placement(losses) == place


@given(st.lists(st.integers(0, 200), max_size=10))
def test_ten_crashes_of_its_machine_end_no_run(crowds: list[int]) -> None:
    losses = Losses()
    for crowd in crowds:
        losses = losses.plus(crowd)
    assert placement(losses).where != "nowhere"


@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 3))
def test_a_run_that_kills_is_found_within_log2_of_its_crowd_and_two_deaths(
    crowd: int, place: int, others: int
) -> None:
    """A simulation: K runs on one worker, one of which kills whoever performs it. Its group is filled by others."""
    runs = [f"r{n}" for n in range(crowd)]
    killer = runs[place % crowd]
    losses = {run: Losses().plus(crowd) for run in runs}
    deaths = 1
    while placement(losses[killer]) != NOWHERE:
        groups: list[Group] = []
        for run in runs:
            found = placement(losses[run])
            assert found.where == "isolated"
            group = room_in(groups, found.group, full=False)
            if group is None:
                group = Group(f"g{len(groups)}")
                groups.append(group)
            group.members[run] = Member(run, found.group)
            assert len(group.members) <= group.limit
        beside = next(group for group in groups if killer in group.members).members
        for run in beside:
            losses[run] = losses[run].seen(len(beside))
        runs = list(beside)
        deaths += 1
        assert deaths <= math.log2(crowd) + 2
    assert all(placement(losses[run]).where == "isolated" for run in losses if run != killer)


@given(st.integers(2, 200), st.integers(1, 10))
def test_bystanders_are_back_among_others_after_a_finished_step(crowd: int, crashes: int) -> None:
    losses = Losses()
    for _ in range(crashes):
        losses = losses.plus(crowd)
        assert placement(losses) == isolated(crowd // 2)
        losses = losses.forgotten()
    assert placement(losses) == AMONG_OTHERS


def test_the_journal_tells_losses_in_order() -> None:
    told = [(False, 20, False), (True, 0, False), (False, 8, True), (True, 4, True)]
    assert judged(told, relapse=False) == Losses(crowds=(8, 4), alone=1, seen_alone=1)


def test_a_group_grows_to_what_its_most_suspect_member_may_have() -> None:
    groups = [Group("a", {"c1": Member("r1", 3)}), Group("b", {"c2": Member("r2", 9), "c3": Member("r3", 9)})]
    assert room_in(groups, 5, full=False) is groups[1], "the fuller one, so that others can end"
    assert room_in(groups, 2, full=False) is groups[0]
    assert room_in(groups, 1, full=False) is None
    groups[1].closed = True
    assert room_in(groups, 5, full=False) is groups[0]


def test_nobody_waits_for_a_place_but_who_must_be_alone() -> None:
    groups = [Group("a", {"c1": Member("r1", 1)}), Group("b", {"c2": Member("r2", 2), "c3": Member("r3", 2)})]
    assert room_in(groups, 2, full=False) is None
    assert room_in(groups, 2, full=True) is groups[1]
    assert room_in(groups, 1, full=True) is None


@pytest.mark.parametrize(
    ("earlier", "alone"),
    [
        ([], False),
        ([("finished", ""), ("failed", "crashed_too_often")], False),
        ([("failed", "crashed_too_often"), ("finished", "")], True),
        ([("stopped", ""), ("failed", "model_error"), ("failed", "crashed_too_often")], True),
        ([("finished", "limit_steps"), ("failed", "crashed_too_often")], False),
        ([("failed", "model_error")], False),
    ],
)
def test_what_comes_after_a_run_that_was_given_up_is_alone_until_one_has_finished(earlier, alone):
    assert relapsed(earlier) is alone
    assert placement(Losses(relapse=relapsed(earlier))) == (isolated(1) if alone else AMONG_OTHERS)


def test_people_read_how_often_and_what_becomes_of_it():
    assert "4 times, 2 of them" in verdict(Losses().plus(20).seen(10).seen(1).seen(1))
    assert "30 times" in verdict(Losses(crowds=(64,) * 30))
