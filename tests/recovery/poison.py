"""Tools that take the process down in which they run.

Load them with HOLDFAST_TOOL_MODULES=tests.recovery.poison.
"""

import asyncio
import os
import signal
import time

from agents.tools import tool


@tool(effect="read_only", timeout=60)
async def boom(before: int = 0, after: int = 0) -> str:
    """Kill the process, after so many milliseconds."""
    await asyncio.sleep(before / 1000)
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


@tool(effect="read_only", timeout=60)
async def spin(before: int = 0, after: int = 0) -> str:
    """Give nobody a turn any more, after so many milliseconds. Bounded, should nothing end it."""
    await asyncio.sleep(before / 1000)
    time.sleep(60)
    return "never"
