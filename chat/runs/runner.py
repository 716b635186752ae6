"""Performs runs for one worker process: who is at work on what, and what is passed on (rules R2 to R7).

How one run is owned, from its lease to its release, is in `chat/runs/ownership.py`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Literal

from agents import events as e
from chat import decide
from chat.runs.dependencies import RunDependencies
from chat.runs.ownership import LeaseLost, MustBeIsolated, RunOver, RunOwnership, Unreadable
from chat.runs.writer import FencedWriter
from chat.session.errors import Fenced, NoConversation, Unavailable
from chat.session.sessions import Sessions
from chat.support.clock import MACHINE, Clock
from chat.support.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

#: Seconds before a run that could not be taken, because a store is in trouble, is put into the queue again.
AWAY_S = 0.5

#: What came of a look at a run: it was ours; it must be isolated; nothing to do, or others do it.
RunOutcome = Literal["owned", "isolated", "nothing"]


class Runner:
    """Performs runs for one worker process; any number at the same time.

    `requeue(conversation, run)` puts a run that was begun into the queue again, for another worker; `queue_next` one
    that is new. `isolated`: this process is there for suspects only (its worker knows which may be together); it then
    holds their leases by its name.
    """

    def __init__(
        self,
        sessions: Sessions,
        requeue: Callable[[str, str], Awaitable[bool]],
        dependencies: RunDependencies,
        *,
        worker: str,
        lease_ms: int,
        renew_ms: int,
        isolated: bool = False,
        queue_next: Callable[[str, str], Awaitable[bool]] | None = None,
        clock: Clock = MACHINE,
    ) -> None:
        self.sessions = sessions
        self.requeue = requeue
        self.queue_next = queue_next or requeue
        self.dependencies = dependencies
        self.worker = worker
        self.lease_ms = lease_ms
        self.renew_ms = renew_ms
        self.isolated = isolated
        self.clock = clock
        self.leaving = asyncio.Event()
        self._owned: dict[str, RunOwnership] = {}
        #: Runs that this process has begun and had to leave, with what it could not read.
        self.unreadable: dict[str, e.UnknownEvent] = {}

    def leave(self) -> None:
        """Have all runs handed over; new ones are not begun."""
        self.leaving.set()

    async def perform(self, conversation: str, run: str, owned: asyncio.Event | None = None) -> RunOutcome:
        """Perform `run` until it is over, waits for a person, or must be left. Never raises. `isolated`: it was not
        begun because it must be isolated; the caller then sees to that. `owned` is set once the run is ours.

        Does nothing if somebody owns the conversation, or the run is not active: a task that comes twice, or
        late, is harmless.
        """
        if self.leaving.is_set() or conversation in self._owned:
            return "nothing"
        mine = self._owned[conversation] = RunOwnership(self, conversation, run)
        away = over = False
        try:
            await mine.hold(owned or asyncio.Event())
        except (NoConversation, RunOver, Fenced) as reason:
            log.info("Run %s is left alone (%s).", run, type(reason).__name__)
            over = isinstance(reason, RunOver)
        except MustBeIsolated:
            return "isolated"
        except Unreadable as reason:
            log.warning("Run %s is left to a worker of a later release: %s", run, reason)
        except LeaseLost:
            log.warning("Run %s: the lease was lost; nothing more is written.", run)
        except Unavailable as problem:
            log.warning("Run %s has to wait: %s", run, problem)
            away = True
        except Exception:
            log.exception("Run %s could not be looked after; the sweeper will bring it back.", run)
        finally:
            del self._owned[conversation]
        if away or (over and await self._was_behind(conversation)):
            # A store is in trouble: whoever is next may be luckier, and sooner there than the sweeper.
            await asyncio.sleep(AWAY_S)
            await self.requeue(conversation, run)
        if mine.held and mine.then is None:
            await self._pass_on(mine.writer)
        return "owned" if mine.held else "nothing"

    async def _pass_on(self, writer: FencedWriter) -> None:
        """Queue the run that was queued while this one was being let go: whoever took it found the lease held."""
        conversation, run, latest = writer.conversation, writer.run, writer.history.run
        try:
            head = await self.sessions.store.head(conversation)
            if latest is not None and latest.id == run and head is not None:
                if (head[0].epoch, head[0].seq) == writer.known:
                    return  # nothing has come since, and up to there this run is the latest
            next_run = decide.active_run((await self.sessions.load(conversation)).state)
        except (NoConversation, Unavailable):
            return  # the sweeper finds it
        if next_run is not None and next_run["id"] != run and next_run["status"] == "queued":
            await self.queue_next(conversation, next_run["id"])

    async def _was_behind(self, conversation: str) -> bool:
        """Whether the session said so because it lacked what SQL has, and has it now (rule S6)."""
        try:
            return await self.sessions.compare(conversation)
        except (NoConversation, Unavailable):
            return False  # a run that is none the less active is brought back by the sweeper

    async def watch(self, every_ms: int) -> None:
        """Look at the heads of all running conversations every `every_ms`, so that stops, messages and
        decisions from elsewhere are noticed (rules R6, R7). Runs until cancelled."""
        while True:
            raise_if_cancelled()
            await asyncio.sleep(every_ms / 1000)
            owned_now = dict(self._owned)
            if not owned_now:
                continue
            try:
                heads = await self.sessions.store.heads(list(owned_now))
            except Unavailable:
                continue
            for conversation, mine in owned_now.items():
                head = heads.get(conversation)
                if head is None or (head.epoch, head.seq) != mine.writer.known:
                    mine.news.set()
