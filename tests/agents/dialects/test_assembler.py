"""The assembler against every quirk of the reference, and rules A1 to A8 by name."""

import pytest

from agents.dialects.assembler import MAX_BYTES, MAX_CALLS, Assembler, Response, TextPieces
from agents.dialects.base import CallDelta, FinishDelta, TextDelta
from agents.dialects.chat.stream import read_chunk
from tests.support.quirks import QUIRKS, A, Quirk


def assembled(quirk: Quirk) -> Response:
    assembler = Assembler()
    for one in quirk.chunks:
        for delta in read_chunk(one):
            assembler.feed(delta)
    return assembler.response()


@pytest.mark.parametrize("name", QUIRKS)
def test_T4_quirk(name: str) -> None:
    quirk = QUIRKS[name]
    response = assembled(quirk)
    assert tuple((call.name, call.arguments) for call in response.calls) == quirk.calls
    assert tuple(call.state for call in response.calls) == quirk.expected_states()
    assert (response.text, response.finish) == (quirk.text, quirk.finish)
    ids = [call.provider_id for call in response.calls if call.provider_id]
    assert len(set(ids)) == len(ids)


def test_every_quirk_of_the_reference_is_here() -> None:
    assert {f"Q{number}" for number in range(1, 31)} <= set(QUIRKS)


def test_Q28_usage_comes_in_a_chunk_without_choices() -> None:
    usage = assembled(QUIRKS["Q28"]).usage
    assert (usage.input, usage.output) == (7, 3)


def test_A8_without_an_end_the_last_call_is_truncated_even_if_its_arguments_parse() -> None:
    assembler = Assembler()
    assembler.feed(CallDelta(0, "a", "weather", A))
    assembler.feed(CallDelta(1, "b", "weather", A))
    assert [call.state for call in assembler.response().calls] == ["ok", "truncated"]


@pytest.mark.parametrize("finish", ["length", "content_filter", "error"])
@pytest.mark.parametrize("arguments", ["", "{}", A])
def test_A8_what_was_cut_does_not_run_although_its_arguments_may_be_whole(
    finish: str, arguments: str
) -> None:
    assembler = Assembler()
    assembler.feed(CallDelta(0, "a", "weather", A))
    assembler.feed(CallDelta(1, "b", "pay", arguments))
    assembler.feed(FinishDelta(finish))
    assert [call.state for call in assembler.response().calls] == ["ok", "truncated"]


def test_A7_the_finish_reason_does_not_decide_whether_there_are_calls() -> None:
    assembler = Assembler()
    assembler.feed(FinishDelta("stop"))
    assembler.feed(CallDelta(0, "a", "weather", A))
    assert [call.state for call in assembler.response().calls] == ["ok"]


def test_what_no_store_can_hold_is_replaced() -> None:
    text = TextPieces()
    assert text.add("a\x00b\ud800c") == "a\ufffdb\ufffdc"
    assert text.add("\ud83d") == ""
    assert text.add("x") == "\ufffdx"


@pytest.mark.parametrize("piece", ["x" * 10_000, "好" * 4_000])
def test_R8_a_response_that_does_not_end_is_noticed(piece: str) -> None:
    assembler = Assembler()
    fed = 0
    while not assembler.too_large:
        assembler.feed(TextDelta(piece))
        fed += len(piece.encode())
        assert fed <= 2 * MAX_BYTES
    assert fed > MAX_BYTES


def test_R8_so_are_arguments_and_calls_without_end() -> None:
    assembler = Assembler()
    for _ in range(MAX_BYTES // 1_000 + 1):
        assembler.feed(CallDelta(0, "a", "weather", "y" * 1_000))
    assert assembler.too_large
    assembler = Assembler()
    for number in range(MAX_CALLS + 1):
        assembler.feed(CallDelta(number, f"id{number}", "weather", "{}"))
    assert assembler.too_large
    assembler = Assembler()
    assembler.feed(CallDelta(0, "a", "weather", '{"a": 1}{"b": 2}' * MAX_CALLS))
    assert assembler.too_large
