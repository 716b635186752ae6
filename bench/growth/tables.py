"""The tables of docs/scaling.md, from the costs, the arithmetic and the simulation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, replace

from bench.growth.carried import one_by_one
from bench.growth.costs import Costs, measured
from bench.growth.plan import (
    CONNECTIONS,
    CONNECTIONS_THERE,
    PLACES,
    PLACES_TARGET,
    TARGET,
    Load,
    Plan,
    Use,
    by_what,
    cores,
    plan,
)
from bench.growth.simulated import Holdfast, Seen, percentile

SIZES = (1e3, 1e5, 1e7)
#: Seconds over which browsers spread their first try: one server of several has gone, or all were started again.
ONE_GONE_S, ALL_GONE_S = 0.5, 2.0
#: How often one process more is added in the table of what comes first, and PostgreSQL's cores there.
STEPS, STEPS_SQL = 6, 4
#: Sockets that came back at once to one web server that had nothing else to do: seconds until the last was there, as
#: docs/benchmarks.md has it, and milliseconds that one took there.
STORMS = ((1_000, 3.7, 2.6), (2_000, 8.9, 3.2))


def assumed(use: Use) -> str:
    """What people do."""
    rows = [(str(one.metadata["what"]), _number(getattr(use, one.name))) for one in fields(Use)]
    return _table(["assumed", "value"], rows)


def paid() -> str:
    """What was measured."""
    rows = [(one.what, f"{_number(one.value)} {one.unit}", one.source) for one in measured()]
    return _table(["one", "cost", "seen"], rows)


def each(costs: Costs, use: Use) -> str:
    """What one of each kind carries."""
    one = Load.of(1, use)
    per_person = cores(one, costs)

    def alone(ms: float) -> str:
        return _of(TARGET * 1000 / ms)

    def people(share: float) -> str:
        return _of(TARGET / share)

    rows = [
        (
            "a web process",
            f"{alone(costs.web_idle_ms)} sockets that listen; {alone(costs.web_token_ms)} tokens/s;"
            f" {alone(costs.web_turn_ms)} turns/s; {alone(costs.web_reconnect_ms)} reconnects a second",
            people(per_person.web),
        ),
        (
            "a worker",
            f"{alone(costs.worker_token_ms)} tokens/s; {alone(costs.worker_turn_ms)} turns/s;"
            f" {PLACES} runs at a time, which is {PLACES / use.turn_s:.1f} turns/s of {_number(use.turn_s)} s",
            f"{people(per_person.worker)} by its processor,"
            f" {_of(PLACES * PLACES_TARGET / one.runs)} by its places",
        ),
        (
            "Redis (one core)",
            f"{alone(costs.redis_turn_ms)} turns/s; {alone(costs.redis_part_ms)} parts of texts a second;"
            f" {alone(costs.redis_idle_ms)} sockets that listen",
            people(per_person.redis),
        ),
        (
            "a core of PostgreSQL",
            f"{alone(costs.sql_turn_ms)} turns/s; {alone(costs.sql_idle_ms)} sockets that listen",
            people(per_person.sql),
        ),
        (
            f"PostgreSQL's {CONNECTIONS_THERE} connections",
            f"{CONNECTIONS_THERE // CONNECTIONS} processes of {CONNECTIONS} each; more behind pgbouncer",
            _of(_people_of(CONNECTIONS_THERE // CONNECTIONS, costs, use)),
        ),
    ]
    return _table(["one", f"carries, of one kind alone, at {TARGET:.0%}", "of this mix: people a day"], rows)


def shares(costs: Costs, use: Use) -> str:
    """Where the time goes, whatever the number of people."""
    found = by_what(Load.of(1, use), costs)
    names = list(found["web"])
    rows = [
        (KINDS[kind], *(f"{some[name] / sum(some.values()):.0%}" if name in some else "–" for name in names))
        for kind, some in found.items()
    ]
    return _table(["the time of", *names], rows)


KINDS = {"web": "web processes", "worker": "workers", "redis": "Redis", "sql": "PostgreSQL"}


def _people_of(processes: int, costs: Costs, use: Use) -> float:
    """How many people so many processes carry, if each kind gets its share."""
    users = 1_000.0
    while True:
        needed = plan(Load.of(users * 1.01, use), costs, use)
        if needed.web + needed.worker > processes:
            return users
        users *= 1.01


def sizes(costs: Costs, use: Use) -> str:
    """What so many people need. Where one Redis does not carry them, the simulation is of one of several like it."""
    columns = [_size(users, costs, use) for users in SIZES]
    names = list(columns[0])
    rows = [(name, *(column[name] for column in columns)) for name in names]
    return _table(["", *(f"{_number(users)} people a day" for users in SIZES)], rows)


def _size(users: float, costs: Costs, use: Use) -> dict[str, str]:
    load = Load.of(users, use)
    needed = plan(load, costs, use)
    cell = replace_load(load, needed.redis)
    part = plan(cell, costs, use)
    seen = _holdfast(part, costs, use).run()
    one, _ = _holdfast(part, costs, use, web=part.web - 1).storm(
        math.ceil(cell.sockets / part.web), ONE_GONE_S
    )
    every, storm = _holdfast(part, costs, use).storm(math.ceil(cell.sockets), ALL_GONE_S)
    pooled = " (pgbouncer)" if needed.connections > CONNECTIONS_THERE else ""
    servers = f" on {needed.sql} servers (not built)" if needed.sql > 1 else ""
    waits = f"text waits {percentile(storm.text, 0.99):.1f} s at p99"
    return {
        "turns a second, in the busiest hour": _of(load.turns),
        "sockets; runs at a time": f"{_of(load.sockets)}; {_of(load.runs)}",
        "tokens a second": _of(load.tokens),
        "**web processes** (one may die)": f"**{_of(needed.web, 3)}**",
        "… their cores; memory, all of them": f"{needed.cores.web:.2f}; {_gib(needed.web_gib)}",
        "**workers** (one may die)": f"**{_of(needed.worker, 3)}**, for their {needed.worker_for}",
        "… the workers' cores; memory, all of them": f"{needed.cores.worker:.2f}; {_gib(needed.worker_gib)}",
        "**Redis**, servers of one core": f"**{needed.redis}**{' (not built)' if needed.redis > 1 else ''}",
        "… its cores; memory": f"{needed.cores.redis:.2f}; {_gib(needed.redis_gib)}",
        "**PostgreSQL**, cores": f"**{needed.sql_cores}**{servers}",
        "… cores that are busy": f"{needed.cores.sql:.2f}",
        "… connections, at most": f"{_of(needed.connections, 3)}{pooled}",
        "… grows a day by": f"{_gib(needed.sql_gib_a_day)}; log {_gib(needed.wal_gib_a_day)}",
        "simulated: a message is acknowledged, p50 / p99": _times(seen.acknowledged),
        "… until the model is asked": _times(seen.asked),
        "… from a token to its socket": _times(seen.text),
        "… busy: web, worker, Redis, PostgreSQL": _busy(seen),
        "one web process dies: its last socket is back after": f"{one:.1f} s",
        "all start again: the last socket is back after": f"{every:.0f} s; {waits}",
    }


def replace_load(load: Load, number: int) -> Load:
    """The load of one of so many equal parts."""
    return replace(load, **{one.name: getattr(load, one.name) / number for one in fields(load)})


def steps(costs: Costs, use: Use) -> str:
    """What to add first."""
    rows: list[tuple[str, ...]] = []
    for found in one_by_one(costs, use, STEPS, sql_cores=STEPS_SQL):
        rows.append((f"{found.web} + {found.worker}", _of(found.users), _busy(found.seen), NEXT[found.full]))
    return _table(
        ["web + workers", "people a day", "busy then: web, worker, Redis, PostgreSQL", "full first"], rows
    )


NEXT = {
    "web": "the web processes",
    "worker": "the workers' processors",
    "places": "the workers' places",
    "redis": "Redis",
    "sql": "PostgreSQL",
}


def compared(costs: Costs, use: Use) -> str:
    """The simulation beside what was measured of one web process."""
    nobody = Use(turns_a_day=0.001)
    rows = []
    for sockets, took, ms in STORMS:
        load = Load.of(sockets / use.online, nobody)
        paper = replace(costs, web_reconnect_ms=ms)
        simulated, _ = Holdfast(load, paper, nobody, web=1, worker=1, sql_cores=2).storm(sockets, ALL_GONE_S)
        rows.append((f"{sockets:,} sockets come back, the last after", f"{took:.1f} s", f"{simulated:.1f} s"))
    return _table(["one web process", "measured", "simulated"], rows)


def _holdfast(needed: Plan, costs: Costs, use: Use, web: int = 0) -> Holdfast:
    return Holdfast(
        needed.load,
        costs,
        use,
        web=web or needed.web,
        worker=needed.worker,
        sql_cores=needed.sql_cores,
    )


def _busy(seen: Seen) -> str:
    return ", ".join(f"{seen.busy[name]:.0%}" for name in ("web", "worker", "redis", "sql"))


def _times(seconds: list[float]) -> str:
    return f"{percentile(seconds, 0.5) * 1000:.0f} / {percentile(seconds, 0.99) * 1000:.0f} ms"


def _gib(gib: float) -> str:
    if gib < 1:
        return f"{_of(gib * 1024)} MiB"
    return f"{_of(gib)} GiB" if gib < 1024 else f"{_of(gib / 1024)} TiB"


def _round(value: float, digits: int = 2) -> float:
    return round(value, digits - 1 - math.floor(math.log10(value))) if value else 0.0


def _of(value: float, digits: int = 2) -> str:
    return _number(_round(value, digits))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,g}" if value >= 0.001 else f"{value:.4f}"


def _table(head: list[str], rows: list[tuple[str, ...]]) -> str:
    return "\n".join(_lines(head, rows))


def _lines(head: list[str], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
