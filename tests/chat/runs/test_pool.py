"""The runs of one worker process: entries of the queue that come twice, too early, or one after another."""

from __future__ import annotations

import asyncio

import pytest

from chat.runs.pool import Pool
from chat.runs.runner import RunOutcome
from chat.support.rush import FEW, rush
from tests.support.waiting import eventually


class Played:
    """A runner whose runs end when they are told to."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []
        self.owned: list[asyncio.Event] = []
        self.ends: list[asyncio.Future[RunOutcome]] = []

    async def perform(self, conversation: str, run: str, owned: asyncio.Event) -> RunOutcome:
        self.owned.append(owned)
        self.begun.append((conversation, run))
        self.ends.append(asyncio.get_running_loop().create_future())
        return await self.ends[-1]

    def leave(self) -> None:
        for end in self.ends:
            if not end.done():
                end.set_result("owned")


class Scene:
    def __init__(self, size: int = 8) -> None:
        self.runner = Played()
        self.suspects: list[str] = []
        self.pool = Pool(self.runner, size, lambda _, run: self.suspects.append(run))  # type: ignore[arg-type]

    async def entry(self, run: str, conversation: str = "c") -> asyncio.Task[None]:
        task = asyncio.create_task(self.pool.perform(conversation, run))
        await settle()
        return task


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_entry_that_comes_twice_begins_the_run_once():
    scene = Scene()
    first, second = await scene.entry("r"), await scene.entry("r")
    assert not second.done(), "the first may have come too early"
    scene.runner.owned[0].set()
    await second
    await (await scene.entry("r"))
    assert not first.done()
    scene.runner.ends[0].set_result("owned")
    await first
    assert scene.runner.begun == [("c", "r")]
    assert scene.pool.running == []


async def test_entries_that_came_twice_take_no_place_from_other_runs():
    """After a crash every run had two entries in the queue's worker, and there was room for half as many runs. Found by
    `bench takeover`: ten of forty waited for another lease and longer."""
    scene = Scene()
    entries = [await scene.entry(f"r{n}", f"c{n}") for n in range(4)]
    for owned in scene.runner.owned:
        owned.set()
    again = [await scene.entry(f"r{n}", f"c{n}") for n in range(4)]
    assert all(task.done() for task in again) and not any(task.done() for task in entries)
    scene.runner.leave()
    await asyncio.gather(*entries)


@pytest.mark.parametrize("others", [1, 3])
async def test_R2_an_entry_that_came_too_early_does_not_swallow_those_that_come_meanwhile(others: int):
    """The queue gives the entries of a dead worker to another one at about the time when their leases run out. Found by
    `bench takeover`: a run whose second entry was dropped that way waited for another lease."""
    scene = Scene()
    entries = [await scene.entry("r") for _ in range(1 + others)]
    scene.runner.ends[0].set_result("nothing")  # the lease is still the dead owner's
    await settle()
    assert scene.runner.begun == [("c", "r")] * 2
    scene.runner.ends[1].set_result("owned")
    await asyncio.gather(*entries)
    assert scene.runner.begun == [("c", "r")] * 2


async def test_the_next_run_of_a_conversation_waits_until_the_one_before_it_is_let_go():
    scene = Scene()
    first, second = await scene.entry("r1"), await scene.entry("r2")
    assert scene.runner.begun == [("c", "r1")]
    scene.runner.ends[0].set_result("owned")
    await settle()
    assert scene.runner.begun == [("c", "r1"), ("c", "r2")]
    scene.runner.ends[1].set_result("owned")
    await asyncio.gather(first, second)


async def test_a_suspect_is_told_of_once_and_not_begun_again():
    scene = Scene()
    entries = [await scene.entry("r"), await scene.entry("r")]
    scene.runner.ends[0].set_result("isolated")
    await asyncio.gather(*entries)
    assert scene.suspects == ["r"]
    assert len(scene.runner.begun) == 1


async def test_a_run_goes_on_when_the_entry_that_brought_it_is_given_up():
    scene = Scene()
    entry = await scene.entry("r")
    entry.cancel()
    await settle()
    assert scene.pool.running == ["c"]
    await scene.pool.leave()
    await settle()
    assert scene.pool.running == []
    await scene.pool.perform("c", "r2")
    assert scene.runner.begun == [("c", "r")], "who leaves begins nothing"


async def test_so_many_at_a_time():
    scene = Scene(size=1)
    spare, one, two = [await scene.entry(f"r{n}", f"c{n}") for n in range(3)]
    assert scene.runner.begun == [("c0", "r0"), ("c1", "r1")], (
        "one more than its size: the queue may bring one more"
    )
    assert scene.pool.load().room < 0, "and it takes nothing then"
    scene.runner.ends[0].set_result("owned")
    await settle()
    assert scene.runner.begun[2:] == [("c2", "r2")]
    await scene.pool.leave()
    await asyncio.gather(spare, one, two)


async def test_a_run_that_has_not_begun_lets_those_go_first_who_have_seen_nothing_yet():
    scene = Scene()
    begun = await scene.entry("r1", "c1")
    ends = [rush().begin() for _ in range(FEW + 1)]
    waiting = await scene.entry("r2", "c2")
    assert scene.runner.begun == [("c1", "r1")]
    for end in ends:
        end()
    await eventually(lambda: scene.runner.begun == [("c1", "r1"), ("c2", "r2")], 5, "the run to begin")
    scene.runner.leave()
    await asyncio.gather(begun, waiting)
