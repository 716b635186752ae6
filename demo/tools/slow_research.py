"""The demo's slow research: nothing is looked up, but it takes its time and says how far it is."""

import asyncio
from typing import Annotated

from pydantic import Field

from agents.tools import ToolContext, tool

_STAGES = (
    "Collecting sources",
    "Reading the first sources",
    "Comparing what they say",
    "Reading the rest",
    "Checking dates and numbers",
    "Looking for objections",
    "Ordering the findings",
    "Writing the summary",
)


@tool(effect="read_only", timeout=60, default=True)
async def slow_research(
    topic: Annotated[str, Field(min_length=1, max_length=200)],
    context: ToolContext,
    seconds: Annotated[int, Field(ge=1, le=30)] = 8,
) -> str:
    """Research a topic for some seconds, with progress. A demonstration: the findings are invented.

    Args:
        topic: What to research.
        seconds: How long the research takes, from 1 to 30.
    """
    for done, stage in enumerate(_STAGES):
        await context.progress(done / len(_STAGES), stage)
        await asyncio.sleep(seconds / len(_STAGES))
    await context.progress(1.0, "Done")
    return (
        f"Findings on {topic} (invented, for demonstration):\n"
        f"1. There is more than one view of {topic}, and the oldest is not the weakest.\n"
        f"2. Most sources agree on the facts and differ in what follows from them.\n"
        f"3. Two of {len(_STAGES) + 4} sources could not be checked and were left out."
    )
