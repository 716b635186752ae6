"""Takes runs from the queue and has the pool perform them. A streaQ worker that breaks is replaced."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from anyio import CancelScope
from django.conf import settings
from streaq import Worker

from chat.runs.pool import Pool
from chat.runs.probe import PROBE
from chat.runs.queue import RUN, streaq_options
from chat.support.backoff import Backoff
from chat.support.reasons import reason

log = logging.getLogger(__name__)

#: Seconds before a streaQ worker that broke is replaced, at first and at most.
BACKOFF = Backoff(0.2, 3.0)


class _Streaq(Worker[None]):
    """A streaQ worker that is stopped by an event instead of by signals, and tells when it has broken."""

    broken: asyncio.Event
    leaving: asyncio.Event

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
    pool: Pool, leaving: asyncio.Event, answer: Callable[[str], Coroutine[Any, Any, None]] = _nobody
) -> None:
    """Take runs from the queue until `leaving`; a streaQ worker that breaks is replaced. Probes go to `answer`."""

    async def perform(conversation: str, run: str) -> None:
        await (answer(run) if conversation == PROBE else pool.perform(conversation, run))

    pauses = iter(BACKOFF)
    retired: set[asyncio.Task[None]] = set()
    while not leaving.is_set():
        broken = asyncio.Event()
        taker = asyncio.create_task(_streaq(perform, broken, leaving), name="streaq worker")
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
    perform: Callable[[str, str], Coroutine[Any, Any, None]], broken: asyncio.Event, leaving: asyncio.Event
) -> None:
    """One streaQ worker, until it breaks or leaves. Never raises."""
    size = settings.HOLDFAST_WORKER_CONCURRENCY
    worker = _Streaq(**streaq_options(), concurrency=size, prefetch=1)
    worker.broken, worker.leaving = broken, leaving

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
