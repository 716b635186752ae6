"""Reasoning between tags, as local models write it: taken out of the answer wherever the stream is cut."""

from collections.abc import Iterator

import pytest

from agents.dialects.assembler import Assembler, Response
from agents.dialects.base import CallDelta, Delta, FinishDelta, TextDelta, WholeMessage
from agents.dialects.tags import ThinkTags


def read(*deltas: Delta) -> Response:
    tags, assembler = ThinkTags(), Assembler()
    for delta in (*tags.feed(deltas), *tags.end()):
        assembler.feed(delta)
    return assembler.response()


def in_pieces(text: str, size: int) -> Iterator[Delta]:
    for place in range(0, len(text), size):
        yield TextDelta(text[place : place + size])
    yield FinishDelta("stop")


ANSWERS = {
    "thinking, then words": ("<think>\nRome? Yes.\n</think>\n\nRome.", "Rome? Yes.", "Rome."),
    "blanks before the tag": ("\n <think>a</think>b", "a", "b"),
    "another name": ("<seed:think>a < b</seed:think>b", "a < b", "b"),
    "nothing thought": ("<think>\n\n</think>\n\nRome.", "", "Rome."),
    "never closed": ("<think>\nI wonder </thi", "I wonder </thi", ""),
    "no answer": ("<think>\nOnly this.\n</think>", "Only this.", ""),
    "the template wrote the opening tag": ("Rome? Yes.\n</think>\n\nRome.", "Rome? Yes.", "Rome."),
    "words only": ("Rome.", "", "Rome."),
    "a tag further on is a word": (
        "Use <think> like so: <think>x</think>",
        "",
        "Use <think> like so: <think>x</think>",
    ),
    "a closing tag in a line is a word": ("It ends with </think> here.", "", "It ends with </think> here."),
    "another tag": ("<b>Rome</b>", "", "<b>Rome</b>"),
    "the beginning of a tag": ("<thi", "", "<thi"),
    "tags of two kinds": ("<think>a</thought>b</think>c", "a</thought>b", "c"),
}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("name", ANSWERS)
def test_A10_wherever_the_stream_is_cut(name: str, size: int) -> None:
    text, reasoning, answer = ANSWERS[name]
    response = read(*in_pieces(text, size))
    assert (response.reasoning, response.text) == (reasoning, answer)


def test_a_whole_message_and_one_that_repeats_the_pieces() -> None:
    whole = WholeMessage("<think>a</think>\n\nb")
    alone, repeated = read(whole, FinishDelta("")), read(*in_pieces("<think>a</think>\n\nb", 3), whole)
    assert (alone.reasoning, alone.text) == (repeated.reasoning, repeated.text) == ("a", "b")


def test_calls_after_thinking() -> None:
    call = CallDelta(0, "c", "look", "{}")
    response = read(TextDelta("<think>look it up</think>\n"), call, FinishDelta("tool_calls"))
    assert (response.reasoning, response.text, len(response.calls)) == ("look it up", "", 1)


def test_it_streams_as_it_comes() -> None:
    tags, assembler = ThinkTags(), Assembler()
    seen = []
    for delta in in_pieces("<think>ab\ncd</think>ef", 2):
        for one in tags.feed([delta]):
            seen.append((assembler.feed(one), assembler.fresh_reasoning()))
    assert [one for one in seen if any(one)] == [("", "a"), ("", "b"), ("", "\ncd"), ("ef", "")]
