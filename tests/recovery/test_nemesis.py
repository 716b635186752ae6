"""The nemesis does what it says: a place that nobody passes would never kill anybody, a process that stays dead is
never hit again, and a quiet run looks like a good one."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.recovery.chaos.nemesis import WEB_PLACES, WORKER_PLACES, Nemesis
from tests.support.processes import ROOT, Process, Stack

#: Where schedules and triggers die: in tests/recovery/schedules.py and tests/chat/entrances/triggers/test_processes.py.
ELSEWHERE = (
    *("schedules.received", "schedules.fired", "trigger.claimed", "trigger.journalled"),
    *("erasing.hidden", "erasing.step", "erasing.person", "retention.step"),
)


def test_the_places_where_processes_die_are_those_that_they_pass() -> None:
    sources = [*(ROOT / "chat").rglob("*.py"), ROOT / "tests/recovery/chaos/tools.py"]
    passed = {place for path in sources for place in places(path)}
    assert passed == {*WORKER_PLACES, *WEB_PLACES, *ELSEWHERE}


#: Lives for long, or shortly where it is to die at a place.
MORTAL = ["sh", "-c", 'test -z "$HOLDFAST_DIE_AT" || exec sleep 0.2; exec sleep 60']


@pytest.mark.exhaustive
@pytest.mark.slow
def test_it_never_loses_a_process_that_it_doomed_again_before_its_patience_with_the_first_time_was_over() -> (
    None
):
    """Found in a run of ten minutes (seed 2026): both workers lay dead for eight of them, and nothing else broke."""
    with Stack() as stack:
        mortal = mortals(stack)
        nemesis = Nemesis(
            stack,
            webs=[],
            workers=list(mortal),
            proxies=[],
            seed=1,
            lease_ms=100,
            gap_s=(0.0, 0.05),
            only=("doom_worker",),
            patience_s=1.0,
        )
        nemesis.run(8)
        late = [fault for fault in nemesis.faults if fault.at > time.time() * 1000 - 3_000]
        assert {fault.target for fault in late} == set(mortal)
        nemesis.repair()
        assert all(process.alive and not process.env["HOLDFAST_DIE_AT"] for process in mortal.values())


def test_it_notices_a_process_that_ends_by_itself() -> None:
    with Stack() as stack:
        mortal = mortals(stack)
        mortal["worker"].kill()
        nemesis = Nemesis(
            stack, webs=[], workers=list(mortal), proxies=[], seed=1, lease_ms=100, gap_s=(9, 9)
        )
        nemesis.run(0.1)
        nemesis.repair()
        assert [(fault.action, fault.target) for fault in nemesis.faults] == [("died", "worker")]
        assert mortal["worker"].alive


def mortals(stack: Stack) -> dict[str, Process]:
    for name in ("worker", "worker2"):
        stack.processes[name] = Process(name, MORTAL, stack.env, stack.data / f"{name}.log")
        stack.processes[name].start()
    return stack.processes


def places(path: Path) -> list[str]:
    return re.findall(r'kill_points\.point\("([a-z.]+)"\)', path.read_text())
