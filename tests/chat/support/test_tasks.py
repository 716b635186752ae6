"""Tasks end when they are told to, also when a cancellation was swallowed."""

import asyncio
import gc

import pytest

from chat.support.tasks import RETRY_S, cleaning_up, end, raise_if_cancelled


async def swallowing(times: int, done: list[str]) -> None:
    """Like a write of redis-py at the wrong moment: so many cancellations are lost."""
    for _ in range(times):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            done.append("swallowed")
    await asyncio.sleep(60)


@pytest.mark.parametrize("times", [0, 1, 3])
async def test_a_task_is_cancelled_until_it_ends(times: int):
    swallowed: list[str] = []
    tasks = [asyncio.create_task(swallowing(times, swallowed)) for _ in range(2)]
    await asyncio.sleep(0)
    await end(tasks)
    assert all(task.cancelled() for task in tasks)
    assert len(swallowed) == 2 * times


async def test_what_they_raised_is_passed_over(caplog):
    async def fails() -> None:
        raise ValueError

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await end([task])
    del task
    gc.collect()
    assert caplog.text == ""


async def test_who_puts_things_in_order_is_waited_for_and_not_cancelled_again():
    """It takes longer than `end` waits between two cancellations, also in a task that was ended by another one."""
    closed: list[str] = []

    async def inner() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            with cleaning_up():
                await asyncio.sleep(3 * RETRY_S)
                closed.append("inner")

    async def outer() -> None:
        task = asyncio.create_task(inner())
        try:
            await asyncio.sleep(60)
        finally:
            with cleaning_up():
                await end([task])
                await asyncio.sleep(3 * RETRY_S)
                closed.append("outer")

    task = asyncio.create_task(outer())
    await asyncio.sleep(0.01)
    await end([task])
    assert closed == ["inner", "outer"]
    assert task.cancelled()


async def test_what_never_ends_is_given_up():
    stubborn = asyncio.create_task(swallowing(20, []))
    await asyncio.sleep(0)
    began = asyncio.get_running_loop().time()
    await end([stubborn], seconds=0.3)
    assert not stubborn.done()
    assert asyncio.get_running_loop().time() - began < 2
    await end([stubborn], seconds=10)
    assert stubborn.cancelled()


async def test_a_loop_hears_of_a_cancellation_that_was_swallowed():
    rounds: list[str] = []

    async def loop() -> None:
        while True:
            raise_if_cancelled()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                rounds.append("swallowed")

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()
    assert rounds == ["swallowed"]
