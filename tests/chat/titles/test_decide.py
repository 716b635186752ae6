"""When a conversation needs a title, what is asked for one, and what is made of the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agents import events as e
from chat.decide import TITLE_CHARS, title_from
from chat.session.state import EMPTY, merge, reduce
from chat.titles.decide import (
    MATERIAL_CHARS,
    MAX_TRIES,
    PAUSES_MS,
    Beginning,
    decide_title,
    need,
    pause,
    question,
    title_of,
)

LONG = "How long does green tea have to steep in water that is not too hot, and does it matter?"
BEGAN = Beginning(titles=(title_from(LONG),), sent=LONG, asked=LONG, answered="Two minutes.")
USAGE = e.Usage(input=100, output=5, cost=7)


def state_called(title: str) -> Any:
    return merge(EMPTY, reduce(EMPTY, e.ConversationCreated(at=1, title=title, agent="a"), 1))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "wanted"),
        ({"answered": " \n"}, "early"),
        ({"asked": ""}, "early"),  # taken back
        ({"titles": ()}, "early"),
        ({"titles": ("Tea",)}, "named"),  # when it was made, or before its first message
        ({"titles": ("Tea",), "sent": ""}, "early"),
        ({"titles": (LONG[:60] + "…",)}, "wanted"),  # as the web page cuts it
        ({"titles": (LONG[:60],)}, "named"),
        ({"titles": ("…",)}, "named"),
        ({"titles": (*BEGAN.titles, "Tea")}, "named"),
        ({"titles": (*BEGAN.titles, *BEGAN.titles)}, "named"),  # asked for in vain, or named and back
        ({"asked": "Another question", "answered": "x"}, "wanted"),  # edited where it stands
    ],
)
def test_a_title_is_wanted_once_for_what_is_called_as_it_began(changes: Any, expected: str) -> None:
    assert need(replace(BEGAN, **changes)) == expected


def test_the_request_is_short_and_has_the_first_message_and_its_answer() -> None:
    asked = question(replace(BEGAN, answered="x" * 50_000))
    assert LONG in asked and "Assistant: xxx" in asked and len(asked) < 2 * MATERIAL_CHARS


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ("Steeping green tea", "Steeping green tea"),
        ('"Steeping green tea."\n', "Steeping green tea"),
        ("**Steeping _green_ tea**", "Steeping _green_ tea"),
        ("# Steeping `green` tea", "Steeping green tea"),
        ("Title: «Steeping green tea»", "Steeping green tea"),
        ('**Title:** "Green tea"', "Green tea"),
        ("标题：《泡绿茶》", "泡绿茶"),
        ("“泡绿茶的时间”。", "泡绿茶的时间"),
        ("- [Green tea](https://evil.example/x)", "Green tea"),
        ("Here is a title:\n\nGreen tea", "Green tea"),
        ("  Green\t tea  ", "Green tea"),
        ("Green \u202etea\u200b\x07", "Green tea"),
        ("What about 3 * 4 * 5?", "What about 3 * 4 * 5?"),
        ("C# or C++", "C# or C++"),
        ("👩\u200d🍳 Cooking", "👩\u200d🍳 Cooking"),
        ("Tea\0 \ud800", "Tea\ufffd \ufffd"),
        # None of these is a title.
        ("", ""),
        (" \n\u200b", ""),
        ('""', ""),
        ("**", ""),
        ("Green tea has to steep.\nFor two minutes.", ""),
        ("word " * 60, ""),
    ],
)
def test_a_title_is_one_line_without_what_dresses_it(answer: str, title: str) -> None:
    assert title_of(answer) == title


def test_a_title_is_no_longer_than_one_that_is_cut_from_a_message() -> None:
    title = title_of("A rather long title for a conversation that was about tea and about water and more")
    assert len(title) <= TITLE_CHARS and title.endswith("…")


@pytest.mark.parametrize("answer", ["*" * 190, "_" * 190, "`a" * 90, "[" * 190, "# " * 90, "title:" * 30])
def test_odd_answers_take_no_time(answer: str) -> None:
    assert isinstance(title_of(answer), str)
    assert title_of(answer * 10_000) == ""


def told(state: Any, of: Beginning = BEGAN, title: str = "Green tea") -> tuple[str, str]:
    (event,) = decide_title(state, of=of, title=title, model="small", usage=USAGE, now=5)
    assert isinstance(event, e.ConversationRenamed) and (event.model, event.usage) == ("small", USAGE)
    return event.title, event.problem


def test_the_title_is_given_and_what_it_took_is_told_even_if_it_was_in_vain() -> None:
    cut = BEGAN.titles[0]
    assert told(state_called(cut)) == ("Green tea", "")
    assert told(state_called(cut), title="") == (cut, "what came is no title")
    assert not decide_title(EMPTY, of=BEGAN, title="x", model="m", usage=USAGE, now=5)


def test_the_title_of_a_person_stands_whenever_it_came() -> None:
    cut = BEGAN.titles[0]
    meanwhile = "it was named meanwhile"
    assert told(state_called("Mine")) == ("Mine", meanwhile)  # after the last look
    assert told(state_called("Mine"), replace(BEGAN, titles=(cut, "Mine"))) == ("Mine", meanwhile)
    assert told(state_called(cut), replace(BEGAN, titles=(cut, "Mine"))) == (cut, meanwhile)  # and back


def test_tries_are_bounded_and_further_and_further_apart() -> None:
    assert [pause(tries) for tries in range(1, MAX_TRIES + 1)] == [*PAUSES_MS, None]


def test_an_ordinary_rename_has_the_text_that_it_always_had() -> None:
    assert (
        e.to_json(e.ConversationRenamed(at=1, title="x"))
        == '{"at":1,"type":"conversation.renamed","title":"x"}'
    )
    stored = e.to_json(e.ConversationRenamed(at=1, title="x", model="m", usage=USAGE))
    read = e.from_json(stored)
    assert isinstance(read, e.ConversationRenamed) and read.usage == USAGE and "problem" not in stored
