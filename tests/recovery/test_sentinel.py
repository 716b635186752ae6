"""Redis by the name that Sentinels know it by: a run goes on streaming through a failover of either kind (S6, S7)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recovery.test_store_loss import FAST, assert_whole, finished, journal
from tests.support.processes import Stack
from tests.support.sentinel import Watched
from tests.support.waiting import eventually, wait_until
from tests.support.wire import Wire, login


@pytest.fixture
def watched() -> Iterator[Watched]:
    with Watched(aof=True) as watched:
        yield watched


@pytest.fixture
def followed(watched: Watched, database_template: Path) -> Iterator[Stack]:
    with Stack(template=database_template, valkey=watched.valkeys[0], env=FAST) as stack:
        stack.env["REDIS_URL"] = watched.url
        yield stack


async def streams(wire: Wire, conversation: str) -> None:
    """Wait for text that was not there before."""
    await wire.until(lambda frame: frame["type"] == "part" and frame["conversation"] == conversation, 40)


def all_are_there(watched: Watched) -> bool:
    """Whether the worker waits for entries at the primary, and somebody listens for bells."""
    with watched.client(watched.primary_port()) as client:
        there = client.client_list()
    return any(one["cmd"] == "xreadgroup" for one in there) and any(int(one["sub"]) for one in there)


@pytest.mark.exhaustive
async def test_S6_a_streaming_run_goes_on_whether_the_primary_hands_over_or_is_killed(
    followed: Stack, watched: Watched
) -> None:
    followed.up()
    async with Wire(followed.address, login(followed.address, "alice", "alice-password")) as wire:
        conversation = await wire.begin()
        said = []
        for failure in ("handed over", "killed"):
            await wire.open(conversation)  # a failover ends in a resync
            said.append(f"write a long text about tides ({failure})")
            assert (await wire.say(conversation, said[-1]))["status"] == "applied"
            await streams(wire, conversation)
            port = watched.primary_port()
            if failure == "killed":
                watched.primary().kill()
                await asyncio.to_thread(watched.wait_for_another, port)
            else:
                await asyncio.to_thread(watched.fail_over)
            await eventually(lambda: all_are_there(watched), 30, "queue and doorbell at the new primary")
            await eventually(lambda: followed.status("/readyz") == 200, 40, "web and worker to be ready")
            await finished(followed, conversation, len(said))
            if failure == "handed over":
                await asyncio.to_thread(_whole_again, watched)
        for name in ("web", "worker"):
            assert followed.process(name).alive
    assert_whole(followed, conversation, said)
    kinds = {kind for _, kind, _ in journal(followed, conversation)}
    assert "run.failed" not in kinds and "call.in_doubt" not in kinds


def _whole_again(watched: Watched) -> None:
    wait_until(watched.settled, 30, "the former primary to be a replica")
