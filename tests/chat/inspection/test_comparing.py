"""Two runs held against each other: a difference leads from one to the other, and says nothing where there is none."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agents.events import Usage
from chat.inspection.comparing import (
    MAX_LINES,
    after_of,
    before_of,
    difference,
    differs,
    messages_of,
    pairs,
    parts,
)
from chat.inspection.told import Asked, Said

LINES = st.lists(st.sampled_from(["a", "b", "c", "你好", ""]), max_size=30)
TEXT = st.text(max_size=4)
CALLS = st.lists(
    st.builds(Asked, TEXT, st.sampled_from(["{}", '{"a": 1}', "{"]), TEXT, TEXT), max_size=3
).map(tuple)
STEPS = st.builds(
    Said, TEXT, st.integers(1, 99), TEXT, st.text(min_size=1, max_size=4), TEXT, TEXT, CALLS,
    st.builds(Usage, input=st.integers(0, 9), output=st.integers(0, 9)), TEXT, st.integers(0, 9),
)  # fmt: skip
RUNS = st.lists(STEPS, max_size=6)


@given(LINES, LINES)
def test_a_difference_leads_from_the_one_to_the_other(before: list[str], after: list[str]) -> None:
    found = difference(before, after)
    assert (before_of(found), after_of(found)) == (before, after)
    assert differs(found) == (before != after)
    assert all(piece.lines for piece in found)
    back = difference(after, before)
    assert differs(back) == differs(found)


@given(LINES)
def test_nothing_differs_from_itself(lines: list[str]) -> None:
    assert not differs(difference(lines, lines))


@given(RUNS, RUNS)
def test_every_step_of_both_runs_is_told_once_in_its_place(before: list[Said], after: list[Said]) -> None:
    found = pairs(before, after)
    assert [pair.before for pair in found if pair.before] == before
    assert [pair.after for pair in found if pair.after] == after
    assert len(found) == max(len(before), len(after))


@given(RUNS)
def test_a_run_does_not_differ_from_itself(run: list[Said]) -> None:
    assert all(not pair.differs for pair in pairs(run, run))


@given(STEPS)
def test_each_part_is_found_alone(step: Said) -> None:
    changes = {
        "model": {"model": step.model + "x"},
        "request": {"digest": step.digest + "x"},
        "answer": {"text": step.text + "x"},
        "reasoning": {"reasoning": step.reasoning + "x"},
        "calls": {"calls": (*step.calls, Asked("x", "{}"))},
        "tokens": {"usage": step.usage.model_copy(update={"input": step.usage.input + 1})},
        "cost": {"usage": step.usage.model_copy(update={"cost": 7})},
    }
    for part, change in changes.items():
        found = parts(step, replace(step, **change))
        assert part in found and set(found) <= {part, "results"}, part
    assert parts(step, replace(step, ms=(step.ms or 0) + 5, step="other", seq=7)) == ()


def test_a_long_list_is_compared_as_far_as_it_may_be_and_nothing_of_it_is_lost() -> None:
    before = [str(n) for n in range(MAX_LINES + 50)]
    after = [*before[:-1], "other"]
    found = difference(before, after)
    assert before_of(found) == before and after_of(found) == after and differs(found)
    assert not differs(difference(before, list(before)))


def test_what_was_said_is_found_in_every_dialect() -> None:
    for name in ("messages", "input", "contents"):
        assert messages_of({name: [{"b": 1, "a": 2}], "model": "m"}) == ['{"a": 2, "b": 1}', '{"model": "m"}']
    assert messages_of({"model": "m"}) == ['{"model": "m"}']
