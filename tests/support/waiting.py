"""Waiting on conditions with a bound, instead of sleeping for luck."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any


def wait_until(
    condition: Callable[[], Any], seconds: float, what: str | Callable[[], str], every: float = 0.02
) -> Any:
    """The first true value of `condition`; AssertionError naming `what` after `seconds` (a function is asked then)."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            told = what if isinstance(what, str) else what()
            raise AssertionError(f"Waited {seconds} s for {told}, in vain.")
        time.sleep(every)


async def eventually(
    condition: Callable[[], Any] | Callable[[], Awaitable[Any]],
    seconds: float,
    what: str,
    every: float = 0.02,
) -> Any:
    """`wait_until` for async tests; `condition` may be a plain or an async function."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"Waited {seconds} s for {what}, in vain.")
        await asyncio.sleep(every)
