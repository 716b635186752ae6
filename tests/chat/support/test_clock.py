"""The clocks of a process: the store's, as it is told, and the one that a test moves for what waits for days."""

from __future__ import annotations

import ast
import time
from pathlib import Path
from typing import Any

import pytest

from chat.session.contract import Position
from chat.session.store import RedisStore
from chat.support.clock import MACHINE, WALL, StoreClock, unstopped_s
from tests.support.worlds import RedisWorld

ZERO = Position("e1", 0, "")

ROOT = Path(__file__).resolve().parents[3]
DAY = 86_400_000


def test_the_clock_tells_milliseconds_since_1970() -> None:
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
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("time.time", "time.time_ns")
    ]
    # What is compared with a time that another machine wrote must come from the clock that all share.
    assert sorted(asking) == ["agents/clock.py", "chat/support/clock.py"]


# ---- the store's clock ----


class Machine:
    """A machine with a clock that may be wrong, and a store with one that is right; times in seconds."""

    def __init__(self, wrong_s: float) -> None:
        self.true_s = 1_000_000.0
        self.wrong_s = wrong_s
        self.clock = StoreClock(lambda: self.true_s + self.wrong_s, lambda: self.true_s - 999_000.0)

    def ask(self, there_s: float = 0.001, back_s: float = 0.001) -> None:
        """Ask the store for the time; question and answer take so long."""
        asked = self.clock.moment
        self.true_s += there_s
        told = self.true_s * 1000
        self.true_s += back_s
        self.clock.learn(asked, told)

    @property
    def error_ms(self) -> float:
        return self.clock.now() - self.true_s * 1000


@pytest.mark.parametrize("wrong_s", [600, -600, 3])
def test_the_store_corrects_a_machine_whose_clock_is_wrong(wrong_s: int) -> None:
    machine = Machine(wrong_s)
    assert machine.error_ms == wrong_s * 1000 and machine.clock.difference_ms() is None
    machine.ask()
    assert abs(machine.error_ms) <= 3
    difference = machine.clock.difference_ms()
    assert difference is not None and abs(difference - wrong_s * 1000) <= 3


def test_a_machine_whose_clock_is_right_keeps_it_however_slow_the_store_answers() -> None:
    machine = Machine(0)
    for there_s, back_s in ((0.001, 4), (4, 0.001), (2, 2)):
        machine.ask(there_s, back_s)
        assert abs(machine.error_ms) <= 1


def test_a_slow_answer_corrects_no_further_than_it_proves_and_a_quick_one_the_rest() -> None:
    machine = Machine(600)
    machine.ask(0.001, 5)
    assert 0 <= machine.error_ms <= 5_002
    machine.ask()
    assert abs(machine.error_ms) <= 3


def test_a_clock_that_is_set_while_the_process_runs_changes_nothing_and_is_told() -> None:
    machine = Machine(0)
    machine.ask()
    machine.wrong_s = -3_600
    assert abs(machine.error_ms) <= 1
    assert abs((machine.clock.difference_ms() or 0) + 3_600_000) <= 3


async def test_a_real_store_tells_its_time_with_every_connection_and_load(redis_world: RedisWorld) -> None:
    slept_s = [0.0]
    clock = StoreClock(lambda: time.time() - 600, lambda: unstopped_s() - slept_s[0])
    store = redis_world.another(clock)
    await store.head("c")
    assert abs(clock.now() - time.time() * 1000) < 1_000
    slept_s[0] = 600.0  # the machine was suspended without its knowing
    assert abs(clock.now() - time.time() * 1000) > 500_000
    await store.seed("c", ZERO, {"info": "1"}, fence=0, archived=0, replaces=None)
    await store.load("c")
    assert abs(clock.now() - time.time() * 1000) < 1_000
    await store.aclose()


async def test_a_store_that_may_not_be_asked_for_its_time_is_gone_on_with(redis_world: RedisWorld) -> None:
    with redis_world.server.client() as client:
        client.execute_command("ACL", "SETUSER", "timeless", "on", ">s", "~*", "+@all", "-time")
    clock = StoreClock()
    url = redis_world.server.url.replace("redis://", "redis://timeless:s@")
    store = RedisStore(url, idle_ttl_ms=60_000, log_entries=100, clock=clock)
    await store.seed("c", ZERO, {"info": "1"}, fence=0, archived=0, replaces=None)
    assert await store.load("c") is not None
    await store.set_clock()
    assert clock.difference_ms() is None
    await store.aclose()
