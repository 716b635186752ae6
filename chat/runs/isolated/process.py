"""A process that performs one run and nothing else (chat/runs/isolated/supervisor.py), and the end of a stuck process.

Its worker's end is its own: it hands its run over when the worker is gone, however that died.
"""

import asyncio
import faulthandler
import signal

from django.conf import settings

from agents.dialects.http import close_clients
from chat.runs.dependencies import installed_dependencies
from chat.runs.runner import Runner
from chat.runtime import close, current
from chat.support.database import Database, use
from chat.support.tasks import end, raise_if_cancelled

#: How often the head of the conversation is looked at, for stops and messages (milliseconds).
WATCH_MS = 250
#: Seconds that a process gets to hand its run over, and that its worker waits for it.
LEAVE_S = 6.0
#: Seconds between two signs of life that a process gives its own watchdog, at most.
BEAT_S = 0.5


def main(conversation: str, run: str, name: str, worker: int) -> None:
    """Perform one run in this process, as worker `name`, and return. Django must have been set up. `worker` is a file
    descriptor that becomes readable when our worker is gone."""
    asyncio.run(perform_alone(conversation, run, name, worker))


async def perform_alone(conversation: str, run: str, name: str, worker: int) -> None:
    """What `main` runs: until the run is over or waits, or this process is told to leave, or its worker is gone."""
    leaving = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leaving.set)

    def gone() -> None:
        loop.remove_reader(worker)  # it stays readable
        leaving.set()

    loop.add_reader(worker, gone)
    # One connection to SQL is enough for one run, and there may be many such processes.
    use(Database(threads=1))
    runtime = current()
    dependencies = installed_dependencies(runtime.database)
    lease_ms, renew_ms = settings.HOLDFAST_LEASE_MS, settings.HOLDFAST_RENEW_MS
    runner = Runner(
        runtime.sessions,
        runtime.queue.put,
        dependencies,
        worker=name,
        lease_ms=lease_ms,
        renew_ms=renew_ms,
        isolated=True,
    )
    work = asyncio.create_task(runner.perform(conversation, run), name=f"run {run}")
    side = [
        asyncio.create_task(runner.watch(WATCH_MS), name="watcher"),
        asyncio.create_task(end_if_stuck(stuck_alone_ms()), name="watchdog"),
        asyncio.create_task(leaving.wait(), name="leaving"),
    ]
    try:
        await asyncio.wait({work, *side}, return_when=asyncio.FIRST_COMPLETED)
        runner.leave()
        await asyncio.wait({work}, timeout=LEAVE_S - 1)
    finally:
        loop.remove_reader(worker)
        await end([work, *side])
        await close_clients()
        await close()


def stuck_alone_ms() -> int:
    """After how long a process that is there for one run ends itself, if nothing moves in it: before its lease runs
    out, so that its worker, and not the next sweep, says what became of it. A process that only starves has 5 s."""
    return min(settings.HOLDFAST_STUCK_MS, max(5_000, settings.HOLDFAST_LEASE_MS * 4 // 5))


async def end_if_stuck(after_ms: int) -> None:
    """Until cancelled: should this process give nobody a turn for `after_ms`, end it, with all its stacks in the log.

    A tool that never gives up its turn would otherwise hold a worker for good, and the next one when its run is taken
    over. The thread that watches needs no turn of the interpreter.
    """
    try:
        while True:
            raise_if_cancelled()
            faulthandler.dump_traceback_later(after_ms / 1000, exit=True)
            await asyncio.sleep(min(BEAT_S, after_ms / 4000))
    finally:
        faulthandler.cancel_dump_traceback_later()
