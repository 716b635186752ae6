"""The runs of one worker process, each in a task of its own.

streaQ gives up its tasks when its connection breaks. Runs do not: they live here, and the queue's task of a run
(`chat/runs/consumer.py`) only waits for it.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from chat.runs.runner import Runner, RunOutcome
from chat.runs.share import Load
from chat.support.rush import rush

log = logging.getLogger(__name__)

#: Runs beyond `size`: a read that waits for the next entry of the queue looks at both priorities, and may bring one of
#: each (chat/runs/consumer.py).
SPARE = 1
#: Seconds that handing over may take; the leases of what is left then run out by themselves.
LEAVE_S = 8.0


@dataclass(frozen=True)
class _Busy:
    """A conversation at work here."""

    run: str
    task: asyncio.Task[RunOutcome]
    #: Set when its lease is ours; before that it may turn out to be somebody else's.
    owned: asyncio.Event


class Pool:
    """The runs of this process, each in a task of its own, at most `size` at a time. `suspect(conversation, run)` is
    told of one that must not be performed among others."""

    def __init__(self, runner: Runner, size: int, suspect: Callable[[str, str], None]) -> None:
        self._runner = runner
        self._suspect = suspect
        self._size = size
        self._room = asyncio.Semaphore(size + SPARE)
        self._running: dict[str, _Busy] = {}
        self._leaving = False

    def load(self, taken: int = 0, isolated: int = 0) -> Load:
        """How busy this worker is, with so many entries of the queue in hand, and so many isolated runs besides."""
        here = max(len(self._running), taken)
        return Load(here + isolated, self._size - here)

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

    async def _one(self, conversation: str, run: str, owned: asyncio.Event) -> RunOutcome:
        came: RunOutcome = "nothing"
        async with self._room:
            await rush().pass_by()  # what has not begun lets those go first who have seen nothing yet
            if not self._leaving:
                came = await self._runner.perform(conversation, run, owned)
        if came == "isolated" and not self._leaving:
            self._suspect(conversation, run)
        return came
