"""Whether something fires: every reason of the closed list that is decided, and the looks at a value."""

from dataclasses import replace

import pytest

from chat.entrances.triggers.decide import (
    HOUR_MS,
    MAX_DEPTH,
    REASONS,
    Standing,
    ended,
    look,
    next_look,
    why_not,
)

FREE = Standing(trigger="t")


@pytest.mark.parametrize(
    ("changed", "seen", "reason"),
    [
        ({}, {}, ""),
        ({}, {"matched": False}, "no_match"),
        ({"paused": True}, {}, "paused"),
        ({"expires_at": 1_000}, {}, "expired"),
        ({"expires_at": 1_001}, {}, ""),
        ({"max_fires": 2, "fires": 2}, {}, "limit"),
        ({"max_fires": 3, "fires": 2}, {}, ""),
        ({}, {"chain": ("x", "t", "y")}, "loop"),
        ({}, {"chain": tuple("abcdef"[:MAX_DEPTH])}, "depth"),
        ({}, {"chain": tuple("abcdef"[: MAX_DEPTH - 1])}, ""),
        ({"per_hour": 5, "last_hour": 5}, {}, "hourly"),
        ({"cooldown_ms": 100, "fired_at": 901}, {}, "cooldown"),
        ({"cooldown_ms": 100, "fired_at": 900}, {}, ""),
        ({"cooldown_ms": 100}, {}, ""),
        # Taken before the lock, or by a clock that is behind: no cooldown is none, and one that is set holds.
        ({"cooldown_ms": 0, "fired_at": 1_001}, {}, ""),
        ({"cooldown_ms": 0, "fired_at": 3_000}, {}, ""),
        ({"cooldown_ms": 100, "fired_at": 1_001}, {}, "cooldown"),
    ],
)
def test_why_it_does_not_fire(changed, seen, reason):
    assert why_not(replace(FREE, **changed), 1_000, **seen) == reason
    assert reason == "" or REASONS[reason]


def test_what_has_ended_stays_ended():
    assert ended(replace(FREE, expires_at=5), 5) and ended(replace(FREE, max_fires=1, fires=1), 0)
    assert not ended(replace(FREE, paused=True), 0)


def looks(values, wanted=None):
    """What a row of observations comes to."""
    before, found = None, []
    for value in values:
        first, changed = before is None, value != before
        matching = wanted is None or value == wanted
        found.append(look(first=first, changed=changed, matching=matching, on_match=wanted is not None))
        before = value
    return found


def test_a_change_fires_and_so_does_the_way_back():
    assert looks("aabba") == ["same", "same", "fire", "same", "fire"]


def test_a_match_fires_when_it_begins_and_when_it_returns():
    assert looks("bbabb", wanted="b") == ["fire", "same", "no_match", "fire", "same"]


def test_looks_that_fail_come_later_and_later():
    waits = [next_look(0, 60_000, errors) for errors in range(20)]
    assert waits[:4] == [60_000, 120_000, 240_000, 480_000]
    assert waits[-1] == 6 * HOUR_MS
    assert next_look(0, 24 * HOUR_MS, 5) == 24 * HOUR_MS
