"""A worker is stopped past its lease, in the middle of an effectful tool, and goes on (R2): no write, no effect."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.recovery.chaos import tools
from tests.recovery.chaos.model import Model
from tests.recovery.chaos.run import give_tools
from tests.support.processes import Stack
from tests.support.waiting import eventually
from tests.support.wire import Wire, login

LEASE_MS = 2_000

pytestmark = [pytest.mark.recovery, pytest.mark.slow]


@pytest.fixture
def stack(database_template: Path) -> Iterator[Stack]:
    with Model() as model:
        env = {
            "HOLDFAST_TOOL_MODULES": "tests.recovery.chaos.tools",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_MODEL": "chaos",
            "HOLDFAST_LEASE_MS": str(LEASE_MS),
            "HOLDFAST_SWEEP_MS": "300",
        }
        with Stack(template=database_template, env=env) as stack:
            give_tools(stack)
            stack.up(workers=2)
            yield stack


def events(stack: Stack) -> list[Any]:
    return [json.loads(text) for (text,) in stack.sql("SELECT text FROM chat_event ORDER BY seq")]


@pytest.mark.exhaustive
async def test_R2_a_worker_stopped_past_its_lease_has_no_effect_and_writes_nothing(stack: Stack) -> None:
    async with Wire(stack.address, login(stack.address, "alice", "alice-password")) as wire:
        conversation = await wire.begin()
        await wire.say(conversation, "[pay 600 0, post 600 0] say 5")
        started = await eventually(
            lambda: [x for x in events(stack) if x["type"] == "call.started"], 20, "the tools to run"
        )
        owner = next(p for p in stack.processes.values() if f"-{p.pid}-" in started[0]["worker"])
        stack.pause(owner)
        assert tools.entries(stack.data / tools.NAME) == [], "the tools were faster than the test"
        post = started[1]["call"]
        # The next owner finds both in doubt; `post` can be looked up, has not happened, and is run again.
        await eventually(
            lambda: [x for x in events(stack) if x["type"] == "call.settled" and x["call"] == post],
            30,
            "the next owner to run what has not happened",
        )
        await eventually(
            lambda: events(stack)[-1]["type"] == "run.waiting", 10, "the run to wait for a person"
        )
        before, effects = events(stack), tools.entries(stack.data / tools.NAME)
        said = owner.written
        owner.resume()
        await eventually(lambda: owner.lets_go(said), 20, "the owner to notice")
        time.sleep(1)  # longer than its tools would have taken
        assert events(stack) == before
        assert tools.entries(stack.data / tools.NAME) == effects
        assert [line["tool"] for line in effects] == ["post"]
        assert owner.alive
