"""What becomes of due times that were missed, and of those that come faster than they can be run."""

from __future__ import annotations

import time
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.entrances.schedules.decide import COUNTED, MISSED, Decision, Missed, decide, newest
from chat.entrances.schedules.plan import Plan, times
from chat.support.durations import DAY, HOUR, MINUTE

NOW = 1_764_000_000_000
HOURLY = Plan("interval", every=HOUR, at=NOW)
GRACE = 5 * MINUTE


def after(
    hours: float, missed: Missed = "all", most: int = 3, plan: Plan = HOURLY, waiting: int = 0
) -> Decision:
    """What is decided when somebody looks so many hours after the first due time."""
    now = NOW + int(hours * HOUR)
    return decide(plan, missed=missed, most=most, next_at=NOW, now=now, grace=GRACE, waiting=waiting)


def test_nothing_is_decided_before_the_time() -> None:
    assert after(-0.5) == Decision(next_at=NOW)


@pytest.mark.parametrize("missed", MISSED)
def test_one_that_is_on_time_is_run_whatever_the_policy(missed: Missed) -> None:
    assert after(0.01, missed) == Decision(fire=(NOW,), next_at=NOW + HOUR)


def test_skip_passes_over_what_is_late() -> None:
    assert after(2.5, "skip") == Decision((), 3, NOW, NOW + 2 * HOUR, next_at=NOW + 3 * HOUR)
    assert after(2.05, "skip") == Decision((NOW + 2 * HOUR,), 2, NOW, NOW + HOUR, next_at=NOW + 3 * HOUR)


def test_once_runs_the_newest_for_all() -> None:
    assert after(2.5, "once") == Decision((NOW + 2 * HOUR,), 2, NOW, NOW + HOUR, next_at=NOW + 3 * HOUR)


def test_all_runs_the_newest_so_many_oldest_first() -> None:
    found = after(4.5, "all", most=3)
    assert found.fire == tuple(NOW + n * HOUR for n in (2, 3, 4))
    assert (found.passed, found.first_passed, found.last_passed) == (2, NOW, NOW + HOUR)


def test_what_has_not_begun_yet_takes_the_room_of_what_is_due_now() -> None:
    assert after(0, "once", waiting=1) == Decision((), 1, NOW, NOW, next_at=NOW + HOUR)
    assert after(4.5, "all", most=3, waiting=2).fire == (NOW + 4 * HOUR,)
    assert after(4.5, "all", most=3, waiting=9).fire == ()


def test_the_last_one_ends_the_schedule() -> None:
    once = Plan("once", at=NOW)
    assert after(0, plan=once) == Decision((NOW,), next_at=None)
    assert after(1, "skip", plan=once) == Decision((), 1, NOW, NOW, next_at=None)
    ended = Plan("interval", every=HOUR, at=NOW, ends_at=NOW + HOUR)
    assert after(5, plan=ended) == Decision((NOW, NOW + HOUR), next_at=None)


def test_a_long_absence_costs_no_more_than_a_short_one() -> None:
    every_minute = Plan("cron", "Europe/Berlin", "* * * * *")
    began = time.perf_counter()
    found = decide(every_minute, missed="all", most=100, next_at=NOW, now=NOW + 3650 * DAY, grace=GRACE)
    assert time.perf_counter() - began < 5  # enumerating ten years would take minutes
    assert len(found.fire) == 100 and found.fire[-1] == NOW + 3650 * DAY
    assert found.uncounted and found.passed >= COUNTED - 100
    assert found.next_at == NOW + 3650 * DAY + MINUTE


@given(
    st.sampled_from(MISSED),
    st.integers(1, 5),
    st.lists(st.integers(0, 9 * HOUR), max_size=8),
    st.integers(0, 3),
)
def test_every_due_time_is_decided_exactly_once_whenever_somebody_looks(
    missed: Missed, most: int, gaps: list[int], waiting: int
) -> None:
    now, next_at = NOW - HOUR, NOW
    decided: list[int] = []
    passed = 0
    for gap in gaps:
        now += gap
        found = decide(
            HOURLY, missed=missed, most=most, next_at=next_at, now=now, grace=GRACE, waiting=waiting
        )
        decided += found.fire
        passed += found.passed
        assert found.next_at is not None and found.next_at > now
        next_at = found.next_at
    whole = list(takewhile(lambda moment: moment <= now, times(HOURLY, NOW - 1)))
    assert decided == sorted(set(decided)) and set(decided) <= set(whole)
    assert len(decided) + passed == len(whole)
    if missed == "all" and not waiting and most == 5 and max(gaps, default=0) < 5 * HOUR:
        assert decided == whole


def test_the_newest_are_found_without_counting_the_rest() -> None:
    found, uncounted = newest(Plan("interval", every=MINUTE, at=NOW), NOW - 1, NOW + 30 * DAY)
    assert uncounted and COUNTED <= len(found) <= 4 * COUNTED and found[-1] == NOW + 30 * DAY
    assert newest(HOURLY, NOW - 1, NOW + 2 * HOUR) == ([NOW, NOW + HOUR, NOW + 2 * HOUR], False)
