"""Runs on their way to a worker: streaQ over Redis Streams (rule R1), and nothing but (conversation, run).

The queue only says "look at this run": whether there is anything to do is decided by the session and its
lease. So an entry may be lost (the sweeper puts it in again), come twice, or come to a worker that finds the run
taken or over; all of that is harmless. Tasks are JSON, never pickle.
"""

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from streaq import Worker

from chat.support.backoff import Backoff
from chat.support.reasons import reason
from chat.support.redis_address import parse, queue_name
from chat.support.tasks import end

log = logging.getLogger(__name__)

#: Name of the streaQ task that performs a run; arguments: conversation, run.
RUN = "run"
#: Priorities, lowest first. What was begun before and shall go on comes before what is new. The name of the lower one
#: is streaQ's default: a worker of release 0.1.0 sees that one only.
NEW, RECOVERING = "normal", "recovering"
#: Seconds that a put may take. A queue that does not answer holds nobody up: the run is journalled already.
TIMEOUT_S = 2.0
#: Entries that go to Redis in one pipeline.
BATCH = 100
#: Seconds between two tries to reach the queue, at first and at most.
BACKOFF = Backoff(0.1, 2.0)


def streaq_options() -> dict[str, Any]:
    """What every streaQ object of this installation must agree on."""
    return {
        # A read waits for an entry as long as the idle timeout.
        **parse(settings.HOLDFAST_REDIS_URL).for_streaq(settings.HOLDFAST_LEASE_MS / 1000),
        "queue_name": queue_name(settings.HOLDFAST_REDIS_PREFIX),
        "priorities": [NEW, RECOVERING],  # a list of its own each time: streaQ turns it round in place
        "serializer": _to_json,
        "deserializer": json.loads,
        # How long a dead worker's entries lie before another takes them. The lease decides who may work, so
        # earlier than that would only wake somebody in vain.
        "idle_timeout": settings.HOLDFAST_LEASE_MS / 1000,
    }


@dataclass(frozen=True, slots=True)
class _Entry:
    """A run on its way into the queue; `done` says whether it is there."""

    conversation: str
    run: str
    priority: str
    done: asyncio.Future[bool]


class Queue:
    """The way into the queue for one process and event loop; connects with the first put."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[_Entry] = asyncio.Queue()
        self._server: asyncio.Task[None] | None = None

    async def put(self, conversation: str, run: str) -> bool:
        """Have a worker look at `run`. Call this after the journal has what it is to find there (rule S5).

        Returns whether the queue has it. Never raises: what is not queued is found by the sweeper.
        """
        return await self._put(conversation, run, NEW)

    async def put_first(self, conversation: str, run: str) -> bool:
        """`put`, before all that is new: for a run that was begun before, and whose owner was lost or has left."""
        return await self._put(conversation, run, RECOVERING)

    async def _put(self, conversation: str, run: str, priority: str) -> bool:
        loop = asyncio.get_running_loop()
        if self._server is None or self._server.done():
            self._server = loop.create_task(self._serve(), name="queue")
        done: asyncio.Future[bool] = loop.create_future()
        self._waiting.put_nowait(_Entry(conversation, run, priority, done))
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await done
        except TimeoutError:
            log.warning("Run %s could not be queued; the sweeper will find it.", run)
            return False

    async def close(self) -> None:
        """Let go of the connection. Entries that wait are dropped."""
        if self._server is not None:
            await end([self._server])
            self._server = None

    async def _serve(self) -> None:
        """Hold the connection (coredis wants it entered and left in one task) and carry entries over."""
        pauses = iter(BACKOFF)
        while True:
            try:
                async with Worker(**streaq_options()) as client:
                    while True:
                        await self._carry(client)
                        pauses = iter(BACKOFF)
            except Exception as problem:
                pause = next(pauses)
                log.warning("The queue cannot be reached (%s); next try in %.1f s.", reason(problem), pause)
                await asyncio.sleep(pause)

    async def _carry(self, client: "Worker[Any]") -> None:
        batch = [await self._waiting.get()]
        while len(batch) < BATCH and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())
        batch = [
            entry for entry in batch if not entry.done.done()
        ]  # whoever gave up does not want it any more
        try:
            await client.enqueue_many(
                [
                    client.enqueue_unsafe(RUN, entry.conversation, entry.run).start(priority=entry.priority)
                    for entry in batch
                ]
            )
        except BaseException:
            for entry in batch:
                self._waiting.put_nowait(entry)
            raise
        for entry in batch:
            if not entry.done.done():
                entry.done.set_result(True)


def _to_json(value: Any) -> str:
    """JSON for streaQ's own records; what is no JSON (the exception of a failed task) is written as text."""
    return json.dumps(value, default=repr, separators=(",", ":"))
