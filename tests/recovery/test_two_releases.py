"""Two releases side by side: a worker of the next one tells what this one cannot read (rules J2 to J4)."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.next_release import next_release
from tests.support.processes import Stack
from tests.support.waiting import eventually
from tests.support.wire import Wire, login

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

#: A dead owner is found soon, and what was put into the queue is put in again soon.
QUICK = {"HOLDFAST_LEASE_MS": "3000", "HOLDFAST_RENEW_MS": "600", "HOLDFAST_SWEEP_MS": "400"}
LEFT = "is left to a worker of a later release"


def told(stack: Stack, conversation: str) -> list[str]:
    rows = stack.sql(
        "SELECT type FROM chat_event WHERE conversation_id = ? ORDER BY seq", conversation.replace("-", "")
    )
    return [type for (type,) in rows]


def status(stack: Stack, conversation: str) -> str:
    place = conversation.replace("-", "")
    return str(stack.sql("SELECT run_status FROM chat_conversation WHERE id = ?", place)[0][0])


@pytest.mark.exhaustive
async def test_J4_a_worker_leaves_a_run_that_it_cannot_read_to_one_that_can(
    database_template: Path, tmp_path: Path
) -> None:
    tree = next_release(tmp_path / "next")
    with Stack(template=database_template, env=QUICK) as stack:
        stack.start("demo")
        stack.start("worker", "next", folder=tree)
        stack.start("web")
        cookies = login(stack.address, "alice", "alice-password")
        async with Wire(stack.address, cookies) as wire:
            conversation = await wire.begin()
            await wire.open(conversation)
            await wire.say(conversation, "research whales for 8 seconds")
            await eventually(
                lambda: stack.sql("SELECT 1 FROM chat_call WHERE status = 'running'"), 30, "the tool to run"
            )
            stack.process("next").kill()

            # This release finds the run without an owner, and leaves it: nothing is begun, nothing fails.
            ours = stack.start("worker")
            await eventually(
                lambda: ours.output(100_000).count(LEFT) >= 2, 60, "our worker to leave it twice"
            )
            assert status(stack, conversation) == "recovering"
            assert told(stack, conversation)[-1] == "run.recovering"
            assert told(stack, conversation).count("run.recovering") == 1
            assert "failed from within" not in ours.output(100_000)

            # Meanwhile it works on what it can read.
            other = await wire.begin()
            await wire.say(other, "hello")
            await eventually(lambda: status(stack, other) == "finished", 30, "our worker to answer others")
            assert "run.checked" not in told(stack, other)

            # A worker that can read it is there again, and the run goes on to its end.
            stack.process("next").start()
            await eventually(
                lambda: status(stack, conversation) == "finished", 90, "the next release to finish"
            )
            assert told(stack, conversation).count("run.checked") >= 2
            stack.process("next").stop()

            # Back to this release: what is over may be unreadable, the next run is not.
            await wire.say(conversation, "hello again")
            runs = "SELECT count(*) FROM chat_run WHERE status = 'finished' AND conversation_id = ?"
            place = conversation.replace("-", "")
            await eventually(lambda: stack.sql(runs, place)[0][0] == 2, 30, "our worker to answer again")
            head = stack.sql("SELECT head_seq FROM chat_conversation WHERE id = ?", place)[0][0]
            await wire.until(lambda frame: frame["type"] == "event" and frame["seq"] == head)
        holds_together(stack, wire.frames, conversation)


def holds_together(stack: Stack, frames: list[dict[str, Any]], conversation: str) -> None:
    """What the page got is what the journal has, text for text, in one chain."""
    mine = [f for f in frames if f.get("conversation") == conversation and f["type"] == "event"]
    assert all(after["prev"] == before["cursor"] for before, after in itertools.pairwise(mine))
    stored = dict(
        stack.sql("SELECT seq, text FROM chat_event WHERE conversation_id = ?", conversation.replace("-", ""))
    )
    assert {f["seq"]: f["event"] for f in mine} == {f["seq"]: json.loads(stored[f["seq"]]) for f in mine}
    types = [f["event"]["type"] for f in mine]
    assert "run.checked" in types
    assert any(f["event"].get("mood") == "calm" for f in mine if f["event"]["type"] == "step.finished")
