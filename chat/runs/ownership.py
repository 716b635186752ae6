"""The time in which this process owns one run, from the lease to its release (rules R2 to R7, R10).

    take the lease ─► RunStarted ─► for each batch that `perform` yields: store it, then let it go on ─► release
         │                │                                  │
         │ owned, or      │ over, suspect, or given up       └ side tasks: renew the lease, watch for news
         ▼                ▼
      not readable     nothing, isolated elsewhere, or RunFailed
      here: nothing

A first start, a take-over, a resumption and a second look after news are the same code: load the history and ask
`perform` again. Nothing is written by an owner that lost its fence, and a run that waits for a person has none.
"""

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Protocol

from agents import context
from agents import events as e
from agents.acting import Acting
from agents.clock import Clock
from agents.dialects.opening import fallbacks_of
from agents.lifecycle import RUN
from agents.loop import PartText, perform
from agents.tools.running import OWNED
from chat import decide, extensions
from chat.files.attachments import ConversationFiles
from chat.journal.faultlog import RefusedRequests
from chat.journal.queries import Known, internal_errors, known_of, owner_and_agent
from chat.journal.requestlog import KeptSettings
from chat.journal.responselog import KeptResponses
from chat.runs.acting import acting_in
from chat.runs.dependencies import RunDependencies
from chat.runs.isolated.policy import AMONG_OTHERS, placement, verdict
from chat.runs.writer import FencedWriter
from chat.session.errors import Fenced, NoConversation, Unavailable
from chat.session.sessions import Sessions, SessionView, parsed
from chat.session.state import info_of
from chat.support import kill_points
from chat.support.clock import unstopped_s
from chat.support.tasks import cleaning_up, end, raise_if_cancelled

log = logging.getLogger(__name__)

#: Seconds that the loop gets to end its tools when its owner leaves (they have 0.7 s themselves).
END_S = 1.5
#: Attempts of one run that may fail from within; the last of them ends it.
MAX_INTERNAL_ERRORS = 3
#: Seconds before the run is put into the queue again after such an attempt.
INTERNAL_ERROR_DELAY_S = 0.5
#: Seconds between two decisions that found no news, at most.
AGAIN_S = 1.0
#: Seconds for each of the last words of an owner that leaves.
LAST_WORDS_S = 1.0


class RunOver(Exception):
    """The run is not active any more: somebody else ended it."""


class MustBeIsolated(Exception):
    """The run may be what took its former workers down: it is to be performed in a process for suspects."""


class Unreadable(Exception):
    """Something has happened in the run that this release cannot read: it is left to a worker that can (rule J4)."""


class StateMoved(Exception):
    """What was decided does not fit any more, because of news; decide again on a fresh history."""


class LeaseLost(Exception):
    """The lease is lost: somebody else has taken over, or may have."""


class RunHost(Protocol):
    """What an owner needs of its process (`chat/runs/runner.py`)."""

    sessions: Sessions
    #: Put a run into the queue: one that was begun before, and one that is new.
    requeue: Callable[[str, str], Awaitable[bool]]
    queue_next: Callable[[str, str], Awaitable[bool]]
    dependencies: RunDependencies
    worker: str
    lease_ms: int
    renew_ms: int
    #: The process is there for suspects only.
    isolated: bool
    clock: Clock
    #: Set when the process leaves.
    leaving: asyncio.Event
    #: Runs that this process has begun and had to leave, with what it could not read.
    unreadable: dict[str, e.UnknownEvent]


