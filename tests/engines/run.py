"""`make engines` (`python -m tests.engines.run`): Holdfast on the databases, stores and proxies that people have.

For each combination: the real servers on loopback, two web servers and two workers, people who talk, and Alice, who
goes through every step of tests/engines/visit.py for so long; then the checks of chaos. `--only WORDS` chooses by name,
`--list` shows the names. Ends with the table of docs/deployment.md and `N passed, N failed`; what cannot be had here is
said, and fails nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import secrets
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tests.engines.combinations import COMBINATIONS, NOT_HAD, Combination
from tests.engines.scene import EngineScene
from tests.engines.shelves import NotHad, Shelves
from tests.engines.visit import Seen, Visit
from tests.recovery.chaos.nemesis import Fault
from tests.recovery.chaos.run import Plan, Report
from tests.support import report as reports
from tests.support import template
from tests.support.processes import Process


@dataclass(frozen=True)
class Tried:
    """What came of one combination."""

    combination: Combination
    servers: list[str]
    seen: Seen
    confirmed: list[str]
    report: Report

    def done(self) -> str:
        """What was done, in figures."""
        figures, counts = self.report.figures.counts, self.seen.counts
        steps = ("approval", "takeover", "reconnect", "stream")
        troubles = [f"{count} × {name}" for name, count in counts.items() if " " in name]
        slowest = max(self.seen.takeovers, default=0.0)
        return ", ".join(
            [
                f"{figures['messages acknowledged']} messages",
                f"{figures['effects']} effects of tools",
                *(f"{counts[step]} × {step}" for step in steps),
                f"slowest takeover {slowest:.1f} s",
                *troubles,
            ]
        )


def attempt(combination: Combination, on: Shelves, plan: Plan) -> Tried:
    """Try it for `plan.seconds`; start and rest come on top. Raises NotHad, or AssertionError with what is wrong."""
    parts = combination.parts(on)
    with EngineScene(plan, parts) as scene:
        clients = scene.people()
        visit = Visit(scene, dict(parts.database.troubles) | dict(parts.store.troubles))
        asyncio.run(_visit(scene, visit, time.monotonic() + plan.seconds))
        confirmed = [said for said in (parts.database.confirm(), parts.store.confirm()) if said]
        dead = [
            Fault("died", label, 0, detail=process.output(2_000))
            for label, process in scene.system.processes.items()
            if not process.alive
        ]
        report = scene.report(clients, dead)
        assert not report.violations, "\n".join([*report.violations[:20], report.outputs[-12_000:]])
        return Tried(combination, parts.said, visit.seen, confirmed, report)


async def _visit(scene: EngineScene, visit: Visit, until: float) -> None:
    try:
        while True:
            await visit.round(until)
            if time.monotonic() > until:
                return
    except Exception as problem:
        problem.add_note(f"after {dict(visit.seen.counts)}\n{scene.system.outputs(3_000)}")
        raise


def table(tried: list[Tried], seconds: float) -> list[str]:
    """The rows of docs/deployment.md."""
    return [
        "| combination | servers | settings | what was done | result |",
        "|---|---|---|---|---|",
        *(
            f"| {one.combination.name} | {'; '.join(one.servers)} | {one.combination.needs} | {one.done()} | "
            f"well, {seconds:g} s |"
            for one in tried
        ),
    ]


def chosen(words: str) -> list[Combination]:
    """Those that are named, by comma, or have one of these words in their names; all without words."""
    wanted = [word.strip().lower() for word in words.split(",") if word.strip()]
    names = {one.name.lower() for one in COMBINATIONS}

    def meant(name: str) -> bool:
        return any(word == name if word in names else word in name for word in wanted)

    return [one for one in COMBINATIONS if not wanted or meant(one.name.lower())]


def try_all(combinations: list[Combination], plan: Plan, report: reports.Report) -> list[Tried]:
    """One after the other; a line for each."""
    tried: list[Tried] = []
    # Every process is one of its own, but what is the same each time (imports, migrations) is done once.
    Process.preloaded = True
    begun = template.begin_session()
    with Shelves() as on, ExitStack() as ending:
        if begun:
            ending.callback(template.end_session)
        for combination in combinations:

            def step(combination: Combination = combination) -> str:
                one = attempt(combination, on, replace(plan, seed=plan.seed + len(tried)))
                tried.append(one)
                return "\n    ".join(["; ".join(one.servers), one.done(), *one.confirmed])

            report.show(combination.name, step, leave_out=NotHad)
    return tried


def main() -> int:
    """0 when everything that could be had went well."""
    parser = argparse.ArgumentParser(prog="python -m tests.engines.run", description=__doc__)
    parser.add_argument("--only", default="", help="words of names, by comma (all)")
    parser.add_argument(
        "--seconds", type=float, default=120, help="of each combination, at least one round (120)"
    )
    parser.add_argument("--conversations", type=int, default=4)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    parser.add_argument("--list", action="store_true", help="show the names")
    parser.add_argument("--table", type=Path, help="file for the table")
    given = parser.parse_args()
    combinations = chosen(given.only)
    if given.list or not combinations:
        print("\n".join(one.name for one in COMBINATIONS))
        return 0 if given.list else 2
    # So that a run that is told to end takes its processes with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    print(
        f"seed {given.seed}, {given.seconds:g} s each, Python {platform.python_version()}, {os.cpu_count()} cores",
        flush=True,
    )
    plan = Plan(given.seed, seconds=given.seconds, conversations=given.conversations)
    report, began = reports.Report(), time.monotonic()
    try:
        tried = try_all(combinations, plan, report)
    except KeyboardInterrupt:
        print("Interrupted; everything that was started has ended.", file=sys.stderr)
        return 130
    rows = table(tried, given.seconds)
    print("\n".join(["", *rows, ""]))
    if given.table:
        given.table.write_text("\n".join([*rows, ""]))
    for what, why in NOT_HAD.items():
        print(f"not tried: {what}: {why}")
    print(f"After {time.monotonic() - began:.0f} s:")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
