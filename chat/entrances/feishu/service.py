"""Feishu's side task of the worker process: finds lanes with something to do, and keeps each while there is.

    every LOOK_S: look (three short queries) ─► for each lane that nobody has: claim it ─► Keeper
    Keeper: two loops, what comes in and what goes out, until neither has anything left; then the lane is given back

Any number of workers may do this. A lane is one worker's (a lease, renewed; a worker that was paused finds by its
own clock that it ran out and stops), and what is done twice all the same has the same ids.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial

from chat.entrances.feishu.client import FeishuClient
from chat.entrances.feishu.delivery import Delivery
from chat.entrances.feishu.errors import FeishuError
from chat.entrances.feishu.follow import Follower
from chat.entrances.feishu.intake import Intake
from chat.entrances.feishu.lanes import LEASE_MS, RENEW_S, Todo, ask, claim, look, now_ms, release, renew
from chat.entrances.feishu.models import FeishuApp, FeishuLane
from chat.feed import Feed
from chat.files import attachments
from chat.inbox import Inbox
from chat.session.errors import Unavailable
from chat.session.sessions import Sessions
from chat.support.tasks import end, heed_cancellation

log = logging.getLogger(__name__)

LOOK_S = 0.25
#: Without any app there is nothing to look for; seconds until the next look for one.
ASLEEP_S = 5.0
#: A keeper's round, if nothing wakes it earlier (seconds).
ROUND_S = 0.3
#: After a failure that nobody foresaw (seconds).
CALM_S = 2.0
#: Lanes of one worker at the same time.
MOST_LANES = 200
#: Card changes of one app per second, below Feishu's 1000 a minute; a change is up to two requests.
CHANGES_PER_S = 6.0
FASTEST_MS = 700


class FeishuService:
    """Feishu, for one worker process. `run` it in a task; `clock` in milliseconds."""

    def __init__(
        self,
        sessions: Sessions,
        enqueue: Callable[[str, str], Awaitable[bool]],
        *,
        worker: str,
        clock: Callable[[], int] = now_ms,
        asleep_s: float = ASLEEP_S,
    ) -> None:
        self.me = worker
        self.clock = clock
        self.inbox = Inbox(sessions, enqueue)
        self.feed = Feed(sessions.store, sessions.look)
        self.busy = 1
        self._asleep_s = asleep_s
        self._keepers: dict[int, Keeper] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._clients: dict[str, FeishuClient] = {}

    async def run(self) -> None:
        """Look and keep until cancelled. Survives outages."""
        feed = asyncio.create_task(self.feed.run(), name="feishu feed")
        try:
            while True:
                heed_cancellation()
                try:
                    awake = await ask(FeishuApp.objects.filter(enabled=True).exists)
                    if awake:
                        await self._look()
                    await asyncio.sleep(LOOK_S if awake else self._asleep_s)
                except Exception:
                    log.exception("Feishu could not be looked after; again in %.0f s.", CALM_S)
                    await asyncio.sleep(CALM_S)
        finally:
            await end([*self._tasks.values(), feed])
            for client in self._clients.values():
                await client.aclose()

    def client(self, app: FeishuApp) -> FeishuClient:
        """The client for an app as it is configured now."""
        mark = f"{app.pk} {app.app_id} {app.base_url} {app.secret}"
        if mark not in self._clients:
            self._clients[mark] = FeishuClient(app)
        return self._clients[mark]

    def every_ms(self) -> int:
        """How often one card may change, for all cards together to stay within the app's limits."""
        return max(FASTEST_MS, int(1000 * self.busy / CHANGES_PER_S))

    async def _look(self) -> None:
        todo: Todo = await ask(look, self.me, now_ms())
        self.busy = max(1, todo.busy)
        for lane in todo.lanes:
            keeper = self._keepers.get(lane)
            if keeper is None:
                if len(self._keepers) >= MOST_LANES or not await ask(claim, lane, self.me, now_ms()):
                    continue
                keeper = self._keepers[lane] = Keeper(self, lane)
                task = asyncio.create_task(keeper.keep(), name=f"feishu lane {lane}")
                self._tasks[lane] = task
                task.add_done_callback(partial(self._left, lane))
            if lane in todo.mail:
                keeper.mail.set()
            if lane in todo.out or lane in todo.news:
                keeper.news = True

    def _left(self, lane: int, _: object) -> None:
        self._keepers.pop(lane, None)
        self._tasks.pop(lane, None)


