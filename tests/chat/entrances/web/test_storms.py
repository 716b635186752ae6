"""A web server that ends, and one that everybody comes back to (rule W9)."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat.entrances.web.leaving import Sockets, drain_pause
from chat.feed import Feed
from chat.http.limits import Admission
from chat.session.memory import MemoryStore
from tests.support.processes import Stack, password
from tests.support.waiting import eventually, wait_until
from tests.support.wire import Wire, login


class Socket:
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


class Turns:
    """People who come for a turn, each of whom keeps it until told."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        #: Who has a turn, in the order of coming in, and what each was told of waiting.
        self.inside: list[int] = []
        self.told: dict[int, list[float]] = {}
        self._leave: dict[int, asyncio.Event] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def come(self, *numbers: int, inside: bool = False) -> None:
        for number in numbers:
            self._leave[number] = asyncio.Event()
            self._tasks[number] = asyncio.create_task(self._turn(number, inside))
        await asyncio.sleep(0.01)

    async def _turn(self, number: int, inside: bool) -> None:
        told = self.told.setdefault(number, []).append
        async with self.admission.turn(told, inside=inside):
            self.inside.append(number)
            await self._leave[number].wait()

    async def leave(self, number: int) -> None:
        self._leave[number].set()
        await asyncio.sleep(0.01)

    async def give_up(self, number: int) -> None:
        self._tasks[number].cancel()
        await asyncio.sleep(0.01)


async def test_W9_a_storm_has_its_turn_at_a_rate_after_a_burst():
    turns = Turns(Admission(10, places=1_000))
    began = asyncio.get_running_loop().time()
    await turns.come(*range(14))
    assert turns.inside == list(range(10))
    await eventually(lambda: len(turns.inside) == 14, 10, "all to come in")
    assert asyncio.get_running_loop().time() - began >= 0.35
    assert turns.inside == list(range(14)), "in the order in which they came"


async def test_W9_so_many_have_their_turn_at_a_time_and_who_is_inside_goes_first():
    turns = Turns(Admission(1_000, places=2))
    await turns.come(1, 2, 3, 4)
    assert turns.inside == [1, 2]
    await turns.come(5, inside=True)
    await turns.leave(1)
    assert turns.inside == [1, 2, 5]
    await turns.give_up(3)
    await turns.leave(2)
    assert turns.inside == [1, 2, 5, 4], "who has left the queue holds nobody up"


async def test_W9_a_turn_that_was_given_up_at_the_last_moment_is_not_lost():
    turns = Turns(Admission(1_000, places=1))
    await turns.come(1, 2)
    turns._leave[1].set()
    await asyncio.sleep(0)
    await turns.give_up(2)
    await turns.come(3)
    assert turns.inside[-1] == 3


async def test_W9_who_waits_long_is_told_how_long_in_the_beginning_and_now_and_then():
    admission = Admission(5, places=1_000)
    admission.TELL_S = 0.2
    turns = Turns(admission)
    await turns.come(*range(20))
    assert turns.told[4] == []
    assert 1.5 <= turns.told[19][0] <= 3.5
    await eventually(lambda: len(turns.told[19]) >= 3, 10, "to be told again")
    assert turns.told[19][-1] < turns.told[19][0]


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
            first = await when(wires[0], "goaway")
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", stack.web_port), 10)
            told = [first, *await asyncio.gather(*(when(wire, "goaway") for wire in wires[1:]))]
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
