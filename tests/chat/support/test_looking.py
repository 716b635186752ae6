"""A side task looks until it is cancelled, whatever a look raises."""

from __future__ import annotations

import asyncio
import logging

import pytest

from chat.support.looking import keep_looking

log = logging.getLogger(__name__)


class Away(Exception):
    """A store does not answer."""


async def test_a_look_that_fails_is_followed_by_another_and_says_so_in_its_way(
    caplog: pytest.LogCaptureFixture,
) -> None:
    raised: list[Exception | None] = [Away("no answer"), ValueError("wrong"), None]
    looked, again = 0, asyncio.Event()

    async def look() -> float:
        nonlocal looked
        looked += 1
        if looked > len(raised):
            again.set()
            return 60
        if (problem := raised[looked - 1]) is not None:
            raise problem
        return 0

    task = asyncio.create_task(keep_looking("Things", look, after_failure_s=0.01, away=(Away,), log=log))
    await asyncio.wait_for(again.wait(), 10)
    away, wrong = caplog.records
    assert "Things have to wait" in away.message and away.exc_info is None
    assert "Things could not be looked after" in wrong.message and wrong.exc_info is not None
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_that_a_look_swallows_ends_it_all_the_same() -> None:
    begun = asyncio.Event()

    async def look() -> float:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass  # as redis-py does at times (chat/support/tasks.py)
        return 0

    task = asyncio.create_task(keep_looking("Things", look, after_failure_s=60, log=log))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)
