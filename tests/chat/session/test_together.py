"""What is asked for in the same turn of the loop goes out together, and each gets its own reply."""

import asyncio
from collections.abc import Sequence

import pytest

from chat.session.together import Together


class Wire:
    """Answers each number with its double, one beyond a hundred with an error; remembers what came together."""

    def __init__(self) -> None:
        self.sent: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, items: Sequence[int]) -> list[int | BaseException]:
        self.sent.append(list(items))
        await self.gate.wait()
        return [ValueError(str(item)) if item > 100 else 2 * item for item in items]


async def test_those_of_one_turn_go_together_and_in_order() -> None:
    wire = Wire()
    together: Together[int, int] = Together(wire.send)
    assert await asyncio.gather(*(together.ask(n) for n in (3, 1, 2))) == [6, 2, 4]
    assert wire.sent == [[3, 1, 2]]


async def test_those_that_come_meanwhile_go_next_and_no_more_than_fit() -> None:
    wire = Wire()
    together: Together[int, int] = Together(wire.send, most=2)
    wire.gate.clear()
    first = asyncio.create_task(together.ask(1))
    while not wire.sent:
        await asyncio.sleep(0)
    later = [asyncio.create_task(together.ask(n)) for n in (2, 3, 4)]
    await asyncio.sleep(0)
    wire.gate.set()
    assert await asyncio.gather(first, *later) == [2, 4, 6, 8]
    assert wire.sent == [[1], [2, 3], [4]]


async def test_an_error_is_that_of_the_one_who_asked() -> None:
    together: Together[int, int] = Together(Wire().send)
    good, bad = await asyncio.gather(together.ask(1), together.ask(101), return_exceptions=True)
    assert good == 2 and isinstance(bad, ValueError)


async def test_whoever_leaves_takes_nobody_along() -> None:
    wire = Wire()
    together: Together[int, int] = Together(wire.send)
    wire.gate.clear()
    leaving, staying = (asyncio.create_task(together.ask(n)) for n in (1, 2))
    while not wire.sent:
        await asyncio.sleep(0)
    leaving.cancel()
    wire.gate.set()
    assert await staying == 4
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_a_sender_that_fails_fails_all_and_serves_the_next() -> None:
    tries = 0

    async def send(items: Sequence[int]) -> list[int | BaseException]:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError("away")
        return list(items)

    together: Together[int, int] = Together(send)
    found = await asyncio.gather(together.ask(1), together.ask(2), return_exceptions=True)
    assert all(isinstance(one, OSError) for one in found)
    assert await together.ask(3) == 3
