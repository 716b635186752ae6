"""The run worker: one process that performs runs until it is told to leave.

Start it as `python manage.py worker`, which calls `main()` (Django must be set up). It needs the database and
Redis; either may go away for a while and come back. Ends with status 0 after SIGTERM or SIGINT, within a few
seconds: new runs are no longer taken, and the runs it has are handed over at once (rule R4).

    streaQ ──► Pool ──► Runner.perform(conversation, run)     one asyncio task per run
                 └────► Cells ──► a process of its own        a run that may have taken workers down
    side tasks: sweeper, head watcher, presence, Feishu, schedules, triggers.
    If one of them ends by itself, the worker ends

streaQ gives up its tasks when its connection breaks. Runs do not: they live in the pool, and the streaQ task of
a run only waits for it, so after an outage a new streaQ worker is put beside the runs that go on.
"""

import asyncio
import logging
import os
import secrets
import signal
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from anyio import CancelScope
from asgiref.sync import sync_to_async
from django.conf import settings
from streaq import Worker

from agents.llm.openai_chat import close_clients
from chat.entrances.feishu.service import FeishuService
from chat.entrances.schedules.service import ScheduleService
from chat.entrances.triggers.service import TriggerService
from chat.runs.dependencies import installed_kit
from chat.runs.isolated.process import end_if_stuck
from chat.runs.isolated.supervisor import Cells
from chat.runs.presence import beat
from chat.runs.queue import RUN, Queue, streaq_options
from chat.runs.runner import Came, Runner
from chat.runs.sweeper import Sweeper
from chat.session import open_sessions
from chat.support.backoff import Backoff
from chat.support.tasks import end, end_for_sure

log = logging.getLogger(__name__)

#: How often the heads of the running conversations are looked at, for stops and messages (milliseconds).
WATCH_MS = 250
#: Seconds that handing over may take; the leases of what is left then run out by themselves.
LEAVE_S = 8.0
#: Seconds after that after which the process ends anyway, whatever still waits for a store.
END_S = 3.0
#: Seconds before a streaQ worker that broke is replaced, at first and at most.
BACKOFF = Backoff(0.2, 3.0)


def main() -> None:
    """Run a worker in this process until SIGTERM or SIGINT. Django must have been set up."""
    asyncio.run(serve(leave=lambda status: end_for_sure(LEAVE_S + END_S, status)))


