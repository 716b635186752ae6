"""Calls of a replay are answered from the record, each recorded outcome once, and by nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dialects.assembler import AssembledCall
from agents.replaying import Record, RecordedCall

NAMES = st.sampled_from(["look", "act", "pay"])
VALUES = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3) | st.booleans(), max_size=3)
CALLS = st.lists(st.tuples(NAMES, VALUES), max_size=12)


def recorded(name: str, value: object, result: str) -> RecordedCall:
    return RecordedCall(name, json.dumps(value), "succeeded", result)


def asked(name: str, value: object, **style: object) -> AssembledCall:
    return AssembledCall(name, json.dumps(value, **style), "ok")  # type: ignore[arg-type]


@given(CALLS)
def test_the_recorded_calls_get_their_outcomes_in_order_however_they_are_written(
    told: list[tuple[str, object]],
) -> None:
    record = Record(recorded(name, value, str(n)) for n, (name, value) in enumerate(told))
    got = record.answer([asked(name, value, indent=1, sort_keys=True) for name, value in told])
    assert [one.result if one else None for one in got] == [str(n) for n in range(len(told))]
    assert record.answer([asked(name, value) for name, value in told]) == [None] * len(told)


@given(CALLS, NAMES, VALUES)
def test_nothing_is_answered_that_was_not_recorded(
    told: list[tuple[str, object]], name: str, value: object
) -> None:
    record = Record(recorded(*one, "x") for one in told)
    same = [
        one
        for one in told
        if one[0] == name and json.dumps(one[1], sort_keys=True) == json.dumps(value, sort_keys=True)
    ]
    got = record.take(asked(name, value))
    assert (got is not None) == bool(same)


@pytest.mark.parametrize("state", ["malformed", "truncated"])
def test_a_call_that_could_not_run_is_not_answered(state: str) -> None:
    record = Record([RecordedCall("look", '{"a', "failed", "no")])
    assert record.take(AssembledCall("look", '{"a', state)) is None  # type: ignore[arg-type]
