"""Words of texts and of questions: the same for both databases."""

from __future__ import annotations

import pytest

from chat.search.query import MAX_QUERY, MAX_TERMS, MAX_TOKENS, parse
from chat.search.snippets import LENGTH, snippet
from chat.search.tokens import MAX_BYTES, MAX_WORD, OVERHEAD, fold, tokens


def marked(typed: str, text: str) -> list[str]:
    """What of a text is marked for a question."""
    return [text[mark.start : mark.end] for mark in parse(typed).marks(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Cat, the hat", ["the", "cat", "hat"]),
        ("数据库", ["数据", "据库", "库"]),
        ("第3章", ["第", "3", "章"]),
        ("Ünïcödé ＦＵＬＬ", ["unicode", "full"]),
        ("call_A1.b-c", ["call", "a1", "b", "c"]),
        ("ภาษา", ["ภา", "าษ", "ษา", "า"]),
        ("", []),
        ("… ,.;", []),
    ],
)
def test_a_text_is_cut_into_words_and_pairs(text: str, expected: list[str]) -> None:
    assert list(tokens(fold(text).text)) == expected


def test_an_index_takes_no_more_than_it_can_hold() -> None:
    many = " ".join(f"w{number}" for number in range(100_000))
    found = tokens(fold(many).text)
    assert sum(len(one.encode()) + OVERHEAD for one in found) <= MAX_BYTES
    assert [len(one) for one in tokens("x" * 500)] == [MAX_WORD]


@pytest.mark.parametrize(
    ("typed", "text", "expected"),
    [
        ("databa", "The Database", ["Databa"]),
        ('"databa"', "The Database", []),
        ("base", "The Database", []),
        ("数据", "一个数据库", ["数据"]),
        ("据", "数据", ["据"]),
        ("数库", "数据库", []),
        ("cafe", "le Café", ["Café"]),
        ("café", "le cafe\u0301", ["cafe\u0301"]),
        ("ﬁle", "a file", ["file"]),
        ("file", "a ﬁle", ["ﬁle"]),
        ("two words", "words and two", ["words", "two"]),
        ("two words", "only two", []),
        ('"two  words"', "two\nwords, words two", ["two\nwords"]),
        ("“two words”", "two words", ["two words"]),
        ("call_A1.", 'no output for "call_a1"', ["call_a1"]),
        ("a", "an apple, a pear", ["a"]),
        ("İstanbul", "ISTANBUL", ["ISTANBUL"]),
        ("straße", "STRASSE", ["STRASSE"]),
    ],
)
def test_a_question_says_where_it_is_in_a_text(typed: str, text: str, expected: list[str]) -> None:
    assert marked(typed, text) == expected


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        '"',
        '""',
        "' OR 1=1 --",
        "a & b | !c",
        "x:*",
        "* NEAR( ) AND",
        "\0",
        "\ud800\udc00x\udfff",
        "\\'\\",
        "()",
        "-",
    ],
)
def test_hostile_questions_are_words_or_nothing(typed: str) -> None:
    for token in parse(typed).tokens:
        assert token.text.isalnum()


def test_a_question_is_bounded() -> None:
    query = parse("w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 " + "字" * 10_000)
    assert len(query.terms) <= MAX_TERMS and len(query.tokens) <= MAX_TOKENS
    assert all(len(token.text) <= MAX_QUERY for token in query.tokens)


class TestSnippets:
    def test_it_stands_around_what_was_found_and_counts_as_browsers_do(self) -> None:
        text = "😀" * 300 + " needle " + "😀" * 300
        found = snippet(text, parse("needle").marks(text))
        start, end = found.marks[0]
        assert found.text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le") == "needle"
        assert len(found.text) == LENGTH and found.cut_before and found.cut_after

    def test_it_is_where_most_of_the_words_are(self) -> None:
        text = "cat " + "x " * 300 + "cat and dog" + " y" * 300
        found = snippet(text, parse("cat dog").marks(text))
        assert [found.text[start:end] for start, end in found.marks] == ["cat", "dog"]

    def test_lines_become_one_and_a_short_text_is_whole(self) -> None:
        text = "one\ntwo\tthree"
        found = snippet(text, parse("two").marks(text))
        assert found.text == "one two three" and not found.cut_before and not found.cut_after
        assert found.marks == [(4, 7)]

    def test_marks_do_not_overlap(self) -> None:
        text = "数据库"
        found = snippet(text, parse("数据 据库").marks(text))
        assert found.marks == [(0, 2), (2, 3)]
