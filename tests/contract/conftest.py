"""Both stores behind one fixture: `world`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from chat.session.contract import Store
from tests.support.valkey import Valkey
from tests.support.worlds import IDLE_MS, MemoryWorld, World, make_redis


@pytest.fixture(scope="package")
def own_valkey() -> Iterator[Valkey]:
    """A Valkey of this suite alone, because it is killed and restarted."""
    with Valkey() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A store and its server, empty."""
    idle_ms: int = getattr(request.module, "IDLE_MS", IDLE_MS)
    if request.param == "memory":
        yield MemoryWorld.make(idle_ms)
        return
    made = make_redis(request.getfixturevalue("own_valkey"), idle_ms)
    yield made
    await made.store.aclose()


@pytest.fixture
def store(world: World) -> Store:
    """The store of the world."""
    return world.store
