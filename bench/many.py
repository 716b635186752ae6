"""Turns a second of AT_ONCE conversations over one and two web servers and workers, on one machine and one port.

The machine's cores are shared with the model, Valkey and these clients: two cores show whether a second process takes
its share of the work and what it costs, and not how far that goes.
"""

from __future__ import annotations

import asyncio
import os

from bench.peers import servers
from bench.place import PER_PERSON, Place, Row, median
from bench.turns import AT_ONCE, EACH, ROUNDS, Found, take_round


async def measure(place: Place) -> list[Row]:
    """A row for each combination."""
    people = await asyncio.to_thread(place.people, 1 + AT_ONCE // PER_PERSON)
    rows, bare = [], 0.0
    for web, worker in ((1, 1), (1, 2), (2, 2), (2, 1)):
        await asyncio.to_thread(_adjust, place, "web", web)
        await asyncio.to_thread(_adjust, place, "worker", worker)
        server = servers.holdfast(place, people)
        found = [await take_round(server, AT_ONCE, EACH) for _ in range(ROUNDS)]
        pace = median([len(one.took) / one.wall for one in found])
        bare = bare or pace
        what = f"{web} web + {worker} worker, {AT_ONCE} conversations, {os.cpu_count()} cores for everything"
        rows.append(
            Row(what, f"{pace:.1f} turns/s, CPU a turn {_cpu(found)}", f"{bare:.1f}", f"{pace / bare:.2f}")
        )
    return rows


def _adjust(place: Place, name: str, wanted: int) -> None:
    second = f"{name}2"
    there = second in place.stack.processes and place.stack.process(second).alive
    if wanted == 2 and not there:
        place.stack.start(name, second)
    elif wanted == 1 and there:
        place.stack.process(second).stop()


def _cpu(found: list[Found]) -> str:
    parts = (f"{name} {median([one.cpu[name] for one in found]):.0f}" for name in found[0].cpu)
    return f"{median([sum(one.cpu.values()) for one in found]):.0f} ms ({', '.join(parts)})"
