"""Lengths of time, in milliseconds and in words."""

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
#: No moment (ms since the Unix epoch) that people write is after this, the year 2200: far from where calendars of
#: databases and languages end.
END_OF_TIME = 7_258_118_400_000


def in_words(ms: int) -> str:
    """A length of time for people: 90 s, 5 min, 1 h, 2 days.

    >>> in_words(90_000), in_words(DAY), in_words(2 * DAY)
    ('90 s', '1 day', '2 days')
    """
    for size, one, many in (
        (DAY, "day", "days"),
        (HOUR, "h", "h"),
        (MINUTE, "min", "min"),
        (SECOND, "s", "s"),
    ):
        if ms % size == 0 and ms >= size:
            return f"{ms // size} {one if ms == size else many}"
    return f"{ms} ms"
