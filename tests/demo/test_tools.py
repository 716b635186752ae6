"""The demo's slow research takes its time and tells how far it is; the unreliable tool fails."""

import time

from agents.extensions import toolbox
from agents.tools import ToolContext


async def test_research_tells_its_progress_and_takes_the_time_it_was_given():
    told: list[tuple[float | None, str]] = []

    async def listen(fraction: float | None, note: str = "") -> None:
        told.append((fraction, note))

    started = time.monotonic()
    context = ToolContext(call="c", key="k", conversation="c", owner="1", progress=listen)
    result = await toolbox().run("slow_research", '{"topic": "tea", "seconds": 1}', context)
    assert time.monotonic() - started >= 1
    assert result.ok
    assert result.text.startswith("Findings on tea")
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert (told[0], told[-1]) == ((0.0, "Collecting sources"), (1.0, "Done"))


async def test_it_does_not_take_longer_than_its_limit():
    context = ToolContext(call="c", key="k", conversation="c", owner="1")
    result = await toolbox().run("slow_research", '{"topic": "tea", "seconds": 31}', context)
    assert result.code == "invalid_arguments"


async def test_the_unreliable_tool_fails():
    context = ToolContext(call="c", key="k", conversation="c", owner="1")
    result = await toolbox().run("unreliable", '{"reason": "As asked."}', context)
    assert (result.ok, result.code) == (False, "tool_error")
    assert result.text == "This tool always fails; that is its purpose. As asked."
