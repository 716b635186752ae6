"""Owners that looked at a run a moment before somebody else changed it, or whose session lags behind SQL."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from agents import events as e
from chat.session.memory import MemoryStore
from chat.session.sessions import Sessions
from tests.chat.runs.test_runner import House, bells_in_memory, crashes, house
from tests.support.scripted import ScriptedModel, says
from tests.support.waiting import eventually

__all__ = ["bells_in_memory", "house"]


class Overtaken(Sessions):
    """Sessions of a worker that does something else between its look at a run and its grasp of the lease."""

    def __init__(self, other: Sessions, first: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(other.store, other.journal)
        self.first = first

    async def take(self, conversation: str, owner: str, ttl_ms: int) -> int | None:
        await self.first()
        return await super().take(conversation, owner, ttl_ms)


async def test_poison_a_loss_that_another_wrote_down_after_our_look_is_counted(house: House) -> None:
    """Both looked at the run of a dead worker; the other one wrote the loss down and left the run to a process for
    suspects. Whoever comes second must not take it for a run that has lost nobody."""
    await house.ask()
    run = await crashes(house, 0)
    told = e.RunStarted(at=4, run=run, attempt=1, fence=1, worker="dead")
    await house.sessions.append(house.conversation, lambda view: [told])
    model = ScriptedModel(says("never"))
    first, second = house.worker(model, "w1"), house.worker(model, "w2")

    async def first_is_faster() -> None:
        assert await first.perform(house.conversation, run) == "isolated"

    second.sessions = Overtaken(house.sessions, first_is_faster)
    assert await second.perform(house.conversation, run) == "isolated"
    assert (await house.events())[-1] == "run.recovering"
    assert model.bodies == [], "it was performed among others"


async def test_S6_an_owner_whose_session_lacks_what_SQL_has_sets_it_right_and_goes_on(house: House) -> None:
    """After a failover somebody wrote to the former primary, and died. The session on the new one looks sound."""
    await house.ask()
    run = (await house.run())["id"]
    behind = Sessions(MemoryStore(idle_ttl_ms=60_000, log_entries=100), house.sessions.journal)
    assert (await behind.load(house.conversation)).state["run"]["status"] == "queued"
    at = time.time_ns() // 1_000_000
    step = f"{run}.1"
    told: list[e.Event] = [
        e.RunStarted(at=at, run=run, attempt=1, fence=1, worker="dead"),
        e.StepStarted(at=at, run=run, step=step),
    ]
    await house.sessions.append(house.conversation, lambda view: told)
    house.sessions = behind
    model = ScriptedModel(says("Here I am"))
    worker = house.worker(model, isolated=True)
    async with asyncio.timeout(5):
        await worker.perform(house.conversation, run)
    ended = await house.run()
    assert (ended["status"], ended["attempt"]) == ("finished", 2)
    await behind.close()


async def test_S6_a_run_that_the_session_calls_over_is_found_again(house: House) -> None:
    """The message that began it was written to the former primary: on the new one there is nothing to do."""
    behind = Sessions(MemoryStore(idle_ttl_ms=60_000, log_entries=100), house.sessions.journal)
    assert (await behind.load(house.conversation)).state["run"] is None
    await house.ask()
    run = (await house.run())["id"]
    house.sessions = behind
    worker = house.worker(ScriptedModel(says("Here I am")))
    house.queue.clear()
    await worker.perform(house.conversation, run)
    await eventually(lambda: house.queue, 5, "the run to be put into the queue again")
    await house.finish(worker)
    assert (await house.run())["status"] == "finished"
    await behind.close()
