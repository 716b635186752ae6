"""When a schedule is due: pure functions from its plan to moments in time.

A moment is an integer, milliseconds since the Unix epoch. Three kinds of plan:

    cron       five fields, read by the clock on the wall of a time zone
    interval   every so many milliseconds since its first time, by elapsed time; no zone moves it
    once       one moment

When a zone's clock is changed, cron does what Debian's cron does (docs/schedules.md, the library `cronsim`). With a
fixed minute and hour (neither begins with `*`): a time that the change skips is due at the first minute after it, one
that comes twice is due the first time. With `*` in the minute or hour the plan follows elapsed time: it is due
wherever the clock on the wall matches, so in the repeated hour again, and in the skipped one not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import islice, pairwise, takewhile
from typing import Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from django.utils.translation import gettext

from chat.support.durations import DAY, END_OF_TIME, in_words

Kind = Literal["cron", "interval", "once"]
KINDS: tuple[Kind, ...] = get_args(Kind)

#: Longest cron expression, in characters.
MAX_CRON = 200
#: Longest interval: ten years.
MAX_EVERY = 3650 * DAY
#: Due times between which the least distance of a cron expression is looked for.
LOOKED_AT = 100


@dataclass(frozen=True)
class Plan:
    """`at` is the moment of `once`, and the first one of `interval`; `ends_at` the last one that may be due."""

    kind: Kind
    zone: str = "UTC"
    cron: str = ""
    every: int = 0
    at: int = 0
    ends_at: int | None = None


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field: a code for programs, and words that say what to do."""

    code: str
    detail: str


def times(plan: Plan, after: int) -> Iterator[int]:
    """The moments after `after` at which the plan is due, ascending; endless for most. The plan must be sound."""
    last = END_OF_TIME if plan.ends_at is None else min(plan.ends_at, END_OF_TIME)
    return takewhile(lambda moment: moment <= last, _all_times(plan, after))


def upcoming(plan: Plan, after: int, count: int = 5) -> list[int]:
    """The next due times after `after`, at most `count`."""
    return list(islice(times(plan, after), count))


def next_time(plan: Plan, after: int) -> int | None:
    """The first due time after `after`, or None."""
    return next(times(plan, after), None)


def _all_times(plan: Plan, after: int) -> Iterator[int]:
    match plan.kind:
        case "once":
            if plan.at > after:
                yield plan.at
        case "interval":
            moment = plan.at + max(0, (after - plan.at) // plan.every + 1) * plan.every
            while True:
                yield moment
                moment += plan.every
        case "cron":
            yield from _cron_times(plan, after)


def _cron_times(plan: Plan, after: int) -> Iterator[int]:
    if after >= END_OF_TIME:
        return
    start = datetime.fromtimestamp(max(after, 0) // 1000, _zone(plan.zone))
    for found in CronSim(plan.cron, start):
        moment = int(found.timestamp()) * 1000
        # In an hour that comes twice the search begins by the clock on the wall, and may find what is past.
        if moment > after:
            after = moment
            yield moment


def problems(plan: Plan, *, least: int, now: int) -> dict[str, Problem]:
    """What is wrong with a plan, by its field; empty if it is sound. `least`: shortest distance of two due times."""
    found: dict[str, Problem] = {}
    if not is_zone(plan.zone):
        found["zone"] = Problem(
            "unknown_zone", gettext("Name a time zone of the IANA list, like Europe/Berlin.")
        )
    if plan.ends_at is not None and plan.ends_at > END_OF_TIME:
        found["ends_at"] = Problem("too_late", gettext("Choose a time before the year 2200."))
    match plan.kind:
        case "once":
            if not now < plan.at <= END_OF_TIME:
                found["at"] = Problem("not_in_future", gettext("Choose a time in the future."))
        case "interval":
            if not least <= plan.every <= MAX_EVERY:
                found["every"] = Problem(
                    "bad_interval",
                    gettext("Choose {least} or more, up to ten years.").format(least=in_words(least)),
                )
            if not 0 <= plan.at <= END_OF_TIME:
                found["at"] = Problem("too_late", gettext("Choose a time before the year 2200."))
        case "cron":
            if "zone" not in found and (wrong := _cron_problem(plan, least, now)) is not None:
                found["cron"] = wrong
    if not found and plan.kind != "once" and next_time(plan, now) is None:
        found["ends_at"] = Problem("never", gettext("It ends before it is due for the first time."))
    return found


def _cron_problem(plan: Plan, least: int, now: int) -> Problem | None:
    if len(plan.cron) > MAX_CRON:
        return Problem("too_long", gettext("At most {max} characters.").format(max=MAX_CRON))
    if len(plan.cron.split()) != 5:
        return Problem(
            "bad_cron",
            gettext(
                "Write five fields: minute, hour, day of month, month, day of week, like `0 9 * * MON-FRI`."
            ),
        )
    try:
        found = upcoming(Plan("cron", plan.zone, plan.cron), now, LOOKED_AT)
    except CronSimError as refusal:
        return Problem(
            "bad_cron", f"{refusal}. Numbers, lists (1,15), ranges (MON-FRI) and steps (*/10) are known."
        )
    if not found:
        return Problem("never", gettext("There is no such day in the next 50 years."))
    if any(later - earlier < least for earlier, later in pairwise(found)):
        return Problem(
            "too_often",
            gettext("It would be due more often than every {least}.").format(least=in_words(least)),
        )
    return None


def instant(text: str, zone: str) -> int:
    """The moment that somebody has written: ISO 8601, with an offset, or without one as the clock of `zone` shows it.

    Of a time that comes twice the first one is meant. Raises ValueError, with words for people, if it is no time, or
    one that the zone's clock never shows.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            gettext("Write a time like 2026-11-26T09:00, or with an offset like 2026-11-26T09:00+01:00.")
        ) from None
    if not 1970 <= found.year < 2201:
        # Calendars end at the years 1 and 9999, and a zone may carry a time beyond them.
        raise ValueError(gettext("Choose a time before the year 2200."))
    if found.tzinfo is None:
        found = found.replace(tzinfo=_zone(zone), fold=0)
        if found.astimezone(UTC).astimezone(found.tzinfo).replace(fold=0) != found:
            raise ValueError(
                gettext(
                    "The clocks of {zone} are put forward then: there is no such time on that day."
                ).format(zone=zone)
            )
    return int(found.timestamp() * 1000)


def shown(moment: int, zone: str) -> str:
    """A moment as the clock of a zone shows it, with the offset that holds then: 2026-11-26 09:00 +01:00."""
    local = datetime.fromtimestamp(moment / 1000, _zone(zone))
    seconds = f":{local:%S}" if local.second else ""
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M}{seconds} {offset[:3]}:{offset[3:5]}"


def is_zone(name: str) -> bool:
    """Whether this is a time zone that this machine knows."""
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
