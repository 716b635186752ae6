"""Schedules' side task of the worker process: looks for what is due, has it run, and sees to the results.

    every HOLDFAST_SCHEDULE_LOOK_MS:  take_due ─► begin what was received ─► settle what is over ─► deliver

Any number of workers do this at once (store.py, dispatch.py, results.py, delivery.py). A look that fails, because the
database or Redis is away, is followed by the next one: what is due stays due.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from django.conf import settings

from chat import set_aside
from chat.automation.firing import fire
from chat.entrances.schedules import delivery, dispatch, queues, results, store
from chat.entrances.schedules.models import ScheduleDelivery, ScheduleFiring
from chat.inbox import Inbox
from chat.session.sessions import Sessions
from chat.set_aside import OUTAGES
from chat.support import kill_points
from chat.support.clock import WALL, Clock
from chat.support.database import ask
from chat.support.looking import keep_looking

log = logging.getLogger(__name__)

#: After a failure that nobody foresaw (seconds).
ERROR_DELAY_S = 2.0
#: Firings that are begun at the same time.
AT_ONCE = 8


class ScheduleService:
    """Schedules, for one worker process. `run` it in a task; `clock` says when something is due."""

    def __init__(
        self,
        sessions: Sessions,
        enqueue: Callable[[str, str], Awaitable[bool]],
        *,
        clock: Clock = WALL,
        page: int = store.BATCH,
    ) -> None:
        self._inbox = Inbox(sessions, enqueue)
        self._clock = clock
        self._page = page
        #: The last result that was looked at, while there are more than one page of them.
        self._after: results.Place | None = None

    async def run(self) -> None:
        """Look until cancelled. Survives outages."""

        async def look() -> float:
            await self.look()
            return settings.HOLDFAST_SCHEDULE_LOOK_MS / 1000

        await keep_looking("Schedules", look, after_failure_s=ERROR_DELAY_S, away=OUTAGES, log=log)

    async def look(self) -> int:
        """See once to everything there is to do now; how many due times, firings and results that were."""
        done = 0
        await ask(store.tell_resting, self._clock.now())
        for schedule in await ask(store.due_schedules, self._clock.now()):
            done += await self._take(schedule)
        waiting = await ask(dispatch.waiting)
        for start in range(0, len(waiting), AT_ONCE):
            done += sum(await asyncio.gather(*map(self._begin, waiting[start : start + AT_ONCE])))
        moved = await ask(results.moved, self._after, self._page)
        self._after = moved[-1] if len(moved) == self._page else None
        for _, firing in moved:
            done += await self._settle(firing)
        for parcel in await ask(delivery.pending):
            done += await self._deliver(parcel)
        return done

    async def _take(self, schedule: UUID) -> int:
        failed: Exception | None = None
        try:
            taken = await ask(store.take_due, schedule, self._clock.now())
        except set_aside.OUTAGES:
            raise  # it is about all of them, and passes
        except Exception as problem:
            failed = problem
        else:
            kill_points.point("schedules.received")
            return taken
        # A decision is pure: what raises once raises each time, and there is no second try.
        await ask(store.set_aside, schedule)
        await ask(set_aside.put_aside, queues.SCHEDULES, str(schedule), failed)
        return 0

    async def _settle(self, firing: UUID) -> bool:
        # One that cannot be settled must not keep all others from it.
        settled = ask(results.settle, firing)
        return await set_aside.guarded(queues.RESULTS, str(firing), settled, partial(results.give_up, firing))

    async def _begin(self, row: ScheduleFiring) -> bool:
        async def begin() -> bool:
            if not await ask(dispatch.claim, row):
                return False
            fired = await fire(self._inbox, row.firing(row.schedule))
            kill_points.point("schedules.fired")
            await ask(partial(dispatch.begun, row, fired))
            return True

        aside, later = partial(dispatch.give_up, row), partial(dispatch.raised, row)
        return await set_aside.guarded(queues.FIRINGS, str(row.pk), begin(), aside, later)

    async def _deliver(self, row: ScheduleDelivery) -> bool:
        async def deliver() -> bool:
            await ask(delivery.send, row)
            return True

        return await set_aside.guarded(
            queues.DELIVERIES, str(row.pk), deliver(), partial(delivery.give_up, row.pk)
        )
