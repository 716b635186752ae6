"""Redis or the database is away for a while (S5–S7): what is refused says so, and then all is well by itself.

Real processes, people with the real TypeScript engine in the middle of their conversations, a run whose tools work, and
somebody who writes meanwhile. What must hold in the end is held by the checker of the chaos runs.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recovery.chaos.run import Plan, Scene
from tests.recovery.scenes import assert_whole, locked, people, writer
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

#: Longer than a lease (2 s), an answer of Redis may take (5 s), and a command may have (8 s). In longer silence only
#: more of the same would happen.
FROZEN_S = 10.0
#: Longer than a sender waits for a result; see `SUBMIT_TIMEOUT_S`.
LOCKED_S = 9.0
#: Bytes that fit into a file: less than a page of SQLite's log needs, wherever in the file it is written.
FULL = 2_048


@pytest.fixture(scope="module")
def scene(database_template: Path) -> Iterator[Scene]:
    plan = Plan(seed=4, conversations=2, pace_ms=2_500, rest_s=60)
    with Scene(plan, database_template, replicated=False) as scene:
        yield scene


#: Seconds: longer than a lease and than a command may take.
@pytest.mark.exhaustive
@pytest.mark.parametrize("away_s", [10, pytest.param(30, marks=pytest.mark.exhaustive)])
async def test_S7_redis_refuses_connections(scene: Scene, away_s: int) -> None:
    valkey = scene.system.valkey
    with people(scene) as clients:
        async with writer(scene) as alice:
            await alice.sees_a_run_work()
            valkey.kill()
            begun = asyncio.get_running_loop().time()
            early, late = alice.asks("say 3"), alice.asks("say 4")
            await alice.is_refused(early)
            await asyncio.sleep(away_s - 2 - (asyncio.get_running_loop().time() - begun))
            await alice.is_refused(late)
            await asyncio.sleep(away_s - (asyncio.get_running_loop().time() - begun))
            valkey.start()
            await alice.gets_through(early)
            await alice.gets_through(late)
            await alice.ends_well(early, late)
        await assert_whole(scene, clients)


@pytest.mark.exhaustive
async def test_S7_redis_is_connected_and_says_nothing(scene: Scene) -> None:
    """Frozen: connections stay open, and whoever asks waits."""
    valkey = scene.system.valkey
    with people(scene) as clients:
        async with writer(scene) as alice:
            await alice.sees_a_run_work()
            valkey.pause()
            begun = asyncio.get_running_loop().time()
            asked = alice.asks("say 3")
            await alice.is_refused(asked)
            refused_after = asyncio.get_running_loop().time() - begun
            await asyncio.sleep(max(0.0, FROZEN_S - refused_after))
            valkey.resume()
            await alice.gets_through(asked)
            await alice.ends_well(asked)
        assert refused_after < 10, "the browser sends again after 10 s; it must have an answer by then"
        await assert_whole(scene, clients)


@pytest.mark.exhaustive
async def test_S5_the_database_is_locked_for_seconds(scene: Scene) -> None:
    with people(scene) as clients:
        async with writer(scene) as alice:
            await alice.sees_a_run_work()
            lock = locked(scene)
            begun = asyncio.get_running_loop().time()
            asked = alice.asks("say 3")
            await alice.is_refused(asked)
            await asyncio.sleep(max(0.0, LOCKED_S - (asyncio.get_running_loop().time() - begun)))
            lock.execute("ROLLBACK")
            lock.close()
            await alice.gets_through(asked)
            await alice.ends_well(asked)
        await assert_whole(scene, clients)


@pytest.mark.exhaustive
async def test_S5_the_disk_under_the_database_is_full(scene: Scene) -> None:
    """The kernel refuses every write to a file (RLIMIT_FSIZE), to the database as to the processes' own logs, as on a
    full disk; a file system of a test's own would need root."""
    processes = [scene.system.process(name) for name in ("web", "web2", "worker", "worker2")]
    with people(scene) as clients:
        async with writer(scene) as alice:
            await alice.sees_a_run_work()
            before = [resource.prlimit(process.pid, resource.RLIMIT_FSIZE) for process in processes]
            for process, (_, most) in zip(processes, before, strict=True):
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (FULL, most))
            asked = alice.asks("say 3")
            await alice.is_refused(asked)
            await asyncio.sleep(3)
            await alice.is_refused(asked)
            assert scene.system.status("/healthz") == 200
            for process, limits in zip(processes, before, strict=True):
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
            await alice.gets_through(asked)
            await alice.ends_well(asked)
        await assert_whole(scene, clients)
        wait_until(lambda: scene.system.status("/readyz") == 200, 10, "the system to be ready")
