"""When schedules should have been due, found by looking at every single minute: slow, and without the product's code.

The rules are those of docs/schedules.md, written once more: an expression with `*` in its minute or hour is due
whenever the clock on the wall matches; one with a fixed minute and hour is due once for each of its times of a day, at
the first minute that shows it or, if the clock skips it, at the first minute after the gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


def expected(cron: str, zone: str, begin: datetime, end: datetime) -> set[int]:
    """The due times (ms) in (begin, end] of an expression that uses only minutes and hours."""
    minutes, hours, *rest = cron.split()
    assert rest == ["*", "*", "*"], cron
    if "*" in minutes or "*" in hours:
        found = _by_the_wall(_field(minutes, 60), _field(hours, 24), ZoneInfo(zone), begin, end)
    else:
        found = _fixed(_field(minutes, 60), _field(hours, 24), ZoneInfo(zone), begin, end)
    return {int(moment.timestamp()) * 1000 for moment in found if begin < moment <= end}


def every(seconds: int, first: datetime, begin: datetime, end: datetime) -> set[int]:
    """The due times (ms) in (begin, end] of an interval."""
    found, moment = set(), first
    while moment <= end:
        if moment > begin:
            found.add(int(moment.timestamp()) * 1000)
        moment += timedelta(seconds=seconds)
    return found


def _field(text: str, size: int) -> set[int]:
    if text == "*":
        return set(range(size))
    if text.startswith("*/"):
        return set(range(0, size, int(text[2:])))
    return {int(part) for part in text.split(",")}


def _minutes(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Every minute, in UTC and as the zone's clock shows it."""
    moment = begin.astimezone(UTC).replace(second=0, microsecond=0)
    while moment <= end:
        yield moment, moment.astimezone(zone)
        moment += MINUTE


def _by_the_wall(
    minutes: set[int], hours: set[int], zone: ZoneInfo, begin: datetime, end: datetime
) -> Iterator[datetime]:
    for moment, local in _minutes(zone, begin, end):
        if local.minute in minutes and local.hour in hours:
            yield moment


def _fixed(
    minutes: set[int], hours: set[int], zone: ZoneInfo, begin: datetime, end: datetime
) -> Iterator[datetime]:
    # Whole days around, so that the first and the last day are complete.
    clock = [
        (moment, (local.year, local.month, local.day, local.hour, local.minute))
        for moment, local in _minutes(zone, begin - timedelta(days=2), end + timedelta(days=2))
    ]
    for day in sorted({shown[:3] for _, shown in clock}):
        for hour in hours:
            for minute in minutes:
                wanted = (*day, hour, minute)
                # The first minute that shows this time or, where none does, a later one.
                yield next((moment for moment, shown in clock if shown >= wanted), end + timedelta(days=9))
