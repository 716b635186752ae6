"""Tools whose effects can be counted from outside: each appends one line to a ledger file that no part of
Holdfast reads.

Load them with HOLDFAST_TOOL_MODULES=tests.recovery.chaos.tools; HOLDFAST_DATA says where the ledger is.
"""

import asyncio
import errno
import fcntl
import json
import os
import time
from pathlib import Path

from django.conf import settings

from agents.tools import Probed, ToolContext, tool
from chat.support import kill_points
from tests.recovery.chaos import stacks

NAME = "ledger.jsonl"

stacks.tell_on_signal()


def ledger() -> Path:
    """Where the effects of this installation are written down."""
    return Path(settings.HOLDFAST_DATA) / NAME


def entries(path: Path) -> list[dict[str, object]]:
    """The effects that have happened, in order. A line is whole, or not there."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def effect(name: str, context: ToolContext, before: int, after: int) -> str:
    """Have an effect after so many ms, and take so many more."""
    await asyncio.sleep(before / 1000)
    kill_points.point("effect.before")
    line = {
        "tool": name,
        "call": context.call,
        "key": context.key,
        "conversation": context.conversation,
        "pid": os.getpid(),
        "at": time.time_ns() // 1_000_000,
    }
    _write(json.dumps(line).encode() + b"\n")
    kill_points.point("effect.after")
    await asyncio.sleep(after / 1000)
    return f"{name} is done"


def _write(line: bytes) -> None:
    """A whole line or, where the disk has no room for it, none and an OSError."""
    handle = os.open(ledger(), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        if os.write(handle, line) != len(line):
            os.ftruncate(handle, size)
            raise OSError(errno.ENOSPC, "no room for an effect")
    finally:
        os.close(handle)


async def _written(context: ToolContext, before: int = 0, after: int = 0) -> Probed:
    done = any(line["key"] == context.key for line in entries(ledger()))
    return Probed("happened", "post is done") if done else Probed("not_happened")


@tool(effect="effectful", timeout=30)
async def pay(context: ToolContext, before: int = 0, after: int = 0) -> str:
    """An effect that must not happen twice, and that nobody can look up afterwards."""
    return await effect("pay", context, before, after)


@tool(effect="effectful", timeout=30, probe=_written)
async def post(context: ToolContext, before: int = 0, after: int = 0) -> str:
    """An effect that must not happen twice, and that can be looked up."""
    return await effect("post", context, before, after)


@tool(effect="idempotent", timeout=30)
async def put(context: ToolContext, before: int = 0, after: int = 0) -> str:
    """An effect that may be repeated with its key."""
    return await effect("put", context, before, after)


@tool(effect="read_only", timeout=30)
async def look(context: ToolContext, before: int = 0, after: int = 0) -> str:
    """Nothing but a look, which takes its time."""
    await asyncio.sleep((before + after) / 1000)
    return "seen"