def worker_name() -> str:
    """A name for this process that people recognise in the admin and that no other process has."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(2)}"


@dataclass(frozen=True)
class _Busy:
    """A conversation at work here."""

    run: str
    task: asyncio.Task[Came]
    #: Set when its lease is ours; before that it may turn out to be somebody else's.
    owned: asyncio.Event


class Pool:
    """The runs of this process, each in a task of its own, at most `size` at a time. `suspect(conversation, run)` is
    told of one that must not be performed among others."""

    def __init__(self, runner: Runner, size: int, suspect: Callable[[str, str], None]) -> None:
        self._runner = runner
        self._suspect = suspect
        self._room = asyncio.Semaphore(size)
        self._running: dict[str, _Busy] = {}
        self._leaving = False

    @property
    def running(self) -> list[str]:
        """The conversations that have a run here."""
        return list(self._running)

    async def perform(self, conversation: str, run: str) -> None:
        """Perform a run here, and return when it is over, or handed on; at once if it is at work here already. The run
        goes on if the waiting caller is cancelled."""
        while (busy := self._running.get(conversation)) is not None:
            if busy.run != run:
                # The run before it is being let go; taken now, this one would find the lease held and be dropped.
                await asyncio.wait({busy.task})
                continue
            # The entry came twice: from the queue, which gives a dead worker's to us at about the time when its leases
            # run out, and from the sweeper. The first may have come too early; then it is for this one to begin. And
            # once the run is ours this one goes, and leaves its place in the queue's worker to another run.
            owned = asyncio.create_task(busy.owned.wait())
            await asyncio.wait({busy.task, owned}, return_when=asyncio.FIRST_COMPLETED)
            owned.cancel()
            if busy.owned.is_set() or busy.task.cancelled() or busy.task.result() != "nothing":
                return
        if self._leaving:
            return
        owned_here = asyncio.Event()
        task = asyncio.create_task(self._one(conversation, run, owned_here), name=f"run {run}")
        self._running[conversation] = _Busy(run, task, owned_here)
        task.add_done_callback(lambda _: self._running.pop(conversation, None))
        await asyncio.shield(task)

    async def leave(self) -> None:
        """Take nothing more, and hand over what runs."""
        self._leaving = True
        self._runner.leave()
        if self._running:
            log.info("Handing over %d runs.", len(self._running))
            await asyncio.wait([busy.task for busy in self._running.values()], timeout=LEAVE_S)

    async def _one(self, conversation: str, run: str, owned: asyncio.Event) -> Came:
        came: Came = "nothing"
        async with self._room:
            if not self._leaving:
                came = await self._runner.perform(conversation, run, owned)
        if came == "alone" and not self._leaving:
            self._suspect(conversation, run)
        return came


class _Streaq(Worker[None]):
    """A streaQ worker that is stopped by an event instead of by signals, and tells when it has broken."""

    broken: asyncio.Event
    leaving: asyncio.Event

    async def signal_handler(self, scope: CancelScope) -> None:
        """streaQ runs this beside its other loops: it is cancelled when one of them fails."""
        try:
            await self.leaving.wait()
            scope.cancel("leaving")
        finally:
            self.broken.set()


async def serve(
    *, ready: Callable[[], None] | None = None, leave: Callable[[int], None] | None = None
) -> None:
    """What `main` runs. `ready` is called once the worker takes runs, `leave` with the exit status when it begins to
    leave."""
    leaving = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leaving.set)
    name = worker_name()
    sessions = open_sessions()
    queue = Queue()
    lease_ms, renew_ms = settings.HOLDFAST_LEASE_MS, settings.HOLDFAST_RENEW_MS
    kit = await sync_to_async(installed_kit)()
    runner = Runner(sessions, queue.put, kit, worker=name, lease_ms=lease_ms, renew_ms=renew_ms)
    cells = Cells(sessions, queue.put, worker=name, size=settings.HOLDFAST_ALONE)
    pool = Pool(runner, settings.HOLDFAST_WORKER_CONCURRENCY, cells.open)
    every_ms = settings.HOLDFAST_SWEEP_MS
    sweeper = Sweeper(sessions, queue.put, worker=name, every_ms=every_ms, renew_ms=renew_ms)
    log.info("Worker %s starts.", name)
    side = [
        asyncio.create_task(sweeper.run(), name="sweeper"),
        asyncio.create_task(runner.watch(WATCH_MS), name="watcher"),
        asyncio.create_task(end_if_stuck(settings.HOLDFAST_STUCK_MS), name="watchdog"),
        asyncio.create_task(beat(sessions), name="presence"),
        asyncio.create_task(FeishuService(sessions, queue.put, worker=name).run(), name="feishu"),
        asyncio.create_task(ScheduleService(sessions, queue.put).run(), name="schedules"),
        asyncio.create_task(TriggerService(sessions, queue.put).run(), name="triggers"),
        asyncio.create_task(take_tasks(pool, leaving), name="streaq"),
    ]
    told = asyncio.create_task(leaving.wait(), name="leaving")
    if ready is not None:
        ready()
    try:
        await asyncio.wait([*side, told], return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in side if task.done()]
        leaving.set()
        if leave is not None:
            leave(1 if ended else 0)
        await asyncio.gather(pool.leave(), cells.leave())
        for task in ended:
            if not task.cancelled() and (problem := task.exception()) is not None:
                raise problem
    finally:
        await end([*side, told])
        await queue.close()
        await close_clients()
        await sessions.close()
        log.info("Worker %s has left.", name)


async def take_tasks(pool: Pool, leaving: asyncio.Event) -> None:
    """Take runs from the queue until `leaving`; a streaQ worker that breaks is replaced."""
    pauses = iter(BACKOFF)
    retired: set[asyncio.Task[None]] = set()
    while not leaving.is_set():
        broken = asyncio.Event()
        taker = asyncio.create_task(_streaq(pool.perform, broken, leaving), name="streaq worker")
        # A broken one may take long to end; it is out of use from now on, and a new one takes its place.
        retired.add(taker)
        taker.add_done_callback(retired.discard)
        began = asyncio.get_running_loop().time()
        gone = asyncio.create_task(broken.wait())
        await asyncio.wait({taker, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if leaving.is_set():
            break
        if asyncio.get_running_loop().time() - began > 10:
            pauses = iter(BACKOFF)
        pause = next(pauses)
        log.warning("The queue broke off; taking runs again in %.1f s.", pause)
        await asyncio.sleep(pause)
    if retired:
        await asyncio.wait(retired, timeout=1)


async def _streaq(
    perform: Callable[[str, str], Coroutine[Any, Any, None]], broken: asyncio.Event, leaving: asyncio.Event
) -> None:
    """One streaQ worker, until it breaks or leaves. Never raises."""
    size = settings.HOLDFAST_WORKER_CONCURRENCY
    worker = _Streaq(**streaq_options(), concurrency=size, prefetch=1)
    worker.broken, worker.leaving = broken, leaving

    async def run(conversation: str, run: str) -> None:
        over = asyncio.create_task(perform(conversation, run))
        gone = asyncio.create_task(broken.wait())
        try:
            await asyncio.wait({over, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            over.cancel()

    # No limit of tries or time, and no result: how often and how long is decided by the run itself.
    worker.task(name=RUN, timeout=None, max_tries=None, ttl=0, silent=True)(run)
    try:
        await worker.run_async()
    except Exception as problem:
        log.debug("streaQ ended: %r", problem)
    finally:
        broken.set()
