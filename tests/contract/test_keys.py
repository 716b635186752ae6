"""A store of which one key has vanished alone says so, and takes no write that would be taken for the whole (S6)."""

from __future__ import annotations

import pytest

from chat.session.contract import KEYS, Command, Store
from chat.session.errors import Missing
from tests.contract.test_store import C, add, seed
from tests.support.worlds import World


async def whole(store: Store) -> bool:
    """What a reader and what a mender is told; both the same."""
    loaded, tail = await store.load(C), await store.tail(C, 0)
    assert loaded is not None and tail is not None and loaded.whole == tail.whole
    return loaded.whole


async def streaming(world: World) -> None:
    """A session in which everything is held."""
    at = await seed(world.store, info="1")
    await add(world.store, at, command=Command("c1", "d", '"one"'))
    await world.store.part(C, 1, "s", 0, "Hello")
    assert await world.store.acquire(C, "owner", 60_000)
    assert await world.keys(C) == set(KEYS) and await whole(world.store)


@pytest.mark.parametrize("key", ["state", "part"])
async def test_S6_what_is_not_whole_is_read_as_such_and_not_written_to(world: World, key: str) -> None:
    """A writer that has loaded before it vanished does not know."""
    await streaming(world)
    head = await world.store.head(C)
    assert head is not None
    await world.lose(C, key)
    assert not await whole(world.store)
    with pytest.raises(Missing):
        await world.store.append(C, head[0], ["{}"], {"info": "2"})
    with pytest.raises(Missing):
        await world.store.part(C, 1, "s", 5, " world")
    assert not await whole(world.store), "nothing of it came back in part"


async def test_S6_a_session_without_its_meta_is_none(world: World) -> None:
    await streaming(world)
    await world.lose(C, "meta")
    assert await world.store.load(C) is None and await world.store.tail(C, 0) is None


@pytest.mark.parametrize("key", ["log", "commands", "lease"])
async def test_S6_what_others_still_tell_is_whole(world: World, key: str) -> None:
    await streaming(world)
    await world.lose(C, key)
    assert await whole(world.store)


async def test_S6_the_log_knows_the_command_behind_an_event(world: World) -> None:
    await streaming(world)
    await world.lose(C, "commands")
    tail = await world.store.tail(C, 0)
    assert tail is not None and [left.command for left in tail.events] == [Command("c1", "d", '"one"')]


async def test_S6_a_state_that_was_empty_or_whose_text_was_settled_is_whole(world: World) -> None:
    at = await seed(world.store)
    assert await whole(world.store)
    at = await add(world.store, at)
    assert await whole(world.store)
    await world.store.append(C, at, ["{}"], {"info": "1"})
    await world.store.part(C, 1, "s", 0, "Hello")
    head = await world.store.head(C)
    assert head is not None
    await world.store.append(C, head[0], ["{}"], {"info": None}, clear_part=True)
    assert await whole(world.store)
