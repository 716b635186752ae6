"""Which run it is that takes its worker down: the judgement alone."""

import pytest

from chat.runs.isolated.policy import (
    MAX_CRASHES,
    MAX_LOST,
    SUSPECT_AFTER,
    Losses,
    placement,
    relapsed,
    verdict,
)


@pytest.mark.parametrize("lost", range(SUSPECT_AFTER))
def test_who_lost_fewer_owners_is_no_suspect(lost):
    assert placement(Losses(lost=lost)) == "among_others"


@pytest.mark.parametrize("lost", range(SUSPECT_AFTER, MAX_LOST))
def test_a_bystander_of_any_number_of_crashes_is_performed_alone_and_never_given_up(lost):
    assert placement(Losses(lost=lost)) == "isolated"


def test_who_takes_down_processes_of_its_own_is_given_up():
    places = [placement(Losses(lost=SUSPECT_AFTER, crashed=crashed)) for crashed in range(MAX_CRASHES + 1)]
    assert places == ["isolated"] * MAX_CRASHES + ["nowhere"]


def test_what_never_ends_is_given_up_whatever_it_is():
    assert placement(Losses(lost=MAX_LOST)) == "nowhere"
    assert placement(Losses(lost=MAX_LOST - 1, crashed=1)) == "nowhere"


def test_a_loss_that_nobody_has_noted_yet_counts():
    assert placement(Losses(lost=SUSPECT_AFTER - 1).plus(True)) == "isolated"
    assert placement(Losses(lost=SUSPECT_AFTER - 1).plus(False)) == "among_others"


@pytest.mark.parametrize(
    ("earlier", "isolated"),
    [
        ([], False),
        ([("finished", ""), ("failed", "crashed_too_often")], False),
        ([("failed", "crashed_too_often"), ("finished", "")], True),
        ([("stopped", ""), ("failed", "model_error"), ("failed", "crashed_too_often")], True),
        ([("finished", "limit_steps"), ("failed", "crashed_too_often")], False),
        ([("failed", "model_error")], False),
    ],
)
def test_what_comes_after_a_run_that_was_given_up_is_alone_until_one_has_finished(earlier, isolated):
    assert relapsed(earlier) is isolated
    assert placement(Losses(relapse=relapsed(earlier))) == ("isolated" if isolated else "among_others")


def test_people_read_how_often_and_what_becomes_of_it():
    assert "5 times, 3 of them" in verdict(Losses(lost=2, crashed=3))
    assert "10 times" in verdict(Losses(lost=10))
