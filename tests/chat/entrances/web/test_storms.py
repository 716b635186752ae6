"""A web server that ends, and one that everybody comes back to (rule W9)."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from chat.entrances.web.leaving import Sockets, drain_pause
from chat.feed import Feed
from chat.http.limits import Admission
from chat.session.memory import MemoryStore
from tests.support.processes import Stack, password
from tests.support.waiting import eventually, wait_until
from tests.support.wire import Wire, login


class Socket:
    user_id = 1

    def __init__(self, told: list[float]) -> None:
        self.left = asyncio.Event()
        self._told = told

    def leave(self) -> None:
        self._told.append(asyncio.get_running_loop().time())
        self.left.set()


async def test_W9_a_leaving_server_sends_its_clients_away_at_a_bounded_rate(settings):
    settings.HOLDFAST_DRAIN_PER_SECOND, settings.HOLDFAST_DRAIN_MS = 100, 5_000
    told: list[float] = []
    sockets = Sockets()
    for _ in range(31):
        sockets.add(Socket(told))
    await sockets.leave()
    assert len(told) == 31
    assert told[-1] - told[0] >= 0.29


def test_W9_many_sockets_are_sent_away_within_the_time_there_is():
    assert drain_pause(50, 100, 5.0) == 0.01
    assert drain_pause(10_000, 100, 5.0) * 10_000 <= 5.0
    assert drain_pause(0, 100, 5.0) == 0.0


def test_W9_a_storm_is_admitted_at_a_rate_after_a_burst():
    now = 0.0
    admission = Admission(10, lambda: now)
    waits = [admission.wait() for _ in range(30)]
    assert waits[:10] == [0.0] * 10
    assert [round(wait, 6) for wait in waits[10:13]] == [0.1, 0.2, 0.3]
    now = 60.0
    assert admission.wait() == 0.0


class Sink:
    def on_batch(self, batch: object) -> None: ...

    def on_lost(self, reason: object) -> None: ...


async def test_one_snapshot_is_read_for_all_who_open_at_the_same_time():
    loads = 0
    gate = asyncio.Event()

    async def load(conversation: str):
        nonlocal loads
        loads += 1
        await gate.wait()
        raise LookupError(conversation)

    feed = Feed(MemoryStore(), load)
    opening = [asyncio.ensure_future(feed.open("c", Sink())) for _ in range(50)]
    await eventually(lambda: loads, 10, "the first of them to read")
    opening[0].cancel()
    gate.set()
    answers = await asyncio.gather(*opening, return_exceptions=True)
    assert loads == 1
    assert [type(answer) for answer in answers[1:]] == [LookupError] * 49
    assert feed.watched == 0


#: Sockets in the tests with a real web server, and what it may do for them per second.
CROWD, RATE = 30, 10


@contextlib.asynccontextmanager
async def crowd(stack: Stack) -> AsyncIterator[list[Wire]]:
    """Many sockets of one person at one web server."""
    cookies = await asyncio.to_thread(login, stack.address, "alice", password("alice"))
    async with contextlib.AsyncExitStack() as sockets:
        yield [await sockets.enter_async_context(Wire(stack.address, cookies)) for _ in range(CROWD)]


async def when(wire: Wire, type: str) -> float:
    """The moment at which a frame of this type comes."""
    await wire.until(lambda frame: frame["type"] == type, 40)
    return asyncio.get_running_loop().time()


async def test_W9_a_web_server_that_is_told_to_end_drains_at_its_rate(database_template: Path):
    env = {"HOLDFAST_DRAIN_PER_SECOND": str(RATE), "HOLDFAST_DRAIN_MS": "20000"}
    with Stack(template=database_template, env=env) as stack:
        process = stack.start("web")
        async with crowd(stack) as wires:
            # From before the first: we may be late to read it, and then the others wait for us already.
            began = asyncio.get_running_loop().time()
            process.signal(signal.SIGTERM)
            told = await asyncio.gather(*(when(wire, "goaway") for wire in wires))
            goaways = [wire.frames[-1] for wire in wires]
        # Whom the server has not counted yet when it is told to end hears it at once.
        assert max(told) - began >= (CROWD - 1) / RATE * 0.6
        assert {frame["reason"] for frame in goaways} == {"restart"}
        assert len({frame["after_ms"] for frame in goaways}) > CROWD / 2, (
            "they come back at moments of their own"
        )
        wait_until(lambda: not process.alive, 20, "the server to end")


async def test_W9_a_web_server_admits_a_storm_at_its_rate(database_template: Path):
    """Everybody is there again and wants the same conversation: a burst of a second's worth, then one after another."""
    with Stack(template=database_template, env={"HOLDFAST_OPENS_PER_SECOND": str(RATE)}) as stack:
        stack.start("web")
        async with crowd(stack) as wires:
            conversation = await wires[0].begin()
            began = asyncio.get_running_loop().time()
            for wire in wires:
                await wire.send({"type": "open", "conversation": conversation})
            shown = await asyncio.gather(*(when(wire, "synced") for wire in wires))
        assert max(shown) - began >= (CROWD - RATE - 1) / RATE * 0.9
