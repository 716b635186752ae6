"""A tool gets no turn while its run is not owned (rule R2)."""

from __future__ import annotations

import asyncio

import pytest

from agents.tools import Toolbox, ToolContext, tool
from agents.tools.running import OWNED
from tests.support.waiting import eventually

CONTEXT = ToolContext(call="c", key="k", conversation="v", owner="1")


class Ownership:
    held = True

    def __call__(self) -> bool:
        return self.held


@pytest.fixture
def ownership():
    found = Ownership()
    token = OWNED.set(found)
    yield found
    OWNED.reset(token)


def made(effects: list[str]) -> Toolbox:
    @tool(effect="effectful")
    async def strike() -> str:
        """Strike."""
        await asyncio.sleep(0.01)
        effects.append("struck")
        return "struck"

    @tool(effect="effectful")
    def strike_at_once() -> str:
        """Strike in a thread."""
        effects.append("struck")
        return "struck"

    return Toolbox([strike, strike_at_once])


async def test_R2_a_tool_waits_while_its_run_may_be_anothers_and_goes_on_when_it_is_not(ownership):
    effects: list[str] = []
    running = asyncio.create_task(made(effects).run("strike", "{}", CONTEXT))
    await asyncio.sleep(0)
    ownership.held = False
    await asyncio.sleep(0.1)  # ten times what the tool needs
    assert effects == [] and not running.done()
    ownership.held = True
    assert (await running).ok
    assert effects == ["struck"]


@pytest.mark.parametrize("name", ["strike", "strike_at_once"])
async def test_R2_a_tool_that_is_not_owned_does_not_begin(ownership, name: str):
    ownership.held = False
    effects: list[str] = []
    running = asyncio.create_task(made(effects).run(name, "{}", CONTEXT))
    await asyncio.sleep(0.1)
    running.cancel()
    await eventually(running.done, 10, "the call to be cancelled")
    assert effects == []


async def test_a_tool_that_waits_hears_that_it_is_cancelled(ownership):
    heard: list[str] = []

    @tool(effect="effectful")
    async def patient() -> str:
        """Wait."""
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise
        return ""

    running = asyncio.create_task(Toolbox([patient]).run("patient", "{}", CONTEXT))
    await asyncio.sleep(0.05)
    ownership.held = False
    running.cancel()
    await eventually(running.done, 10, "the call to be cancelled")
    assert heard == ["cancelled"]
