"""Questions of many, answered together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from chat.support.batches import Batches


class Library:
    """Answers what it has; how, is in the hands of a test."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.has = {"a": 1, "b": 2}
        self.open = asyncio.Event()
        self.open.set()
        self.broken: Exception | None = None

    async def look_up(self, keys: Sequence[str]) -> dict[str, int]:
        self.asked.append(list(keys))
        answers = dict(self.has)
        await self.open.wait()
        if self.broken is not None:
            raise self.broken
        return answers


@pytest.fixture
async def library() -> Library:
    return Library()


async def test_those_that_come_together_are_answered_together(library: Library) -> None:
    batches = Batches(library.look_up)
    found = await asyncio.gather(*(batches.ask(key) for key in ("a", "b", "a", "nothing")))
    assert found == [1, 2, 1, None]
    assert library.asked == [["a", "b", "nothing"]]


async def test_one_alone_waits_for_nobody(library: Library) -> None:
    batches = Batches(library.look_up)
    assert await batches.ask("a") == 1
    assert await batches.ask("a") == 1
    assert library.asked == [["a"], ["a"]]


async def test_an_answer_is_not_older_than_its_question(library: Library) -> None:
    batches = Batches(library.look_up)
    library.open.clear()
    early = asyncio.create_task(batches.ask("a"))
    await asyncio.sleep(0.01)
    library.has["a"] = 7
    late = asyncio.create_task(batches.ask("a"))
    await asyncio.sleep(0.01)
    library.open.set()
    assert (await early, await late) == (1, 7)


async def test_a_crowd_is_answered_in_portions(library: Library) -> None:
    batches = Batches(library.look_up, most=2)
    await asyncio.gather(*(batches.ask(str(number)) for number in range(5)))
    assert [len(keys) for keys in library.asked] == [2, 2, 1]


async def test_a_failure_is_everybodys_and_the_next_batch_is_asked_anew(library: Library) -> None:
    batches = Batches(library.look_up)
    library.broken = LookupError("closed")
    found = await asyncio.gather(batches.ask("a"), batches.ask("b"), return_exceptions=True)
    assert [type(one) for one in found] == [LookupError, LookupError]
    library.broken = None
    assert await batches.ask("b") == 2


async def test_who_leaves_takes_no_answer_along(library: Library) -> None:
    batches = Batches(library.look_up)
    library.open.clear()
    first, second = asyncio.create_task(batches.ask("a")), asyncio.create_task(batches.ask("a"))
    await asyncio.sleep(0.01)
    first.cancel()
    library.open.set()
    assert await second == 1


async def test_where_nobody_is_in_a_hurry_the_first_waits_for_others(library: Library) -> None:
    batches = Batches(library.look_up, wait_s=0.05)
    first = asyncio.create_task(batches.ask("a"))
    await asyncio.sleep(0.01)
    assert library.asked == []
    assert await asyncio.gather(first, batches.ask("b")) == [1, 2]
    assert library.asked == [["a", "b"]]
