"""PostgreSQL gives few connections, and forty runs want some (R10): whoever finds none waits, and no run fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.recovery.chaos.run import Plan, Scene
from tests.support.waiting import eventually
from tests.support.wire import Wire, login, new_id

pytestmark = [pytest.mark.recovery, pytest.mark.slow, pytest.mark.usefixtures("demanding")]

RUNS = 40
#: As PostgreSQL counts: three of them are for its administrator.
CONNECTIONS = "20"
#: Several events at several moments, so that every run asks SQL again and again.
WORK = "[look 100 300] [put 100 300, look 50 50] say 20"


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    plan = Plan(seed=6, postgres=True, server=(("max_connections", CONNECTIONS),))
    with Scene(plan, replicated=False) as scene:
        yield scene


def ends(scene: Scene) -> dict[str, str]:
    """How the runs stand, by run. Asked as the superuser, for whom there is always a connection."""
    assert scene.postgres is not None
    with psycopg.connect(scene.postgres.url("chaos")) as asking:
        rows = asking.execute("SELECT id, status FROM chat_run").fetchall()
    return {str(run): str(status) for run, status in rows}


async def forty_runs(scene: Scene) -> list[str]:
    """Begin them at the same time; their conversations. A message is sent until it is taken."""
    address = scene.system.address
    async with Wire(address, login(address, "alice", "alice-password")) as wire:
        conversations = []
        for _ in range(RUNS):
            conversation, body = new_id(), {"kind": "create", "agent": "", "title": ""}
            for each in (body, {"kind": "send", "message": new_id(), "text": WORK}):
                await taken(wire, conversation, each)
            conversations.append(conversation)
    return conversations


async def taken(wire: Wire, conversation: str, body: dict[str, Any]) -> None:
    command = new_id()

    async def acknowledged() -> bool:
        try:
            result = await wire.command(conversation, body, command, seconds=10)
        except TimeoutError:
            return False  # a browser sends it again then, too
        assert result["status"] != "rejected" or result["retry"], result
        return result["status"] in ("applied", "duplicate")

    await eventually(acknowledged, 60, f"{body['kind']} to be taken", every=0.25)


async def all_end_well(scene: Scene, before: set[str]) -> None:
    def over() -> bool:
        found = [status for run, status in ends(scene).items() if run not in before]
        return len(found) >= RUNS and not {"queued", "running", "recovering"} & set(found)

    await eventually(over, 90, "every run to end", every=0.5)
    assert set(ends(scene).values()) == {"finished"}, ends(scene)


@pytest.mark.exhaustive
async def test_R10_two_web_servers_and_two_workers_do_forty_runs_with_twenty_connections(
    scene: Scene,
) -> None:
    await forty_runs(scene)
    await all_end_well(scene, set())
    assert "too many clients" not in scene.system.outputs()


@pytest.mark.exhaustive
async def test_R10_forty_runs_wait_for_a_server_that_has_no_connection_left(scene: Scene) -> None:
    """Three times for longer than a lease; what our processes give back, the other program takes."""
    assert scene.postgres is not None
    before = set(ends(scene))
    beginning = asyncio.create_task(forty_runs(scene))
    await eventually(lambda: len(set(ends(scene)) - before) > 5, 30, "runs to begin")
    for _ in range(3):
        with scene.postgres.full("chaos", "app"):
            await asyncio.sleep(3)
        await asyncio.sleep(1)
    await beginning
    await all_end_well(scene, before)
