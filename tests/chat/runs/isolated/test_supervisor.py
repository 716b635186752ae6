"""Processes of their own: what is seen of their ends, and that a stuck process ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents import events as e
from agents.models import ensure_default_agent
from chat.commands import CreateBody, StopBody
from chat.runs.isolated.process import stuck_alone_ms
from chat.runs.isolated.supervisor import Supervisor
from chat.session.sessions import Sessions
from tests.chat.runs.test_runner import House, uid
from tests.support.processes import ROOT, clean_environment
from tests.support.waiting import eventually

STUCK = """
import asyncio, time
import django
django.setup()
from chat.runs.isolated.process import end_if_stuck

async def main():
    watchdog = asyncio.create_task(end_if_stuck(1500))
    await asyncio.sleep(2)
    print("alive", flush=True)
    time.sleep(30)

asyncio.run(main())
"""


def test_a_process_that_gives_nobody_a_turn_ends_and_says_where_it_was(tmp_path):
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", STUCK],
        cwd=ROOT,
        env=clean_environment(
            DJANGO_SETTINGS_MODULE="config.settings",
            DJANGO_SECRET_KEY="only-for-tests-" + "x" * 50,
            DJANGO_INSECURE_HTTP="1",
            HOLDFAST_DATA=str(tmp_path),
        ),
        capture_output=True,
        text=True,
        timeout=60,
    )
    # It had given turns for longer than it may give none.
    assert done.stdout == "alive\n", done.stderr
    assert done.returncode == 1
    assert "Timeout" in done.stderr and "in main" in done.stderr
    assert time.monotonic() - began < 28


@pytest.mark.parametrize(
    ("lease", "stuck", "after"), [(15_000, 60_000, 12_000), (1_000, 60_000, 5_000), (15_000, 3_000, 3_000)]
)
def test_a_process_of_its_own_ends_before_its_lease_does(settings, lease: int, stuck: int, after: int):
    settings.HOLDFAST_LEASE_MS, settings.HOLDFAST_STUCK_MS = lease, stuck
    assert stuck_alone_ms() == after


class Fake(Supervisor):
    """Supervisor whose processes are played: each ends with a status, after the run was begun in its name or not."""

    def __init__(self, house: House, sessions: Sessions, ends: list[tuple[bool, int]], size: int = 1) -> None:
        super().__init__(sessions, house._enqueue, worker="w", size=size)
        self.house = house
        self.ends = ends
        self.names: list[str] = []
        self.gate = asyncio.Event()
        self.most = self.running = 0

    async def _process(self, conversation: str, run: str, name: str) -> int:
        self.names.append(name)
        self.running += 1
        self.most = max(self.most, self.running)
        await self.gate.wait()
        begun, status = self.ends.pop(0)
        if begun:
            assert await self._sessions.take(conversation, name, 60_000)
            told: list[e.Event] = [e.RunStarted(at=1, run=run, attempt=1, fence=1, worker=name)]
            await self._sessions.append(conversation, lambda view: told)
        self.running -= 1
        return status


@pytest.fixture(autouse=True)
def bells_in_memory(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
async def house(sessions: Sessions, alice: Any) -> House:
    """A conversation whose run waits for a worker."""
    await sync_to_async(ensure_default_agent)()
    return await begun(sessions, alice.pk)


async def begun(sessions: Sessions, user: int) -> House:
    made = House(sessions, user)
    await made.submit(CreateBody(kind="create"))
    await made.ask()
    made.queue.clear()
    return made


async def open_other(cells: Fake, house: House) -> tuple[str, str]:
    """Another conversation whose run is to be performed alone: (conversation, run)."""
    other = await begun(house.sessions, house.who.user_id)
    run = (await other.run())["id"]
    cells.open(other.conversation, run)
    return other.conversation, run


async def test_a_process_that_was_seen_to_die_costs_no_lease_and_is_told_apart(house: House, caplog: Any):
    run = (await house.run())["id"]
    cells = Fake(house, house.sessions, [(True, -9)])
    cells.gate.set()
    cells.open(house.conversation, run)
    await eventually(lambda: house.queue == [(house.conversation, run)], 10, "the run to be queued again")
    assert (await house.run())["reason"] == "crashed"
    assert await house.sessions.store.lease(house.conversation) is None
    assert cells.names[0].startswith("w-alone-")
    assert "died (status -9)" in caplog.text


@pytest.mark.parametrize(("begun", "status"), [(False, 1), (True, 0)])
async def test_what_did_not_begin_or_ended_by_itself_is_no_crash(house: House, begun: bool, status: int):
    run = (await house.run())["id"]
    cells = Fake(house, house.sessions, [(begun, status)])
    cells.gate.set()
    cells.open(house.conversation, run)
    await eventually(lambda: not cells._held, 10, "the process to have ended")
    assert "run.recovering" not in await house.events()
    assert house.queue == []


async def test_one_process_for_a_conversation_and_so_many_at_a_time(house: House):
    cells = Fake(house, house.sessions, [(False, 0)] * 5, size=2)
    run = (await house.run())["id"]
    for _ in range(3):
        cells.open(house.conversation, run)
    for _ in range(4):
        await open_other(cells, house)
    await eventually(lambda: cells.running == 2, 10, "two processes")
    cells.gate.set()
    await eventually(lambda: not cells._held, 10, "all to have ended")
    assert (len(cells.names), cells.most) == (5, 2)


async def test_two_workers_that_are_told_of_a_run_start_one_process(house: House):
    one, other = (Fake(house, house.sessions, [(False, 0)]) for _ in range(2))
    run = (await house.run())["id"]
    one.open(house.conversation, run)
    await eventually(lambda: one.running == 1, 10, "the first one's process")
    other.open(house.conversation, run)
    assert await house.sessions.take(house.conversation, one.names[0], 60_000)
    await eventually(lambda: not other._held, 10, "the other one to let it be")
    assert other.names == []
    one.gate.set()
    await eventually(lambda: not one._held, 10, "the process to end")


async def test_a_worker_goes_on_where_the_process_of_another_gave_up(house: House):
    one, other = (Fake(house, house.sessions, [(False, 1)]) for _ in range(2))
    run = (await house.run())["id"]
    one.open(house.conversation, run)
    await eventually(lambda: one.running == 1, 10, "the first one's process")
    other.open(house.conversation, run)
    other.gate.set()
    one.gate.set()
    await eventually(lambda: other.names and not other._held, 10, "the other one's process")


async def test_a_run_that_is_over_gets_no_process(house: House):
    cells = Fake(house, house.sessions, [(False, 0)])
    run = (await house.run())["id"]
    await house.submit(StopBody(kind="stop"))
    cells.open(house.conversation, run)
    await eventually(lambda: not cells._held, 10, "it to be seen")
    assert cells.names == []


async def test_a_worker_that_leaves_opens_no_process_any_more(house: House):
    cells = Fake(house, house.sessions, [(False, 0)])
    cells.open(house.conversation, (await house.run())["id"])
    waits = await open_other(cells, house)
    await eventually(lambda: cells.running == 1, 10, "the first process")
    cells.gate.set()
    await cells.leave()
    assert house.queue == [waits], "what had no place yet is not left to the sweeper"
    cells.open(uid(), "r")
    assert not cells._held