class Keeper:
    """Sees to one lane while it has something to do."""

    def __init__(self, service: FeishuService, lane: int) -> None:
        self._service = service
        self._lane = lane
        self._until = time.monotonic() + LEASE_MS / 1000 - 1
        self.mail = asyncio.Event()
        self.news = True
        self._taking = False

    def mine(self) -> bool:
        """Whether the lease still holds, by this process's own clock (it may have been paused)."""
        return time.monotonic() < self._until

    async def keep(self) -> None:
        """Until there is nothing left to do, or the lane is lost. Never raises."""
        me = self._service.me
        tasks: list[asyncio.Task[None]] = []
        follower: Follower | None = None
        try:
            lane = await ask(FeishuLane.objects.select_related("app__agent", "owner").get, pk=self._lane)
            client = self._service.client(lane.app)
            follower = Follower(self._service.feed, str(lane.conversation))
            loops = (self._take(lane, client), self._deliver(lane, client, follower), self._renew())
            tasks = [asyncio.create_task(one) for one in loops]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except Exception:
            log.exception("Feishu lane %s could not be looked after.", self._lane)
            await asyncio.sleep(CALM_S)
        finally:
            await end(tasks)
            if follower is not None:
                follower.close()
            try:
                await ask(release, self._lane, me)
            except Exception as problem:
                log.warning("Feishu lane %s could not be given back: %r", self._lane, problem)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            asked = time.monotonic()
            try:
                kept = await ask(renew, self._lane, self._service.me, now_ms())
            except Exception as problem:
                log.warning("Feishu lane %s could not be renewed: %r", self._lane, problem)
                if self.mine():
                    continue
                return
            if not kept:
                return
            self._until = asked + LEASE_MS / 1000 - 1

    async def _take(self, lane: FeishuLane, client: FeishuClient) -> None:
        async def bot() -> str:
            if not lane.app.bot_open_id:
                lane.app.bot_open_id = await client.bot_open_id()
                await ask(lane.app.save, update_fields=["bot_open_id"])
            return lane.app.bot_open_id

        async def fetch(message: str, key: str, kind: str) -> bytes:
            return await client.resource(message, key, kind, attachments.limits().size)

        intake = Intake(lane.app, lane, self._service.inbox, bot, fetch)
        while True:
            await self.mail.wait()
            self.mail.clear()
            self._taking = True
            try:
                if not await intake.take(self.mine):
                    await asyncio.sleep(ROUND_S)
            except (FeishuError, Unavailable) as problem:
                log.warning("What came in to Feishu lane %s has to wait: %s", self._lane, problem)
                await asyncio.sleep(CALM_S)
            finally:
                self._taking = False
                self.news = True

    async def _deliver(self, lane: FeishuLane, client: FeishuClient, follower: Follower) -> None:
        delivery = Delivery(
            lane,
            self._service.me,
            client,
            follower,
            clock=self._service.clock,
            mine=self.mine,
            every_ms=self._service.every_ms,
        )
        while self.mine():
            news, self.news = self.news, False
            try:
                idle = await delivery.go_on(news)
            except Unavailable as problem:
                log.warning("Feishu lane %s has to wait: %s", self._lane, problem)
                idle = False
                await asyncio.sleep(CALM_S)
            if idle and not (self.news or self._taking or self.mail.is_set()):
                return
            follower.news.clear()
            try:
                async with asyncio.timeout(ROUND_S):
                    await follower.news.wait()
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(0.05)
