"""Processes of their own for runs that may have taken workers down (chat/poison.py), and the end of a stuck process.

    worker ── Cells ──► manage.py worker --alone CONVERSATION RUN NAME     one process, one run
       │                    │ ends by itself: the run is over, waits, or was handed over
       └─ sees it die ◄─────┘ RunRecovering(reason="crashed"), its lease released, the run queued again

A process that dies here takes nobody along, and its death is evidence. Its standard input is a pipe that its worker
holds: should the worker die, however it dies, the pipe ends, and the run is handed over.
"""

import asyncio
import faulthandler
import logging
import os
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable

from asgiref.sync import sync_to_async
from django.conf import settings

from agents import events as e
from agents.llm.openai_chat import close_clients
from chat import decide
from chat.kit import installed_kit
from chat.queue import Queue
from chat.runner import Runner
from chat.session import open_sessions
from chat.session.errors import NoConversation, Unavailable
from chat.session.session import Sessions, View
from chat.sweeper import now_ms
from chat.tasks import end, heed_cancellation

log = logging.getLogger(__name__)

#: How often the head of the conversation is looked at, for stops and messages (milliseconds).
WATCH_MS = 250
#: For so long no other worker starts a process for the same run (milliseconds); by then ours has its lease, or is dead.
CLAIM_MS = 15_000
#: Seconds between two looks whether that worker's process has the run, or gave up.
CLAIM_LOOK_S = 0.5
#: Seconds that a process gets to hand its run over, and that its worker waits for it.
LEAVE_S = 6.0
#: Seconds between two signs of life that a process gives its own watchdog, at most.
BEAT_S = 0.5


class Cells:
    """The processes that this worker has started, at most `size` at a time; further runs wait for a place."""

    def __init__(
        self,
        sessions: Sessions,
        enqueue: Callable[[str, str], Awaitable[bool]],
        *,
        worker: str,
        size: int,
    ) -> None:
        self._sessions = sessions
        self._enqueue = enqueue
        self._worker = worker
        self._room = asyncio.Semaphore(size)
        self._held: dict[str, asyncio.Task[None]] = {}
        self._processes: set[asyncio.subprocess.Process] = set()
        self._leaving = False

    def open(self, conversation: str, run: str) -> None:
        """Have `run` performed by a process of its own, as soon as there is room. Returns at once; does nothing if
        this conversation has one here, or waits for it."""
        if self._leaving or conversation in self._held:
            return
        task = asyncio.create_task(self._hold(conversation, run), name=f"alone {run}")
        self._held[conversation] = task
        task.add_done_callback(lambda _: self._held.pop(conversation, None))

    async def leave(self) -> None:
        """Have all processes hand over their runs and end; what waits for a place goes back into the queue."""
        self._leaving = True
        for process in list(self._processes):
            _send(process, signal.SIGTERM)
        tasks = list(self._held.values())
        if tasks:
            await asyncio.wait(tasks, timeout=LEAVE_S)
        for process in list(self._processes):
            _send(process, signal.SIGKILL)
        await end(tasks)

    async def _hold(self, conversation: str, run: str) -> None:
        name = f"{self._worker}-alone-{secrets.token_hex(2)}"
        try:
            async with self._room:
                if self._leaving:
                    await self._enqueue(conversation, run)  # for another worker: its place came too late here
                    return
                if not await self._claimed(conversation, run, name):
                    return
                try:
                    code = await self._process(conversation, run, name)
                finally:
                    await self._sessions.store.release(_claim(run), name)
            if code != 0 and not self._leaving:
                log.error("The process that performed run %s alone died (status %d).", run, code)
                await self._crashed(conversation, run, name)
        except (NoConversation, Unavailable) as problem:
            log.warning("Run %s is left to the sweeper: %s", run, problem)
        except Exception:
            log.exception("Run %s could not be performed alone; the sweeper will bring it back.", run)

    async def _claimed(self, conversation: str, run: str, name: str) -> bool:
        """Whether it is for us to start a process for this run: other workers may have been told of it as well."""
        store = self._sessions.store
        while not await store.acquire(_claim(run), name, CLAIM_MS):
            if self._leaving or await store.lease(conversation) is not None:
                return False
            await asyncio.sleep(CLAIM_LOOK_S)
        found = decide.active_run((await self._sessions.load(conversation)).state)
        if found is not None and found["id"] == run and found["status"] != "waiting":
            return True
        await store.release(_claim(run), name)
        return False

    async def _process(self, conversation: str, run: str, name: str) -> int:
        """Start the process and wait for its end. Its exit status; negative: the signal that ended it."""
        program = (sys.executable, str(settings.BASE_DIR / "manage.py"), "worker")
        process = await asyncio.create_subprocess_exec(
            *program, "--alone", conversation, run, name, stdin=asyncio.subprocess.PIPE, cwd=settings.BASE_DIR
        )
        self._processes.add(process)
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                _send(process, signal.SIGKILL)
            self._processes.discard(process)

    async def _crashed(self, conversation: str, run: str, name: str) -> None:
        """Say what was seen, and have the run go on without waiting for the lease of the dead. One that died before it
        began is left to the sweeper, so that what cannot even start is not tried without a pause."""

        def died(view: View) -> list[e.Event]:
            return decide.crashed(view.state, run=run, worker=name, now=now_ms())

        outcome = await self._sessions.append(conversation, died)
        await self._sessions.release(conversation, name)
        if outcome.events:
            await self._enqueue(conversation, run)


def main(conversation: str, run: str, name: str) -> None:
    """Perform one run in this process, as worker `name`, and return. Django must have been set up."""
    asyncio.run(perform_alone(conversation, run, name))


async def perform_alone(conversation: str, run: str, name: str) -> None:
    """What `main` runs: until the run is over or waits, or this process is told to leave, or its worker is gone."""
    leaving = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leaving.set)
    _when_input_ends(leaving)
    sessions, queue = open_sessions(), Queue()
    kit = await sync_to_async(installed_kit)()
    lease_ms, renew_ms = settings.HOLDFAST_LEASE_MS, settings.HOLDFAST_RENEW_MS
    runner = Runner(sessions, queue.put, kit, worker=name, lease_ms=lease_ms, renew_ms=renew_ms, alone=True)
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
        await end([work, *side])
        await queue.close()
        await close_clients()
        await sessions.close()


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
            heed_cancellation()
            faulthandler.dump_traceback_later(after_ms / 1000, exit=True)
            await asyncio.sleep(min(BEAT_S, after_ms / 4000))
    finally:
        faulthandler.cancel_dump_traceback_later()


def _when_input_ends(leaving: asyncio.Event) -> None:
    """Set `leaving` when nobody holds the other end of our standard input any more."""
    loop, source = asyncio.get_running_loop(), sys.stdin.fileno()

    def readable() -> None:
        if not os.read(source, 1024):
            loop.remove_reader(source)
            leaving.set()

    loop.add_reader(source, readable)


def _claim(run: str) -> str:
    """The pseudo-conversation whose lease says who starts a process for a run."""
    return f"alone-{run}"


def _send(process: "asyncio.subprocess.Process", number: int) -> None:
    try:
        process.send_signal(number)
    except ProcessLookupError:
        pass  # it has ended by itself
