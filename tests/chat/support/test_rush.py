"""Who is in no hurry lets those pass who wait for a first sign of life, and not for ever."""

from __future__ import annotations

import asyncio
import time

from chat.support.rush import FEW, Rush, rush


async def passes_by(rush: Rush) -> asyncio.Task[None]:
    """Somebody who is in no hurry, and has had the time to pass if nobody waits."""
    task = asyncio.create_task(rush.pass_by())
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_where_nobody_waits_nobody_is_held_up() -> None:
    made = Rush(few=0, spread_s=0)
    assert (await passes_by(made)).done()
    made.begin()()
    assert (await passes_by(made)).done()


async def test_all_who_wait_go_first() -> None:
    made = Rush(few=0, spread_s=0)
    first, second = made.begin(), made.begin()
    held = await passes_by(made)
    first()
    first()
    await asyncio.sleep(0)
    assert not held.done(), "the second still waits, however often the first has said that it does not"
    second()
    await held
    assert (await passes_by(made)).done()


async def test_somebody_who_never_sees_anything_holds_up_nobody_for_long() -> None:
    made = Rush(most_s=0.05, few=0, spread_s=0)
    made.begin()
    began = time.monotonic()
    await made.pass_by()
    assert 0.04 < time.monotonic() - began < 5
    assert (await passes_by(made)).done()


async def test_nobody_is_held_up_for_long_however_many_come() -> None:
    made = Rush(most_s=0.2, few=0, spread_s=0)
    ends = [made.begin()]
    held = await passes_by(made)
    for _ in range(40):
        await asyncio.sleep(0.02)
        ends.append(made.begin())
        if held.done():
            break
    assert held.done()
    for end in ends:
        end()


async def test_there_is_one_for_each_loop() -> None:
    assert rush() is rush()
    ends = [rush().begin() for _ in range(FEW + 1)]
    held = await passes_by(rush())
    assert not held.done()
    for end in ends:
        end()
    await held


async def test_a_few_who_wait_hold_up_nobody_and_a_rush_lasts_until_the_last_has_seen_something() -> None:
    made = Rush(few=2, spread_s=0)
    ends = [made.begin(), made.begin()]
    assert (await passes_by(made)).done(), "a single card takes long enough for an answer to be late by it"
    ends.append(made.begin())
    held = await passes_by(made)
    for end in ends[:2]:
        end()
        await asyncio.sleep(0)
        assert not held.done()
    ends[2]()
    await held
    assert (await passes_by(made)).done()