class RunOwnership:
    """The time in which this process owns one run."""

    def __init__(self, runner: RunHost, conversation: str, run: str) -> None:
        self.runner = runner
        self.sessions = runner.sessions
        self.conversation = conversation
        self.run = run
        # Whoever started a process for suspects gives their leases back when it dies, and knows it by its name.
        self.owner = runner.worker if runner.isolated else f"{runner.worker}/{secrets.token_hex(4)}"
        self.writer = FencedWriter(runner.sessions, conversation, run)
        #: Set by the watcher: the head is not where our history ends.
        self.news = asyncio.Event()
        #: The run to queue when this one is let go.
        self.then: str | None = None
        #: Whether the lease was ever ours.
        self.held = False
        self._until = 0.0
        #: What was known of the run before the lease was taken.
        self._before: Known | None = None
        #: Who answers in this run, if not the conversation's agent.
        self._agent = ""

    def owned(self) -> bool:
        """Whether the lease cannot have run out: counted from before it was asked for, by a clock that goes on
        while the process, or the whole machine, stands still."""
        return unstopped_s() < self._until

    async def hold(self, owned: asyncio.Event) -> None:
        """Take the lease, say so, work, and let go of it. Does nothing if somebody else has it. Raises
        MustBeIsolated and Unreadable."""
        context.begin(self.conversation, self.run)
        known = await self._known()
        if known is not None:
            if (unread := await self._unread(known)) is not None:
                raise Unreadable(_told(unread))
            if await self._suspected(known):
                raise MustBeIsolated
        self._before = known
        asked = unstopped_s()
        taken = await self.sessions.take_seen(self.conversation, self.owner, self.runner.lease_ms)
        if taken is None:
            return
        fence, seen = taken
        self._until = asked + self.runner.lease_ms / 1000
        OWNED.set(self.owned)
        self.writer.fence, self.writer.view, self.held = fence, parsed(seen), True
        owned.set()
        kill_points.point("lease.taken")
        try:
            await self._work_or_leave()
        finally:
            with cleaning_up():
                await self._release()
                if self.then is not None:
                    put = self.runner.requeue if self.then == self.run else self.runner.queue_next
                    await put(self.conversation, self.then)

    async def _work_or_leave(self) -> None:
        work = asyncio.create_task(self._work(), name=f"work {self.run}")
        renew = asyncio.create_task(self._keep_lease(), name=f"lease {self.run}")
        listen = asyncio.create_task(self._listen(), name=f"news {self.run}")
        leaving = asyncio.create_task(self.runner.leaving.wait(), name=f"leaving {self.run}")
        side: tuple[asyncio.Task[Any], ...] = (renew, listen, leaving)
        try:
            await asyncio.wait({work, *side}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                await asyncio.wait({work}, timeout=END_S)
                for broken in (renew, listen):
                    if broken.done():
                        broken.result()  # raises why the lease is gone, or what broke the listener
            if work.done() and not work.cancelled():
                return work.result()
        finally:
            # A loop that does not end when cancelled is abandoned; with fence 0 it writes nothing any more.
            fence, self.writer.fence = self.writer.fence, 0
            work.cancel()
            await end(side)
        await self._hand_over(fence)
        return None

    async def _known(self) -> Known | None:
        """What the journal knows of the run, asked without the lease: the process that is to have it may be about to
        take it, and nothing is written by those who leave it. None: it cannot be answered now; the history, and
        `_start`, will tell."""
        try:
            return await known_of(self.sessions.journal, self.conversation, self.run)
        except Unavailable:
            return None

    async def _unread(self, known: Known) -> e.UnknownEvent | None:
        """What this release cannot read of the run. Anybody may carry out a stop. Raises RunOver."""
        found = self.runner.unreadable.get(self.run) or known.unread
        if found is None:
            return None
        try:
            return None if self._mine(await self.sessions.load(self.conversation))["stopping"] else found
        except Unavailable:
            return None

    async def _suspected(self, known: Known) -> bool:
        """Whether the run is to be performed in a process for suspects. Raises RunOver if there is nothing to do."""
        if self.runner.isolated or placement(known.losses).where != "isolated":
            return False
        try:
            run = self._mine(await self.sessions.load(self.conversation))
            owned = await self.sessions.store.lease(self.conversation) is not None
        except Unavailable:
            return False
        if run["stopping"]:
            return False
        if owned or run["status"] == "waiting":
            raise RunOver
        return True

    # ---- the work ----

    async def _work(self) -> None:
        try:
            await self._start()
            moved = 0
            while not self.writer.over:
                at = self.writer.known
                try:
                    return await self._perform()
                except StateMoved:
                    pass
                await self._again(moved)
                await self.writer.refresh()
                moved = moved + 1 if self.writer.known == at else 0
                raise_if_cancelled()
            return None
        except (RunOver, MustBeIsolated, Unreadable, Fenced, NoConversation):
            raise
        except Exception:
            log.exception("Run %s failed from within.", self.run)
        await self._try_again_or_fail()
        return None

    async def _again(self, moved: int) -> None:
        """Before deciding again, after StateMoved came `moved` times before without any news: SQL and the session
        contradict each other. They are compared, and tried again ever more slowly."""
        if moved:
            await self.writer.retry_while_unavailable(lambda: self.sessions.compare(self.conversation))
            await asyncio.sleep(min(0.05 * moved, AGAIN_S))

    async def _try_again_or_fail(self) -> None:
        """A defect of ours, or trouble that nobody foresaw, leaves the run to another attempt (rule R10); only one that
        comes again and again ends it."""
        journal = self.sessions.journal
        before = await self.writer.retry_while_unavailable(
            lambda: internal_errors(journal, self.conversation, self.run)
        )
        if before + 1 >= MAX_INTERNAL_ERRORS:
            return await self._fail(
                "internal", "Something went wrong inside Holdfast, several times. The log has the details."
            )

        def leaving(view: SessionView) -> list[e.Event]:
            if not RUN.allows(self._mine(view)["status"], e.RunRecovering):
                return []
            return [e.RunRecovering(at=self.runner.clock.now(), run=self.run, reason="internal_error")]

        await self._append(leaving)
        await asyncio.sleep(INTERNAL_ERROR_DELAY_S)
        self.then = self.run
        return None

    async def _start(self) -> None:
        """RunStarted, and RunRecovering before it if the last owner died unnoticed (rule R4). Raises MustBeIsolated.

        The history is loaded only after that: should that be what kills, the run was begun and is counted.
        """
        known, self._before = self._before, None
        for moved in itertools.count():
            if known is None or moved:
                known = await self.writer.retry_while_unavailable(
                    lambda: known_of(self.sessions.journal, self.conversation, self.run)
                )
            try:
                return await self._begin(known)
            except StateMoved:
                await self._again(moved)  # somebody had the run between the look-up and our lease
        raise AssertionError("the tries have no end")

    async def _begin(self, known: Known) -> None:
        suspect = False

        def begin(view: SessionView) -> list[e.Event]:
            nonlocal suspect
            run = self._mine(view)
            info = info_of(view.state)
            self._agent = run.get("agent", "") or (info["agent"] if info is not None else "")
            if (run["status"], run["attempt"]) != (known.status, known.attempt):
                # Also by one who found the loss, wrote it down and must not have the run: it is in `recovering`, and
                # whoever looked before that does not know what the run is suspected of.
                raise StateMoved
            if run["status"] == "waiting" and not run["stopping"]:
                raise RunOver  # a stray entry of the queue: there is nothing to do until a person has decided
            now = self.runner.clock.now()
            lost = run["status"] == "running"
            begun: list[e.Event] = []
            if lost:
                begun.append(
                    e.RunRecovering(at=now, run=self.run, reason="lease_lost", crowd=max(1, known.crowd))
                )
            losses = known.losses.plus(max(1, known.crowd)) if lost else known.losses
            # To end a run that was stopped is dangerous to nobody.
            found = AMONG_OTHERS if run["stopping"] else placement(losses)
            if found.where == "nowhere":
                self.writer.seen = decide.seen(view.state)
                return [
                    *begun,
                    *decide.fail_run(view.state, code="crashed_too_often", detail=verdict(losses), now=now),
                ]
            suspect = found.where == "isolated" and not self.runner.isolated
            if suspect:
                return begun  # the loss that was just found, or nothing
            # A run that waited for a person and goes on was not taken over: its attempt stays the same.
            resumed = run["status"] == "queued" and run["attempt"] > 0
            attempt = run["attempt"] if resumed else run["attempt"] + 1
            worker, fence = self.runner.worker, self.writer.fence
            return [*begun, e.RunStarted(at=now, run=self.run, attempt=attempt, fence=fence, worker=worker)]

        await self._append(begin)
        if suspect:
            raise MustBeIsolated

    async def _perform(self) -> None:
        """Have the loop work, from the history as it is now, until the run ends or waits."""
        dependencies, writer, journal = self.runner.dependencies, self.writer, self.sessions.journal
        owner, slug = await self.writer.retry_while_unavailable(
            lambda: owner_and_agent(self.sessions.journal, self.conversation)
        )
        slug = self._agent or slug
        spec = await writer.retry_while_unavailable(lambda: dependencies.agent(slug))
        if spec is None:
            return await self._fail("agent_missing", f"There is no agent named {slug!r} any more.")
        faults = RefusedRequests(journal, self.conversation, writer.retry_while_unavailable)
        steps = perform(
            spec,
            dependencies.model(spec),
            dependencies.tools,
            lambda: writer.history,
            writer.stop,
            self.runner.clock,
            writer.fence,
            self.runner.worker,
            owner=str(owner),
            storage=dependencies.storage,
            fallbacks=[dependencies.model(other) for other in fallbacks_of(spec)],
            faults=faults,
            requests=KeptSettings(journal, writer.retry_while_unavailable),
            responses=KeptResponses(journal, self.conversation),
            refused=await faults.digests(),
            learned=dependencies.learned,
            unwatched=extensions.unattended(),
            quoting=extensions.quoting(),
            acting=self._acting,
            files=ConversationFiles(
                self.conversation,
                lambda work: writer.retry_while_unavailable(lambda: journal.ask(work)),
                journal.using,
            ),
        )
        async with aclosing(steps):
            async for item in steps:
                if isinstance(item, PartText):
                    await writer.part(item)
                    raise_if_cancelled()
                    continue
                await self._store(item)
                if writer.over:
                    return None
        await self._leave_what_cannot_be_read()
        return None

    async def _acting(self, before: int | None) -> Acting:
        """Who acts in a step, and what that may be, as things stand now."""
        journal = self.sessions.journal
        return await self.writer.retry_while_unavailable(
            lambda: journal.ask(lambda: acting_in(self.conversation, before, journal.using))
        )

    async def _leave_what_cannot_be_read(self) -> None:
        """Hand the run over if the loop has left it because of an event of a later release. Raises Unreadable."""
        run, found = self.writer.history.run, self.writer.history.unread
        if run is None or found is None or not RUN.allows(run.status, e.RunRecovering):
            return
        self.runner.unreadable[self.run] = found
        await self._hand_over(self.writer.fence)
        raise Unreadable(_told(found))

    async def _store(self, events: list[e.Event]) -> None:
        """Append what the loop decided; raise StateMoved if news made a part of it wrong."""
        dropped = False

        def decided(view: SessionView) -> list[e.Event]:
            nonlocal dropped
            self._mine(view)
            fitting = decide.fitting(view.state, events)
            dropped = len(fitting) < len(events)
            return fitting

        await self._append(decided)
        if dropped:
            raise StateMoved

    async def _fail(self, code: e.RunCode, detail: str) -> None:
        def failed(view: SessionView) -> list[e.Event]:
            self._mine(view)
            return decide.fail_run(view.state, code=code, detail=detail, now=self.runner.clock.now())

        await self._append(failed)

    async def _append(self, decided: Callable[[SessionView], list[e.Event]]) -> None:
        """Append; if that ends the run while a message waits, the next run is queued with it (rule R6)."""

        def with_next(view: SessionView) -> list[e.Event]:
            events = decided(view)
            now, seen = self.runner.clock.now(), self.writer.seen
            return decide.with_next_run(
                view.state, events, conversation=self.conversation, seen=seen, now=now
            )

        for event in await self.writer.append(with_next):
            if isinstance(event, e.RunQueued):
                self.then = event.run

    def _mine(self, view: SessionView) -> Any:
        run = decide.active_run(view.state)
        if run is None or run["id"] != self.run:
            raise RunOver
        return run

    # ---- side tasks ----

    async def _keep_lease(self) -> None:
        """Renew the lease. Raises LeaseLost when it is lost."""
        while True:
            await asyncio.sleep(self.runner.renew_ms / 1000)
            asked = unstopped_s()
            try:
                if not await self.sessions.renew(self.conversation, self.owner, self.runner.lease_ms):
                    raise LeaseLost
            except Unavailable:
                continue  # the fence guards every write, and tools get no turn once the lease may have run out
            except LeaseLost:
                raise
            except Exception:
                log.exception("Run %s: its lease could not be renewed; trying again.", self.run)
                continue
            self._until = asked + self.runner.lease_ms / 1000

    async def _listen(self) -> None:
        """Load the history anew whenever the watcher saw that the head was moved by another's hand."""
        while True:
            await self.news.wait()
            self.news.clear()
            try:
                await self.writer.catch_up()
            except Unavailable:
                continue

    # ---- the end ----

    async def _hand_over(self, fence: int) -> None:
        """Say that this owner leaves, so that the next one need not wait until the lease has run out."""

        def leaving(view: SessionView) -> list[e.Event]:
            if not RUN.allows(self._mine(view)["status"], e.RunRecovering):
                return []
            return [e.RunRecovering(at=self.runner.clock.now(), run=self.run, reason="handed_over")]

        try:
            async with asyncio.timeout(LAST_WORDS_S):
                await self.sessions.append(self.conversation, leaving, fence=fence)
        except (TimeoutError, Unavailable) as problem:
            log.warning("Run %s is left without a word (%s).", self.run, problem or "no time")
        self.then = self.run

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                await self.sessions.release(self.conversation, self.owner)
        except (TimeoutError, Unavailable) as problem:
            log.warning("Run %s: its lease will have to run out (%s).", self.run, problem or "no time")


def _told(found: e.UnknownEvent) -> str:
    return f"an event {found.type[:40]!r} cannot be read here, {found.why}."
