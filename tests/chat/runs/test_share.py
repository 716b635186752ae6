"""How much of the queue a worker takes (rule R12)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.runs.share import FULL_S, HOLD_S, LEFT_OVER, Load, Share, Turn, turn
from chat.session.sessions import Sessions
from chat.support.tasks import end
from tests.support.waiting import eventually


@pytest.mark.parametrize(
    ("mine", "others", "what"),
    [
        (Load(64, 0), [], Turn(0, FULL_S)),
        (Load(3, 61), [], Turn(61, wait=True)),
        (Load(3, 61), [Load(64, 0)], Turn(61, wait=True)),
        (Load(0, 64), [Load(50, 14)], Turn(57, wait=True)),
        (Load(50, 14), [Load(0, 64)], Turn(LEFT_OVER, HOLD_S)),
        (Load(50, 2), [Load(0, 64)], Turn(2, HOLD_S)),
        (Load(10, 54), [Load(10, 54), Load(40, 24)], Turn(2, wait=True)),
        (Load(12, 52), [Load(10, 54)], Turn(LEFT_OVER, HOLD_S)),
    ],
)
def test_R12_what_a_worker_does_next(mine: Load, others: list[Load], what: Turn) -> None:
    assert turn(mine, others) == what


loads = st.builds(Load, st.integers(0, 100), st.integers(0, 100))


@given(loads, st.lists(loads, max_size=4))
def test_R12_nobody_takes_what_it_cannot_begin_and_somebody_with_room_always_waits(
    mine: Load, others: list[Load]
) -> None:
    assert turn(mine, others).count <= mine.room
    everybody = [mine, *others]
    if any(load.room > 0 for load in everybody):
        turns = [turn(load, [*everybody[:n], *everybody[n + 1 :]]) for n, load in enumerate(everybody)]
        assert any(one.wait for one in turns)


async def test_R12_workers_hear_of_each_other_and_of_one_that_leaves(sessions: Sessions) -> None:
    busy, idle = (
        Share(sessions, name, lambda _, load=load: load)
        for name, load in (("a", Load(9, 1)), ("b", Load(0, 9)))
    )
    beating = [asyncio.create_task(one.beat()) for one in (busy, idle)]
    await eventually(lambda: busy.turn(0) == Turn(1, HOLD_S), 5, "the busy one to hear of the idle one")
    await end(beating[1:])
    await eventually(lambda: busy.turn(0) == Turn(1, wait=True), 5, "it to hear that the idle one has left")
    await end(beating[:1])


def test_what_another_release_says_is_passed_over() -> None:
    assert Load.parse(Load(3, 61).words()) == Load(3, 61)
    assert Load.parse("3 61 and more") == Load(3, 61)
    assert Load.parse("busy") is None
