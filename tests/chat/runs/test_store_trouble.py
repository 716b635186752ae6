"""A run ends by its own logic, its model's or tools' word, a person, or its limits; never by a store (rule R10).

Each kind of trouble is made with a real server: it goes on reading and refuses to write, for longer than two flushes
of text, while an answer streams and while a tool runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents.dialects.base import Delta, FinishDelta, TextDelta
from agents.models import ensure_default_agent
from chat.commands import CreateBody
from chat.journal.journal import Journal
from chat.session.sessions import Sessions
from tests.chat.runs.test_runner import House
from tests.support.more import more_of
from tests.support.scripted import ScriptedModel, asks, says
from tests.support.valkey import Valkey
from tests.support.worlds import IDLE_MS, make_redis

#: Seconds of trouble, much longer than two flushes of text.
TROUBLE_S = 1.5
WORDS = 100


class SlowTalker:
    """Says a word every 25 ms, so that an answer spans the whole trouble."""

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        for number in range(WORDS):
            yield TextDelta(f"word{number} ")
            await asyncio.sleep(0.025)
        yield FinishDelta("stop")


class Trouble:
    """Commands that begin a trouble and end it, on a connection that was open before and keeps its rights."""

    def __init__(self, server: Valkey, begin: list[tuple[Any, ...]], end: list[tuple[Any, ...]]) -> None:
        self._client = server.client()
        self._begin, self._end = begin, end

    def begin(self) -> None:
        for command in self._begin:
            self._client.execute_command(*command)

    def end(self) -> None:
        for command in self._end:
            self._client.execute_command(*command)


KINDS: dict[str, tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]] = {
    "it has too few replicas": (
        [("CONFIG", "SET", "min-replicas-to-write", "1")],
        [("CONFIG", "SET", "min-replicas-to-write", "0")],
    ),
    "its memory is full": (
        [("CONFIG", "SET", "maxmemory", "1")],
        [("CONFIG", "SET", "maxmemory", "0")],
    ),
    "it became a replica": ([("REPLICAOF", "127.0.0.1", "1")], [("REPLICAOF", "NO", "ONE")]),
    "writing is forbidden": (
        [("ACL", "SETUSER", "default", "-@write")],
        [("ACL", "SETUSER", "default", "+@all")],
    ),
    "its password was changed": (
        [("CONFIG", "SET", "requirepass", "other"), ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")],
        [("CONFIG", "SET", "requirepass", "")],
    ),
    "its snapshots fail": (
        [
            ("CONFIG", "SET", "save", "1 1"),
            ("SET", "something", "to be saved"),
            ("BGSAVE",),
        ],
        [("CONFIG", "SET", "save", ""), ("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")],
    ),
    "its primary is away and it serves nothing stale": (
        [("CONFIG", "SET", "replica-serve-stale-data", "no"), ("REPLICAOF", "127.0.0.1", "1")],
        [("REPLICAOF", "NO", "ONE")],
    ),
    "it holds all writers up": (
        [("CLIENT", "PAUSE", "100000", "WRITE")],
        [("CLIENT", "UNPAUSE")],
    ),
    "it takes no further connection": (
        [("CONFIG", "SET", "maxclients", "1"), ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")],
        [("CONFIG", "SET", "maxclients", "1000")],
    ),
    "the account was switched off": (
        [("ACL", "SETUSER", "default", "off"), ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")],
        [("ACL", "SETUSER", "default", "on")],
    ),
    "waiting commands are sent away": (
        [("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")],
        [("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")],
    ),
    "scripts are forbidden": (
        [("ACL", "SETUSER", "default", "-evalsha", "-eval")],
        [("ACL", "SETUSER", "default", "+@all")],
    ),
}


#: Of each sort one: it refuses, it holds up, it sends away. The others are more of these.
ALWAYS = ("it became a replica", "it holds all writers up", "the account was switched off")
EACH_KIND = more_of(*KINDS, always=ALWAYS)


@pytest.fixture
def server() -> Iterator[Valkey]:
    """A server of this test alone: its rights are changed."""
    with Valkey() as made:
        (made.folder / "dump.rdb").mkdir()  # so that no snapshot can be kept there
        yield made


@pytest.fixture
async def house(server: Valkey, sqlite_journal: Journal, alice: Any) -> Any:
    world = make_redis(server, IDLE_MS)
    await sync_to_async(ensure_default_agent)()
    made = House(Sessions(world.store, sqlite_journal), alice.pk)
    await made.submit(CreateBody(kind="create", title="T"))
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)
    await world.store.aclose()


@pytest.fixture(autouse=True)
def bells_in_memory(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.mark.parametrize("kind", EACH_KIND)
async def test_R10_a_streaming_run_outlives_a_redis_that_does_not_write(
    kind: str, house: House, server: Valkey
) -> None:
    trouble = Trouble(server, *KINDS[kind])
    await house.ask()
    task = house.start(house.worker(SlowTalker()))
    await asyncio.sleep(0.4)
    trouble.begin()
    await asyncio.sleep(TROUBLE_S)
    trouble.end()
    await asyncio.wait_for(task, 20)
    assert (await house.run())["status"] == "finished"
    (step,) = await house.steps()
    assert step["text"] == "".join(f"word{number} " for number in range(WORDS))


async def test_R10_a_run_that_cannot_be_taken_now_is_put_into_the_queue_again(
    house: House, server: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    """And not left to the sweeper, which gives whoever has it the time of a claim."""
    trouble = Trouble(server, *KINDS["it has too few replicas"])
    await house.ask()
    trouble.begin()
    assert await house.start(house.worker(ScriptedModel(says("Done")))) == "nothing"
    assert len(house.queue) == 1 and "has to wait" in caplog.text and "Traceback" not in caplog.text
    trouble.end()
    await house.finish(house.worker(ScriptedModel(says("Done"))))
    assert (await house.run())["status"] == "finished"


class Defective(Sessions):
    """Cannot show text and cannot renew a lease, for reasons that nobody foresaw."""

    async def part(self, conversation: str, fence: int, message: str, offset: int, text: str) -> None:
        raise RuntimeError("a defect in showing text")

    async def renew(self, conversation: str, owner: str, ttl_ms: int) -> bool:
        raise RuntimeError("a defect in renewing")


async def test_R10_a_defect_in_showing_text_or_in_renewing_a_lease_ends_no_run(
    server: Valkey, sqlite_journal: Journal, alice: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world = make_redis(server, IDLE_MS)
    await sync_to_async(ensure_default_agent)()
    made = House(Defective(world.store, sqlite_journal), alice.pk)
    await made.submit(CreateBody(kind="create", title="T"))
    await made.ask()
    await asyncio.wait_for(made.start(made.worker(SlowTalker())), 20)
    assert (await made.run())["status"] == "finished"
    assert (await made.run())["attempt"] == 1
    assert "text could not be shown" in caplog.text
    await world.store.aclose()


@pytest.mark.parametrize("kind", EACH_KIND)
async def test_R10_a_run_in_a_tool_outlives_a_redis_that_does_not_write(
    kind: str, house: House, server: Valkey
) -> None:
    trouble = Trouble(server, *KINDS[kind])
    await house.ask()
    task = house.start(house.worker(ScriptedModel(asks(("act", "{}")), says("Done"))))
    await house.bench.busy.wait()
    trouble.begin()
    house.bench.gate.set()
    await asyncio.sleep(TROUBLE_S)
    trouble.end()
    await asyncio.wait_for(task, 20)
    assert (await house.run())["status"] == "finished"
    assert house.bench.started == ["act"]
    assert (await house.call("act"))["status"] == "succeeded"
