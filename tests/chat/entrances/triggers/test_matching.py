"""Paths and patterns come from people and agents: they are bounded, whatever they are run on."""

import time

import pytest

from chat.entrances.triggers.matching import UnusablePattern, matches, path_of, pattern_of, value_at

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


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "(?=a)", "a{1000}{1000}", "x" * 400])
def test_patterns_that_re2_does_not_take_are_refused(pattern):
    with pytest.raises(UnusablePattern):
        pattern_of(pattern)
