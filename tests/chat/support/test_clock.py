"""The clocks of a process: the machine's, and the one that a test moves for everything that waits for days."""

from __future__ import annotations

import ast
import time
from pathlib import Path
from typing import Any

from chat.support.clock import MACHINE, WALL

ROOT = Path(__file__).resolve().parents[3]
DAY = 86_400_000


def test_the_machines_clock_tells_milliseconds_since_1970() -> None:
    before = time.time()
    assert before * 1000 - 1 <= MACHINE.now() <= time.time() * 1000


def test_a_test_moves_the_clock_of_due_times_and_not_the_one_of_leases(settings: Any, tmp_path: Path) -> None:
    settings.HOLDFAST_TEST_CLOCK = str(tmp_path / "ahead")
    assert abs(WALL.now() - MACHINE.now()) < 1_000  # the file is not there yet
    (tmp_path / "ahead").write_text(str(DAY))
    assert abs(WALL.now() - MACHINE.now() - DAY) < 1_000
    (tmp_path / "ahead").write_text("")
    assert abs(WALL.now() - MACHINE.now()) < 1_000


def test_nobody_else_asks_the_machine_for_the_time_of_an_event() -> None:
    asking = [
        path.relative_to(ROOT).as_posix()
        for package in ("agents", "chat", "config")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "time_ns"
    ]
    assert asking == ["agents/clock.py"]
