"""Messages and runs as events: which ones count, where watching begins, and what chains may do."""

import uuid

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from agents.errors import ModelError
from chat.entrances.schedules import editing
from chat.entrances.schedules.service import ScheduleService
from chat.entrances.schedules.validation import Draft
from chat.entrances.triggers import answers, watching
from chat.entrances.triggers.answers import Unanswered
from chat.entrances.triggers.service import MAX_KEPT, tidy
from chat.entrances.triggers.store import Sighting, record
from chat.models import Conversation, Run
from tests.chat.entrances.triggers.house import House
from tests.support.scripted import ScriptedModel, says


async def test_only_what_is_said_from_now_on_counts(house: House) -> None:
    place = await house.conversation()
    await house.say(place, "before")
    first = await house.trigger(name="first", kind="message")
    await house.settle()
    await house.say(place, "between")  # no worker has read this when the second one is made
    second = await house.trigger(name="second", kind="message")
    await house.say(place, "after")
    await house.settle()
    assert [row.seen["text"] for row in await house.rows(first)] == ["between", "after"]
    assert [row.seen["text"] for row in await house.rows(second)] == ["after"]


async def test_what_is_said_during_a_pause_is_noted_and_fires_nothing_later(house: House) -> None:
    trigger = await house.trigger(kind="message")
    place = await house.conversation()
    await house.change(trigger, paused=True)
    await house.say(place, "while paused, and read")
    await house.settle()
    await house.say(place, "while paused, and not read yet")
    await house.change(trigger, paused=False)
    await house.say(place, "again")
    await house.settle()
    assert await house.outcomes(trigger) == ["paused", "fired"]
    assert (await house.rows(trigger))[1].seen["text"] == "again"


async def test_what_was_said_before_a_pause_is_noted_as_well(house: House) -> None:
    trigger = await house.trigger(kind="message")
    place = await house.conversation()
    await house.say(place, "just before")
    await house.change(trigger, paused=True)  # nobody has read it yet
    await house.settle()
    assert await house.outcomes(trigger) == ["paused"]


async def test_who_speaks_makes_a_difference(house: House) -> None:
    house.model = ScriptedModel(says("An answer"))
    by = {
        who: await house.trigger(kind="message", speaker=who, name=who)
        for who in ("person", "agent", "anyone")
    }
    for trigger in by.values():
        await house.change(trigger, paused=True)
    place = await house.conversation()
    await house.say(place, "A question")
    await house.settle()
    seen = {
        who: [(row.seen["who"], row.seen["text"]) for row in await house.rows(t)] for who, t in by.items()
    }
    question, answer = ("ann", "A question"), ("assistant", "An answer")
    assert seen == {"person": [question], "agent": [answer], "anyone": [question, answer]}


async def test_a_look_at_what_happened_lately_finds_it_and_leaves_the_rest(house: House) -> None:
    await house.trigger(kind="message")
    house.working = False  # nothing more happens there
    old, new = await house.conversation(), await house.conversation()
    for place in (old, new):
        await house.say(place, "ok")
    await Conversation.objects.filter(pk=old).aupdate(updated_at=1_000)
    found = [[str(id) for _, id in await sync_to_async(watching.behind)(since)] for since in (0, 2_000)]
    assert found == [[old, new], [new]]


async def test_conversations_that_cannot_be_read_do_not_hide_the_others(house: House) -> None:
    """Pages of two, and the five longest waiting ones stay: their journal does not reach their head."""
    trigger = await house.trigger(kind="message")
    house.working = False
    stuck = [await house.conversation() for _ in range(5)]
    await Conversation.objects.filter(pk__in=stuck).aupdate(head_seq=10_000, updated_at=1_000)
    place = await house.conversation()
    await house.say(place, "hello")
    service = house.service(page=2)
    for _ in range(4):
        await service.round()
    assert len(await house.rows(trigger)) == 1
    await house.say(place, "again")
    for _ in range(6):  # wherever the next pass has come to, it comes by
        await service.round()
    assert len(await house.rows(trigger)) == 2


async def test_only_chosen_conversations_are_listened_to(house: House) -> None:
    here, there = await house.conversation(), await house.conversation()
    trigger = await house.trigger(kind="message", watched=[here])
    for place in (there, here):
        await house.say(place, f"in {place}")
    await house.settle()
    assert [row.seen["conversation"] for row in await house.rows(trigger)] == [here]


async def test_conversations_of_others_are_not_seen(house: House, django_user_model) -> None:
    trigger = await house.trigger(kind="message", speaker="anyone")
    mine, house.owner = house.owner, await django_user_model.objects.acreate(username="bob")
    await house.say(await house.conversation(), "private")
    await house.settle()
    house.owner = mine
    assert await house.rows(trigger) == []


async def test_a_run_that_finished_or_failed_fires_what_waits_for_it(house: House) -> None:
    finished = await house.trigger(name="f", kind="run", prompt="{{ status }}: {{ answer }}", max_fires=1)
    failed = await house.trigger(
        name="x", kind="run", outcomes=["failed"], prompt="{{ status }}: {{ detail }}"
    )
    place = await house.conversation()
    house.model = ScriptedModel(says("All is well"))
    await house.say(place, "go")
    await house.settle()
    house.model = ScriptedModel([ModelError("model_auth", "no")])
    await house.say(place, "go on")
    await house.settle()
    said = await house.said()
    assert said[0] == "finished: All is well"
    assert "failed: The model's provider refused the key." in said[1]
    assert (await house.outcomes(finished))[0] == "fired"
    fired = [row for row in await house.rows(failed) if row.state == "fired"]
    assert fired[0].key == f"run:{place}:{(await Run.objects.filter(conversation_id=place).alast()).run}"


