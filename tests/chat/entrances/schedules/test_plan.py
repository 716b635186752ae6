"""When a schedule is due, above all when clocks are changed."""

from __future__ import annotations

from datetime import datetime
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.entrances.schedules import plan as p
from chat.entrances.schedules.plan import Plan
from chat.support.durations import DAY, HOUR, MINUTE, in_words

NOW = 1_764_000_000_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def due(cron: str, zone: str, after: str, count: int = 4) -> list[str]:
    """The next due times as the zone's clock shows them. `after` is such a time, too."""
    start = int(datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)
    return [p.shown(moment, zone) for moment in p.upcoming(Plan("cron", zone, cron), start, count)]


def test_a_fixed_time_keeps_its_place_on_the_wall_all_year() -> None:
    assert due("0 9 * * *", "Europe/Berlin", "2026-10-23T12:00", 3) == [
        "2026-10-24 09:00 +02:00",
        "2026-10-25 09:00 +01:00",
        "2026-10-26 09:00 +01:00",
    ]


@pytest.mark.parametrize(
    ("zone", "cron", "after", "expected"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", "2026-03-29 03:00 +02:00"),
        ("America/New_York", "30 2 * * *", "2026-03-07T12:00", "2026-03-08 03:00 -04:00"),
        ("America/Havana", "0 0 * * *", "2026-03-07T12:00", "2026-03-08 01:00 -04:00"),
        ("Africa/Cairo", "30 0 * * *", "2026-04-23T12:00", "2026-04-24 01:00 +03:00"),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00", "2026-10-04 02:30 +11:00"),
    ],
)
def test_a_time_that_the_change_skips_is_due_right_after_it(
    zone: str, cron: str, after: str, expected: str
) -> None:
    first, second = due(cron, zone, after, 2)
    assert first == expected
    assert second[11:16] == f"{int(cron.split()[1]):02}:{int(cron.split()[0]):02}", (
        "the next day it is on time"
    )


@pytest.mark.parametrize(
    ("zone", "cron", "after", "expected"),
    [
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-10-24T12:00",
            ["2026-10-25 02:30 +02:00", "2026-10-26 02:30 +01:00"],
        ),
        (
            "America/New_York",
            "0 1 * * *",
            "2026-10-31T12:00",
            ["2026-11-01 01:00 -04:00", "2026-11-02 01:00 -05:00"],
        ),
    ],
)
def test_a_time_that_comes_twice_is_due_the_first_time(
    zone: str, cron: str, after: str, expected: list[str]
) -> None:
    assert due(cron, zone, after, 2) == expected


def test_somebody_who_looks_in_the_repeated_hour_finds_nothing_that_is_past() -> None:
    second_half_past_two = ms("2026-10-25T02:10:00+01:00")
    plan = Plan("cron", "Europe/Berlin", "30 2 * * *")
    assert p.shown(p.upcoming(plan, second_half_past_two, 1)[0], plan.zone) == "2026-10-26 02:30 +01:00"


def test_every_half_hour_follows_elapsed_time_through_both_changes() -> None:
    plan = Plan("cron", "Europe/Berlin", "*/30 * * * *")
    for start in ("2026-03-29T00:00:00+01:00", "2026-10-25T00:00:00+02:00"):
        found = p.upcoming(plan, ms(start), 12)
        assert [later - earlier for earlier, later in pairwise(found)] == [30 * MINUTE] * 11


def test_an_interval_is_elapsed_time_whatever_the_zone() -> None:
    plan = Plan("interval", "Europe/Berlin", every=6 * HOUR, at=ms("2026-10-24T18:00:00+02:00"))
    assert [p.shown(moment, plan.zone) for moment in p.upcoming(plan, plan.at, 2)] == [
        "2026-10-25 00:00 +02:00",
        "2026-10-25 05:00 +01:00",
    ]
    assert p.next_time(plan, plan.at - 1) == plan.at
    assert p.next_time(plan, 0) == plan.at, "not before its first time"


def test_once_is_one_moment() -> None:
    plan = Plan("once", at=NOW)
    assert p.upcoming(plan, NOW - 1) == [NOW]
    assert p.upcoming(plan, NOW) == []


def test_nothing_is_due_after_the_end() -> None:
    assert p.upcoming(Plan("interval", every=HOUR, at=NOW, ends_at=NOW + 2 * HOUR), NOW) == [
        NOW + HOUR,
        NOW + 2 * HOUR,
    ]
    assert p.upcoming(Plan("interval", every=HOUR, at=NOW), p.END_OF_TIME - HOUR) != []
    assert p.upcoming(Plan("cron", cron="* * * * *"), p.END_OF_TIME) == []


