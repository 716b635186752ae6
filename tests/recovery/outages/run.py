"""One outage run: one kind after another, at times with a worker killed in the middle, and then the checks of chaos."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from tests.recovery.chaos.checker import violations
from tests.recovery.chaos.measure import p99
from tests.recovery.chaos.nemesis import Fault
from tests.recovery.chaos.run import Plan, Report
from tests.recovery.outages.kinds import KINDS, Kind, ready
from tests.recovery.outages.progress import Progress
from tests.recovery.outages.scene import OutageScene

#: The share of outages in which a worker is killed as well.
WITH_A_KILL = 0.3
#: Seconds between two outages, at least and at most.
PAUSE_S = (1.0, 4.0)


@dataclass
class Outages:
    """What came of it. `again`: by kind, milliseconds from its end until something happened in each conversation that
    had work to do."""

    report: Report
    again: dict[str, list[int]]
    #: Outages by kind, and those that came with a killed worker.
    counts: dict[str, int] = field(default_factory=dict)
    kills: int = 0

    def lines(self) -> list[str]:
        """For people; the last line is the verdict."""
        plan, record = self.report.plan, self.report.record
        assert record is not None
        failed = sum(event["type"] == "run.failed" for one in record.journal for event in record.events(one))
        figures = self.report.figures.counts
        head = f"until it went on, in leases of {plan.lease_ms} ms"
        shown = [
            f"{figures['messages acknowledged']} messages acknowledged, {figures['effects']} effects, "
            f"{sum(self.counts.values())} outages, {self.kills} of them with a killed worker; {failed} runs failed",
            f"{head:<42}{'outages':>8}{'runs':>6}{'median':>8}{'p99':>7}{'most':>7}",
        ]
        for name, times in self.again.items():
            row = f"{name:<42}{self.counts[name]:>8}{len(times):>6}"
            if times:
                leases = [round(one / plan.lease_ms, 2) for one in (median(times), p99(times), max(times))]
                row += f"{leases[0]:>8}{leases[1]:>7}{leases[2]:>7}"
            shown.append(row)
        shown += [f"VIOLATION {line}" for line in self.report.violations[:50]]
        shown.append(f"seed {plan.seed}: {len(self.report.violations)} violations")
        return shown


def run(plan: Plan, kinds: Sequence[str] = tuple(KINDS), *, once: bool = False) -> Outages:
    """Do it for `plan.seconds`, or `once` through all kinds. The rest at the end and the start come on top."""
    chance = random.Random(plan.seed)
    with OutageScene(plan) as scene, Progress(scene.postgres, "chaos") as progress:
        clients = scene.people()
        ended: list[tuple[str, float]] = []
        faults: list[Fault] = []
        counts: dict[str, int] = defaultdict(int)
        kills = 0
        end = time.monotonic() + plan.seconds
        line: list[str] = []
        while time.monotonic() < end or (once and line):
            if not line:
                if once and ended:
                    break
                line = chance.sample(list(kinds), len(kinds))
            kind = KINDS[line.pop()]
            time.sleep(chance.uniform(*PAUSE_S))
            kill = chance.random() < WITH_A_KILL and kind.name != "wrong clocks"
            faults.append(_one(scene, kind, chance, kill))
            ended.append((kind.name, time.monotonic()))
            counts[kind.name] += 1
            kills += kill
            if line or not once:
                scene.whole()
        ready(scene)
        report = scene.report(clients, faults)
        again: dict[str, list[int]] = {name: [] for name in kinds if counts[name]}
        for name, moment in ended:
            again[name] += [round(seconds * 1000) for seconds in progress.after(moment)]
        if plan.keep is not None:
            shutil.copytree(scene.system.data, plan.keep, dirs_exist_ok=True)
            assert report.record is not None
            (plan.keep / "journal.json").write_text(json.dumps(report.record.journal, ensure_ascii=False))
        return Outages(report, again, dict(counts), kills)


def _one(scene: OutageScene, kind: Kind, chance: random.Random, kill: bool) -> Fault:
    fault = Fault(kind.name, "stores", time.time_ns() // 1_000_000)
    moment = time.strftime("%H:%M:%SZ", time.gmtime())
    print(f"  {moment} {kind.name}{' and a killed worker' if kill else ''}", flush=True)
    lasts = chance.uniform(*kind.lasts)
    repair = kind.begin(scene, chance)
    victim = scene.system.process(chance.choice(("worker", "worker2")))
    try:
        if kill:
            time.sleep(lasts / 2)
            victim.kill()
            time.sleep(lasts / 2)
        else:
            time.sleep(lasts)
    finally:
        repair()
        if kill:
            victim.start()
    for label, process in scene.system.processes.items():
        if not process.alive:
            fault = replace(fault, action="died", target=label, detail=process.output(2_000))
            process.start()
    fault.until = time.time_ns() // 1_000_000
    return fault


__all__ = ["Outages", "run", "violations"]
