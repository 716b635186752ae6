"""The traps that others fell into: what repeats, what returns, what comes twice, and what dies in between.

An event's key is made from its identity, never from what it says, so nothing here depends on contents being different.
"""

import asyncio
import uuid

import pytest
from asgiref.sync import sync_to_async

from chat.entrances.triggers import watching
from chat.entrances.triggers.models import TriggerFiring, TriggerScan
from chat.entrances.triggers.store import Sighting, record
from chat.models import Message, Run
from tests.chat.entrances.triggers.house import House
from tests.support.scripted import ScriptedModel, says


async def test_a_second_identical_message_fires_again(house: House) -> None:
    trigger = await house.trigger(
        kind="message", match="equals", pattern="ok", prompt="They agree: {{ text }}"
    )
    place = await house.conversation()
    for _ in range(3):
        await house.say(place, "ok")
        await house.settle()
    assert await house.outcomes(trigger) == ["fired"] * 3
    assert await house.said() == ["They agree: ok"] * 3


async def test_two_identical_messages_between_two_looks_fire_twice(house: House) -> None:
    trigger = await house.trigger(kind="message", match="equals", pattern="ok")
    place = await house.conversation()
    await house.say(place, "ok")
    await house.say(place, "ok")
    await house.settle()
    assert await house.outcomes(trigger) == ["fired"] * 2


async def test_a_polled_value_that_returns_fires_again(house: House) -> None:
    trigger = await house.trigger(
        kind="poll", url="http://status.example/now", path="$.state", prompt="{{ before }} → {{ value }}"
    )
    for state in ("up", "up", "down", "down", "up", "down"):
        house.site.value = {"state": state}
        await house.settle()
        house.advance(300)
    assert await house.said() == ["up → down", "down → up", "up → down"]
    assert await house.outcomes(trigger) == ["fired"] * 3


async def test_a_change_that_is_seen_during_the_cooldown_is_not_consumed(house: House) -> None:
    await house.trigger(
        kind="poll", url="http://status.example/now", prompt="{{ before }} → {{ value }}", cooldown_s=3_000
    )
    for value in (1, 2, 3):
        house.site.value = value
        await house.settle()
        house.advance(300)
    assert await house.said() == ["1 → 2"]
    house.advance(3_000)
    await house.settle()
    assert await house.said() == ["1 → 2", "2 → 3"]


async def test_identical_bodies_of_distinct_deliveries_fire_each(house: House) -> None:
    trigger = await house.trigger(prompt="{{ payload.state }}")
    for delivery in ("d1", "d2", "d3"):
        await house.post(trigger, {"state": "ok"}, X_Delivery_Id=delivery)
    assert await house.said() == ["ok"] * 3


async def test_identical_bodies_that_name_no_delivery_fire_each(house: House) -> None:
    trigger = await house.trigger(prompt="{{ payload.state }}")
    for _ in range(3):
        await house.post(trigger, {"state": "ok"})
    assert await house.said() == ["ok"] * 3


async def test_the_same_delivery_twice_fires_once_and_gets_the_same_answer(house: House) -> None:
    trigger = await house.trigger()
    first = await house.post(trigger, {"a": 1}, X_GitHub_Delivery="d1")
    again = await house.post(trigger, {"a": "something else"}, X_GitHub_Delivery="d1")
    assert again == first
    assert first["status"] == "fired"
    assert await Run.objects.filter(run=first["run"]).acount() == 1
    assert len(await house.said()) == 1


async def test_the_same_delivery_to_two_web_servers_at_once_fires_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    trigger = await house.trigger()
    posts = [house.post(trigger, {"a": 1}, Idempotency_Key="d1") for _ in range(8)]
    answers = await asyncio.gather(*posts)
    assert "left to a worker" not in caplog.text
    assert len({answer["firing"] for answer in answers}) == 1
    assert len(await house.said()) == 1
    assert await TriggerFiring.objects.acount() == 1


async def test_two_workers_that_read_the_same_message_fire_once(house: House) -> None:
    trigger = await house.trigger(kind="message")
    places = [await house.conversation() for _ in range(5)]
    for place in places:
        await house.say(place, "ok")
    for _ in range(3):
        await house.round(services=2)
    await house.settle()
    assert await house.outcomes(trigger) == ["fired"] * 5


