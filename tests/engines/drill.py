"""What is done with each arrangement of servers, over and over: chat, tools, a worker killed in the middle of one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.processes import Stack, password
from tests.support.waiting import eventually
from tests.support.wire import Frame, Wire, login

PERSON = "alice"
#: A short lease, so that a takeover takes seconds.
FAST = {"HOLDFAST_LEASE_MS": "3000", "HOLDFAST_RENEW_MS": "1000", "HOLDFAST_SWEEP_MS": "1000"}
WORKERS = ("worker", "worker2")
#: Seconds that a run may take, a takeover included.
RUN_S = 60


@dataclass
class Count:
    """What has gone well."""

    answers: int = 0
    takeovers: int = 0
    calls: int = 0


async def drill(
    stack: Stack, address: str, seconds: float, disturb: Callable[[], object] | None = None
) -> Count:
    """Rounds of the three for so long, one at least. `disturb` is done in the middle of each round. Raises
    AssertionError."""
    cookies = await asyncio.to_thread(login, address, PERSON, password(PERSON))
    count, end = Count(), time.monotonic() + seconds
    while not count.answers or time.monotonic() < end:
        async with Wire(address, cookies) as wire:
            conversation = await wire.begin()
            await wire.open(conversation)
            await _ask(wire, conversation, "What is 12 * 34?", "408", count)
            await _take_over(stack, wire, conversation, count)
        if disturb is not None:
            await asyncio.to_thread(disturb)
            await eventually(lambda: stack.status("/readyz") == 200, RUN_S, "it to be ready again", every=0.2)
    return count


async def _ask(wire: Wire, conversation: str, text: str, answer: str, count: Count) -> None:
    await wire.say(conversation, text)
    before = len(wire.frames)
    await wire.until(lambda frame: _kind(frame) in ("run.finished", "run.failed"), RUN_S)
    told = str(wire.frames[before:])
    assert "run.failed" not in told, told[-2000:]
    assert answer in told, told[-2000:]
    count.answers += 1
    count.calls += told.count("'call.settled'")


async def _take_over(stack: Stack, wire: Wire, conversation: str, count: Count) -> None:
    await wire.say(conversation, "Research tides for 3 seconds")
    started = await wire.until(lambda frame: _kind(frame) == "run.started", RUN_S)
    await wire.until(lambda frame: _kind(frame) == "call.progress", RUN_S)
    # A worker's name is host, process and a random end; the process ids are ours.
    pid = int(started["event"]["worker"].split("-")[-2])
    owner = next(name for name in WORKERS if stack.process(name).pid == pid)
    stack.process(owner).kill()
    try:
        again = await wire.until(lambda frame: _kind(frame) == "run.started", RUN_S)
        assert again["event"]["worker"] != started["event"]["worker"]
        await wire.until(lambda frame: _kind(frame) == "run.finished", RUN_S)
    finally:
        stack.process(owner).start()
    count.takeovers += 1
    count.answers += 1
    count.calls += 1


def _kind(frame: Frame) -> str:
    return str(frame["event"]["type"]) if frame["type"] == "event" else ""