async def test_a_run_of_a_chosen_trigger_fires_the_next_one_with_its_own_limits(house: House) -> None:
    first = await house.trigger(name="first")
    second = await house.trigger(name="second", kind="run", after_trigger=first.pk)
    await house.say(await house.conversation(), "a run of a person")
    await house.post(first)
    await house.settle()
    rows = await house.rows(second)
    assert [row.state for row in rows] == ["fired"]
    assert rows[0].chain == [str(first.pk), str(second.pk)]


async def test_a_chain_ends_after_three(house: House) -> None:
    links = [await house.trigger(name="0")]
    for n in range(1, 5):
        links.append(await house.trigger(name=str(n), kind="run", after_trigger=links[-1].pk))
    await house.post(links[0])
    await house.settle()
    outcomes = [await house.outcomes(link) for link in links]
    assert outcomes == [["fired"], ["fired"], ["fired"], ["depth"], []]


async def test_a_trigger_that_speaks_where_it_listens_does_not_hear_itself(house: House) -> None:
    place = await house.conversation()
    trigger = await house.trigger(kind="message", speaker="agent", conversation=place, prompt="Go on")
    await house.say(place, "begin")
    await house.settle()
    assert await house.outcomes(trigger) == ["fired", "loop"]
    await house.say(place, "and again")
    await house.settle()
    assert await house.outcomes(trigger) == ["fired", "loop", "fired", "loop"]


async def test_at_most_so_many_within_an_hour(house: House) -> None:
    trigger = await house.trigger(kind="message", per_hour=2)
    place = await house.conversation()
    for _ in range(4):
        await house.say(place, "ok")
        await house.settle()
        house.advance(1_500)
    assert await house.outcomes(trigger) == ["fired", "fired", "hourly", "fired"]


async def test_old_rows_of_what_did_not_match_are_tidied_away(house: House) -> None:
    trigger = await house.trigger(kind="message", match="equals", pattern="ok")
    sightings = [
        Sighting(f"message:{uuid.uuid4()}:1", {"text": "no"}, matched=False) for _ in range(MAX_KEPT + 7)
    ]
    await sync_to_async(record)(trigger.pk, sightings, house.now)
    place = await house.conversation()
    await house.say(place, "ok")
    await house.settle()
    await sync_to_async(tidy)()
    outcomes = await house.outcomes(trigger)
    assert outcomes.count("no_match") <= MAX_KEPT
    assert outcomes.count("fired") == 1


async def test_a_run_that_a_schedule_began_fires_what_waits_for_it(house: House) -> None:
    draft = Draft(name="Daily", prompt="Report.", cron="0 9 * * *")
    chosen, other = [(await sync_to_async(editing.create)(house.owner, draft))[0] for _ in range(2)]
    trigger = await house.trigger(kind="run", after_schedule=chosen.pk, prompt="{{ answer }}")
    for schedule in (other, chosen):
        await sync_to_async(editing.run_now)(schedule)
    service = ScheduleService(house.sessions, house.enqueue)
    await service.look()
    await house.settle()
    assert await house.outcomes(trigger) == ["fired"]
    assert await house.said() == ["Hello!"]


async def test_patterns_run_before_the_transaction_and_a_trigger_that_was_changed_is_asked_again(
    house: House,
) -> None:
    trigger = await house.trigger(kind="message", match="regex", pattern="o+k")
    place = await house.conversation()
    await house.say(place, "ook")
    read = await sync_to_async(watching._read)(uuid.UUID(place))
    assert read is not None
    await type(trigger).objects.filter(pk=trigger.pk).aupdate(pattern="other")
    with pytest.raises(Unanswered):
        await sync_to_async(transaction.atomic(watching._scan))(*read, house.now, None)
    await house.settle()
    assert await house.outcomes(trigger) == ["no_match"]
    # An earlier release took it: it matches nothing, and keeps nothing else from being read.
    await type(trigger).objects.filter(pk=trigger.pk).aupdate(pattern=".{0,1000}" * 5)
    other = await house.trigger(kind="message")
    await house.say(place, "again")
    await house.settle()
    assert await house.outcomes(trigger) == ["no_match", "no_match"]
    assert await house.outcomes(other) == ["fired"]


async def test_many_long_texts_are_read_in_several_rounds(house: House, monkeypatch) -> None:
    monkeypatch.setattr(answers, "MAX_LOOKED_THROUGH", 100)
    trigger = await house.trigger(kind="message", match="regex", pattern="k$")
    place = await house.conversation()
    for number in range(6):
        await house.say(place, f"{'x' * 60} {number}k")
    rounds = 0
    while await sync_to_async(watching.behind)():
        # One worker: where two look at the same moment, the second may read on where the first has just stopped.
        await house.round(services=1)
        rounds += 1
    assert rounds >= 3
    assert len(await house.rows(trigger)) == 6
