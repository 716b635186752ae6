"""Due times become runs, once; runs become results."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection

from agents.models import Agent
from chat import models as m
from chat.decide import MAX_WAITING, run_id
from chat.entrances.schedules import dispatch, editing, results, store
from chat.entrances.schedules.models import MOVES, Schedule, ScheduleFiring
from chat.entrances.schedules.validation import InvalidSchedule, draft_of
from chat.inbox import CreateBody, DeleteBody, Sender, StopBody
from chat.support.clock import wall_ms
from tests.chat.entrances.schedules.house import HOUR, MINUTE, House
from tests.support.scripted import ScriptedModel, says


async def again(row: Schedule) -> Schedule:
    return await Schedule.objects.aget(pk=row.pk)


def first(row: Schedule) -> int:
    """The due time that it had when it was made."""
    assert row.next_at is not None
    return row.next_at


async def test_a_due_time_becomes_a_conversation_with_its_answer(house: House) -> None:
    row = await house.make()
    assert await house.look() == 0, "it is not due yet"
    house.advance(HOUR)
    (over,) = await house.until_over(row)
    assert (over.outcome, over.detail, over.due) == ("finished", "It is sunny.", row.next_at)
    assert await house.texts(over.conversation) == ["How is the weather?"]
    place = await m.Conversation.objects.aget(id=over.conversation)
    assert place.title.startswith("Weather · 20")
    assert (place.owner_id, place.entrance) == (house.owner.pk, "schedule")
    assert over.run == run_id(str(place.id), over.message)
    assert (await again(row)).next_at == first(row) + HOUR


async def test_each_due_time_is_one_run_with_many_workers_at_once(house: House) -> None:
    row = await house.make(missed="all", most=100)
    others = [await house.make(missed="all", most=100) for _ in range(3)]
    services = [house.service() for _ in range(4)]
    house.advance(5 * HOUR)
    for _ in range(4):
        await asyncio.gather(*(service.look() for service in services))
    for one in (row, *others):
        found = await house.until_over(one, 5)
        assert [firing.due for firing in found] == [first(one) + n * HOUR for n in range(5)]
        assert len({firing.run for firing in found}) == len({firing.conversation for firing in found}) == 5
    assert await m.Message.objects.filter(kind="message").acount() == 20
    assert await m.Run.objects.acount() == 20


async def test_a_due_time_moves_on_with_its_journal_row_or_not_at_all(house: House) -> None:
    row = await house.make()
    due = first(row)
    house.advance(HOUR)

    def refused(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT") and ScheduleFiring._meta.db_table in sql:
            raise OperationalError("the disk is full")
        return execute(sql, params, many, context)

    def taken() -> int:
        with connection.execute_wrapper(refused):
            return store.take_due(row.pk, due)

    with pytest.raises(OperationalError):
        await sync_to_async(taken)()
    assert first(await again(row)) == due, "somebody else takes it later"
    (over,) = await house.until_over(row)
    assert over.due == due


async def test_in_one_conversation_they_run_one_after_another_oldest_first(house: House) -> None:
    row = await house.make(place="same", missed="all", most=5)
    house.gate.clear()
    house.advance(3 * HOUR)
    await house.look()
    await house.look()
    assert len(await house.firings(row, "fired")) == 1, "the next waits for the run of the first"
    house.gate.set()
    found = await house.until_over(row, 3)
    assert {str(one.conversation) for one in found} == {row.home}
    assert len({one.run for one in found}) == 3
    runs = m.Run.objects.filter(conversation=row.home).order_by("seq")
    assert [run.run async for run in runs] == [one.run for one in found]


async def test_R6_in_a_busy_conversation_it_joins_the_run_that_reads_it(house: House) -> None:
    place = await begin(house)
    row = await house.make(place="same", conversation=UUID(place))
    house.gate.clear()
    await house.say(place)
    house.advance(HOUR)
    await house.look()
    (fired,) = await house.firings(row, "fired")
    first = await m.Run.objects.aget(conversation=place)
    assert fired.run == first.run
    house.gate.set()
    (over,) = await house.until_over(row)
    assert (over.run, over.outcome) == (first.run, "finished")


async def begin(house: House, user: Any = None) -> str:
    place = str(uuid4())
    who = Sender((user or house.owner).pk)
    await house.inbox.submit(who, place, str(uuid4()), CreateBody(kind="create"))
    return place


async def test_R7_one_that_is_taken_back_behind_a_stopped_run_says_that_nobody_has_read_it(
    house: House,
) -> None:
    place = await begin(house)
    row = await house.make(place="same", conversation=UUID(place))
    house.gate.clear()
    await house.say(place)
    house.advance(HOUR)
    await house.look()
    stop = StopBody(kind="stop", withdraw=True)
    await house.inbox.submit(Sender(house.owner.pk), place, str(uuid4()), stop)
    (over,) = await house.until_over(row)
    assert over.outcome == "unread" and "taken back" in over.detail


async def test_R7_one_that_waits_behind_a_stopped_run_is_answered_next(house: House) -> None:
    place = await begin(house)
    row = await house.make(place="same", conversation=UUID(place))
    house.gate.clear()
    await house.say(place)
    house.advance(HOUR)
    await house.look()
    await house.inbox.submit(Sender(house.owner.pk), place, str(uuid4()), StopBody(kind="stop"))
    house.gate.set()
    (over,) = await house.until_over(row)
    assert over.outcome == "finished"


async def test_R7_a_run_that_a_schedule_began_is_stopped_from_the_web_chat(house: House) -> None:
    row = await house.make()
    house.gate.clear()
    house.advance(HOUR)
    await house.look()
    (fired,) = await house.firings(row, "fired")
    stop = StopBody(kind="stop", run=fired.run)
    who = Sender(house.owner.pk, entrance="web", name="alice")
    assert (await house.inbox.submit(who, str(fired.conversation), str(uuid4()), stop)).status == "applied"
    (over,) = await house.until_over(row)
    assert (over.outcome, over.detail) == ("stopped", "Stopped.")


async def test_R6_a_conversation_full_of_messages_takes_it_later(house: House) -> None:
    place = await begin(house)
    row = await house.make(place="same", conversation=UUID(place))
    house.gate.clear()
    for _ in range(1 + MAX_WAITING):  # one runs, the others wait behind it
        await house.say(place)
    house.advance(HOUR)
    await house.look()
    (received,) = await house.firings(row)
    assert received.state == "received" and "Too many messages wait" in received.detail
    house.gate.set()
    assert len(await house.until_over(row)) == 1


async def test_what_comes_faster_than_it_can_begin_is_passed_over_and_said_so(house: House) -> None:
    place = await begin(house)
    row = await house.make(place="same", conversation=UUID(place), missed="once")
    house.gate.clear()
    for _ in range(1 + MAX_WAITING):  # one runs, the others wait behind it
        await house.say(place)
    for _ in range(3):
        house.advance(HOUR)
        await house.look()
    states = [one.state for one in await house.firings(row)]
    assert states == ["received", "skipped", "skipped"]
    (busy, _) = await house.firings(row, "skipped")
    assert "the run before had not begun" in busy.detail and busy.passed["why"] == "busy"


async def test_missed_times_are_skipped_or_stood_for_as_the_schedule_says(house: House) -> None:
    house.gate.clear()
    skip = await house.make(missed="skip")
    once = await house.make(missed="once")
    some = await house.make(missed="all", most=2)
    house.advance(4 * HOUR + HOUR // 2)
    await house.look()
    assert [one.state for one in await house.firings(skip)] == ["skipped"]
    (passed,) = await house.firings(skip)
    assert passed.detail.startswith("4 passed over, from 20") and "nobody was there in time" in passed.detail
    told = {"why": "late", "count": 4, "more": False, "from": first(skip), "most": skip.most}
    assert passed.passed == told, "as data, so that it can be said in any language"
    found = await house.firings(once)
    assert [one.state for one in found] == ["skipped", "fired"]
    assert (found[0].passed["why"], found[0].passed["count"]) == ("merged", 3)
    assert found[1].due == first(once) + 3 * HOUR
    found = await house.firings(some)
    assert [(one.state, one.due) for one in found[1:]] == [
        ("fired", first(some) + 2 * HOUR),
        ("fired", first(some) + 3 * HOUR),
    ]
    assert "2 passed over" in found[0].detail and "at most 2" in found[0].detail
    assert (found[0].passed["why"], found[0].passed["most"]) == ("capped", 2)


async def test_while_it_is_paused_nothing_is_due_and_nothing_is_missed(house: House) -> None:
    row = await house.make(missed="all")
    await sync_to_async(editing.pause)(row)
    house.advance(3 * HOUR + MINUTE)
    await house.look()
    assert await house.firings(row) == []
    resumed = await sync_to_async(editing.resume)(row)
    assert resumed.next_at == first(row) + 3 * HOUR
    await house.look()
    assert await house.firings(row) == []


async def test_once_is_over_after_its_time(house: House) -> None:
    row = await house.make(kind="once", at=wall_ms() + HOUR, every_s=0)
    house.advance(HOUR + MINUTE)
    await house.until_over(row)
    ended = await again(row)
    assert (ended.state, ended.next_at) == ("ended", None)
    with pytest.raises(InvalidSchedule):
        await sync_to_async(editing.resume)(row)
    later = draft_of(ended).model_copy(update={"at": wall_ms() + HOUR})
    assert (await sync_to_async(editing.change)(ended, later)).state == "active"


async def test_after_its_end_it_is_due_no_more(house: House) -> None:
    row = await house.make(ends_at=wall_ms() + 2 * HOUR + MINUTE, missed="all")
    house.advance(10 * HOUR)
    assert len(await house.until_over(row, 2)) == 2
    assert (await again(row)).state == "ended"


async def test_run_now_is_one_run_however_often_it_is_asked_for(house: House) -> None:
    row = await house.make()
    await sync_to_async(editing.pause)(row)
    key = uuid4()
    asked = [await sync_to_async(editing.run_now)(row, key) for _ in range(3)]
    assert len({one.pk for one in asked}) == 1
    (over,) = await house.until_over(row)
    assert over.manual and over.outcome == "finished"
    assert (await again(row)).next_at == row.next_at


async def test_run_now_is_not_for_hammering(house: House) -> None:
    row = await house.make()
    for _ in range(editing.MAX_MANUAL):
        await sync_to_async(editing.run_now)(row)
    with pytest.raises(editing.TooManySchedules):
        await sync_to_async(editing.run_now)(row)


async def test_a_deleted_conversation_pauses_the_schedule_with_words_and_resuming_begins_another(
    house: House,
) -> None:
    row = await house.make(place="same")
    house.advance(HOUR)
    await house.until_over(row)
    await house.inbox.submit(Sender(house.owner.pk), row.home, str(uuid4()), DeleteBody(kind="delete"))
    house.advance(HOUR)
    await house.look()
    (failed,) = await house.firings(row, "failed")
    assert failed.detail == "The conversation was deleted."
    paused = await again(row)
    assert (paused.state, paused.problem) == ("paused", "not_found")
    resumed = await sync_to_async(editing.resume)(row)
    assert resumed.state == "active" and resumed.problem == "" and resumed.home != row.home
    house.advance(HOUR)
    found = await house.until_over(row, 2)
    assert str(found[-1].conversation) == resumed.home


async def test_a_chosen_conversation_that_was_deleted_must_be_chosen_anew(house: House) -> None:
    place = await begin(house)
    row = await house.make(place="same", conversation=UUID(place))
    await house.inbox.submit(Sender(house.owner.pk), place, str(uuid4()), DeleteBody(kind="delete"))
    house.advance(HOUR)
    await house.look()
    assert (await again(row)).state == "paused"
    with pytest.raises(InvalidSchedule, match="Choose another one"):
        await sync_to_async(editing.resume)(row)


async def test_a_missing_agent_is_noted_and_tried_anew_at_the_next_time(house: House) -> None:
    await Agent.objects.acreate(slug="poet", name="Poet")
    row = await house.make(agent="poet")
    await Agent.objects.filter(slug="poet").aupdate(enabled=False)
    house.advance(HOUR)
    await house.look()
    (failed,) = await house.firings(row)
    assert (failed.state, failed.outcome) == ("failed", "agent_missing")
    assert failed.detail == "The agent is missing or disabled."
    await Agent.objects.filter(slug="poet").aupdate(enabled=True)
    house.advance(HOUR)
    assert len(await house.until_over(row)) == 1


async def test_one_that_cannot_be_decided_on_does_not_stand_in_the_way_of_others(house: House) -> None:
    broken, sound = await house.make(), await house.make()
    await Schedule.objects.filter(pk=broken.pk).aupdate(kind="cron", zone="Atlantis/Sunken", cron="0 9 * * *")
    house.advance(HOUR)
    assert len(await house.until_over(sound)) == 1
    aside = await again(broken)
    assert (aside.state, aside.problem) == ("paused", "internal")


async def test_W11_schedules_of_somebody_who_may_not_log_in_rest(house: House) -> None:
    row = await house.make()
    house.owner.is_active = False
    await house.owner.asave()
    house.advance(HOUR)
    await house.look()
    await house.look()
    (told,) = await house.firings(row)  # once, and no run
    assert (told.state, told.outcome, told.conversation) == ("skipped", "disabled", None)
    assert "Its owner is disabled" in told.detail
    assert not await m.Conversation.objects.aexists()
    house.owner.is_active = True
    await house.owner.asave()
    assert len(await house.until_over(row)) == 1


async def test_W11_what_was_due_before_its_owner_was_disabled_fails_and_says_so(house: House) -> None:
    row = await house.make()
    house.advance(HOUR)
    for schedule in await sync_to_async(store.due_schedules)(wall_ms()):
        await sync_to_async(store.take_due)(schedule, wall_ms())
    house.owner.is_active = False
    await house.owner.asave()
    await house.look()
    (failed,) = await house.firings(row, "failed")
    assert (failed.outcome, failed.detail) == (
        "forbidden",
        "Its owner is disabled, so nothing is done for them.",
    )
    assert not await m.Run.objects.aexists()


async def test_W5_what_a_dead_worker_has_begun_is_not_begun_twice(house: House) -> None:
    row = await house.make(prompt="First words")
    house.advance(HOUR)
    for schedule in await sync_to_async(store.due_schedules)(wall_ms()):
        await sync_to_async(store.take_due)(schedule, wall_ms())
    (received,) = await house.firings(row)
    # A worker fires it and dies before it notes so; meanwhile the prompt is changed, and where it is to go.
    from chat.automation.firing import fire

    first = await fire(house.inbox, received.firing(row))
    changed = draft_of(row).model_copy(update={"prompt": "Other words", "place": "same", "name": "Else"})
    await sync_to_async(editing.change)(row, changed)
    (over,) = await house.until_over(row)
    assert (str(over.conversation), over.run) == (first.conversation, first.run)
    assert await house.texts(over.conversation) == ["First words"]
    assert await m.Message.objects.filter(kind="message").acount() == 1


async def test_a_firing_that_a_dead_worker_has_claimed_is_taken_over(house: House) -> None:
    row = await house.make()
    house.advance(HOUR)
    await sync_to_async(store.take_due)(row.pk, wall_ms())
    (received,) = await house.firings(row)
    assert await sync_to_async(dispatch.claim)(received)
    assert not await sync_to_async(dispatch.claim)(received), "somebody has it"
    await house.look()
    assert [one.state for one in await house.firings(row)] == ["received"]
    await ScheduleFiring.objects.filter(pk=received.pk).aupdate(claimed_until=1)  # its time is over
    assert len(await house.until_over(row)) == 1


async def test_states_move_along_their_list_only(house: House) -> None:
    row = await house.make()
    house.advance(HOUR)
    (over,) = await house.until_over(row)
    for state in MOVES:
        assert not await sync_to_async(store.move)(over, state)
    assert [one.state for one in await house.firings(row)] == ["over"]


async def test_the_history_has_the_beginning_of_an_answer_in_plain_words(house: House) -> None:
    house.model = ScriptedModel(
        says("# Sums\n\n`12*7` is **84**, see [here](https://example.com).\n" + "x" * 400)
    )
    row = await house.make()
    house.advance(HOUR)
    (over,) = await house.until_over(row)
    assert over.detail.startswith("Sums 12*7 is 84, see here. xxx")
    assert len(over.detail) == results.PREVIEW and over.detail.endswith("…")


async def test_a_deleted_schedule_ends_and_its_conversations_stay(house: House) -> None:
    row = await house.make()
    house.advance(HOUR)
    (over,) = await house.until_over(row)
    house.advance(HOUR)
    await sync_to_async(editing.remove)(row)
    await house.look()
    assert await ScheduleFiring.objects.acount() == 0
    assert await house.texts(over.conversation) == ["How is the weather?"]


async def test_the_history_is_bounded_and_keeps_what_is_open(house: House, monkeypatch: Any) -> None:
    monkeypatch.setattr(store, "MAX_KEPT", 3)
    row = await house.make(missed="all", most=100)
    for number in range(1, 7):
        house.advance(HOUR)
        await house.until_over(row, min(number, 3))
    assert len(await house.firings(row)) <= 4
    house.gate.clear()
    for _ in range(6):
        house.advance(HOUR)
        await house.look()
    assert len(await house.firings(row, "fired")) == 6


@pytest.mark.parametrize("how", ["timing", "prompt", "pause"])
async def test_a_due_time_that_nobody_came_to_is_not_lost_when_the_schedule_is_changed(
    house: House, how: str
) -> None:
    row = await house.make()
    house.advance(HOUR + MINUTE)  # no worker has looked
    draft = draft_of(row)
    if how == "pause":
        await sync_to_async(editing.pause)(row)
    else:
        changed = {"every_s": 7200} if how == "timing" else {"prompt": "Rain?"}
        await sync_to_async(editing.change)(row, draft.model_copy(update=changed))
    assert len(await house.until_over(row)) == 1
    (firing,) = await house.firings(row)
    assert firing.due == row.next_at, "it ran for the time at which it was due"
    await sync_to_async(editing.change)(row, draft.model_copy(update={"name": "Again"}))
    assert len(await house.firings(row)) == 1


async def test_a_schedule_that_cannot_be_decided_on_can_be_mended(house: House) -> None:
    row = await house.make()
    await Schedule.objects.filter(pk=row.pk).aupdate(kind="cron", zone="Atlantis/Sunken", cron="0 9 * * *")
    house.advance(HOUR)
    mended = await sync_to_async(editing.change)(row, draft_of(row).model_copy(update={"every_s": 1800}))
    assert (mended.state, mended.zone) == ("active", "UTC")
    house.advance(HOUR)
    assert await house.until_over(row)


async def test_what_is_spent_for_the_day_fails_with_its_reason_and_the_next_day_it_runs(
    house: House, settings: Any
) -> None:
    settings.HOLDFAST_RUNS_PER_DAY = 1
    row = await house.make()
    house.advance(HOUR)
    await house.until_over(row)
    house.advance(HOUR)
    await house.look()
    firings = ScheduleFiring.objects.filter(schedule=row.pk).order_by("due")
    states = [(one.state, one.outcome) async for one in firings]
    assert states[1:] == [("failed", "runs_spent")], states
    told = (await firings.alast()).detail
    assert "as often that day" in told
    assert (await again(row)).state == "active", "it goes on"