CRONS = st.sampled_from(
    [
        "30 2 * * *",
        "0 2,3 * * *",
        "*/20 * * * *",
        "15 1-4 * * *",
        "0 */3 * * *",
        "59 23 * * *",
        "0 0 * * SUN",
        "5 * 25-29 * *",
    ]
)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai"])
CHANGES = st.sampled_from(
    ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"]
)


@given(CRONS, ZONES, CHANGES, st.integers(-DAY, 2 * DAY), st.integers(0, 30))
@settings(max_examples=150, deadline=None)
def test_due_times_ascend_and_do_not_depend_on_where_one_begins_to_look(
    cron: str, zone: str, day: str, offset: int, steps: int
) -> None:
    plan = Plan("cron", zone, cron)
    start = ms(f"{day}T00:00:00+00:00")
    whole = list(takewhile(lambda moment: moment <= start + 4 * DAY, p.times(plan, start - 2 * DAY)))
    assert whole == sorted(set(whole))
    after = start + offset
    expected = [moment for moment in whole if moment > after][:steps]
    assert list(islice(p.times(plan, after), len(expected))) == expected


@pytest.mark.parametrize(
    ("plan", "field", "code"),
    [
        (Plan("cron", cron="0 9 * *"), "cron", "bad_cron"),
        (Plan("cron", cron="0 0 9 * * *"), "cron", "bad_cron"),
        (Plan("cron", cron="61 9 * * *"), "cron", "bad_cron"),
        (Plan("cron", cron="@daily"), "cron", "bad_cron"),
        (Plan("cron", cron="0 0 30 2 *"), "cron", "bad_cron"),
        (Plan("cron", cron="0 0 1 1 1#6"), "cron", "bad_cron"),
        (Plan("cron", cron="* * * * *"), "cron", "too_often"),
        (Plan("cron", cron="0,1 5 1 1 *"), "cron", "too_often"),
        (Plan("cron", cron="0 9 * * " + ",".join("1" * 200)), "cron", "too_long"),
        (Plan("cron", "Mars/Olympus", "0 9 * * *"), "zone", "unknown_zone"),
        (Plan("cron", "../../etc/passwd", "0 9 * * *"), "zone", "unknown_zone"),
        (Plan("cron", cron="0 9 * * *", ends_at=NOW), "ends_at", "never"),
        (Plan("interval", every=MINUTE, at=NOW), "every", "bad_interval"),
        (Plan("interval", every=0, at=NOW), "every", "bad_interval"),
        (Plan("interval", every=p.MAX_EVERY + 1, at=NOW), "every", "bad_interval"),
        (Plan("interval", every=HOUR, at=NOW, ends_at=NOW - 1), "ends_at", "never"),
        (Plan("interval", every=HOUR, at=10**17), "at", "too_late"),
        (Plan("once", at=NOW), "at", "not_in_future"),
        (Plan("once", at=10**17), "at", "not_in_future"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_of_its_field(plan: Plan, field: str, code: str) -> None:
    found = p.problems(plan, least=5 * MINUTE, now=NOW)
    assert {name: problem.code for name, problem in found.items()} == {field: code}
    assert found[field].detail.endswith((".", "known."))


def test_sound_plans_have_no_problem() -> None:
    for plan in (
        Plan("cron", "Asia/Shanghai", "0 9 * * mon-fri"),
        Plan("cron", cron="*/5 * * * *"),
        Plan("cron", cron="0 0 L * *"),
        Plan("interval", every=5 * MINUTE, at=0),
        Plan("once", at=NOW + 1),
    ):
        assert p.problems(plan, least=5 * MINUTE, now=NOW) == {}


def test_a_written_time_is_read_by_the_clock_of_its_zone() -> None:
    assert p.instant("2026-11-26T09:00", "Asia/Shanghai") == ms("2026-11-26T09:00:00+08:00")
    assert p.instant("2026-11-26T09:00+01:00", "Asia/Shanghai") == ms("2026-11-26T09:00:00+01:00")
    assert p.instant("2026-10-25T02:30", "Europe/Berlin") == ms("2026-10-25T02:30:00+02:00"), (
        "the first of two"
    )
    with pytest.raises(ValueError, match="put forward"):
        p.instant("2026-03-29T02:30", "Europe/Berlin")
    for nonsense in ("tomorrow", "", "9999999-01-01T00:00"):
        with pytest.raises(ValueError, match="Write a time"):
            p.instant(nonsense, "UTC")


def test_lengths_in_words() -> None:
    assert [in_words(one) for one in (1000, 90_000, MINUTE, 2 * HOUR, DAY, 2 * DAY)] == [
        "1 s",
        "90 s",
        "1 min",
        "2 h",
        "1 day",
        "2 days",
    ]
