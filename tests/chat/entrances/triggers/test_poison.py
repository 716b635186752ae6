"""Rows of triggers that raise, in the middle of ordinary traffic: each is set aside, and everything else is on time."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from chat import set_aside
from chat.entrances.triggers import queues
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.entrances.triggers.store import Sighting, fire_again, record
from chat.models import Event, Message, QueueFailure
from chat.support.poison import MAX_TRIES
from tests.chat.entrances.triggers.house import House

URL = "http://status.example/now"


@sync_to_async
def spoil(table: str, column: str, pk: Any, value: str = "{") -> None:
    """Write what cannot be read back."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [value, pk])


@sync_to_async
def unreadable(conversation: str, message: str) -> None:
    """Have a journal say that this message was said there, and what follows it cannot be read back."""
    here: dict[str, Any] = {"conversation_id": conversation, "at": 1}
    Message.objects.create(**here, seq=1_001, message=message, kind="message", body={})
    Event.objects.create(**here, seq=1_002, type="step.started", text="{", tag="")


@sync_to_async
def aside(queue: set_aside.Queue) -> list[tuple[str, int]]:
    """(reason, tries) of what was set aside."""
    rows = QueueFailure.objects.filter(queue=queue.name, aside=True).order_by("id")
    return list(rows.values_list("reason", "tries"))


async def rounds(house: House, count: int) -> None:
    """What workers do in so many seconds."""
    for _ in range(count):
        await house.round(1)
        house.advance(1)


async def test_a_firing_that_raises_is_set_aside_and_those_behind_it_go_on(house: House) -> None:
    place = await house.conversation()
    trigger = await house.trigger(conversation=place, prompt="{{ payload }}")
    elsewhere = await house.trigger(prompt="{{ payload }}")
    made = [
        (
            await sync_to_async(record)(
                one.pk, [Sighting(f"delivery:{n}", {"payload": f"say {n}"})], house.now
            )
        )[0]
        for n, one in enumerate((trigger, trigger, trigger, elsewhere))
    ]
    await spoil("chat_triggerfiring", "chain", made[1].pk)
    await rounds(house, 1)
    assert sorted(await house.said()) == ["say 0", "say 3"], "what is not behind it is on time"
    await rounds(house, 40)
    await house.settle()
    assert sorted(await house.said()) == ["say 0", "say 2", "say 3"]
    assert [reason for reason, _ in await aside(queues.FIRINGS)] == [
        "JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    ]
    await spoil("chat_triggerfiring", "chain", made[1].pk, "[]")
    broken = await TriggerFiring.objects.aget(pk=made[1].pk)
    assert (broken.state, broken.reason) == ("failed", "set_aside") and broken.error.startswith(
        "JSONDecodeError"
    )
    # Somebody has mended it, and has it tried again.
    await sync_to_async(set_aside.try_again)(await QueueFailure.objects.aget(aside=True))
    await house.settle()
    assert sorted(await house.said()) == ["say 0", "say 1", "say 2", "say 3"]
    assert await aside(queues.FIRINGS) == []


async def test_an_event_that_raises_is_set_aside_for_its_trigger_alone(house: House) -> None:
    broken = await house.trigger(kind="message", prompt="broken {{ text }}")
    sound = await house.trigger(kind="message", prompt="sound {{ text }}")
    await Trigger.objects.filter(pk=broken.pk).aupdate(floors=[1])
    place, other = await house.conversation(), await house.conversation()
    await house.say(place, "one")
    await house.say(other, "two")
    await rounds(house, MAX_TRIES + 2)
    await house.settle()
    assert sorted(await house.outcomes(sound)) == ["fired", "fired"]
    assert await house.outcomes(broken) == []
    assert len(await aside(queues.EVENTS)) == 2 and await aside(queues.SCANS) == []
    raised = await QueueFailure.objects.acount()
    await rounds(house, 3)
    assert await QueueFailure.objects.acount() == raised, "it is not read again and again"
    await Trigger.objects.filter(pk=broken.pk).aupdate(floors={})
    for row in [one async for one in QueueFailure.objects.filter(aside=True)]:
        await sync_to_async(set_aside.try_again)(row)
    await house.settle()
    assert sorted(await house.outcomes(broken)) == ["fired", "fired"]


async def test_an_address_whose_looks_raise_is_paused_with_its_reason(house: House) -> None:
    broken = await house.trigger(kind="poll", url=URL, interval_s=60)
    sound = await house.trigger(kind="poll", url=URL, interval_s=60)
    await spoil("chat_trigger", "floors", broken.pk.hex)
    for value in range(MAX_TRIES + 2):
        house.site.value = value
        await house.settle()
        house.advance(60)
    assert len(await house.outcomes(sound)) == MAX_TRIES + 1
    assert [tries for _, tries in await aside(queues.POLLS)] == [MAX_TRIES]
    await spoil("chat_trigger", "floors", broken.pk.hex, "{}")
    await broken.arefresh_from_db()
    assert broken.paused and broken.error.startswith("JSONDecodeError")
    await sync_to_async(set_aside.try_again)(await QueueFailure.objects.aget())
    for letter in ("a", "b"):
        house.site.value = letter
        await house.settle()
        house.advance(60)
    assert await house.outcomes(broken) == ["fired"]


async def test_a_look_that_goes_well_begins_the_count_anew(house: House) -> None:
    trigger = await house.trigger(kind="poll", url=URL, interval_s=60)
    for _ in range(3):
        for floors in ("{", "{", "{", "{}"):
            await spoil("chat_trigger", "floors", trigger.pk.hex, floors)
            await house.settle()
            house.advance(60)
    await trigger.arefresh_from_db()
    assert not trigger.paused and not await QueueFailure.objects.aexists()


async def test_a_run_that_cannot_be_found_keeps_no_others_from_being_found(house: House) -> None:
    place = await house.conversation()
    trigger = await house.trigger(conversation=place, prompt="{{ payload }}")
    house.working = False
    for name in ("zero", "one", "two"):
        await house.post(trigger, name)
    _, first, second = await house.rows(trigger)
    assert (first.run, second.run) == ("", ""), "nobody has read them"
    elsewhere = await house.conversation()
    await unreadable(elsewhere, first.message)
    await TriggerFiring.objects.filter(pk=first.pk).aupdate(conversation=elsewhere)
    house.working = True
    run = (await house.sessions.load(place)).state["run"]["id"]
    await house.enqueue(place, run)
    await rounds(house, 30)
    assert await TriggerFiring.objects.filter(pk=second.pk, run=run).aexists()
    assert len(await aside(queues.RUNS)) == 1


@pytest.mark.parametrize("reason", ["cooldown", "hourly", "paused", "limit"])
async def test_what_did_not_fire_can_be_fired_again_once(house: House, reason: str) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "cooldown": {"cooldown_s": 60},
        "hourly": {"per_hour": 1},
        "paused": {"paused": True},
        "limit": {"max_fires": 1},
    }
    trigger = await house.trigger(prompt="{{ payload }}", **kinds[reason])
    await house.post(trigger, "one", X_Delivery_Id="a")
    told = await house.post(trigger, "two", X_Delivery_Id="b")
    assert told["reason"] == reason
    assert await sync_to_async(fire_again)(told["firing"])
    assert not await sync_to_async(fire_again)(told["firing"])
    await house.settle()
    assert "two" in await house.said()
    again = await house.post(trigger, "two", X_Delivery_Id="b")
    assert (again["firing"], again["status"]) == (told["firing"], "fired")
