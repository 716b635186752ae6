"""A trigger acts for its owner: of one who is disabled nothing fires, whatever was seen, and the history says why."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from chat.entrances.triggers import editing
from chat.entrances.triggers.decide import REASONS, Standing, why_not
from chat.entrances.triggers.models import TriggerFiring
from chat.entrances.triggers.store import Sighting, record
from chat.models import Conversation, Run
from tests.chat.entrances.triggers.house import House
from tests.support.waiting import eventually


async def disable(house: House, *, active: bool = False) -> None:
    house.owner.is_active = active
    await sync_to_async(house.owner.save)()


async def firings() -> list[tuple[str, str]]:
    return [(row.state, row.reason) async for row in TriggerFiring.objects.order_by("pk")]


async def test_W11_a_webhook_of_a_disabled_user_takes_note_and_does_not_fire(house: House) -> None:
    trigger = await house.trigger()
    await disable(house)
    told = await house.post(trigger, {"id": 7}, X_Delivery_Id="1")
    assert (told["status"], told["reason"]) == ("skipped", "disabled")
    await house.settle()
    assert await firings() == [("skipped", "disabled")]
    assert not await Conversation.objects.aexists() and not await Run.objects.aexists()
    await disable(house, active=True)
    assert (await house.post(trigger, {"id": 8}, X_Delivery_Id="2"))["status"] == "fired"


async def test_W11_what_was_recorded_before_fails_and_says_so(house: House) -> None:
    trigger = await house.trigger()
    await sync_to_async(record)(trigger.pk, [Sighting("delivery:1", {"payload": 1})], house.now)
    await disable(house)
    await house.settle()
    assert await firings() == [("failed", "forbidden")]
    assert not await Run.objects.aexists()


@pytest.mark.parametrize("kind", ["message", "run"])
async def test_W11_what_is_found_in_the_journal_does_not_fire_either(house: House, kind: str) -> None:
    await house.trigger(kind=kind)
    place = await house.conversation()
    await house.say(place, "hello")

    async def over() -> bool:
        return await Run.objects.filter(status="finished").aexists()

    await eventually(over, 20, "the run to end")
    await disable(house)
    await house.settle()
    assert await firings() == [("skipped", "disabled")]
    assert await Run.objects.acount() == 1


async def test_W11_no_address_is_looked_at_for_a_disabled_user_and_it_is_told_once_a_day(
    house: House,
) -> None:
    await house.trigger(kind="poll", url="http://status.example/now", interval_s=3_600)
    await disable(house)
    for _ in range(3):
        await house.round()
        house.advance(3_600)
    assert set(await firings()) == {("skipped", "disabled")} and len(await firings()) <= 2
    assert not house.site.requests


async def test_W11_nor_by_hand(house: House) -> None:
    trigger = await house.trigger()
    await disable(house)
    await sync_to_async(editing.fire_now)(trigger.pk, "1", house.now)
    await house.settle()
    assert await firings() == [("failed", "forbidden")]


def test_W11_being_disabled_comes_before_all_other_reasons_but_what_does_not_match() -> None:
    off: Any = Standing("t", disabled=True, paused=True, expires_at=1, last_hour=99)
    assert why_not(off, 2) == "disabled"
    assert why_not(off, 2, matched=False) == "no_match"
    assert {"disabled", "forbidden"} <= set(REASONS)
