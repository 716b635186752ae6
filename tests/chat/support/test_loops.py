"""One of a kind for each event loop, closed with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from chat.support.loops import PerLoop


@dataclass(eq=False)
class Shop:
    """Counts what is open."""

    closed: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.things: PerLoop[object] = PerLoop(object, self.close)

    async def close(self, thing: object) -> None:
        await asyncio.sleep(0)  # a loop that ends must still wait for this
        self.closed.append(thing)

    async def take(self) -> object:
        assert self.things.get() is self.things.get()
        return self.things.get()


@pytest.mark.parametrize("run", [lambda act: asyncio.run(act()), lambda act: async_to_sync(act)()])
def test_each_loop_has_its_own_and_closes_it(run: Any) -> None:
    shop = Shop()
    first, second = run(shop.take), run(shop.take)
    assert first is not second
    assert shop.closed == [first, second]


def test_it_is_closed_when_the_loop_ends_in_a_failure() -> None:
    shop = Shop()

    async def fails() -> None:
        await shop.take()
        raise ValueError

    with pytest.raises(ValueError):
        asyncio.run(fails())
    assert len(shop.closed) == 1


async def test_what_was_closed_by_hand_is_closed_once_and_made_anew_when_it_is_needed() -> None:
    shop = Shop()
    first = await shop.take()
    await shop.things.close()
    await shop.things.close()
    assert shop.closed == [first]
    assert await shop.take() is not first


async def test_a_test_may_put_its_own_there() -> None:
    shop, own = Shop(), object()
    shop.things.use(own)
    assert await shop.take() is own
    await shop.things.close()
    assert shop.closed == [own]
