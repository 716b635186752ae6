"""Idle sessions leave, and only those that the journal has whole (rule S8)."""

from tests.contract.test_store import C, add, seed
from tests.support.worlds import World

#: Long enough for a slow machine between two steps of a test, short enough to wait for.
IDLE_MS = 800


async def test_S8_an_idle_archived_session_leaves(world: World) -> None:
    at = await seed(world.store, info="1")
    at = await add(world.store, at)
    assert await world.store.archived(C, at)
    assert await world.gone(C)
    assert await world.store.load(C) is None


async def test_S8_use_keeps_a_session(world: World) -> None:
    await seed(world.store, info="1")
    for _ in range(4):
        await world.wait(IDLE_MS // 2)
        loaded = await world.store.load(C)
        assert loaded is not None and loaded.fields == {"info": "1"}


async def test_S8_a_session_that_the_journal_lacks_stays(world: World) -> None:
    at = await seed(world.store)
    first = await add(world.store, at)
    await world.store.archived(C, first)
    await add(world.store, first)
    assert not await world.gone(C)
