"""A messenger's side task of the worker process: finds lanes with something to do, and keeps each while there is.

    every POLL_S: look (a few short queries) ─► for each lane that nobody has: claim it ─► Keeper
    Keeper: two loops, what comes in and what goes out, until neither has anything left; then the lane is given back
    A chat that has seen no sign of life goes before all others (signs.py), and what keeps a lane before these.

Any number of workers may do this. A lane is one worker's (a lease, renewed; a worker that was paused finds by its
own clock that it ran out and stops), and what is done twice all the same has the same ids.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from chat.feed import Feed
from chat.inbox import Inbox
from chat.messenger.adapter import Client, Messenger
from chat.messenger.database import OUTAGES, ask
from chat.messenger.delivery import LaneDelivery
from chat.messenger.errors import MessengerError
from chat.messenger.follow import Follower
from chat.messenger.intake import Intake
from chat.messenger.lanes import (
    LEASE_MS,
    MAX_CHATS,
    RENEW_S,
    START,
    Chat,
    Todo,
    in_turn,
    look,
    newest_message,
    release,
    renew,
    take,
    take_new,
)
from chat.messenger.models import Lane
from chat.messenger.signs import FirstSign
from chat.session.errors import Unavailable
from chat.session.sessions import Sessions
from chat.support.backoff import Backoff
from chat.support.clock import now_ms
from chat.support.looking import keep_looking
from chat.support.rush import rush
from chat.support.tasks import cleaning_up, end
from chat.support.turns import in_a_hurry

log = logging.getLogger(__name__)

POLL_S = 0.25
#: Between two looks, when nobody waits for a first sign: whether anything has come in since (seconds).
GLANCE_S = 0.06
#: Without any app there is nothing to look for; seconds until the next look for one.
IDLE_POLL_S = 5.0
#: A keeper's round, if nothing wakes it earlier (seconds).
ROUND_S = 0.3
#: After a failure that nobody foresaw (seconds).
ERROR_DELAY_S = 2.0
#: Chats that are taken together when they come together: so few that other workers find something to do.
TOGETHER = 8
#: Lanes of one worker at the same time.
MAX_LANES = 200
#: A lane whose keeper failed is left alone for this long, doubled each time, and at most (seconds).
FAILED_S = Backoff(2.0, 300.0)


class MessengerService:
    """A messenger, for one worker process. `run` it in a task; `clock` in milliseconds."""

    def __init__(
        self,
        messenger: Messenger,
        sessions: Sessions,
        enqueue: Callable[[str, str], Awaitable[bool]],
        *,
        worker: str,
        clock: Callable[[], int] = now_ms,
        idle_poll_s: float = IDLE_POLL_S,
        page: int = MAX_CHATS,
    ) -> None:
        self.messenger = messenger
        self.me = worker
        self.clock = clock
        self.inbox = Inbox(sessions, enqueue)
        self.feed = Feed(sessions.store, sessions.look)
        self.busy = 1
        self._page = page
        self._place = START
        #: The newest message at the last glance.
        self._newest = 0
        self._idle_poll_s = idle_poll_s
        self._keepers: dict[int, Keeper] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._clients: dict[str, Client] = {}
        #: Lanes whose keepers failed: how often in a row, and until when they are left alone (monotonic).
        self._failed: dict[int, tuple[int, float]] = {}

    async def run(self) -> None:
        """Look and keep until cancelled. Survives outages."""
        feed = asyncio.create_task(self.feed.run(), name=f"{self.messenger.name} feed")
        try:
            what = f"Chats of {self.messenger.label}"
            await keep_looking(what, self._round, after_failure_s=ERROR_DELAY_S, away=OUTAGES, log=log)
        finally:
            with cleaning_up():
                await end([*self._tasks.values(), feed])
                for client in self._clients.values():
                    await client.aclose()

    async def _round(self) -> float:
        with in_a_hurry(0):  # it finds those who wait
            awake = await ask(self.messenger.tables.apps.filter(enabled=True).exists)
        if not awake:
            return self._idle_poll_s
        await self._look()
        for _ in range(int(POLL_S / GLANCE_S) - 1):
            await asyncio.sleep(GLANCE_S)
            if rush().quiet and await self._has_come():
                return 0.0
        return GLANCE_S

    async def _has_come(self) -> bool:
        """Whether a message is newer than all that were there at the last glance: one short question."""
        newest = await ask(newest_message, self.messenger.tables)
        come, self._newest = newest > self._newest, max(newest, self._newest)
        return come

    def client(self, app: Any) -> Client:
        """The client for an app as it is configured now."""
        key = self.messenger.client_key(app)
        if key not in self._clients:
            self._clients[key] = self.messenger.client(app)
        return self._clients[key]

    def every_ms(self) -> int:
        """How often one card may change, for all cards together to stay within the app's limits."""
        limits = self.messenger.limits
        return max(limits.card_every_ms, int(1000 * self.busy / limits.card_changes_per_s))

    def failed(self, lane: int) -> None:
        """The lane's keeper raised: leave it alone for a while, so that it does not do so all the time."""
        times = self._failed.get(lane, (0, 0.0))[0] + 1
        self._failed[lane] = (times, time.monotonic() + FAILED_S.delay(times - 1))

    def went_well(self, lane: int) -> None:
        """The lane's keeper had nothing left to do."""
        self._failed.pop(lane, None)

    async def _look(self) -> None:
        with in_a_hurry(0):
            todo: Todo = await ask(look, self.messenger, self.me, now_ms(), self._place, self._page)
        self._place = todo.next
        self.busy = max(1, todo.busy)
        new, rest = in_turn(todo, self.me)
        for first in range(0, len(new), TOGETHER):
            await self._begin_new(new[first : first + TOGETHER])
        for one in rest:
            keeper, written = self._keepers.get(one), one in todo.mail
            if keeper is None and (keeper := await self._begin(one, written)) is None:
                continue
            if written:
                keeper.mail.set()
            if one in todo.out or one in todo.news:
                keeper.tell()

    async def _begin_new(self, chats: Sequence[Chat]) -> None:
        """Keepers for chats that have been told nothing yet, as far as no other worker has them."""
        chats = chats[: max(0, MAX_LANES - len(self._keepers))]
        taken: list[Lane] | None = None
        with in_a_hurry(time.monotonic()):
            try:
                taken = await ask(take_new, self.messenger, chats, self.me, now_ms()) if chats else []
            except OUTAGES:
                raise
            except Exception:
                log.debug("Something in these chats raises: %s", chats, exc_info=True)
            if taken is None:
                each = [await ask(take, self.messenger, one, self.me, now_ms()) for one in chats]
                taken = [lane for lane in each if lane is not None]
        for lane in taken:
            if lane.pk not in self._keepers:
                self._keep(lane, True).mail.set()

    async def _begin(self, lane: int, written: bool) -> "Keeper | None":
        """A keeper for a lane; whether somebody has `written` there. None: not now."""
        if len(self._keepers) >= MAX_LANES or self._failed.get(lane, (0, 0.0))[1] > time.monotonic():
            return None
        with in_a_hurry(time.monotonic() if written else None):
            taken = await ask(take, self.messenger, lane, self.me, now_ms())
        if taken is None or taken.pk in self._keepers:
            return None
        return self._keep(taken, written)

    def _keep(self, lane: Lane, written: bool) -> "Keeper":
        keeper = self._keepers[lane.pk] = Keeper(self, lane, written)
        task = asyncio.create_task(keeper.keep(), name=f"{self.messenger.name} lane {lane.pk}")
        self._tasks[lane.pk] = task
        task.add_done_callback(partial(self._left, lane.pk))
        return keeper

    def _left(self, lane: int, _: object) -> None:
        self._keepers.pop(lane, None)
        self._tasks.pop(lane, None)


