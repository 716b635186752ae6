"""Redis loses everything, or its last second, in the middle of a conversation (S5, S6, S7)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import Stack
from tests.support.waiting import eventually
from tests.support.wire import Wire, login

FAST = {"HOLDFAST_LEASE_MS": "3000", "HOLDFAST_RENEW_MS": "1000", "HOLDFAST_HEARTBEAT_MS": "1000"}


@pytest.fixture
def fast(database_template: Path) -> Any:
    with Stack(template=database_template, env=FAST) as stack:
        yield stack


def journal(stack: Stack, conversation: str) -> list[tuple[int, str, str]]:
    """(seq, type, text) of the conversation's events, in order."""
    rows = stack.sql(
        "select seq, type, text from chat_event where conversation_id = ? order by seq",
        conversation.replace("-", ""),
    )
    return [(seq, kind, text) for seq, kind, text in rows]


async def finished(stack: Stack, conversation: str, runs: int = 1) -> None:
    """Wait until this many runs of the conversation have finished."""
    await eventually(
        lambda: [kind for _, kind, _ in journal(stack, conversation)].count("run.finished") >= runs,
        40,
        f"{runs} finished runs; the journal has {[kind for _, kind, _ in journal(stack, conversation)]}",
    )


def snapshot(frames: list[Any]) -> Any:
    """The state of the snapshot among these frames."""
    return next(frame["state"] for frame in frames if frame["type"] == "snapshot")


def assert_whole(stack: Stack, conversation: str, said: list[str]) -> None:
    """Seqs without gaps, every acknowledged message once and in order, every call settled."""
    events = journal(stack, conversation)
    assert [seq for seq, _, _ in events] == list(range(1, len(events) + 1))
    texts = [json.loads(text)["text"] for _, kind, text in events if kind == "message.added"]
    assert texts == said
    started = {json.loads(text)["call"] for _, kind, text in events if kind == "call.started"}
    settled = [json.loads(text)["call"] for _, kind, text in events if kind == "call.settled"]
    assert sorted(settled) == sorted(set(settled)) and started == set(settled)


@pytest.mark.exhaustive
async def test_S7_flushall_while_a_tool_runs(fast: Stack) -> None:
    fast.up()
    async with Wire(fast.address, login(fast.address, "alice", "alice-password")) as wire:
        conversation = await wire.begin()
        await wire.open(conversation)
        assert (await wire.say(conversation, "research tides for 4 seconds"))["status"] == "applied"
        await wire.until(lambda frame: frame["type"] == "event" and frame["event"]["type"] == "call.started")
        fast.valkey.flush()
        await wire.until(lambda frame: frame["type"] == "resync" and frame["conversation"] == conversation)
        await wire.open(conversation)
        await finished(fast, conversation)
        assert (await wire.say(conversation, "what is 6*7?"))["status"] == "applied"
        await finished(fast, conversation, 2)
    assert_whole(fast, conversation, ["research tides for 4 seconds", "what is 6*7?"])


@pytest.mark.exhaustive
async def test_S7_flushall_between_two_messages(fast: Stack) -> None:
    fast.up()
    async with Wire(fast.address, login(fast.address, "alice", "alice-password")) as wire:
        conversation = await wire.begin()
        before = (await wire.open(conversation))[-1]["cursor"]
        await wire.say(conversation, "what is 6*7?")
        await finished(fast, conversation)
        fast.valkey.flush()
        assert (await wire.say(conversation, "what is 7*7?"))["status"] == "applied"
        await finished(fast, conversation, 2)
        frames = await wire.open(conversation, before)
        assert frames[-1]["cursor"].split(":")[0] != before.split(":")[0]
    assert_whole(fast, conversation, ["what is 6*7?", "what is 7*7?"])


async def test_S6_restart_that_lost_its_tail(fast: Stack) -> None:
    """The server comes back with an older copy of its data: same epoch, lower seq. Nobody stays on that branch."""
    fast.up()
    async with Wire(fast.address, login(fast.address, "alice", "alice-password")) as wire:
        conversation = await wire.begin()
        await wire.open(conversation)
        await wire.say(conversation, "what is 6*7?")
        await finished(fast, conversation)
        copy = fast.valkey.snapshot()
        await wire.say(conversation, "what is 7*7?")
        await finished(fast, conversation, 2)
        acknowledged = len(journal(fast, conversation))
        fast.valkey.kill()
        fast.valkey.restore(copy)
        fast.valkey.start()
        await wire.until(
            lambda frame: frame["type"] == "resync" and frame["conversation"] == conversation, 40
        )
        frames = await wire.open(conversation)
        assert int(frames[-1]["cursor"].split(":")[1]) >= acknowledged
        items = snapshot(frames)["items"]
        assert [item["text"] for item in items if item["kind"] == "message"] == [
            "what is 6*7?",
            "what is 7*7?",
        ]
        assert (await wire.say(conversation, "what is 8*8?"))["status"] == "applied"
        await finished(fast, conversation, 3)
    assert_whole(fast, conversation, ["what is 6*7?", "what is 7*7?", "what is 8*8?"])


@pytest.mark.exhaustive
async def test_S6_restart_that_lost_its_tail_while_a_tool_runs(fast: Stack) -> None:
    fast.up()
    async with Wire(fast.address, login(fast.address, "alice", "alice-password")) as wire:
        conversation = await wire.begin()
        await wire.open(conversation)
        await wire.say(conversation, "what is 6*7?")
        await finished(fast, conversation)
        copy = fast.valkey.snapshot()
        await wire.say(conversation, "research tides for 5 seconds")
        await wire.until(lambda frame: frame["type"] == "event" and frame["event"]["type"] == "call.started")
        fast.valkey.kill()
        fast.valkey.restore(copy)
        await asyncio.sleep(1)
        fast.valkey.start()
        await finished(fast, conversation, 2)
        frames = await wire.open(conversation)
        last = snapshot(frames)["items"][-1]
        assert last["kind"] == "step" and last["status"] == "finished"
    assert_whole(fast, conversation, ["what is 6*7?", "research tides for 5 seconds"])
