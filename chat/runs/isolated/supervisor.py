"""Processes of their own for runs that may have taken workers down (chat/runs/isolated/policy.py).

    worker ── Supervisor ── ForkServer ──► a process for one run (chat/runs/isolated/process.py)
       │                    │ ends by itself: the run is over, waits, or was handed over
       └─ sees it die ◄─────┘ RunRecovering(reason="crashed"), its lease released, the run queued again

A process that dies here takes nobody along, and its death is evidence. Should the worker die, however it dies, the run
is handed over.
"""

import asyncio
import logging
import secrets
import signal
from collections.abc import Awaitable, Callable
from multiprocessing.process import BaseProcess

from agents import events as e
from chat import decide
from chat.runs.isolated.fork_server import ForkServer, tell
from chat.runs.isolated.process import LEAVE_S
from chat.session.errors import NoConversation, Unavailable
from chat.session.sessions import Sessions, SessionView
from chat.support.clock import now_ms
from chat.support.tasks import end

log = logging.getLogger(__name__)

#: For so long no other worker starts a process for the same run (milliseconds); by then ours has its lease, or is dead.
CLAIM_MS = 15_000
#: Seconds between two looks whether that worker's process has the run, or gave up.
CLAIM_POLL_S = 0.5


class Supervisor:
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
        self._fork_server = ForkServer()
        self._processes: set[BaseProcess] = set()
        self._leaving = False

    def open(self, conversation: str, run: str) -> None:
        """Have `run` performed by a process of its own, as soon as there is room. Returns at once; does nothing if
        this conversation has one here, or waits for it."""
        if self._leaving or conversation in self._held:
            return
        log.warning("Run %s may have taken its workers down: it goes on in a process of its own.", run)
        task = asyncio.create_task(self._hold(conversation, run), name=f"alone {run}")
        self._held[conversation] = task
        task.add_done_callback(lambda _: self._held.pop(conversation, None))

    async def leave(self) -> None:
        """Have all processes hand over their runs and end; what waits for a place goes back into the queue."""
        self._leaving = True
        for process in list(self._processes):
            tell(process, signal.SIGTERM)
        tasks = list(self._held.values())
        if tasks:
            await asyncio.wait(tasks, timeout=LEAVE_S)
        for process in list(self._processes):
            tell(process, signal.SIGKILL)
        await end(tasks)
        self._fork_server.close()

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
                log.error("The process that performed the isolated run %s died (status %d).", run, code)
                await self._crashed(conversation, run, name)
        except (NoConversation, Unavailable) as problem:
            log.warning("Run %s is left to the sweeper: %s", run, problem)
        except Exception:
            log.exception("Run %s could not be isolated; the sweeper will bring it back.", run)

    async def _claimed(self, conversation: str, run: str, name: str) -> bool:
        """Whether it is for us to start a process for this run: other workers may have been told of it as well."""
        store = self._sessions.store
        while not await store.acquire(_claim(run), name, CLAIM_MS):
            if self._leaving or await store.lease(conversation) is not None:
                return False
            await asyncio.sleep(CLAIM_POLL_S)
        found = decide.active_run((await self._sessions.load(conversation)).state)
        if found is not None and found["id"] == run and found["status"] != "waiting":
            return True
        await store.release(_claim(run), name)
        return False

    async def _process(self, conversation: str, run: str, name: str) -> int:
        """Start the process and wait for its end. Its exit status; negative: the signal that ended it."""
        process = await self._fork_server.start(conversation, run, name)
        if self._leaving:
            tell(process, signal.SIGTERM)  # it came too late to be told with the others
        self._processes.add(process)
        try:
            return await self._fork_server.ended(process)
        except asyncio.CancelledError:
            tell(process, signal.SIGKILL)
            raise
        finally:
            self._processes.discard(process)

    async def _crashed(self, conversation: str, run: str, name: str) -> None:
        """Say what was seen, and have the run go on without waiting for the lease of the dead. One that died before it
        began is left to the sweeper, so that what cannot even start is not tried without a pause."""

        def died(view: SessionView) -> list[e.Event]:
            return decide.crashed(view.state, run=run, worker=name, now=now_ms())

        outcome = await self._sessions.append(conversation, died)
        await self._sessions.release(conversation, name)
        if outcome.events:
            await self._enqueue(conversation, run)


def _claim(run: str) -> str:
    """The pseudo-conversation whose lease says who starts a process for a run."""
    return f"alone-{run}"
