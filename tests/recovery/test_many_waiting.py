"""5,000 runs that wait for people, real processes, a crash, and an emptied Redis: the run goes on as without them (S7).

`python -m pytest -m "" -s tests/recovery/test_many_waiting.py`; it prints the times. What a sweep costs is counted in
tests/chat/runs/test_many_waiting.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import Stack
from tests.support.waiting import eventually
from tests.support.wire import Wire, login

pytestmark = [pytest.mark.recovery, pytest.mark.slow, pytest.mark.exhaustive]

LEASE_S = 2.0
FAST = {"HOLDFAST_LEASE_MS": "2000", "HOLDFAST_RENEW_MS": "600", "HOLDFAST_SWEEP_MS": "500"}
MANY = 5_000
#: So many are made by one command, which has two minutes.
CHUNK = 500
#: Whole conversations, each with a run that waits, made by the way that every command takes.
FILL = """
import asyncio, uuid
from django.contrib.auth import get_user_model
from agents import events as e
from chat import decide
from chat.runtime import opened
from chat.support.clock import now_ms
alice = get_user_model().objects.get(username="alice").pk
async def one(sessions, conversation, message):
    await sessions.create(conversation, alice, "assistant", "T", "web")
    run, at = decide.run_id(conversation, message), now_ms()
    told = [e.MessageAdded(at=at, message=message, text="hello"), e.RunQueued(at=at, run=run, cause=message),
        e.RunStarted(at=at, run=run, attempt=1, fence=1, worker="gone"),
        e.RunWaiting(at=at, run=run, reason="approval")]
    await sessions.append(conversation, lambda view: told)
async def fill():
    async with opened() as runtime:
        for _ in range({many}):
            await one(runtime.sessions, str(uuid.uuid4()), str(uuid.uuid4()))
asyncio.run(fill())
"""


@pytest.fixture
def stack(database_template: Path) -> Iterator[Stack]:
    with Stack(template=database_template, env=FAST) as own:
        yield own.up(workers=2)


async def goes_on_after(stack: Stack) -> float:
    """Seconds from a worker's death, with which Redis loses everything, until its run is performed again."""
    async with Wire(stack.address, login(stack.address, "alice", "alice-password")) as wire:
        conversation = await wire.begin()
        await wire.open(conversation)
        await wire.say(conversation, "research tides for 20 seconds")
        started = await wire.until(
            lambda frame: frame["type"] == "event" and frame["event"]["type"] == "run.started", 60
        )
        owner = next(
            label
            for label in ("worker", "worker2")
            if f"-{stack.process(label).pid}-" in started["event"]["worker"]
        )
        key = conversation.replace("-", "")

        def stored() -> bool:
            rows = stack.sql("SELECT status, attempt FROM chat_run WHERE conversation_id = ?", key)
            return rows == [("running", 1)]

        # What Redis alone knew is forgotten with it: then the run begins anew, as its first attempt.
        await eventually(stored, 20, "SQL to know that the run has begun")
        stack.process(owner).kill()
        stack.valkey.flush()
        killed = time.monotonic()

        def performed_again() -> bool:
            rows = stack.sql("SELECT status, attempt FROM chat_run WHERE conversation_id = ?", key)
            return rows == [("running", 2)]

        await eventually(performed_again, 120, "the other worker to go on", every=0.02)
        took = time.monotonic() - killed
        stack.start("worker", owner)
        await wire.command(conversation, {"kind": "stop"}, seconds=60)
        return took


async def test_S7_a_run_goes_on_as_if_nobody_waited(stack: Stack) -> None:
    alone = [await goes_on_after(stack) for _ in range(3)]
    for _ in range(MANY // CHUNK):
        stack.manage("shell", "-v", "0", "-c", FILL.replace("{many}", str(CHUNK)))
    ((waiting,),) = stack.sql("SELECT COUNT(*) FROM chat_run WHERE status = 'waiting'")
    assert waiting == MANY
    behind = [await goes_on_after(stack) for _ in range(3)]
    print(
        f"\nafter a crash and an emptied Redis, in leases: {told(alone)} alone, {told(behind)} behind {MANY}"
    )
    assert min(behind) < min(alone) + LEASE_S


def told(times: list[float]) -> str:
    return ", ".join(f"{seconds / LEASE_S:.2f}" for seconds in sorted(times))
