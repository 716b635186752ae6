"""The time in a city or a time zone."""

import difflib
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field

from agents.tools import ToolError, tool
from agents.tools.current_time.places import PLACES

_OFFSET = re.compile(r"(?:utc|gmt)\s*([+-])\s*([0-9]{1,2})(?::?([0-9]{2}))?", re.IGNORECASE)


@tool(effect="read_only", timeout=5, default=True)
def current_time(place: Annotated[str, Field(min_length=1, max_length=100)] = "UTC") -> str:
    """Tell the current date and time in a city or time zone.

    Args:
        place: A city (Tokyo, 北京), an IANA time zone (Europe/Berlin) or an offset (UTC+8).
    """
    return time_in(place, datetime.now(UTC))


def time_in(place: str, now: datetime) -> str:
    """The time at a place at the moment `now`. Raises ToolError for a place that is not known."""
    zone, name = zone_of(place)
    there = now.astimezone(zone)
    offset = f"{there:%z}"
    return f"{place.strip()}: {there:%Y-%m-%d %H:%M:%S}, {there:%A} ({name}, UTC{offset[:3]}:{offset[3:5]})"


def zone_of(place: str) -> tuple[tzinfo, str]:
    """The time zone of a place, and the zone's name."""
    wanted = " ".join(place.replace("_", " ").casefold().split()).removesuffix("市")
    if found := _OFFSET.fullmatch(wanted):
        hours, minutes = int(found[2]), int(found[3] or 0)
        if hours <= 14 and minutes < 60:
            offset = timedelta(hours=hours, minutes=minutes)
            return timezone(offset if found[1] == "+" else -offset), "fixed offset"
    name = _zones().get(wanted) or PLACES.get(wanted) or PLACES.get(wanted.split(",")[0].strip())
    if name is None:
        close = difflib.get_close_matches(wanted, PLACES, n=3)
        hint = f" Did you mean {', '.join(close)}?" if close else ""
        raise ToolError(
            f"No time zone is known for {place.strip()!r}.{hint} Give a large city nearby, an IANA time zone such as "
            "Europe/Berlin, or an offset such as UTC+8."
        )
    return ZoneInfo(name), name


@cache
def _zones() -> dict[str, str]:
    """Every IANA zone by its whole name and, for cities, by its last word; both in lower case."""
    zones = sorted(zone for zone in available_timezones() if not zone.startswith(("Etc/", "SystemV/")))
    by_city = {zone.rpartition("/")[2].replace("_", " ").lower(): zone for zone in zones if "/" in zone}
    return by_city | {zone.replace("_", " ").lower(): zone for zone in zones}
