"""A process that performs suspects and nothing else (chat/runs/isolated/supervisor.py), and the end of a stuck process.

Its worker's end is its own: it hands its runs over when the worker is gone, however that died.
"""

import asyncio
import faulthandler
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TypeAlias

from django.conf import settings

from agents.dialects.http import close_clients
from chat.runs.dependencies import installed_dependencies
from chat.runs.runner import Runner
from chat.runtime import close, current
from chat.support.database import Database, use
from chat.support.tasks import end, raise_if_cancelled
from chat.telemetry import start as telemetry

#: How a worker and such a process tell each other of runs, by pairs of texts.
Link: TypeAlias = "Connection[tuple[str, str], tuple[str, str]]"
#: How often the head of the conversation is looked at, for stops and messages (milliseconds).
WATCH_MS = 250
#: Seconds that a process gets to hand its runs over, and that its worker waits for it.
LEAVE_S = 6.0
#: What a process says of a run once it has its lease.
BEGUN = "begun"
#: Seconds between two signs of life that a process gives its own watchdog, at most.
BEAT_S = 0.5


def main(name: str, link: Link) -> None:
    """Perform the runs that come through `link`, as worker `name`, until the link ends.
    Django must have been set up."""
    asyncio.run(perform_suspects(name, link))


async def perform_suspects(name: str, link: Link) -> None:
    """What `main` runs: until this process is told to leave, or its worker lets go of it, or is gone.

    (conversation, run) comes through the link; (conversation, BEGUN) goes back when we own the run, and (conversation,
    outcome) when it is over, waits, or was left."""
    leaving = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leaving.set)
    telemetry.begin("isolated", name)
    # One connection to SQL is enough for a group, and there may be many such processes.
    use(Database(threads=1))
    runtime = current()
    dependencies = installed_dependencies(runtime.database)
    runner = Runner(
        runtime.sessions,
        runtime.queue.put_first,
        dependencies,
        worker=name,
        lease_ms=settings.HOLDFAST_LEASE_MS,
        renew_ms=settings.HOLDFAST_RENEW_MS,
        isolated=True,
        queue_next=runtime.queue.put,
    )
    work: set[asyncio.Task[None]] = set()

    async def perform(conversation: str, run: str) -> None:
        owned = asyncio.Event()
        begun = asyncio.create_task(tell_begun(conversation, owned))
        outcome = await runner.perform(conversation, run, owned)
        await end([begun])
        with suppress(OSError):
            link.send((conversation, outcome))

    async def tell_begun(conversation: str, owned: asyncio.Event) -> None:
        await owned.wait()
        with suppress(OSError):
            link.send((conversation, BEGUN))

    def told() -> None:
        try:
            while link.poll():
                conversation, run = link.recv()
                task = asyncio.create_task(perform(conversation, run), name=f"run {run}")
                work.add(task)
                task.add_done_callback(work.discard)
        except (EOFError, OSError):
            loop.remove_reader(link.fileno())  # it stays readable
            leaving.set()

    loop.add_reader(link.fileno(), told)
    side = [
        asyncio.create_task(runner.watch(WATCH_MS), name="watcher"),
        asyncio.create_task(end_if_stuck(stuck_alone_ms()), name="watchdog"),
        asyncio.create_task(leaving.wait(), name="leaving"),
    ]
    try:
        await asyncio.wait(side, return_when=asyncio.FIRST_COMPLETED)
        runner.leave()
        if work:
            await asyncio.wait(work, timeout=LEAVE_S - 1)
    finally:
        loop.remove_reader(link.fileno())
        await end([*work, *side])
        await close_clients()
        await close()
        await asyncio.to_thread(telemetry.end)


def stuck_alone_ms() -> int:
    """After how long a process that is there for suspects ends itself, if nothing moves in it: before its leases run
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