async def test_two_workers_that_look_at_the_same_address_fire_once(house: House) -> None:
    trigger = await house.trigger(kind="poll", url="http://status.example/now")
    for value in (1, 2):
        house.site.value = value
        await house.settle()
        house.advance(300)
    assert await house.outcomes(trigger) == ["fired"]
    assert len(house.site.requests) == 2


async def test_a_restart_between_event_and_firing_loses_nothing(house: House) -> None:
    # Whoever recorded it died before anything was said: another worker finds the row.
    trigger = await house.trigger(prompt="{{ payload }}")
    sighting = Sighting("delivery:d1", {"payload": "hello", "delivery": "d1"}, held_s=5)
    await sync_to_async(record)(trigger.pk, [sighting], house.now)
    await house.round()
    assert await house.said() == []  # the web process that recorded it has it to itself for a while
    house.advance(6)
    await house.settle()
    assert await house.said() == ["hello"]
    assert await house.outcomes(trigger) == ["fired"]
    answer = await house.post(trigger, "hello", X_Delivery_Id="d1")
    assert answer["status"] == "fired" and answer["run"]


async def test_a_restart_after_the_message_and_before_its_mark_says_nothing_twice(house: House) -> None:
    trigger = await house.trigger(kind="message", prompt="Again: {{ text }}")
    place = await house.conversation()
    await house.say(place, "ok")
    await house.settle()
    # As if the worker had died before it wrote down that it had fired.
    await TriggerFiring.objects.aupdate(state="pending", run="", next_at=0)
    await house.settle()
    assert await house.said() == ["Again: ok"]
    assert await house.outcomes(trigger) == ["fired"]


async def test_what_happened_while_no_worker_ran_is_found_in_the_journal(house: House) -> None:
    trigger = await house.trigger(kind="message", match="contains", pattern="help")
    place = await house.conversation()
    for text in ("help", "never mind", "help again"):
        await house.say(place, text)
    house.advance(100_000)
    await house.settle()
    assert await house.outcomes(trigger) == ["fired", "no_match", "fired"]


async def test_a_limit_holds_when_many_events_come_at_the_same_moment(house: House) -> None:
    trigger = await house.trigger(max_fires=2)
    answers = await asyncio.gather(*(house.post(trigger, {"n": n}) for n in range(6)))
    assert sorted(answer["status"] for answer in answers) == ["fired"] * 2 + ["skipped"] * 4
    assert {answer.get("reason") for answer in answers if answer["status"] == "skipped"} == {"limit"}
    assert len(await house.said()) == 2


async def test_what_was_refused_counts_towards_no_limit(house: House) -> None:
    trigger = await house.trigger(kind="message", max_fires=2, cooldown_s=60)
    place = await house.conversation()
    for _ in range(5):
        await house.say(place, "ok")
        await house.settle()
        house.advance(30)
    assert await house.outcomes(trigger) == ["fired", "cooldown", "fired", "limit", "limit"]


async def test_a_scan_never_steps_over_an_event_that_is_not_committed_yet(house: House) -> None:
    """Per conversation the head and the events are one transaction, so a scan sees all or none of them."""
    await house.trigger(kind="message", match="equals", pattern="ok")
    places = [await house.conversation() for _ in range(4)]

    async def talk(place: str) -> None:
        for _ in range(5):
            await house.say(place, "ok")

    async def read() -> None:
        for _ in range(20):
            for place in places:
                await sync_to_async(watching.scan)(uuid.UUID(place), house.now)
            await asyncio.sleep(0)

    house.working = False
    await asyncio.gather(*(talk(place) for place in places), read(), read())
    await house.settle()
    said = await Message.objects.filter(kind="message").acount()
    rows = await TriggerFiring.objects.filter(key__startswith="message:").acount()
    assert rows == 20 == len({row.key for row in await house.rows()})
    assert said >= 20
    assert await TriggerScan.objects.acount() >= 4


async def test_agents_that_answer_each_other_are_stopped(house: House) -> None:
    """Two triggers that would fire each other for ever: each fires once, and the loop guard says why not again."""
    house.model = ScriptedModel(says("I say ping"))
    first = await house.trigger(name="A", kind="message", speaker="agent", match="contains", pattern="ping")
    second = await house.trigger(name="B", kind="message", speaker="agent", match="contains", pattern="ping")
    place = await house.conversation()
    await house.say(place, "begin")
    await house.settle()
    a, b = await house.outcomes(first), await house.outcomes(second)
    assert a.count("fired") == b.count("fired") == 2  # by the answer to a person, and by the other one
    assert set(a) == set(b) == {"fired", "loop"}
