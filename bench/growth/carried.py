"""How many people so many processes carry before somebody waits too long, found by simulating more and more of them;
and which part it is that is full then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.growth.costs import Costs
from bench.growth.plan import PLACES, Load, Use
from bench.growth.simulated import Holdfast, Seen, percentile

#: Seconds at the 99th percentile: until the model is asked, and from a token to its socket.
ASKED_S, TEXT_S = 0.5, 0.15
#: Simulated seconds, and steps by which the number of people is closed in on.
SECONDS, STEPS = 35.0, 7


@dataclass(frozen=True)
class Carried:
    """So many processes carry so many people a day; `full` is what is to be added next."""

    web: int
    worker: int
    users: float
    full: str
    seen: Seen


def good(seen: Seen) -> bool:
    """Whether nobody waits too long."""
    return percentile(seen.asked, 0.99) <= ASKED_S and percentile(seen.text, 0.99) <= TEXT_S


def carried(costs: Costs, use: Use, *, web: int, worker: int, sql_cores: int) -> Carried:
    """The most people for whom it is good."""

    def tried(users: float) -> tuple[Seen, str]:
        load = Load.of(users, use)
        holdfast = Holdfast(load, costs, use, web=web, worker=worker, sql_cores=sql_cores)
        seen = holdfast.run(SECONDS)
        shares = {**seen.busy, "places": load.runs / (worker * PLACES)}
        return seen, max(shares, key=lambda name: shares[name])

    low, high = 0.0, 2_000.0
    best, full = Seen(), "web"
    while True:  # doubled until it is too much
        seen, what = tried(high)
        if not good(seen):
            full = what
            break
        low, best, high = high, seen, high * 2
    for _ in range(STEPS):
        middle = (low + high) / 2
        seen, what = tried(middle)
        if good(seen):
            low, best = middle, seen
        else:
            high, full = middle, what
    return Carried(web, worker, low, full, best)


def one_by_one(costs: Costs, use: Use, steps: int, *, sql_cores: int) -> Iterator[Carried]:
    """From one of each on, what is carried when that is added which was full; ends when no process helps."""
    web = worker = 1
    for _ in range(steps):
        found = carried(costs, use, web=web, worker=worker, sql_cores=sql_cores)
        yield found
        if found.full == "web":
            web += 1
        elif found.full in ("worker", "places"):
            worker += 1
        else:
            return
