"""Processes for runs that may have taken workers down (chat/runs/isolated/policy.py), a group of them in each.

    worker ── Supervisor ── ForkServer ──► a process for a group of suspects (chat/runs/isolated/process.py)
       │                    │ says of each that it is over, waits, or was handed over; ends when it has none
       └─ sees it die ◄─────┘ RunRecovering(reason="crashed", crowd=…), leases released, the runs queued again

A process that dies here takes nobody along but its group, which goes on at once, in smaller groups. Should the worker
die, however it dies, all of them hand their runs over.

A suspect that waits for a place is claimed: sweepers, and other workers that are told of it, leave it alone.
"""

import asyncio
import logging
import secrets
import signal
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

from agents import events as e
from chat import decide
from chat.journal.queries import known_of
from chat.runs.claims import suspect_claim
from chat.runs.isolated.fork_server import ForkServer, tell
from chat.runs.isolated.groups import Group, Member, room_in
from chat.runs.isolated.policy import ISOLATED, placement
from chat.runs.isolated.process import BEGUN, LEAVE_S, Link
from chat.session.errors import NoConversation, Unavailable
from chat.session.sessions import Sessions, SessionView
from chat.support.clock import now_ms
from chat.support.tasks import cleaning_up, end

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Process:
    """A group at work: its process, our end of the link, and what follows its end."""

    group: Group
    process: BaseProcess
    link: Link


