"""The triggers' side task of a worker process.

    every POLL_S:  pending firings ─► messages      conversations behind ─► scan      addresses due ─► look

Any number of workers may do this. Nothing is held in memory between two rounds: what a worker that dies leaves behind
is found by the next round of any other.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from agents.tools.fetching import Fetcher
from chat import set_aside
from chat.entrances.triggers import addresses, bodies, dispatch, oldest, polling, queues, watching
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.inbox import Inbox
from chat.session.sessions import Sessions
from chat.set_aside import OUTAGES
from chat.support import kill_points
from chat.support.clock import MACHINE, Clock, now_ms
from chat.support.database import ask
from chat.support.looking import keep_looking
from chat.support.tasks import end

log = logging.getLogger(__name__)

POLL_S = 0.5
#: Without any trigger there is nothing to look for; seconds until the next look for one.
IDLE_POLL_S = 3.0
#: After a failure that nobody foresaw (seconds).
ERROR_DELAY_S = 2.0
#: Messages that are sent at the same time, and addresses that are looked at.
AT_ONCE = 8
MAX_POLLS = 20
#: How often a look at all conversations begins, a page a round, and the time that the other looks go back (ms).
WHOLE_MS = 30_000
LATELY_MS = 300_000
#: Conversations that are read before what was found is carried out.
CHUNK = 50
#: How often rows of what did not match are tidied away (ms), and how many of them a trigger keeps.
TIDY_MS = 600_000
MAX_KEPT = 50
#: Large bodies that are removed at once.
MAX_BODIES = 500


class TriggerService:
    """Triggers, for one worker process. `run` it in a task."""

    def __init__(
        self,
        sessions: Sessions,
        enqueue: Callable[[str, str], Awaitable[bool]],
        *,
        clock: Clock = MACHINE,
        fetcher: Fetcher | None = None,
        look_s: float = POLL_S,
        asleep_s: float = IDLE_POLL_S,
        whole_ms: int = WHOLE_MS,
        page: int = watching.BATCH,
    ) -> None:
        self._inbox = Inbox(sessions, enqueue)
        self._clock = clock
        self._fetcher = fetcher or addresses.fetcher()
        self._look_s = look_s
        self._asleep_s = asleep_s
        self._whole_ms = whole_ms
        #: Looks at addresses that are under way.
        self.looks: set[asyncio.Task[None]] = set()
        self._tidy_at = 0
        self._whole_at = 0
        self._page = page
        #: While there are more pages of conversations: since when those were written to, and the last one looked at.
        self._pages: tuple[int, watching.Place] | None = None
        #: While a look at all conversations goes on: the last one that had its turn.
        self._turn: watching.Place | None = None

    async def run(self) -> None:
        """Look until cancelled. Survives outages."""
        try:
            await keep_looking("Triggers", self._next, after_failure_s=ERROR_DELAY_S, away=OUTAGES, log=log)
        finally:
            await end(self.looks)

    async def _next(self) -> float:
        awake = await ask(Trigger.objects.exists)
        if awake:
            await self.round()
        return (self._look_s if awake else self._asleep_s) * random.uniform(0.8, 1.2)

    async def round(self) -> None:
        """Look once at everything. Addresses are looked at beside it."""
        await self._scan()
        await self._send()
        if len(self.looks) < MAX_POLLS:
            for trigger in await ask(polling.due, self._clock.now()):
                task = asyncio.create_task(self._look(trigger), name=f"look {trigger}")
                self.looks.add(task)
                task.add_done_callback(self.looks.discard)
        await ask(find_runs, self._clock.now())
        if self._clock.now() >= self._tidy_at:
            self._tidy_at = self._clock.now() + TIDY_MS
            await ask(tidy, self._clock.now())

    async def _scan(self) -> None:
        now = self._clock.now()
        since, after = self._pages or (now - LATELY_MS, None)
        found = await ask(watching.behind, since, after, self._page)
        self._pages = (since, found[-1]) if len(found) == self._page else None
        if self._turn is not None or now >= self._whole_at:
            if self._turn is None:
                self._whole_at = now + self._whole_ms
            others, self._turn = await ask(watching.turn, self._turn, self._page)
            found += [one for one in others if one not in found]
        keys = [str(id) for _, id in found]
        aside = await ask(set_aside.among, queues.SCANS, keys) if keys else set()
        for start in range(0, len(found), CHUNK):
            for _, conversation in found[start : start + CHUNK]:
                if str(conversation) not in aside:
                    await self._read(conversation)
            await self._send()  # what was found first does not wait for all of it

    async def _read(self, conversation: UUID) -> None:
        """Read on in one conversation. One that cannot be read must not keep all others from being read."""

        async def read() -> bool:
            await ask(watching.scan, conversation, self._clock.now())
            return True

        def step_over(reason: str) -> None:
            watching.scan(conversation, self._clock.now(), queues.EVENTS)
            set_aside.went_well(queues.SCANS, str(conversation))

        await set_aside.guarded(queues.SCANS, str(conversation), read(), step_over)

    async def _send(self) -> None:
        """Carry out what is pending: of one conversation one after the other, in their order."""
        lanes: dict[object, list[int]] = {}
        for pk, conversation in await ask(dispatch.due, self._clock.now()):
            lanes.setdefault(conversation, []).append(pk)
        room = asyncio.Semaphore(AT_ONCE)

        async def along(lane: list[int]) -> None:
            async with room:
                for pk in lane:
                    if not await self._send_one(pk):
                        return  # what comes after it waits, too

        done = await asyncio.gather(*(along(lane) for lane in lanes.values()), return_exceptions=True)
        for one in done:
            if isinstance(one, BaseException):
                log.warning("A firing could not be carried out and will be tried again: %r", one)

    async def _send_one(self, pk: int) -> bool:
        """Whether it is not pending any more."""

        async def send() -> bool:
            row = await ask(dispatch.claim, pk, self._clock.now())
            if row is None:
                return False
            kill_points.point("trigger.claimed")
            fired = await dispatch.send(self._inbox, row, self._clock)
            return not fired.retry

        aside, later = partial(dispatch.give_up, pk), partial(dispatch.raised, pk, self._clock.now())
        return await set_aside.guarded(queues.FIRINGS, str(pk), send(), aside, later)

    async def _look(self, pk: UUID) -> None:
        key = str(pk)

        async def look() -> bool:
            trigger = await ask(Trigger.objects.filter(pk=pk).first)
            if trigger is None:
                return False
            found = await polling.look(self._fetcher, trigger)
            await ask(polling.observe, trigger.pk, trigger.observation, found, self._clock.now())
            await ask(set_aside.went_well, queues.POLLS, key)
            return True

        try:
            await set_aside.guarded(queues.POLLS, key, look(), partial(polling.give_up, pk))
        except set_aside.OUTAGES as problem:
            log.warning("The look of trigger %s is lost: %r", pk, problem)


def find_runs(now: int) -> None:
    """Fill in the runs of firings that had to wait behind another run, where they are known by now."""
    for pk in dispatch.unread(now):
        set_aside.attempt(
            queues.RUNS, str(pk), partial(dispatch.find_run, pk, now), partial(dispatch.give_up_finding, pk)
        )


def tidy(now: int | None = None) -> int:
    """Remove old rows of what did not match or was refused, all but each trigger's newest, those that a person may not
    keep, and old large bodies; how many rows."""
    removed = oldest.make_room(now_ms() if now is None else now)
    for trigger, kind in Trigger.objects.values_list("pk", "kind"):
        reason = "too_large" if kind == "webhook" else "no_match"
        rows = TriggerFiring.objects.filter(trigger=trigger, state="skipped", reason=reason)
        newest = rows.order_by("-id").values_list("pk", flat=True)[MAX_KEPT : MAX_KEPT + 1]
        for last in newest:
            removed += rows.filter(pk__lte=last).delete()[0]
    since = (now_ms() if now is None else now) - bodies.KEPT_MS
    old = TriggerFiring.objects.filter(created_at__lt=since).exclude(body="")
    for pk, name in old.values_list("pk", "body")[:MAX_BODIES]:
        bodies.remove(name)
        TriggerFiring.objects.filter(pk=pk).update(body="")
    return removed
