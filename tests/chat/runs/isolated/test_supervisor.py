"""Processes of their own: what is seen of their ends, and that a stuck process ends."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents import events as e
from agents.models import ensure_default_agent
from chat.commands import CreateBody, StopBody
from chat.journal.queries import known_of
from chat.runs.claims import suspect_claim
from chat.runs.isolated.process import BEGUN, stuck_alone_ms
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


class Played:
    """A process that is played: it does nothing until it is told how it ends."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pid = 0
        self.told: list[tuple[str, str]] = []
        self.code: asyncio.Future[int] = asyncio.get_running_loop().create_future()


class PlayedForks:
    """A fork server whose processes are played."""

    def __init__(self) -> None:
        self.processes: list[Any] = []
        self.theirs: list[Any] = []

    async def start(self, name: str) -> Any:
        ours, theirs = multiprocessing.Pipe()
        self.processes.append(Played(name))
        self.theirs.append(theirs)
        return self.processes[-1], ours

    async def ended(self, process: Played) -> int:
        return await process.code

    def close(self) -> None:
        pass


class Fake(Supervisor):
    """Supervisor whose processes are played."""

    def __init__(self, house: House, sessions: Sessions, size: int = 4, worker: str = "w") -> None:
        super().__init__(sessions, house._enqueue, worker=worker, size=size, lease_ms=60_000)
        self._fork_server = self.forks = PlayedForks()  # type: ignore[assignment]
        self._signal = self._told  # type: ignore[method-assign]

    def _told(self, process: Any, number: int) -> None:
        if not process.code.done():
            process.code.set_result(0 if number == signal.SIGTERM else -number)

    def told(self, number: int = 0) -> list[tuple[str, str]]:
        """What a process was told of since it was asked last."""
        theirs = self.forks.theirs[number] if number < len(self.forks.theirs) else None
        return [theirs.recv() for _ in iter(lambda: theirs is not None and theirs.poll(), False)]

    async def begin(self, number: int, conversation: str, run: str) -> None:
        """As that process would, take the lease and start the run."""
        name = self.forks.processes[number].name
        assert await self._sessions.take(conversation, name, 60_000)
        started: list[e.Event] = [e.RunStarted(at=1, run=run, attempt=1, fence=1, worker=name)]
        await self._sessions.append(conversation, lambda view: started)
        self.forks.theirs[number].send((conversation, BEGUN))


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


async def suspects(supervisor: Fake, house: House, count: int, crowd: int) -> list[tuple[str, str]]:
    """So many (conversation, run) that were on one worker which died, opened."""
    found = []
    for _ in range(count):
        other = await begun(house.sessions, house.who.user_id)
        run = (await other.run())["id"]
        told: list[e.Event] = [
            e.RunStarted(at=1, run=run, attempt=1, fence=1, worker="dead"),
            e.RunRecovering(at=2, run=run, reason="lease_lost", crowd=crowd),
        ]
        await house.sessions.append(other.conversation, lambda view, told=told: told)
        supervisor.open(other.conversation, run)
        found.append((other.conversation, run))
    return found


async def test_suspects_of_a_crowd_share_processes_of_at_most_half_of_them(house: House):
    supervisor = Fake(house, house.sessions)
    await suspects(supervisor, house, 6, crowd=6)
    await eventually(lambda: not supervisor._placing, 10, "all to have a place")
    assert [len(supervisor.told(n)) for n in range(len(supervisor.forks.processes))] == [3, 3]
    assert sorted(supervisor.forks.processes[0].name.split("-")[:2]) == ["isolated", "w"]
    await supervisor.leave()


async def test_a_process_that_was_seen_to_die_costs_no_lease_and_tells_its_crowd(house: House, caplog: Any):
    supervisor = Fake(house, house.sessions)
    lost = await suspects(supervisor, house, 2, crowd=4)
    await eventually(lambda: not supervisor._placing, 10, "both to have a place")
    for conversation, run in lost:
        await supervisor.begin(0, conversation, run)
    supervisor.forks.processes[0].code.set_result(-9)
    await eventually(lambda: sorted(house.queue) == sorted(lost), 10, "the runs to be queued again")
    for conversation, run in lost:
        assert await house.sessions.store.lease(conversation) is None
        known = await known_of(house.sessions.journal, conversation, run)
        assert known.losses.crowds == (4, 2)
    assert "died (status -9)" in caplog.text
    await supervisor.leave()


async def test_a_claim_guards_a_suspect_until_its_lease_does(house: House):
    one, other = Fake(house, house.sessions), Fake(house, house.sessions, worker="w2")
    ((conversation, run),) = await suspects(one, house, 1, crowd=4)
    await eventually(lambda: not one._placing, 10, "it to have a place")
    assert await house.sessions.store.lease(suspect_claim(run)) == "w"
    other.open(conversation, run)
    await eventually(lambda: not other._placing, 10, "the other worker to let it be")
    assert other.forks.processes == []
    await one.begin(0, conversation, run)

    async def released() -> bool:
        return await house.sessions.store.lease(suspect_claim(run)) is None

    await eventually(released, 10, "the claim to be let go")
    await one.leave()
    await other.leave()


async def test_a_run_that_is_over_gets_no_process_and_leaves_no_claim(house: House):
    supervisor = Fake(house, house.sessions)
    run = (await house.run())["id"]
    await house.submit(StopBody(kind="stop"))
    supervisor.open(house.conversation, run)
    await eventually(lambda: not supervisor._placing, 10, "it to be seen")
    assert supervisor.forks.processes == []
    assert await house.sessions.store.lease(suspect_claim(run)) is None


async def test_the_last_run_takes_the_process_along(house: House):
    supervisor = Fake(house, house.sessions)
    ((conversation, _),) = await suspects(supervisor, house, 1, crowd=4)
    await eventually(lambda: not supervisor._placing, 10, "it to have a place")
    supervisor.forks.theirs[0].send((conversation, "owned"))
    await eventually(lambda: supervisor.running == [] and not supervisor._groups, 10, "the process to end")
    assert house.queue == []


async def test_a_worker_that_leaves_opens_no_process_any_more(house: House):
    supervisor = Fake(house, house.sessions, size=1)
    (first,) = await suspects(supervisor, house, 1, crowd=1)
    await eventually(lambda: not supervisor._placing, 10, "the first to have a place")
    (waits,) = await suspects(supervisor, house, 1, crowd=1)
    await supervisor.leave()
    assert house.queue == [waits], "what had no place yet is not left to the sweeper"
    supervisor.open(uid(), "r")
    assert (waits[0] not in supervisor._placing and first[0] in supervisor.running) or not supervisor.running
