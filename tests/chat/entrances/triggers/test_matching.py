"""Paths and patterns come from people and agents: they are bounded, whatever they are run on."""

import time

import pytest

from chat.entrances.triggers import matching
from chat.entrances.triggers.matching import UnusablePattern, matches, path_of, pattern_of, value_at
from tests.chat.entrances.triggers import bounded

DOCUMENT = {"state": "up", "items": [{"id": 1, "on": True}, {"id": 2, "on": False}], "a..b": 3}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("", DOCUMENT),
        ("$", DOCUMENT),
        ("$.state", "up"),
        ("$.items[*].id", [1, 2]),
        ("$.items[?@.on == true].id", 1),
        ("$['a..b']", 3),
        ("$.missing.deep", None),
    ],
)
def test_paths_find_values(path, value):
    assert value_at(path, DOCUMENT) == value


@pytest.mark.parametrize(
    "path",
    [
        "state",
        "$.",
        "$..id",
        "$..*..*..*",
        "$.items[?@..id]",
        "$.items[?$.items[?$.items]]",
        "$.items[?match(@.id, '(a+)+$')]",
        "$.items[?search(@.id, '(a+)+$')]",
        "$[" * 200,
        "$." + "a" * 400,
    ],
)
def test_paths_that_are_none_or_take_too_long_are_refused(path):
    with pytest.raises(UnusablePattern):
        path_of(path)


@pytest.mark.parametrize(
    ("mode", "pattern", "value", "found"),
    [
        ("any", "", None, True),
        ("contains", "ERROR", "an error came", True),
        ("contains", "error", None, False),
        ("equals", " ok ", "OK\n", True),
        ("equals", "ok", "okay", False),
        ("regex", r"build \d+ failed", "build 17 failed", True),
        ("regex", r"^ok$", "not ok", False),
        ("regex", r"(?i)错误|error", "出现错误", True),
        ("equals", "false", False, True),
        ("contains", '"id":2', [{"id": 2}], True),
    ],
)
def test_words_are_looked_for(mode, pattern, value, found):
    assert matches(mode, pattern, value) is found


def test_a_pattern_that_would_backtrack_for_ever_takes_no_time():
    began = time.monotonic()
    assert not matches("regex", "(a+)+$", "a" * 20_000 + "!")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "pattern",
    ["(", r"(a)\1", "(?=a)", "a{1000}{1000}", "x" * 400, ".{0,1000}", ".{0,1000}" * 5, "\ud800", "\\pL{9}"],
)
def test_patterns_that_re2_does_not_take_are_refused(pattern):
    with pytest.raises(UnusablePattern):
        pattern_of(pattern)


@pytest.mark.parametrize(
    "pattern", ["(?i)((((a?)*?){1,1000})*?)*Q", "(((a?b?)*?){1,580})*", "((a?|b|c)*?){1,400}"]
)
def test_a_pattern_of_many_pieces_that_may_be_empty_is_refused_before_it_is_written_out(pattern):
    """Seed 987533, batch 13 of `make bounded`: 130 ms until it was refused."""
    began = time.thread_time()
    with pytest.raises(UnusablePattern):
        pattern_of(pattern)
    assert time.thread_time() - began < bounded.MAX_MS / 1e3


@pytest.mark.parametrize(
    "pattern", [r"\pL+", ".{0,200}", r"[\pL\pN_-]+@\w{1,99}", "日{0,490}", "a{1,990}", "(a?){60}"]
)
def test_the_first_look_refuses_no_pattern_whose_program_is_small_enough(pattern):
    assert pattern_of(pattern).programsize <= matching.MAX_PROGRAM


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"é\b", "xé"),
        (r"^.{3}$", "日本語"),
        (r"[^x]{2}", "é日"),
        (r"(?i)K", "\u212a"),
        (r"\pL+", "abc"),
        (r"^.$", "\ud800"),
    ],
)
def test_a_pattern_finds_the_same_in_ascii_and_in_any_text(pattern, text):
    found = matches("regex", pattern, text)
    assert found is (matching.pattern_of(pattern).search(text.encode("utf-8", "replace")) is not None)


@pytest.mark.parametrize("pattern", [r"\400|ab", r"\x{100}|ab", r"[\x{4e00}-\x{9fff}a]b", "日|ab"])
def test_a_pattern_that_names_characters_beyond_ascii_is_looked_for_in_ascii_too(pattern):
    assert matches("regex", pattern, "xab")
    assert not matches("regex", pattern, "xa")


def test_the_larger_a_pattern_the_less_it_looks_through():
    small, large = r"state: down", r"x[ab]{0,50}(c|d){0,99}down"
    text = "." * 60_000 + "state: down"
    assert matches("regex", small, text)
    assert matches("regex", large, "xaccdown")
    assert not matches("regex", large, "." * 60_000 + "xaccdown")


def test_a_path_that_finds_one_large_thing_many_times_ends():
    with pytest.raises(UnusablePattern, match="too much"):
        value_at("$[" + ",".join("0" * 99) + "]", [["x" * 60_000]])


async def test_nothing_that_is_chosen_takes_long():
    """`make bounded` tries a million, in as many processes as there are cores."""
    outcome = await bounded.run(1_500, seed=14)
    assert outcome.good, outcome.lines()
