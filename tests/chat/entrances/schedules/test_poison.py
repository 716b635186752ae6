"""Rows of schedules that raise, beside those that do not."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async

from chat import set_aside
from chat.entrances.schedules import queues
from chat.entrances.schedules.models import Schedule, ScheduleDelivery, ScheduleFiring
from chat.models import QueueFailure, Step
from chat.support.poison import MAX_TRIES
from tests.chat.entrances.schedules.house import HOUR, House
from tests.support.waiting import eventually


async def look_until_aside(house: House, queue: set_aside.Queue) -> QueueFailure:
    async def found() -> Any:
        await house.look()
        return await QueueFailure.objects.filter(queue=queue.name, aside=True).afirst()

    return await eventually(found, 40, "the row to be set aside", every=0.2)


async def test_a_schedule_that_raises_is_paused_and_goes_on_once_it_is_mended(
    house: House,
) -> None:
    broken, sound = await house.make(), await house.make()
    await Schedule.objects.filter(pk=broken.pk).aupdate(kind="cron", zone="Atlantis/Sunken", cron="0 9 * * *")
    house.advance(HOUR)
    assert len(await house.until_over(sound)) == 1
    aside = await look_until_aside(house, queues.SCHEDULES)
    assert aside.key == str(broken.pk) and "Atlantis" in aside.reason
    await Schedule.objects.filter(pk=broken.pk).aupdate(kind="interval", zone="UTC", cron="")
    await sync_to_async(set_aside.try_again)(aside)
    house.advance(HOUR)
    assert len(await house.until_over(broken)) == 1


async def test_a_due_time_that_raises_when_it_is_begun_holds_up_no_other(house: House) -> None:
    broken, sound = await house.make(), await house.make()
    house.advance(HOUR)
    service = house.service()
    for schedule in (broken, sound):
        await service._take(schedule.pk)
    await Schedule.objects.filter(pk=broken.pk).aupdate(zone="Atlantis/Sunken")
    assert len(await house.until_over(sound)) == 1
    aside = await look_until_aside(house, queues.FIRINGS)
    assert aside.tries == MAX_TRIES
    failed = await ScheduleFiring.objects.aget(schedule=broken)
    assert (failed.state, failed.outcome) == ("failed", "internal") and failed.detail == aside.reason
    await Schedule.objects.filter(pk=broken.pk).aupdate(zone="UTC")
    await sync_to_async(set_aside.try_again)(aside)
    assert len(await house.until_over(broken)) == 1


async def test_a_result_that_cannot_be_told_holds_up_no_other(house: House) -> None:
    house.gate.clear()
    broken, sound = await house.make(), await house.make()
    house.advance(HOUR)
    await house.look()
    house.gate.set()
    first = await ScheduleFiring.objects.aget(schedule=broken)

    async def answered() -> Any:
        return await Step.objects.filter(status="finished").acount() == 2

    await eventually(answered, 20, "both answers")
    bodies = {row.pk: row.body async for row in Step.objects.filter(conversation=first.conversation)}
    await Step.objects.filter(conversation=first.conversation).aupdate(body=[])
    assert len(await house.until_over(sound)) == 1
    aside = await look_until_aside(house, queues.RESULTS)
    await first.arefresh_from_db()
    assert (first.state, first.outcome) == ("over", "internal") and first.detail == aside.reason
    for pk, body in bodies.items():
        await Step.objects.filter(pk=pk).aupdate(body=body)
    await sync_to_async(set_aside.try_again)(aside)
    await house.until_over(broken)
    await first.arefresh_from_db()
    assert (first.outcome, first.detail) == ("finished", "It is sunny.")


async def test_a_dead_letter_is_told_and_sent_again(house: House) -> None:
    row = await house.make(deliver_kind="", deliver_address="")
    house.advance(HOUR)
    (firing,) = await house.until_over(row)
    made = await ScheduleDelivery.objects.acreate(
        firing=firing, kind="pigeon", address="x", subject="s", text="t", created_at=1
    )
    await house.look()
    await made.arefresh_from_db()
    assert (made.state, made.error) == ("dead", "There is no such kind of delivery any more.")
