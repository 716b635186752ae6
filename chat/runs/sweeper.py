"""The sweeper: finds work that nobody does, and sees to it that somebody will (rules S6, R4).

    queued, and nobody took it       the queue lost it, or was away      put into the queue again
    running, and nobody has a lease  its owner died                      RunRecovering, so that viewers see it; queue
    recovering, and nobody came      handed over, or found earlier       put into the queue again
    stopping, and nobody owns it     its owner died before the stop      put into the queue again
    a file uploaded, and never sent  its message was given up            removed after a day
    events that SQL lacks            their writer died in between        archived (for runs; others by the next reader)

Every worker sweeps; any number at once is harmless. What one of them claims (a conditional write with a time
limit) the others pass over, and what is put into the queue twice finds a lease, or nothing to do.

A sweep comes every `every_ms`, and besides at the moment when the lease that has least left would run out: so how
soon a dead owner is noticed is a matter of its lease, not of when the next sweep happens to be.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

from agents import events as e
from agents.lifecycle import RUN
from chat import set_aside
from chat.files import attachments
from chat.journal import responselog
from chat.journal.queries import Active, active_runs, crowd_of
from chat.runs.claims import suspect_claim
from chat.session.errors import Fenced, NoConversation, Rejected, Unavailable
from chat.session.sessions import Sessions, SessionView
from chat.session.state import run_of
from chat.session.views import State
from chat.support.clock import MACHINE, Clock
from chat.support.tasks import cleaning_up, raise_if_cancelled

log = logging.getLogger(__name__)

#: A run that was queued this recently is on its way (milliseconds).
QUEUED_GRACE_MS = 2_000
#: After putting a run into the queue, no sweeper does it again for this long (milliseconds). A run that lost its owner
#: is put in again after a lease: the entry may have gone to a worker that died, too.
CLAIM_MS = 30_000
#: Runs of one page, oldest first; a sweep looks at all pages.
BATCH = 500
#: How often a worker looks for files that were never sent (milliseconds).
TIDY_MS = 3_600_000
#: Renewals that an owner may miss after a store was emptied before it is called dead: about a lease, as after a crash.
LEASE_RENEWALS = 3
#: Dead workers whose crowds are remembered.
MAX_CROWDS = 1_000
#: Runs seen to at the same time.
AT_ONCE = 50
#: A run that was set aside, because looking after it raises, is still looked after this often (milliseconds): another
#: release may know how.
ASIDE_MS = 600_000
#: A lease is looked at again this long after it should have run out, and two sweeps are at least so far apart.
EXPIRED_MS = 20
MIN_PAUSE_MS = 100


def _sweep_again(run: str) -> None:
    """The next sweep finds it."""


#: Runs that nobody works on, by their ids.
SWEEPS = set_aside.register(set_aside.Queue("sweep", _("a run that lost its worker"), _sweep_again))


def unattended(run: Active, *, owned: bool, now: int) -> bool:
    """Whether nobody works on a run although somebody should."""
    if owned or (run.status == "waiting" and not run.stopping):
        return False
    # One that was queued in the future was so by a clock that is wrong, and for all we know long ago.
    return run.status != "queued" or not 0 <= now - run.updated_at < QUEUED_GRACE_MS


def claim_of(run: Active) -> str:
    """By what a run is claimed among sweepers: one claim for "running" and for the "recovering" that we make of it."""
    return f"sweep-{run.run}-{run.attempt}-{_kind(run)}"


def _kind(run: Active) -> str:
    return "lost" if run.status in ("running", "recovering") else run.status


def decide_recovering(state: State, run: str, attempt: int, now: int, crowd: int) -> list[e.Event]:
    """Mark the run as recovering, if it still runs under the owner that was found dead, with so many runs."""
    found = run_of(state)
    if found is None or (found["id"], found["status"], found["attempt"]) != (run, "running", attempt):
        return []
    return [e.RunRecovering(at=now, run=run, reason="lease_lost", crowd=crowd)]


class Sweeper:
    """Sweeps every `every_ms`, until cancelled."""

    def __init__(
        self,
        sessions: Sessions,
        enqueue: Callable[[str, str], Awaitable[bool]],
        *,
        worker: str,
        every_ms: int,
        renew_ms: int,
        clock: Clock = MACHINE,
        page: int = BATCH,
        enqueue_first: Callable[[str, str], Awaitable[bool]] | None = None,
    ) -> None:
        self._sessions = sessions
        self._enqueue = enqueue
        #: For runs that were begun before: they come before what is new.
        self._enqueue_first = enqueue_first or enqueue
        #: How many runs a dead worker had, from when its first one was found: later, others have moved on.
        self._crowds: dict[str, int] = {}
        self._name = f"{worker}/sweeper"
        self._every_ms = every_ms
        self._renew_ms = renew_ms
        self._page = page
        self._clock = clock
        #: Our own mark in the store: if it is gone, the store has lost everything, the leases too.
        self._mark = f"sweeper-{secrets.token_hex(6)}"
        self._marked = False
        self._hold_until = 0
        self._tidy_at = 0
        #: Until when runs are claimed, by whoever: one that waits for its place is not asked about by each sweep.
        self._claimed: dict[str, int] = {}
        #: Milliseconds until the first of the leases seen in the latest sweep runs out; None: there were none.
        self._next_expiry: int | None = None

    async def run(self) -> None:
        """Sweep until cancelled. An outage is logged, and the next sweep tries again."""
        while True:
            raise_if_cancelled()
            await asyncio.sleep(self.pause_ms() / 1000)
            try:
                await self.sweep()
                await self.tidy()
            except Unavailable as problem:
                log.warning("The sweep was put off: %s", problem)
            except Exception:
                log.exception("The sweep failed; the next one tries again.")

    def pause_ms(self) -> float:
        """How long to wait for the next sweep."""
        # Spread, so that sweepers that started together do not stay together.
        usual = self._every_ms * random.uniform(0.8, 1.2)
        if self._next_expiry is None:
            return usual
        return min(usual, max(MIN_PAUSE_MS, self._next_expiry + EXPIRED_MS * random.uniform(1, 3)))

    async def sweep(self) -> int:
        """Look once at everything that is not over. Returns how many runs were seen to."""
        self._next_expiry = None
        if not await self._store_remembers():
            return 0
        seen_to, after = 0, None
        while True:
            runs = await active_runs(self._sessions.journal, self._page, after)
            seen_to += await self._look_at(runs)
            if len(runs) < self._page:
                return seen_to
            after = runs[-1].place

    async def _look_at(self, runs: list[Active]) -> int:
        leases = await self._sessions.store.leases([run.conversation for run in runs])
        expiries = [*leases.values(), *([] if self._next_expiry is None else [self._next_expiry])]
        self._next_expiry = min(expiries, default=None)
        now = self._clock.now()
        self._claimed = {claim: until for claim, until in self._claimed.items() if until > now}
        found = [run for run in runs if unattended(run, owned=run.conversation in leases, now=now)]
        lost = [run for run in found if claim_of(run) not in self._claimed]
        # A suspect that waits for a place has nobody yet, and somebody who sees to it.
        guarded = await self._sessions.store.leases([suspect_claim(run.run) for run in lost])
        lost = [run for run in lost if suspect_claim(run.run) not in guarded]
        if lost:
            ask, since = self._sessions.journal.ask, now - ASIDE_MS
            keys = [run.run for run in lost]
            aside = await ask(lambda: set_aside.among(SWEEPS, keys, since=since))
            lost = [run for run in lost if run.run not in aside]
        seen_to = 0
        for start in range(0, len(lost), AT_ONCE):
            chunk = lost[start : start + AT_ONCE]
            done = await asyncio.gather(*(self._guarded(run) for run in chunk), return_exceptions=True)
            seen_to += sum(one is True for one in done)
            _report(done)
        return seen_to

    async def _guarded(self, run: Active) -> bool:
        """See to one run. One that raises is seen to less often from some time on, and told to the operator."""
        failed: Exception | None = None
        try:
            return await self._look_after(run)
        except (NoConversation, Unavailable):
            raise
        except Exception as problem:
            failed = problem
        await self._sessions.journal.ask(lambda: set_aside.raised(SWEEPS, run.run, failed))
        return False

    async def tidy(self) -> int:
        """Once an hour, remove files that were uploaded and never sent; how many. And old raw responses."""
        now = self._clock.now()
        if now < self._tidy_at:
            return 0
        self._tidy_at = now + TIDY_MS
        journal = self._sessions.journal
        await journal.ask(lambda: set_aside.forget_old(now))
        await journal.ask(lambda: responselog.delete_old(now, journal.using))
        return await journal.ask(lambda: attachments.clean(now, using=journal.using))

    async def _store_remembers(self) -> bool:
        """Whether leases can be believed. After a store was emptied, no lease only means that the owner has
        not renewed it yet: give every living owner the time to do so before calling it dead."""
        store = self._sessions.store
        ttl = max(60_000, 20 * self._every_ms)
        if not await store.renew(self._mark, self._name, ttl):
            await store.acquire(self._mark, self._name, ttl)
            self._claimed.clear()
            if self._marked:
                log.warning("The store has lost its leases; their owners get time to renew them.")
                self._hold_until = self._clock.now() + LEASE_RENEWALS * self._renew_ms
            self._marked = True
        return self._clock.now() >= self._hold_until

    async def _look_after(self, run: Active) -> bool:
        store = self._sessions.store
        # Before anything is loaded: a run that waits for its place is seen by every sweep of every worker.
        lasts = LEASE_RENEWALS * self._renew_ms if _kind(run) == "lost" else CLAIM_MS
        claim = claim_of(run)
        claimant = f"{self._name}/{secrets.token_hex(4)}"
        if not await store.acquire(claim, claimant, lasts):
            left = (await store.leases([claim])).get(claim, 0)
            self._claimed[claim] = self._clock.now() + left
            return False
        done = False
        try:
            done = await self._bring_back(run)
        finally:
            if not done:
                with cleaning_up():
                    await store.release(claim, claimant)
        if done:
            self._claimed[claim] = self._clock.now() + lasts
        return done

    async def _bring_back(self, run: Active) -> bool:
        sessions = self._sessions
        # Brings the session back if Redis lost it, and archives what its last writer left (rule S6).
        found = run_of((await sessions.load(run.conversation)).state)
        if found is None or found["id"] != run.run or found["status"] not in RUN.open:
            return False  # it ended, and only its row did not know yet
        if await sessions.store.lease(run.conversation) is not None:
            return False  # the session came back, and whoever owned the run has a lease again
        if run.status == "running":
            await self._mark_recovering(run)
        log.info("Run %s (%s) has no owner and is put into the queue.", run.run, run.status)
        put = self._enqueue if (run.status, run.attempt) == ("queued", 0) else self._enqueue_first
        return await put(run.conversation, run.run)

    async def _mark_recovering(self, run: Active) -> None:
        crowd = await self._crowd(run.worker)

        def lost(view: SessionView) -> list[e.Event]:
            return decide_recovering(view.state, run.run, run.attempt, self._clock.now(), crowd)

        try:
            await self._sessions.append(run.conversation, lost)
        except (Rejected, Fenced):
            pass

    async def _crowd(self, worker: str) -> int:
        """How many runs were lost with a worker. Asked when the first of them is found, and remembered."""
        if (known := self._crowds.get(worker)) is None:
            known = max(1, await crowd_of(self._sessions.journal, worker))
            self._crowds[worker] = max(known, self._crowds.get(worker, 0))
            while len(self._crowds) > MAX_CROWDS:
                del self._crowds[next(iter(self._crowds))]
        return self._crowds.get(worker, known)


def _report(results: Iterable[Any]) -> None:
    for one in results:
        if isinstance(one, Exception) and not isinstance(one, NoConversation):
            log.warning("A run could not be looked after: %r", one)