class Supervisor:
    """The processes that this worker has started, at most `size` at a time; suspects that fit into none wait for a
    place. `enqueue(conversation, run)` puts a run into the queue again."""

    def __init__(
        self,
        sessions: Sessions,
        enqueue: Callable[[str, str], Awaitable[bool]],
        *,
        worker: str,
        size: int,
        lease_ms: int = 15_000,
    ) -> None:
        self._sessions = sessions
        self._enqueue = enqueue
        self._worker = worker
        self._size = size
        #: How long a claim lasts that is not renewed: what a worker has claimed rests so long when it dies.
        self._lease_ms = lease_ms
        #: What renews a claim, by conversation, until the run's own lease guards it.
        self._claims: dict[str, tuple[str, asyncio.Task[None]]] = {}
        #: What is under way, by conversation: finding a place for a run, or waiting for the end of a process.
        self._placing: dict[str, asyncio.Task[None]] = {}
        self._ends: set[asyncio.Task[None]] = set()
        self._groups: list[Group] = []
        self._processes: dict[Group, _Process] = {}
        #: One at a time looks for a place, so that two do not both open a group where one has room for both.
        self._placed = asyncio.Condition()
        self._fork_server = ForkServer()
        self._signal = tell
        self._leaving = False

    @property
    def running(self) -> list[str]:
        """The conversations that have a run here, or wait for a place."""
        return [*self._placing, *(one for group in self._groups for one in group.members)]

    def prepare(self) -> None:
        """Get ready for the first suspect. Returns at once."""
        self._fork_server.prepare()

    def open(self, conversation: str, run: str) -> None:
        """Have `run` performed by a process for suspects, as soon as there is room. Returns at once; does nothing if
        this conversation has its place here, or waits for it."""
        if self._leaving or conversation in self.running:
            return
        log.warning("Run %s may have taken its workers down: it is isolated.", run)
        task = asyncio.create_task(self._place(conversation, run), name=f"isolated {run}")
        self._placing[conversation] = task
        task.add_done_callback(lambda _: self._placing.pop(conversation, None))

    async def leave(self) -> None:
        """Have all processes hand over their runs and end; what waits for a place goes back into the queue."""
        self._leaving = True
        async with self._placed:
            self._placed.notify_all()
        for one in list(self._processes.values()):
            self._signal(one.process, signal.SIGTERM)
        tasks = [*self._placing.values(), *self._ends]
        if tasks:
            await asyncio.wait(tasks, timeout=LEAVE_S)
        for one in list(self._processes.values()):
            self._signal(one.process, signal.SIGKILL)
        await end(tasks)
        self._fork_server.close()

    # ---- a place for a suspect ----

    async def _place(self, conversation: str, run: str) -> None:
        try:
            if not await self._sessions.store.acquire(suspect_claim(run), self._worker, self._lease_ms):
                return  # another worker sees to it
            self._claims[conversation] = run, asyncio.create_task(self._keep(suspect_claim(run)))
            placed = False
            try:
                placed = await self._find_place(conversation, run)
            finally:
                if not placed:
                    with cleaning_up():
                        await self._release_claim(conversation)
            if not placed and self._leaving:
                await self._enqueue(conversation, run)  # for another worker: its place came too late here
        except (NoConversation, Unavailable) as problem:
            log.warning("Run %s is left to the sweeper: %s", run, problem)
        except Exception:
            log.exception("Run %s could not be isolated; the sweeper will bring it back.", run)

    async def _keep(self, claim: str) -> None:
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            try:
                await self._sessions.store.renew(claim, self._worker, self._lease_ms)
            except Unavailable:
                continue

    async def _release_claim(self, conversation: str) -> None:
        run, keep = self._claims.pop(conversation, ("", None))
        if keep is None:
            return
        await end([keep])
        try:
            await self._sessions.store.release(suspect_claim(run), self._worker)
        except Unavailable:
            log.debug("The claim of run %s will run out.", run)

    async def _find_place(self, conversation: str, run: str) -> bool:
        known = await known_of(self._sessions.journal, conversation, run)
        limit = max(1, placement(known.losses).group)
        found = decide.active_run((await self._sessions.load(conversation)).state)
        if found is None or found["id"] != run or found["status"] == "waiting":
            return False
        async with self._placed:
            while not self._leaving:
                full = len(self._groups) >= self._size
                group = room_in(self._groups, limit, full=full)
                if group is None and not full:
                    group = await self._open_group()
                if group is not None:
                    group.members[conversation] = Member(run, limit)
                    self._tell(group, conversation, run)
                    return True
                await self._placed.wait()
        return False

    async def _open_group(self) -> Group:
        """A new process for a group. It counts from now on."""
        group = Group(f"{self._worker}{ISOLATED}{secrets.token_hex(2)}")
        self._groups.append(group)
        try:
            await self._start(group)
        except BaseException:
            self._groups.remove(group)
            raise
        return group

    # ---- processes ----

    async def _start(self, group: Group) -> None:
        process, link = await self._fork_server.start(group.name)
        self._processes[group] = _Process(group, process, link)
        if self._leaving:
            self._signal(process, signal.SIGTERM)  # it came too late to be told with the others
        asyncio.get_running_loop().add_reader(link.fileno(), self._read, group, link)
        self._aside(self._wait_for_end(group, process, link))

    def _tell(self, group: Group, conversation: str, run: str) -> None:
        """Tell a group's process of one more run. One that is dead already is seen to be so in a moment."""
        try:
            self._processes[group].link.send((conversation, run))
        except OSError:
            group.closed = True

    def _read(self, group: Group, link: Link) -> None:
        try:
            while link.poll():
                self._over(group, *link.recv())
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(link.fileno())

    def _over(self, group: Group, conversation: str, outcome: str) -> None:
        """The process says that a run is its own now, or has left it; the last one takes the process along."""
        self._aside(self._release_claim(conversation))
        if outcome == BEGUN:
            return
        group.members.pop(conversation, None)
        if not group.members and not group.closed:
            group.closed = True
            self._let_go(group)
        self._room_came()

    def _let_go(self, group: Group) -> None:
        """Have an empty group's process end: it sees the end of the link, or a signal."""
        self._signal(self._processes[group].process, signal.SIGTERM)

    def _room_came(self) -> None:
        async def notify() -> None:
            async with self._placed:
                self._placed.notify_all()

        self._aside(notify())

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    async def _wait_for_end(self, group: Group, process: BaseProcess, link: Link) -> None:
        try:
            code = await self._fork_server.ended(process)
        except asyncio.CancelledError:
            self._signal(process, signal.SIGKILL)
            raise
        finally:
            self._read(group, link)  # its last words
            asyncio.get_running_loop().remove_reader(link.fileno())
            link.close()
            self._processes.pop(group, None)
        await self._ended(group, code)

    async def _ended(self, group: Group, code: int) -> None:
        """What follows the end of a group's process: those that it left behind were there when it died."""
        group.closed = True
        self._groups.remove(group)
        self._room_came()
        lost = {conversation: member.run for conversation, member in group.members.items()}
        if code == 0 or self._leaving or not lost:
            for conversation in lost:
                await self._release_claim(conversation)
            return
        log.error("The process of %d isolated runs died (status %d).", len(lost), code)
        results = await asyncio.gather(
            *(self._crashed(group, conversation, run, len(lost)) for conversation, run in lost.items()),
            return_exceptions=True,
        )
        for run, problem in zip(lost.values(), results, strict=True):
            if isinstance(problem, Exception):
                log.warning("Run %s is left to the sweeper: %r", run, problem)

    async def _crashed(self, group: Group, conversation: str, run: str, crowd: int) -> None:
        """Say what was seen, and have the run go on without waiting for the lease of the dead. One that died before it
        began is left to the sweeper, so that what cannot even start is not tried without a pause."""

        def died(view: SessionView) -> list[e.Event]:
            return decide.crashed(view.state, run=run, worker=group.name, now=now_ms(), crowd=crowd)

        outcome = await self._sessions.append(conversation, died)
        await self._sessions.release(conversation, group.name)
        await self._release_claim(conversation)
        if outcome.events:
            await self._enqueue(conversation, run)
