"""Turns: in the order of asking, but for those in a hurry, and these within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from chat.support.turns import MOST_IN_A_ROW, Turns, in_a_hurry, whose


@pytest.mark.parametrize(
    ("hurried", "usual", "in_a_row", "turn"),
    [
        (0, 0, 0, "nobody"),
        (0, 3, 0, "usual"),
        (3, 0, MOST_IN_A_ROW, "hurried"),
        (3, 3, MOST_IN_A_ROW - 1, "hurried"),
        (3, 3, MOST_IN_A_ROW, "usual"),
        (0, 3, MOST_IN_A_ROW, "usual"),
    ],
)
def test_who_is_in_a_hurry_comes_first_within_bounds(
    hurried: int, usual: int, in_a_row: int, turn: str
) -> None:
    assert whose(hurried, usual, in_a_row) == turn


async def order(asked: Sequence[tuple[str, float | None]], size: int = 1) -> list[str]:
    """In which order those get their turns who ask in this order, each (name, in a hurry since), while all turns are
    taken."""
    turns, got, gate = Turns(size), list[str](), asyncio.Event()

    async def holder() -> None:
        async with turns:
            await gate.wait()

    async def one(name: str, since: float | None) -> None:
        with in_a_hurry(since):
            async with turns:
                got.append(name)
                await asyncio.sleep(0)

    held = [asyncio.create_task(holder()) for _ in range(size)]
    await asyncio.sleep(0)
    tasks = []
    for name, since in asked:
        tasks.append(asyncio.create_task(one(name, since)))
        await asyncio.sleep(0)
    gate.set()
    async with asyncio.timeout(5):
        await asyncio.gather(*held, *tasks)
    return got


async def test_all_others_have_their_turns_in_the_order_of_asking() -> None:
    assert await order([("a", None), ("b", None), ("c", None)]) == ["a", "b", "c"]


async def test_of_those_in_a_hurry_comes_first_who_has_waited_longest() -> None:
    asked = [("usual", None), ("late", 3.0), ("first", 1.0), ("second", 2.0), ("also first", 1.0)]
    assert await order(asked) == ["first", "also first", "second", "late", "usual"]


async def test_nobody_waits_for_ever_however_many_are_in_a_hurry() -> None:
    many = [(f"h{n}", float(n)) for n in range(3 * MOST_IN_A_ROW)]
    got = await order([("u0", None), ("u1", None), *many])
    assert [got.index("u0"), got.index("u1")] == [MOST_IN_A_ROW, 2 * MOST_IN_A_ROW + 1]


async def test_a_hurry_ends_with_its_block_and_is_inherited_by_tasks_that_begin_in_it() -> None:
    turns, got = Turns(1), list[str]()

    async def one(name: str) -> None:
        async with turns:
            got.append(name)

    async with turns:
        tasks = [asyncio.create_task(one("usual"))]
        with in_a_hurry(0):
            tasks.append(asyncio.create_task(one("hurried")))
            with in_a_hurry(None):
                tasks.append(asyncio.create_task(one("not within")))
        tasks.append(asyncio.create_task(one("after")))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert got == ["hurried", "usual", "not within", "after"]


@pytest.mark.parametrize("when", ["while it waits", "as it becomes theirs"])
async def test_the_turn_of_somebody_who_leaves_is_not_lost(when: str) -> None:
    turns = Turns(1)

    async def one() -> None:
        async with turns:
            raise AssertionError("it had left")

    async with turns:
        leaving = asyncio.create_task(one())
        await asyncio.sleep(0)
        if when == "while it waits":
            leaving.cancel()
            await asyncio.sleep(0)
    leaving.cancel()  # harmless if it has left; else its turn has come, and it does not know yet
    await asyncio.gather(leaving, return_exceptions=True)
    async with asyncio.timeout(1), turns:
        pass


async def test_so_many_have_a_turn_at_the_same_time() -> None:
    turns, most, now = Turns(3), 0, 0

    async def one() -> None:
        nonlocal most, now
        async with turns:
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert (most, now) == (3, 0)
