"""The queue: entries get through, and outages lose time, not runs."""

import asyncio
import gc
import json
from collections.abc import Iterator
from contextlib import asynccontextmanager

import pytest
from streaq import Worker

from chat.runs.queue import RUN, Queue, streaq_options
from tests.support.valkey import Valkey
from tests.support.waiting import eventually

#: streaQ 7.2 and coredis 6.9 leave in-memory streams to the collector, which anyio complains about.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Unclosed <MemoryObject:ResourceWarning",
    "ignore:.*MemoryObject:pytest.PytestUnraisableExceptionWarning",
)


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What is left to the collector is collected here, where the marks above hold."""
    yield
    gc.collect()


@asynccontextmanager
async def taker(url: str):
    """A streaQ worker that writes down which runs it is given."""
    got: list[tuple[str, str]] = []

    class Quiet(Worker):
        async def signal_handler(self, scope):
            await asyncio.Event().wait()

    worker = Quiet(**{**streaq_options(), "redis_url": url})

    async def run(conversation: str, run: str) -> None:
        got.append((conversation, run))

    worker.task(name=RUN, timeout=None, max_tries=None, ttl=0, silent=True)(run)
    task = asyncio.create_task(worker.run_async())
    try:
        yield got
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def queue():
    opened = Queue()
    try:
        yield opened
    finally:
        await opened.close()


async def test_R1_what_is_put_in_comes_to_a_worker(redis_url, settings):
    settings.HOLDFAST_REDIS_URL = redis_url
    async with queue() as runs, taker(redis_url) as got:
        assert all(await asyncio.gather(*(runs.put("c", f"run{n}") for n in range(250))))
        await eventually(lambda: len(got) == 250, 10, "250 runs")
        assert {run for _, run in got} == {f"run{n}" for n in range(250)}


async def test_R1_entries_are_json_and_nothing_else(redis_url, settings, valkey):
    settings.HOLDFAST_REDIS_URL = redis_url
    async with queue() as runs:
        assert await runs.put("c", "r")
    with valkey.client() as client:
        (key,) = client.keys("streaq:*:task:*")
        stored = json.loads(client.get(key))
    assert (stored["f"], stored["a"]) == (RUN, ["c", "r"])


async def test_a_queue_that_is_away_holds_nobody_up_and_is_found_again(settings):
    with Valkey() as server:
        settings.HOLDFAST_REDIS_URL = server.url
        async with queue() as runs:
            assert await runs.put("c", "before")
            server.kill()
            loop = asyncio.get_running_loop()
            began = loop.time()
            assert await runs.put("c", "during") is False
            assert loop.time() - began < 3
            server.start()

            async def through() -> bool:
                return await runs.put("c", "after")

            assert await eventually(through, 10, "the queue to be back")
