"""Takes runs from the queue and has the pool perform them. A streaQ worker that breaks is replaced."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from anyio import CancelScope
from django.conf import settings
from streaq import Worker

from chat.runs.pool import SPARE, Pool
from chat.runs.probe import PROBE
from chat.runs.queue import RUN, streaq_options
from chat.runs.share import Share
from chat.support.backoff import Backoff
from chat.support.reasons import reason

log = logging.getLogger(__name__)

#: Seconds before a streaQ worker that broke is replaced, at first and at most.
BACKOFF = Backoff(0.2, 3.0)


class _Streaq(Worker[None]):
    """A streaQ worker that is stopped by an event instead of by signals, tells when it has broken, and takes from the
    queue what is its share and can be begun now."""

    broken: asyncio.Event
    leaving: asyncio.Event
    share: Share

    async def _read_streams_legacy(self, count: int, block: bool = False) -> Any:
        return await self._take(super()._read_streams_legacy, count, block)

    async def _read_streams_max_count(self, count: int, block: bool = False) -> Any:
        return await self._take(super()._read_streams_max_count, count, block)

    async def _take(self, read: Callable[..., Awaitable[Any]], most: int, block: bool) -> Any:
        """streaQ asks twice: for what is there, and then for what comes. The first question is answered with nothing,
        and the second when there is something: in between, what we may take changes."""
        if not block:
            return {}
        while True:
            turn = self.share.turn(self._count)
            await asyncio.sleep(turn.pause)
            if turn.count <= 0:
                continue
            # By priority, and what dead workers had taken before what nobody has.
            if entries := await read(min(most, turn.count)):
                return entries
            if turn.wait and (entries := await read(1, block=True)):
                return entries

    async def signal_handler(self, scope: CancelScope) -> None:
        """streaQ runs this beside its other loops: it is cancelled when one of them fails."""
        try:
            await self.leaving.wait()
            scope.cancel("leaving")
        finally:
            self.broken.set()


async def _nobody(token: str) -> None:
    """For a worker that answers no probes."""


async def take_tasks(
    pool: Pool,
    share: Share,
    leaving: asyncio.Event,
    answer: Callable[[str], Coroutine[Any, Any, None]] = _nobody,
) -> None:
    """Take runs from the queue until `leaving`; a streaQ worker that breaks is replaced. Probes go to `answer`."""

    async def perform(conversation: str, run: str) -> None:
        await (answer(run) if conversation == PROBE else pool.perform(conversation, run))

    pauses = iter(BACKOFF)
    retired: set[asyncio.Task[None]] = set()
    while not leaving.is_set():
        broken = asyncio.Event()
        taker = asyncio.create_task(_streaq(perform, share, broken, leaving), name="streaq worker")
        # A broken one may take long to end; it is out of use from now on, and a new one takes its place.
        retired.add(taker)
        taker.add_done_callback(retired.discard)
        began = asyncio.get_running_loop().time()
        gone = asyncio.create_task(broken.wait())
        await asyncio.wait({taker, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if leaving.is_set():
            break
        if asyncio.get_running_loop().time() - began > 10:
            pauses = iter(BACKOFF)
        pause = next(pauses)
        log.warning("The queue broke off; taking runs again in %.1f s.", pause)
        await asyncio.sleep(pause)
    if retired:
        await asyncio.wait(retired, timeout=1)


async def _streaq(
    perform: Callable[[str, str], Coroutine[Any, Any, None]],
    share: Share,
    broken: asyncio.Event,
    leaving: asyncio.Event,
) -> None:
    """One streaQ worker, until it breaks or leaves. Never raises."""
    size = settings.HOLDFAST_WORKER_CONCURRENCY
    worker = _Streaq(**streaq_options(), concurrency=size + SPARE, prefetch=1)
    worker.broken, worker.leaving, worker.share = broken, leaving, share

    async def run(conversation: str, run: str) -> None:
        over = asyncio.create_task(perform(conversation, run))
        gone = asyncio.create_task(broken.wait())
        try:
            await asyncio.wait({over, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            over.cancel()

    # No limit of tries or time, and no result: how often and how long is decided by the run itself.
    worker.task(name=RUN, timeout=None, max_tries=None, ttl=0, silent=True)(run)
    try:
        await worker.run_async()
    except Exception as problem:
        log.warning("The queue's worker ended: %s.", reason(problem))
    finally:
        broken.set()
