"""A short form of `make streams`: generated streams of each dialect, split, disturbed and cut at random (R14)."""

import pytest

from agents.dialects.assembler import Assembler
from agents.dialects.base import CallDelta, FinishDelta
from tests.agents.dialects.streams.run import DIALECTS, round_of

STREAMS = 1_500


@pytest.mark.parametrize("dialect", DIALECTS)
def test_R14_no_stream_is_misread(dialect: str) -> None:
    became = {round_of(seed, dialect) for seed in range(STREAMS)}
    assert {"in full", "interrupted", "failed", "asked again"} <= became


def test_a_piece_of_arguments_that_is_a_space_is_a_part_of_them() -> None:
    """Found by `make streams`."""
    assembler = Assembler()
    for piece in ('{"city":', " ", '"New', " ", 'York"}'):
        assembler.feed(CallDelta(0, "a", "weather", piece))
    assembler.feed(FinishDelta("tool_calls"))
    assert [call.arguments for call in assembler.response().calls] == ['{"city": "New York"}']
