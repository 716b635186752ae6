"""One tool more than those of chaos (tests/recovery/chaos/tools.py): the agent asks a person before it."""

from agents.tools import ToolContext, tool
from tests.recovery.chaos.tools import effect


@tool(effect="effectful", timeout=30)
async def sign(context: ToolContext, before: int = 0, after: int = 0) -> str:
    """An effect that somebody must have allowed."""
    return await effect("sign", context, before, after)
