"""What the nemesis names exists: a place that nobody passes would never kill anybody, and nobody would notice."""

from __future__ import annotations

import re
from pathlib import Path

from tests.recovery.chaos.nemesis import WEB_PLACES, WORKER_PLACES
from tests.support.processes import ROOT

#: Where schedules and triggers die: in tests/recovery/schedules.py and tests/chat/entrances/triggers/test_processes.py.
ELSEWHERE = ("schedules.received", "schedules.fired", "trigger.claimed", "trigger.journalled")


def test_the_places_where_processes_die_are_those_that_they_pass() -> None:
    sources = [*(ROOT / "chat").rglob("*.py"), ROOT / "tests/recovery/chaos/tools.py"]
    passed = {place for path in sources for place in places(path)}
    assert passed == {*WORKER_PLACES, *WEB_PLACES, *ELSEWHERE}


def places(path: Path) -> list[str]:
    return re.findall(r'faults\.point\("([a-z.]+)"\)', path.read_text())
