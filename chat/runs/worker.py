"""The run worker: one process that performs runs until it is told to leave.

Start it as `python manage.py worker`, which calls `main()` (Django must be set up). It needs the database and
Redis; either may go away for a while and come back. Ends with status 0 after SIGTERM or SIGINT, within a few
seconds: new runs are no longer taken, and the runs it has are handed over at once (rule R4).

    streaQ ──► Pool ──► Runner.perform(conversation, run)     one asyncio task per run
                 └────► Supervisor ──► processes for suspects      runs that may have taken workers down
    side tasks: sweeper, head watcher, presence, share, retention, search's index, titles where they are wanted, and the
    services of the entrances (chat/extensions.py). If one of them ends by itself, the worker ends
"""

import asyncio
import logging
import os
import secrets
import signal
import socket
from collections.abc import Callable

from django.conf import settings

from agents.dialects.http import close_clients
from chat.extensions import Service, ServiceContext, services
from chat.replay.performing import perform_replays
from chat.retention.service import keep_house
from chat.runs.consumer import take_tasks
from chat.runs.dependencies import installed_dependencies
from chat.runs.isolated.process import end_if_stuck
from chat.runs.isolated.supervisor import Supervisor
from chat.runs.pool import LEAVE_S, Pool
from chat.runs.presence import beat
from chat.runs.probe import Answerer
from chat.runs.runner import Runner
from chat.runs.share import Share
from chat.runs.sweeper import Sweeper
from chat.runs.trials import perform_trials
from chat.runtime import Runtime, close, current
from chat.search.service import keep_index
from chat.support.tasks import end, exit_after
from chat.telemetry import metrics
from chat.telemetry import start as telemetry
from chat.titles.service import keep_titles

log = logging.getLogger(__name__)

#: How often the heads of the running conversations are looked at, for stops and messages (milliseconds).
WATCH_MS = 250
#: Seconds after that after which the process ends anyway, whatever still waits for a store.
END_S = 3.0


def main() -> None:
    """Run a worker in this process until SIGTERM or SIGINT. Django must have been set up."""
    asyncio.run(serve(leave=lambda status: exit_after(LEAVE_S + END_S, status)))


def worker_name() -> str:
    """A name for this process that people recognise in the admin and that no other process has."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(2)}"


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
    telemetry.begin("worker", name)
    runtime = current()
    sessions, queue = runtime.sessions, runtime.queue
    lease_ms, renew_ms = settings.HOLDFAST_LEASE_MS, settings.HOLDFAST_RENEW_MS
    dependencies = installed_dependencies(runtime.database)
    runner = Runner(
        sessions,
        queue.put_first,
        dependencies,
        worker=name,
        lease_ms=lease_ms,
        renew_ms=renew_ms,
        queue_next=queue.put,
    )
    supervisor = Supervisor(
        sessions, queue.put_first, worker=name, size=settings.HOLDFAST_ALONE, lease_ms=lease_ms
    )
    supervisor.prepare()
    pool = Pool(runner, settings.HOLDFAST_WORKER_CONCURRENCY, supervisor.open)
    share = Share(sessions, name, lambda taken: pool.load(taken, len(supervisor.running)))
    every_ms = settings.HOLDFAST_SWEEP_MS
    sweeper = Sweeper(
        sessions, queue.put, worker=name, every_ms=every_ms, renew_ms=renew_ms, enqueue_first=queue.put_first
    )

    def full() -> bool:
        return len(pool.running) >= settings.HOLDFAST_WORKER_CONCURRENCY

    given = ServiceContext(sessions, queue.put, name)
    metrics.RUNS_HERE.set_function(lambda: len(pool.running))
    metrics.ROOM.set(settings.HOLDFAST_WORKER_CONCURRENCY)
    log.info("Worker %s starts.", name)
    side = [
        asyncio.create_task(sweeper.run(), name="sweeper"),
        asyncio.create_task(runner.watch(WATCH_MS), name="watcher"),
        asyncio.create_task(end_if_stuck(settings.HOLDFAST_STUCK_MS), name="watchdog"),
        asyncio.create_task(beat(sessions, full, f"the worker {name}"), name="presence"),
        asyncio.create_task(share.beat(), name="share"),
        asyncio.create_task(perform_trials(runtime.database, name), name="trials"),
        asyncio.create_task(keep_house(sessions, runtime.database, name), name="retention"),
        asyncio.create_task(keep_index(), name="search"),
        asyncio.create_task(perform_replays(runtime.database, name), name="replays"),
        *_titles(runtime, name),
        *(asyncio.create_task(_serve(service, given), name=service.name) for service in services()),
        asyncio.create_task(take_tasks(pool, share, leaving, Answerer(sessions).answer), name="streaq"),
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
        await asyncio.gather(pool.leave(), supervisor.leave())
        for task in ended:
            if not task.cancelled() and (problem := task.exception()) is not None:
                raise problem
    finally:
        await end([*side, told])
        await close_clients()
        await close()
        await asyncio.to_thread(telemetry.end)
        log.info("Worker %s has left.", name)


def _titles(runtime: Runtime, worker: str) -> list[asyncio.Task[None]]:
    """The task that writes titles, if an agent is named whose model does."""
    if not (agent := settings.HOLDFAST_TITLE_AGENT):
        return []
    writing = keep_titles(runtime.sessions, runtime.database, worker, agent)
    return [asyncio.create_task(writing, name="titles")]


async def _serve(service: Service, given: ServiceContext) -> None:
    """A service of an entrance. One that returns has ended by itself, and the worker does, too."""
    await service.run(given)
