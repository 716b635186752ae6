"""PostgreSQL restarts in the middle of runs, commands and page views (S5)."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Iterator

import pytest

from tests.recovery.chaos.run import Plan, Scene
from tests.recovery.scenes import assert_whole, people, writer
from tests.support.processes import password
from tests.support.wire import login

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

#: Requests at the same time, so that a web server has that many connections to the database.
VIEWERS = 12


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with Scene(Plan(seed=5, conversations=2, pace_ms=2_500, postgres=True), replicated=False) as scene:
        yield scene


async def views(address: str, cookies: str) -> list[int]:
    """The statuses of many looks at the list of conversations at the same time."""

    def look() -> int:
        request = urllib.request.Request(f"{address}/api/conversations?limit=5", headers={"Cookie": cookies})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    return list(await asyncio.gather(*(asyncio.to_thread(look) for _ in range(VIEWERS))))


@pytest.mark.exhaustive
async def test_S5_postgresql_restarts_in_the_middle_of_a_run_and_of_commands(scene: Scene) -> None:
    postgres, system = scene.postgres, scene.system
    assert postgres is not None
    with people(scene) as clients:
        async with writer(scene) as alice:
            cookies = await asyncio.to_thread(login, system.address, "bob", password("bob"))
            assert await views(system.address, cookies) == [200] * VIEWERS
            await alice.sees_a_run_work()
            asked = alice.asks("say 3")
            under_way = asyncio.create_task(alice.sends(asked))
            await asyncio.to_thread(postgres.halt)
            result = await under_way
            assert result["status"] == "applied" or result["retry"], result
            await asyncio.to_thread(postgres.resume)
            # Every connection that a server kept is dead, and nobody gets to see it.
            assert await views(system.address, cookies) == [200] * VIEWERS
            await alice.gets_through(asked)
            await alice.ends_well(asked)
        await assert_whole(scene, clients)
