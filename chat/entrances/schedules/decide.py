"""What becomes of due times: a pure decision from a schedule and the time of now to what is fired.

    due times in (…, now] ─┬─ fire     at most what the policy allows, the newest ones, oldest first
                           └─ passed   all others: noted, never run
    the first due time after now is the schedule's next one

In ordinary operation one due time is found within a second or two. More, or a late one, are found after nobody was
there: then the policy for missed runs decides.
"""

from dataclasses import dataclass
from itertools import takewhile
from typing import Literal, get_args

from chat.entrances.schedules.plan import Plan, next_time, times
from chat.support.durations import HOUR

#: What happens to due times that nobody was there for. `skip`: what is late is not run. `once`: the newest runs, for
#: all of them. `all`: the newest `most` run, one after another.
Missed = Literal["skip", "once", "all"]
MISSED: tuple[Missed, ...] = get_args(Missed)
#: Due times of one schedule that `all` may make up for.
MAX_MOST = 100
#: Due times that are counted; of more it is only said that there were more.
COUNTED = 1000


@dataclass(frozen=True)
class Decision:
    """What to do now. `fire`: due times, oldest first. `passed`: how many others there were, from `first_passed` to
    `last_passed`; with `uncounted` there were more, and older ones. `next_at`: when to look again, None: never."""

    fire: tuple[int, ...] = ()
    passed: int = 0
    first_passed: int = 0
    last_passed: int = 0
    uncounted: bool = False
    next_at: int | None = None


def decide(
    plan: Plan, *, missed: Missed, most: int, next_at: int, now: int, grace: int, waiting: int = 0
) -> Decision:
    """Decide on the due times from `next_at`, the first undecided one, to `now`.

    `grace`: how late (ms) a due time may be found and still count as on time. `waiting`: firings of this schedule that
    have not begun; no more than the policy allows pile up, so a schedule that is faster than its runs loses due times
    instead of falling ever further behind.
    """
    if next_at > now:
        return Decision(next_at=next_at)
    found, uncounted = newest(plan, next_at - 1, now)
    wanted = found[-(most if missed == "all" else 1) :]
    if missed == "skip":
        wanted = [moment for moment in wanted if now - moment <= grace]
    room = max(0, (most if missed == "all" else 1) - waiting)
    fire = wanted[len(wanted) - min(room, len(wanted)) :]
    fired = set(fire)
    passed = [moment for moment in found if moment not in fired]
    return Decision(
        fire=tuple(fire),
        passed=len(passed),
        first_passed=passed[0] if passed else 0,
        last_passed=passed[-1] if passed else 0,
        uncounted=uncounted,
        next_at=next_time(plan, now),
    )


def newest(plan: Plan, after: int, upto: int) -> tuple[list[int], bool]:
    """The due times in (after, upto], ascending: all of them, or, if there are very many, at least the newest COUNTED;
    and whether older ones were left out. Its cost does not grow with the length of an absence."""
    span = HOUR
    while True:
        start = max(after, upto - span)
        found = list(takewhile(lambda moment: moment <= upto, times(plan, start)))
        if start == after:
            return found, False
        if len(found) >= COUNTED:
            return found, True
        span *= 4
