"""docs/scaling.md says what the measured costs say, and the queues that check it are queues."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bench.growth.__main__ import PAGE, TABLES, written
from bench.growth.carried import carried
from bench.growth.costs import FILE, costs, measured
from bench.growth.plan import Load, Use, cores, plan
from bench.growth.queues import Flow, Line, Places, Simulation
from bench.growth.simulated import Holdfast, percentile
from tests.support.processes import ROOT

#: Those whose simulation takes seconds.
LONG = ("sizes", "steps")


def test_the_page_has_each_table_once() -> None:
    assert sorted(re.findall(r"<!-- growth: (\w+) -->", PAGE.read_text())) == sorted(TABLES)


def test_the_short_tables_of_the_page_are_those_of_the_costs() -> None:
    page = PAGE.read_text()
    short = tuple(name for name in TABLES if name not in LONG)
    assert written(page, short) == page, "run: python -m bench.growth --write"
    assert written(page.replace("| tokens of an answer | ", "| tokens of an answer | 1"), short) == page


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", LONG)
def test_the_long_tables_of_the_page_are_those_of_the_simulation(name: str) -> None:
    page = PAGE.read_text()
    assert written(page, (name,)) == page, "run: python -m bench.growth --write"


def test_the_arithmetic_of_the_large_table_is_in_the_page() -> None:
    """What the long test compares whole, without the simulation: a cost that has changed is seen at once."""
    table = PAGE.read_text().split("<!-- growth: sizes -->")[1].split("<!-- end -->")[0]
    for users, column in ((1e3, 2), (1e5, 3), (1e7, 4)):
        needed = plan(Load.of(users, Use()), costs(), Use())
        rows = {
            line.split(" | ")[0].strip("| "): line.split("|")[column] for line in table.splitlines() if line
        }
        assert f"**{needed.web:,}**" in rows["**web processes** (one may die)"]
        assert f"**{needed.worker:,}**" in rows["**workers** (one may die)"]
        assert f"**{needed.redis:,}**" in rows["**Redis**, servers of one core"]
        assert f"**{needed.sql_cores:,}**" in rows["**PostgreSQL**, cores"]
        for name, share in (
            ("… their cores; memory, all of them", needed.cores.web),
            ("… the workers' cores; memory, all of them", needed.cores.worker),
            ("… its cores; memory", needed.cores.redis),
            ("… cores that are busy", needed.cores.sql),
        ):
            assert f"{share:.2f}" in rows[name], name


def test_every_cost_says_where_it_is_from_and_the_file_is_there() -> None:
    for one in measured():
        assert one.value > 0 and one.unit in ("ms", "KiB", "MiB") and one.what, one.name
        (path,) = re.findall(r"^(?:docs|bench)/[\w./]+", one.source) or [""]
        assert path and Path(ROOT, path).exists(), f"{one.name}: {one.source}"


def test_a_cost_that_is_missing_or_unknown_is_named(tmp_path: Path) -> None:
    stored = json.loads(FILE.read_text())
    stored["web_turm_ms"] = stored.pop("web_turn_ms")
    other = tmp_path / "costs.json"
    other.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match=r"web_turm_ms, web_turn_ms"):
        costs(other)


# ---- queues ----


def test_who_comes_first_is_served_first_and_the_others_wait() -> None:
    simulation = Simulation(1)
    line, seen = Line(simulation), []

    def flow(name: str, after: float) -> Flow:
        yield after
        yield line.ask(2.0)
        seen.append((name, simulation.now))

    for name, after in (("late", 1.0), ("first", 0.0), ("last", 1.5)):
        simulation.start(flow(name, after))
    simulation.run(5.0)
    assert seen == [("first", 2.0), ("late", 4.0)]
    simulation.run(10.0)
    assert seen[2:] == [("last", 6.0)] and line.busy == 6.0


def test_a_line_with_two_servers_serves_two_at_a_time() -> None:
    simulation = Simulation(1)
    line, ends = Line(simulation, 2), []

    def flow() -> Flow:
        yield line.ask(1.0)
        ends.append(simulation.now)

    for _ in range(3):
        simulation.start(flow())
    simulation.run(9.0)
    assert ends == [1.0, 1.0, 2.0]


def test_places_are_held_until_they_are_left() -> None:
    simulation = Simulation(1)
    places, ends = Places(simulation, 1), []

    def flow() -> Flow:
        yield 3.0
        places.leave()
        ends.append(simulation.now)

    places.enter(flow())
    places.enter(flow())
    simulation.run(9.0)
    assert ends == [3.0, 6.0] and places.free == 1 and places.most_waiting == 1


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_a_line_waits_as_long_as_the_theory_says(share: float) -> None:
    """M/M/1: the mean time from coming to leaving is service / (1 - utilisation)."""
    simulation = Simulation(7)
    line, took = Line(simulation), []

    def one() -> Flow:
        began = simulation.now
        yield line.ask(simulation.chance(0.01))
        took.append(simulation.now - began)

    def people() -> Flow:
        while True:
            yield simulation.chance(0.01 / share)
            simulation.start(one())

    simulation.start(people())
    simulation.run(600.0)
    assert sum(took) / len(took) == pytest.approx(0.01 / (1 - share), rel=0.1)
    assert line.busy / 600 == pytest.approx(share, rel=0.05)


# ---- the paper and the queues ----


def test_the_simulation_is_as_busy_as_the_arithmetic_says() -> None:
    load, use = Load.of(20_000, Use()), Use()
    needed = plan(load, costs(), use)
    holdfast = Holdfast(load, costs(), use, web=needed.web, worker=needed.worker, sql_cores=needed.sql_cores)
    seen = holdfast.run(60.0)
    paper = cores(load, costs())
    assert seen.turns / 45.0 == pytest.approx(load.turns, rel=0.15)
    assert seen.busy["web"] * needed.web == pytest.approx(paper.web, rel=0.1)
    assert seen.busy["worker"] * needed.worker == pytest.approx(paper.worker, rel=0.15)
    assert seen.busy["redis"] == pytest.approx(paper.redis, rel=0.15)
    assert seen.busy["sql"] * needed.sql_cores == pytest.approx(paper.sql, rel=0.15)


def test_what_is_planned_waits_little_and_twice_the_load_waits_long() -> None:
    use = Use()
    load = Load.of(20_000, use)
    needed = plan(load, costs(), use)

    def waited(users: float) -> float:
        less = {"web": needed.web - 1, "worker": needed.worker - 1}  # one of each has died
        holdfast = Holdfast(Load.of(users, use), costs(), use, **less, sql_cores=needed.sql_cores)
        return percentile(holdfast.run().asked, 0.99)

    assert waited(20_000) < 0.5 < waited(60_000)


def test_a_cost_that_doubles_is_seen_in_what_is_carried() -> None:
    dear = replace(costs(), worker_turn_ms=10 * costs().worker_turn_ms)
    now = carried(costs(), Use(), web=2, worker=1, sql_cores=4)
    then = carried(dear, Use(), web=2, worker=1, sql_cores=4)
    assert then.users < now.users / 1.5 and then.full == "worker"


def test_the_same_seed_tells_the_same_story() -> None:
    def told() -> list[float]:
        load = Load.of(5_000, Use())
        return Holdfast(load, costs(), Use(), web=1, worker=1, sql_cores=2, seed=3).run(30.0).asked

    assert told() == told() and told()


def test_chance_is_the_generators_of_python_whose_numbers_do_not_change() -> None:
    """The tables are compared as text, on every Python that is supported."""
    drawn = [Random(1).random(), Simulation(1).chance(1.0)]
    assert drawn == pytest.approx([0.13436424411240122, 0.1442910641095092], rel=1e-12)
