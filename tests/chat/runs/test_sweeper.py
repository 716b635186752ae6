"""The sweeper over both stores: what nobody does is found, what somebody does is left alone."""

import asyncio
import time
import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents import events as e
from chat import decide, set_aside
from chat.files import attachments
from chat.journal.queries import Active, active_runs
from chat.models import Conversation, QueueFailure
from chat.runs.sweeper import (
    EXPIRED_MS,
    MIN_PAUSE_MS,
    QUEUED_GRACE_MS,
    SWEEPS,
    TIDY_MS,
    Sweeper,
    decide_recovering,
    unattended,
)
from chat.session.sessions import Sessions, SessionView
from chat.support.poison import MAX_TRIES
from tests.support.clocks import HandClock
from tests.support.waiting import eventually

NOW = time.time_ns() // 1_000_000


@pytest.fixture(autouse=True)
def bells_in_memory(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


class Yard:
    """Conversations with runs, and sweepers with a clock that is ahead."""

    def __init__(self, sessions: Sessions, user_id: int) -> None:
        self.sessions = sessions
        self.user_id = user_id
        self.queued: list[str] = []
        self.clock = HandClock(NOW + 60_000)
        self.queue_works = True

    def sweeper(self, name: str = "w", **options: Any) -> Sweeper:
        settings: dict[str, Any] = {"every_ms": 50, "renew_ms": 1_000, **options}
        return Sweeper(self.sessions, self._enqueue, worker=name, clock=self.clock, **settings)

    async def _enqueue(self, conversation: str, run: str) -> bool:
        if self.queue_works:
            self.queued.append(run)
        return self.queue_works

    async def begin(self, *more: str) -> tuple[str, str]:
        """A conversation with a queued run, and what these events make of it."""
        conversation, message = str(uuid.uuid4()), str(uuid.uuid4())
        await self.sessions.create(conversation, self.user_id, "assistant", "T", "web")
        run = decide.run_id(conversation, message)
        known: dict[str, e.Event] = {
            "started": e.RunStarted(at=NOW, run=run, attempt=1, fence=1, worker="dead"),
            "recovering": e.RunRecovering(at=NOW, run=run, reason="handed_over"),
            "waiting": e.RunWaiting(at=NOW, run=run, reason="in_doubt"),
            "stopping": e.RunStopping(at=NOW, run=run),
            "finished": e.RunFinished(at=NOW, run=run),
        }
        told: list[e.Event] = [
            e.MessageAdded(at=NOW, message=message, text="hello"),
            e.RunQueued(at=NOW, run=run, cause=message),
            *(known[name] for name in more),
        ]
        await self.sessions.append(conversation, lambda view: told)
        return conversation, run

    async def status(self, conversation: str) -> str:
        return (await self.sessions.load(conversation)).state["run"]["status"]


@pytest.fixture
def yard(sessions: Sessions, alice: Any) -> Yard:
    return Yard(sessions, alice.pk)


async def test_R1_a_run_that_the_queue_lost_is_queued_again(yard: Yard):
    _, run = await yard.begin()
    assert await yard.sweeper().sweep() == 1
    assert yard.queued == [run]


async def test_a_run_that_was_queued_just_now_is_on_its_way(yard: Yard):
    await yard.begin()
    yard.clock.ms = NOW + QUEUED_GRACE_MS - 1
    assert await yard.sweeper().sweep() == 0


async def test_R4_a_run_whose_owner_died_is_shown_as_recovering_and_queued(yard: Yard):
    conversation, run = await yard.begin("started")
    assert await yard.sweeper().sweep() == 1
    assert await yard.status(conversation) == "recovering"
    assert yard.queued == [run]


async def test_R2_a_run_that_is_owned_is_left_alone(yard: Yard):
    conversation, _ = await yard.begin("started")
    assert await yard.sessions.take(conversation, "alive", 60_000)
    assert await yard.sweeper().sweep() == 0
    assert await yard.status(conversation) == "running"


@pytest.mark.parametrize("more", [("started", "waiting"), ("started", "finished")], ids=lambda more: more[-1])
async def test_what_waits_for_a_person_or_is_over_is_left_alone(yard: Yard, more: Any):
    await yard.begin(*more)
    assert await yard.sweeper().sweep() == 0


@pytest.mark.parametrize(
    "more", [("started", "recovering"), ("started", "waiting", "stopping")], ids=lambda more: more[-1]
)
async def test_what_was_handed_over_or_shall_stop_is_queued(yard: Yard, more: Any):
    _, run = await yard.begin(*more)
    assert await yard.sweeper().sweep() == 1
    assert yard.queued == [run]


async def test_a_crash_behind_more_than_a_page_of_runs_is_noticed(yard: Yard) -> None:
    """A page of the oldest needs a way past those that stay."""
    for _ in range(4):
        await yard.begin("started", "waiting")
    for _ in range(4):
        owned, _ = await yard.begin("started")
        assert await yard.sessions.take(owned, "alive", 60_000)
    _, lost = await yard.begin("started")
    assert await yard.sweeper(page=3).sweep() == 1
    assert yard.queued == [lost]


async def test_runs_that_wait_for_a_person_are_not_even_read(yard: Yard) -> None:
    for _ in range(3):
        await yard.begin("started", "waiting")
    _, stopping = await yard.begin("started", "waiting", "stopping")
    assert [run.run for run in await active_runs(yard.sessions.journal, 10)] == [stopping]


async def test_a_run_that_waits_for_its_place_is_loaded_once_and_not_by_every_sweep(yard: Yard) -> None:
    class Counting(Sessions):
        loads = 0

        async def load(self, conversation: str) -> SessionView:
            self.loads += 1
            return await super().load(conversation)

    await yard.begin()
    counting = yard.sessions = Counting(yard.sessions.store, yard.sessions.journal)
    sweepers = [yard.sweeper(f"w{n}") for n in range(3)]
    for _ in range(10):
        for sweeper in sweepers:
            await sweeper.sweep()
    assert (counting.loads, len(yard.queued)) == (1, 1)


async def test_any_number_of_sweepers_queue_a_run_once(yard: Yard):
    conversation, run = await yard.begin("started")
    await asyncio.gather(*(yard.sweeper(f"w{n}").sweep() for n in range(5)))
    assert yard.queued == [run]
    types = [text async for text in _types(conversation)]
    assert types.count("run.recovering") == 1


async def test_R4_the_next_sweep_is_when_the_first_lease_runs_out(yard: Yard, world: Any):
    first, run = await yard.begin("started")
    second, _ = await yard.begin("started")
    sweeper = yard.sweeper(every_ms=60_000)
    assert await yard.sessions.take(first, "dies", 900)
    assert await yard.sessions.take(second, "alive", 50_000)
    assert await sweeper.sweep() == 0
    pause = sweeper.pause_ms()
    assert MIN_PAUSE_MS <= pause <= 900 + 3 * EXPIRED_MS
    await world.wait(int(pause))
    assert await sweeper.sweep() == 1
    assert yard.queued == [run]
    assert sweeper.pause_ms() > 40_000, "nothing else runs out soon"


async def test_R2_a_run_whose_lease_was_lost_with_its_session_is_left_to_its_owner(
    sessions: Sessions, alice: Any
):
    """A Redis that lost its newest writes knows neither; nothing says that the owner is dead."""
    yard = Yard(Sessions(sessions.store, sessions.journal, lease_ms=50_000), alice.pk)
    conversation, _ = await yard.begin("started")
    fence = await yard.sessions.take(conversation, "owner", 50_000)
    await sessions.store.delete(conversation)
    assert await yard.sweeper().sweep() == 0
    assert (yard.queued, await yard.status(conversation)) == ([], "running")
    assert await yard.sessions.take(conversation, "other", 50_000) is None
    assert await yard.sessions.renew(conversation, "owner", 50_000)
    assert await sessions.store.lease(conversation) == "owner" and fence


async def test_without_leases_the_sweeps_come_at_their_pace(yard: Yard):
    sweeper = yard.sweeper(every_ms=1_000)
    await sweeper.sweep()
    assert 800 <= sweeper.pause_ms() <= 1_200


async def test_a_claim_is_given_back_when_the_queue_is_away(yard: Yard):
    _, run = await yard.begin()
    yard.queue_works = False
    assert await yard.sweeper().sweep() == 0
    yard.queue_works = True
    assert await yard.sweeper("w2").sweep() == 1
    assert yard.queued == [run]


async def test_S7_after_the_store_lost_its_leases_living_owners_get_time(yard: Yard, world: Any):
    conversation, run = await yard.begin("started")
    assert await yard.sessions.take(conversation, "alive", 60_000)
    sweeper = yard.sweeper()
    assert await sweeper.sweep() == 0
    await world.flush()
    assert await sweeper.sweep() == 0, "the owner had no time to renew its lease"
    assert await yard.sessions.renew(conversation, "alive", 60_000)
    yard.clock.ms += 3_500
    assert await sweeper.sweep() == 0
    await world.flush()
    assert await sweeper.sweep() == 0
    yard.clock.ms += 3_500
    assert await sweeper.sweep() == 1, "this owner is dead"
    assert yard.queued == [run]


async def test_deleted_conversations_are_passed_over(yard: Yard):
    conversation, _ = await yard.begin("started")
    await yard.sessions.delete(conversation)
    assert await yard.sweeper().sweep() == 0


async def test_it_sweeps_until_it_is_cancelled(yard: Yard):
    _, run = await yard.begin()
    task = asyncio.create_task(yard.sweeper().run())
    await eventually(lambda: yard.queued, 10, "the first sweep")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert yard.queued == [run]


def test_decisions_on_states():
    run = Active("c", "r", "running", 1, False, NOW)
    assert unattended(run, owned=False, now=NOW)
    assert not unattended(run, owned=True, now=NOW)
    state = {"run": {"id": "r", "status": "running", "attempt": 1}}
    assert decide_recovering(state, "r", 1, NOW, 3) == [
        e.RunRecovering(at=NOW, run="r", reason="lease_lost", crowd=3)
    ]
    for changed in ({"attempt": 2}, {"status": "finished"}, {"id": "other"}):
        assert decide_recovering({"run": {**state["run"], **changed}}, "r", 1, NOW, 3) == []


async def _types(conversation: str):
    from chat import models as m

    async for row in m.Event.objects.filter(conversation_id=conversation).order_by("seq"):
        yield row.type


async def test_a_file_that_was_never_sent_is_removed_once_an_hour(yard: Yard, settings: Any, tmp_path: Any):
    settings.MEDIA_ROOT = tmp_path
    keep = sync_to_async(attachments.keep)
    row, _ = await keep(yard.user_id, uuid.uuid4(), "a.txt", b"a", yard.clock.ms - attachments.UNSENT_MS - 1)
    sweeper = yard.sweeper()
    assert await sweeper.tidy() == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    await keep(yard.user_id, row.id, "a.txt", b"a", 0)
    assert await sweeper.tidy() == 0, "not again within the hour"
    yard.clock.ms += TIDY_MS
    assert await sweeper.tidy() == 1


async def test_a_run_that_raises_when_it_is_swept_is_told_and_left_alone_for_a_while(yard: Yard):
    broken, poisoned = await yard.begin("started")
    _, run = await yard.begin()
    rows = Conversation.objects.filter(pk=broken)
    whole = (await rows.aget()).run
    await rows.aupdate(run={"id": poisoned})
    await yard.sessions.store.delete(broken)
    for _ in range(MAX_TRIES):
        await yard.sweeper().sweep()
    assert run in yard.queued and poisoned not in yard.queued
    aside = await QueueFailure.objects.aget(aside=True)
    assert (aside.queue, aside.key, aside.tries) == (SWEEPS.name, poisoned, MAX_TRIES)
    await yard.sweeper().sweep()
    await aside.arefresh_from_db()
    assert aside.tries == MAX_TRIES, "it is left alone"
    await rows.aupdate(run=whole)
    await yard.sessions.store.delete(broken)
    await sync_to_async(set_aside.try_again)(aside)
    await yard.sweeper().sweep()
    assert poisoned in yard.queued