class Keeper:
    """Sees to one lane while it has something to do. `written`: somebody has written there, and nothing went on."""

    def __init__(self, service: MessengerService, lane: Lane, written: bool) -> None:
        self._service = service
        self._messenger = service.messenger
        self._tables = service.messenger.tables
        self._lane = lane
        self._until = time.monotonic() + LEASE_MS / 1000 - 1
        self._follower = Follower(service.feed, str(lane.conversation))
        over = rush().begin() if written else lambda: None
        self._sign = FirstSign(time.monotonic() if written else None, wake=self.tell, over=over)
        self.mail = asyncio.Event()
        self._news = not written
        self._taking = False

    def tell(self) -> None:
        """There is something to be told."""
        self._news = True
        self._follower.news.set()

    def mine(self) -> bool:
        """Whether the lease still holds, by this process's own clock (it may have been paused)."""
        return time.monotonic() < self._until

    async def keep(self) -> None:
        """Until there is nothing left to do, or the lane is lost. Never raises."""
        lane, tasks = self._lane, list[asyncio.Task[None]]()
        try:
            client = self._service.client(lane.app)
            loops = (self._take(client), self._deliver(client), self._renew())
            tasks = [asyncio.create_task(one) for one in loops]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            self._service.went_well(lane.pk)
        except Exception:
            log.exception("Lane %s could not be looked after.", lane.pk)
            self._service.failed(lane.pk)
        finally:
            with cleaning_up():
                await end(tasks)
                self._sign.end()
                self._follower.close()
                try:
                    await ask(release, self._tables, lane.pk, self._service.me)
                except Exception as problem:
                    log.warning("Lane %s could not be given back: %r", lane.pk, problem)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            asked = time.monotonic()
            try:
                with in_a_hurry(0):
                    kept = await ask(renew, self._tables, self._lane.pk, self._service.me, now_ms())
            except Exception as problem:
                log.warning("Lane %s could not be renewed: %r", self._lane.pk, problem)
                if self.mine():
                    continue
                return
            if not kept:
                return
            self._until = asked + LEASE_MS / 1000 - 1

    async def _take(self, client: Client) -> None:
        intake = Intake(self._messenger, self._lane, self._service.inbox, client, self._sign)
        while True:
            await self.mail.wait()
            self.mail.clear()
            self._taking = True
            try:
                if not await intake.take(self.mine):
                    await asyncio.sleep(ROUND_S)
            except (MessengerError, Unavailable, *OUTAGES) as problem:
                log.warning("What came in to lane %s has to wait: %s", self._lane.pk, problem)
                await asyncio.sleep(ERROR_DELAY_S)
            finally:
                self._taking = False
                self._sign.tried()
                self.tell()

    async def _deliver(self, client: Client) -> None:
        follower = self._follower
        delivery = LaneDelivery(
            self._messenger,
            self._lane,
            self._service.me,
            client,
            follower,
            clock=self._service.clock,
            mine=self.mine,
            every_ms=self._service.every_ms,
        )
        while self.mine():
            # Before anything is taken there is nothing to tell, unless somebody says that there is.
            if self._news or self._sign.state != "unread":
                idle = await self._tell(delivery)
                if idle and not (self._news or self._taking or self.mail.is_set()):
                    return
            if self._news:
                continue
            follower.news.clear()
            try:
                async with asyncio.timeout(ROUND_S):
                    await follower.news.wait()
            except TimeoutError:
                pass
            else:
                if self._sign.state == "seen":
                    await asyncio.sleep(0.05)

    async def _tell(self, delivery: LaneDelivery) -> bool:
        """One round of what goes out; whether there is nothing left."""
        news, self._news = self._news, False
        try:
            if self._sign.state == "taken":
                return await self._show(delivery)
            return await delivery.go_on(news)
        except (Unavailable, *OUTAGES) as problem:
            log.warning("Lane %s has to wait: %s", self._lane.pk, problem)
            await asyncio.sleep(ERROR_DELAY_S)
        return False

    async def _show(self, delivery: LaneDelivery) -> bool:
        """The first sign of life: the card of the run that was begun, without which there may be a reply. All else
        follows in no hurry."""
        try:
            with in_a_hurry(self._sign.hurry_out):
                run, message = self._sign.run()
                if not run or not await delivery.show(run, message):
                    return await delivery.go_on(True)
                self._news = True
        finally:
            self._sign.shown()
        await rush().pass_by()
        return False
