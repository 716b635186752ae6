"""A clock that differs from the store's is told: by a worker in the store, by a web server of itself."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

import pytest

from agents import events as e
from chat import decide
from chat.journal.journal import Journal
from chat.journal.queries import active_runs
from chat.runs.clock_difference import MAX_DIFFERENCE_MS, SIGN, ClockSign, difference, differences
from chat.runs.sweeper import QUEUED_GRACE_MS, Sweeper, unattended
from chat.session.sessions import Sessions
from chat.support.clock import MACHINE, StoreClock
from tests.support.worlds import RedisWorld

TEN_MINUTES_S = 600


def off(seconds: float) -> StoreClock:
    """The clock of a machine that is so far ahead."""
    return StoreClock(lambda: time.time() + seconds)


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, ""), (1.5, ""), (-1.5, ""), (600, "600 s ahead of"), (-600, "600 s behind")]
)
def test_more_than_two_seconds_are_told(seconds: float, told: str) -> None:
    clock = off(seconds)
    assert difference("web", clock) == "", "the store has not told its time yet"
    clock.learn(clock.moment, time.time() * 1000)
    line = difference("web", clock)
    assert (told in line and "web" in line) if told else line == ""
    assert MAX_DIFFERENCE_MS == 2_000


async def test_a_worker_leaves_a_sign_until_its_clock_is_right(
    redis_world: RedisWorld, sqlite_journal: Journal
) -> None:
    wrong = [TEN_MINUTES_S]
    clock = StoreClock(lambda: time.time() + wrong[0])
    worker = Sessions(redis_world.another(clock), sqlite_journal)
    here = Sessions(redis_world.store, sqlite_journal)
    sign = ClockSign(worker, "worker-1", clock)
    await sign.tell()
    await sign.tell()
    (line,) = await differences(here, "web", off(0))
    assert "worker-1 is 600 s ahead of" in line
    wrong[0] = -5
    await sign.tell()
    (line,) = await differences(here, "web", off(0))
    assert "worker-1 is 5 s behind" in line
    wrong[0] = 0
    await sign.tell()
    assert await differences(here, "web", off(0)) == []
    assert await redis_world.store.lease(SIGN) is None
    await worker.store.aclose()


@pytest.mark.parametrize("ahead_s", [TEN_MINUTES_S, -TEN_MINUTES_S])
async def test_a_run_that_a_machine_with_a_wrong_clock_queued_is_found_when_it_is_time(
    redis_world: RedisWorld, sqlite_journal: Journal, alice: Any, ahead_s: int
) -> None:
    """The web server is ten minutes off; the run it queued is lost on its way, and is as old as it is."""
    clock = off(ahead_s)
    web = Sessions(redis_world.another(clock), sqlite_journal, clock=clock)
    conversation, message = str(uuid.uuid4()), str(uuid.uuid4())
    await web.create(conversation, alice.pk, "assistant", "T", "web")
    run = decide.run_id(conversation, message)

    def told(_: Any) -> list[e.Event]:
        at = clock.now()
        return [
            e.MessageAdded(at=at, message=message, text="hello"),
            e.RunQueued(at=at, run=run, cause=message),
        ]

    await web.append(conversation, told)
    (found,) = await active_runs(sqlite_journal, 10)
    assert abs(found.updated_at - time.time() * 1000) < 2_000, "by the store's clock"
    assert not unattended(found, owned=False, now=MACHINE.now())
    assert unattended(found, owned=False, now=MACHINE.now() + QUEUED_GRACE_MS)
    queued: list[str] = []

    async def enqueue(conversation: str, run: str) -> bool:
        queued.append(run)
        return True

    here = Sessions(redis_world.store, sqlite_journal)
    sweeper = Sweeper(here, enqueue, worker="w", every_ms=50, renew_ms=1_000)
    # The grace may end during a look: what counts is when the look began that did not find it, and when one did.
    async with asyncio.timeout(60):
        while True:
            begun = MACHINE.now()
            if await sweeper.sweep():
                break
            assert begun - found.updated_at < QUEUED_GRACE_MS + 500, "found when it is time"
            await asyncio.sleep(0.05)
    assert MACHINE.now() - found.updated_at > QUEUED_GRACE_MS - 500, "and not before"
    assert queued == [run]
    await web.store.aclose()


def test_a_run_that_an_earlier_release_queued_in_the_future_is_looked_at() -> None:
    from chat.journal.queries import Active

    run = Active("c", "r", "queued", 0, False, MACHINE.now() + 600_000)
    assert unattended(run, owned=False, now=MACHINE.now())
