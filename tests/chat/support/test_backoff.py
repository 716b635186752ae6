"""Backoff: twice as long each time, up to a limit, and spread where that is wanted."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.support.backoff import Backoff

UNITS = st.floats(min_value=0.001, max_value=1e6)


def test_each_pause_is_twice_the_one_before_up_to_the_cap() -> None:
    assert list(islice(Backoff(0.1, 2.0), 7)) == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_a_row_that_counts_its_tries_waits_as_a_loop_does() -> None:
    backoff = Backoff(1_000, 600_000)
    assert [backoff.delay(tries) for tries in range(12)] == list(islice(backoff, 12))


@given(base=UNITS, more=st.floats(min_value=1, max_value=1e6), tries=st.integers(0, 10**6))
def test_no_pause_is_longer_than_the_cap_however_often_it_failed(
    base: float, more: float, tries: int
) -> None:
    backoff = Backoff(base, base * more)
    assert base <= backoff.delay(tries) <= backoff.cap


@given(jitter=st.floats(0, 1), chance=st.floats(0, 1, exclude_max=True), tries=st.integers(0, 100))
def test_chance_takes_away_its_share_and_no_more(jitter: float, chance: float, tries: int) -> None:
    whole = Backoff(2, 60).delay(tries)
    spread = Backoff(2, 60, jitter).delay(tries, lambda: chance)
    assert whole * (1 - jitter) * 0.999999 <= spread <= whole


def test_two_loops_do_not_disturb_each_other() -> None:
    backoff = Backoff(1, 8)
    one, other = iter(backoff), iter(backoff)
    assert [next(one), next(one), next(other), next(one)] == [1, 2, 1, 4]


@pytest.mark.parametrize("wrong", [(-1, 1, 0), (2, 1, 0), (1, 2, 1.5), (1, 2, -0.1)])
def test_a_backoff_that_makes_no_sense_is_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError):
        Backoff(*wrong)
