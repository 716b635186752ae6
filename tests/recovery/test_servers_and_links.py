"""A web server dies, a replica is promoted, links and laptops fall asleep (S6, W1–W3, W9), with people in the middle.

They are the real TypeScript engine, their clocks wrong by up to five hours, behind proxies that lead to two servers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recovery.chaos.clients import Clients
from tests.recovery.chaos.nemesis import Fault
from tests.recovery.chaos.run import Plan, Scene
from tests.recovery.scenes import assert_whole, people, writer
from tests.support.waiting import eventually, wait_until

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

#: Longer than a heartbeat (1 s), a lease (2 s), and the time after which a silent link is given up (6.5 s).
IDLE_POLL_S = 8.0


@pytest.fixture(scope="module")
def scene(database_template: Path) -> Iterator[Scene]:
    with Scene(Plan(seed=6, conversations=2, pace_ms=2_000), database_template) as scene:
        yield scene


def now() -> int:
    return time.time_ns() // 1_000_000


def synced_since(clients: Clients, at: int) -> list[dict[str, object]]:
    """Who was synced on a new link after this moment."""
    return [line for line in clients.lines() if line["what"] == "synced" and line["at"] > at]


@pytest.mark.exhaustive
async def test_S6_replicas_without_the_tail_are_promoted(scene: Scene) -> None:
    """First the primary dies; then the next one becomes a replica, and keeps clients whom nobody tells."""
    store = scene.store
    assert store is not None
    with people(scene) as clients:
        async with writer(scene) as alice:
            for demote in (False, True):
                await asyncio.to_thread(store.lag)
                lost = alice.asks("say 2")
                await alice.gets_through(lost)
                await alice.sees_a_run_work()
                await asyncio.to_thread(store.promote, demote=demote)
                asked = alice.asks("say 3")
                await alice.gets_through(asked)
                await alice.ends_well(lost, asked)
                await asyncio.to_thread(store.recruit)
            doubts = [event for event in alice.events() if event["type"] == "call.in_doubt"]
            assert doubts == [], "nobody died: the owner of the run kept it"
        await assert_whole(scene, clients)


async def test_W1_the_clients_of_a_killed_web_server_are_synced_elsewhere(scene: Scene) -> None:
    with people(scene) as clients:
        process = scene.system.process("web2")
        wait_until(lambda: scene.proxies[1].websockets, 60, "somebody to be at the second server")
        at = now()
        process.kill()
        try:
            await eventually(lambda: synced_since(clients, at), 30, "them to be synced at the first")
            await assert_whole(scene, clients)
        finally:
            process.start()
        await eventually(lambda: scene.answers(1), 30, "the second server to answer")


@pytest.mark.exhaustive
async def test_W2_frames_are_lost_repeated_and_overtaken_on_the_link(scene: Scene) -> None:
    with people(scene) as clients:
        faults = [Fault("mangle_link", f"link{number}", now()) for number in (1, 2)]
        mishaps = [proxy.mangle(0.2, seed=number) for number, proxy in enumerate(scene.proxies)]
        await asyncio.sleep(5)
        for proxy, fault in zip(scene.proxies, faults, strict=True):
            proxy.restore()
            fault.until = now()
        for what in ("lost", "repeated", "late"):
            assert sum(mishap.met[what] for mishap in mishaps) > 0, what
        await assert_whole(scene, clients, *faults)


@pytest.mark.exhaustive
async def test_W3_a_link_is_half_open(scene: Scene) -> None:
    """It carries nothing and stays open; who is on it finds out and goes elsewhere, before it recovers."""
    with people(scene) as clients:
        links: list[int] = []

        def all_are_synced() -> bool:
            where = {line["client"]: line["link"] for line in clients.lines() if line["what"] == "synced"}
            links[:] = where.values()
            return len(links) == 4

        await eventually(all_are_synced, 40, "everybody to be synced")
        busy = scene.proxies[max(links, key=links.count) - 1]
        at = now()
        busy.stall()
        try:
            # Half of their tries meet the same link again, and they wait longer after each.
            await eventually(
                lambda: synced_since(clients, at + 2_000), 80, "them to be synced on another link"
            )
        finally:
            busy.restore()
        await assert_whole(scene, clients)


@pytest.mark.exhaustive
async def test_W3_a_laptop_was_asleep(scene: Scene) -> None:
    """No timer runs, nothing is read, conversations go on; when it wakes up its links are dead and do not say so."""
    with people(scene) as clients:
        async with writer(scene) as alice:
            clients.pause()
            at = now()
            await alice.sees_a_run_work()
            await asyncio.sleep(IDLE_POLL_S / 2)
            for proxy in scene.proxies:
                proxy.stall()
            await asyncio.sleep(IDLE_POLL_S / 2)
            clients.resume()
            await asyncio.sleep(1)
            for proxy in scene.proxies:
                proxy.cut()
                proxy.restore()
            await eventually(
                lambda: len(synced_since(clients, at)) >= 4, 40, "all of them to be synced again"
            )
            await alice.ends_well()
        await assert_whole(scene, clients)
