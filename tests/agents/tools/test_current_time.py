"""The time at a place that a person would name."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agents.tools import ToolError
from agents.tools.current_time.places import PLACES
from agents.tools.current_time.tool import current_time, time_in, zone_of

NOON = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("place", "answer"),
    [
        ("Tokyo", "Tokyo: 2026-07-01 21:00:00, Wednesday (Asia/Tokyo, UTC+09:00)"),
        ("东京", "东京: 2026-07-01 21:00:00, Wednesday (Asia/Tokyo, UTC+09:00)"),
        ("北京市", "北京市: 2026-07-01 20:00:00, Wednesday (Asia/Shanghai, UTC+08:00)"),
        ("new york", "new york: 2026-07-01 08:00:00, Wednesday (America/New_York, UTC-04:00)"),
        ("Europe/Berlin", "Europe/Berlin: 2026-07-01 14:00:00, Wednesday (Europe/Berlin, UTC+02:00)"),
        ("Paris, France", "Paris, France: 2026-07-01 14:00:00, Wednesday (Europe/Paris, UTC+02:00)"),
        ("UTC+5:30", "UTC+5:30: 2026-07-01 17:30:00, Wednesday (fixed offset, UTC+05:30)"),
    ],
)
def test_places(place: str, answer: str):
    assert time_in(place, NOON) == answer


def test_a_place_that_is_not_known_is_answered_with_what_would_work():
    with pytest.raises(ToolError, match="Did you mean .*tokyo"):
        zone_of("Tokio")


@pytest.mark.parametrize("place", ["../../etc/passwd", "/etc/localtime", "UTC+99", "", "\0"])
def test_a_place_is_never_a_path(place: str):
    with pytest.raises(ToolError):
        zone_of(place)


def test_every_place_of_the_table_has_a_zone():
    for place, zone in PLACES.items():
        assert ZoneInfo(zone), place
        assert place == place.casefold()


def test_the_tool_tells_the_time_of_now():
    year = current_time("UTC").split(": ")[1][:4]
    assert year in {str(datetime.now(UTC).year), str(datetime.now(UTC).year - 1)}
