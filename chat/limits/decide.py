"""Whether a limit is reached. Pure: what was used and what is allowed come from the caller."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from chat.limits.table import BY_NAME, LIMITS, Limit, Name
from chat.session.errors import Rejected

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit that is reached. `after`: whole seconds until there is room again; 0: when they delete something."""

    limit: Limit
    after: int = 0


class LimitReached(Rejected):
    """A command is refused because a limit is reached. `after` as in `Refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.limit.code)
        self.after = refusal.after


def day_of(now: int) -> int:
    """When the day of `now` began (ms, UTC)."""
    return now - now % DAY_MS


def decide(used: Mapping[Name, int], most: Mapping[Name, int], now: int, adds: int = 1) -> Refusal | None:
    """The first limit, in the order of the table, that has no room; None: there is room. `most` 0: no limit.

    `adds`: how much of what is deleted again comes on top. Of what a day ends nobody knows that before: it is refused
    when all of it is spent.
    """
    for limit in LIMITS:
        allowed = most.get(limit.name, 0)
        if not allowed or limit.name not in used:
            continue
        more = adds if limit.frees == "deleting" else 1
        if used[limit.name] + more > allowed:
            return Refusal(limit, _after(limit, now))
    return None


def permit(used: Mapping[Name, int], most: Mapping[Name, int], now: int, adds: int = 1) -> None:
    """The same for a command. Raises LimitReached."""
    if (refusal := decide(used, most, now, adds)) is not None:
        raise LimitReached(refusal)


def too_fast(after_s: float) -> LimitReached:
    """What somebody is told whose next command would pass after so many seconds."""
    return LimitReached(Refusal(BY_NAME["commands"], max(1, math.ceil(after_s))))


def _after(limit: Limit, now: int) -> int:
    return math.ceil((day_of(now) + DAY_MS - now) / 1000) if limit.frees == "day" else 0
