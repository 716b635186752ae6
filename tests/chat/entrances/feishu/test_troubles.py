"""What goes wrong: duplicates, bursts, limits, closed cards, lost answers, dead workers. Everything arrives once."""

import asyncio
import random
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from asgiref.sync import sync_to_async

from agents.dialects.base import FinishDelta, TextDelta
from chat.entrances.feishu.adapter import FEISHU
from chat.entrances.feishu.client import FeishuClient
from chat.entrances.feishu.models import FeishuDelivery, FeishuLane, FeishuMessage, FeishuTurn
from chat.messenger.database import ask
from chat.messenger.delivery import LaneDelivery
from chat.messenger.follow import Follower
from chat.messenger.lanes import LEASE_MS, claim
from chat.models import Message
from chat.support.clock import now_ms
from tests.support.feishu_events import message_event
from tests.support.scripted import Pause, ScriptedModel, says

SENDS = "POST /open-apis/im/v1/messages"


class Echo:
    """A model that says what it was last asked."""

    async def stream(self, body):
        asked = [message["content"] for message in body["messages"] if message["role"] == "user"]
        yield TextDelta(f"You said: {' / '.join(asked[-1:])}.")
        yield FinishDelta("stop")


async def test_each_event_five_times_out_of_order_to_two_servers_is_one_answer(house):
    house.serve("two")
    house.model = Echo()
    events = [message_event(f"n{number}", chat=f"oc_{number}", at_ms=now_ms()) for number in range(6)]
    for event in events:
        house.feishu.receive(event["event"]["message"]["chat_id"], event["event"]["message"]["message_id"])
    copies = [event for event in events for _ in range(4)]
    seed = 5
    random.Random(seed).shuffle(copies)
    await asyncio.gather(*(house.post(event) for event in copies))
    for number in range(6):
        await house.answered(f"You said: n{number}.", f"oc_{number}")
    house.advance(6 * 3600)
    for event in events:
        await house.post(event)  # the last try, six hours later
    await house.quiet()
    for number in range(6):
        assert len(house.feishu.answers(f"oc_{number}")) == 1, seed


async def test_messages_that_come_while_a_run_works_are_read_in_order_and_answered(house):
    pause = Pause()
    house.model = ScriptedModel([TextDelta("One."), pause, FinishDelta("stop")], says("All."))
    await house.say("first")
    await pause.reached.wait()
    for number in range(30):  # more than a conversation lets wait
        await house.say(f"m{number:02}", at_ms=now_ms() + number)
    pause.release.set()

    async def all_answered():
        return not await FeishuMessage.objects.filter(answered_at=None).aexists()

    await house.until(all_answered, "every message to be answered", 30)
    said = Message.objects.filter(kind="message").order_by("seq")
    assert [one.body["text"] async for one in said] == ["first", *(f"m{number:02}" for number in range(30))]


async def test_R7_a_stop_overtakes_what_waits_in_a_group_too(house):
    bot = {"key": "@_user_1", "id": {"open_id": "ou_bot"}, "name": "Bot"}
    group = {"chat": "oc_g", "chat_type": "group", "mentions": [bot]}
    pause = Pause()
    house.model = ScriptedModel([TextDelta("One."), pause, FinishDelta("stop")], says("Never."))
    await house.say("@_user_1 first", **group)
    await pause.reached.wait()
    for number in range(25):  # more than a conversation lets wait
        await house.say(f"@_user_1 m{number:02}", at_ms=now_ms() + number, **group)
    await house.say("@_user_1 /stop", at_ms=now_ms() + 100, **group)
    await house.answered("Stopped", "oc_g")
    assert pause.cancelled


@pytest.mark.exhaustive
async def test_a_long_streamed_text_edits_no_message_because_feishu_takes_only_20_edits(house):
    steps = [Pause() for _ in range(24)]
    lines = [line for number, pause in enumerate(steps) for line in (TextDelta(f"w{number:02} "), pause)]
    house.model = ScriptedModel([*lines, FinishDelta("stop")])
    await house.say("go on")
    for number, pause in enumerate(steps):
        await house.until(
            lambda number=number: (
                house.feishu.cards_of("oc_a") and f"w{number:02}" in house.feishu.cards_of("oc_a")[-1].text()
            ),
            "the text so far",
        )
        house.advance(2)  # so that the card may change again
        pause.release.set()
    await house.answered("w23")
    await house.quiet()
    streamed = [text for element, text in house.feishu.cards_of("oc_a")[0].streamed if element == "text"]
    assert len(streamed) > 20 and all(b.startswith(a) for a, b in pairwise(streamed))
    assert not house.feishu.refused and not any(one.edits for one in house.feishu.messages)


async def test_limits_are_honoured_and_nothing_is_lost(house):
    house.feishu.fail(SENDS, 99991400, times=2, reset=0.5)
    house.feishu.fail(SENDS, 230020, times=2, reset=0.5)
    for number in range(3):
        await house.say("hello", chat=f"oc_{number}")
    for number in range(3):
        await house.answered("Hello!", f"oc_{number}")
    assert not await FeishuDelivery.objects.filter(state="dead").aexists()


@pytest.mark.exhaustive
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
async def test_a_lost_answer_of_feishu_shows_nothing_twice(house, done):
    house.feishu.fail(SENDS, 0, status=502, times=2, done=done)
    await house.say("hello")
    await house.answered("Hello!")
    await house.quiet()
    assert len(house.feishu.answers("oc_a")) == 1


async def test_a_card_is_followed_by_another_before_feishu_closes_it(house):
    pause = Pause()
    house.model = ScriptedModel([TextDelta("Slowly "), pause, TextDelta("done."), FinishDelta("stop")])
    await house.say("think long")
    await house.until(
        lambda: "Slowly" in "".join(c.text() for c in house.feishu.cards_of("oc_a")), "the text"
    )
    house.advance(500)
    await house.until(lambda: len(house.feishu.cards_of("oc_a")) == 2, "the second card")
    first, second = house.feishu.cards_of("oc_a")
    await house.until(lambda: "below" in first.text() and "Slowly" in second.text(), "the text on it")
    assert not first.streaming and second.streaming and not house.feishu.refused
    pause.release.set()
    await house.answered("Slowly done.")


@pytest.mark.parametrize("code", [200850, 300309])
async def test_a_card_that_feishu_closed_is_replaced(house, code):
    pause = Pause()
    house.model = ScriptedModel([TextDelta("A "), pause, TextDelta("b."), FinishDelta("stop")])
    await house.say("go")
    await house.until(lambda: house.feishu.cards_of("oc_a"), "a card")
    house.feishu.fail("PUT .*/content", code)
    await house.until(lambda: len(house.feishu.cards_of("oc_a")) == 2, "another card")
    pause.release.set()
    await house.answered("A b.")


async def test_without_any_card_the_answer_comes_all_the_same(house):
    house.feishu.fail("cardkit", 200860, times=10_000)
    pause = Pause()
    house.model = ScriptedModel([TextDelta("Alone."), pause, FinishDelta("stop")])
    await house.say("go")
    await pause.reached.wait()
    await house.until(lambda: house.feishu.refused, "a refusal")
    pause.release.set()
    await house.answered("Alone.")
    await house.quiet()


async def test_a_message_to_nobody_becomes_a_dead_letter_and_the_admin_sends_it_again(house, charlie):
    house.feishu.gone.add("oc_a")
    await house.say("hello")

    async def dead():
        return await FeishuDelivery.objects.filter(state="dead").aexists()

    await house.until(dead, "the dead letter")
    await house.quiet()
    assert (await FeishuMessage.objects.aget()).answered_at is None
    house.feishu.gone.clear()
    house.advance(2 * 3600)  # Feishu remembers no uuid this long
    row = await FeishuDelivery.objects.aget()
    await house.client.aforce_login(charlie)
    asked = {"action": "resend", "sure": "1", "_selected_action": [row.pk]}
    assert (await house.client.post("/admin/feishu/feishudelivery/", asked)).status_code == 302
    await house.answered("Hello!")
    await house.quiet()
    assert (await FeishuMessage.objects.aget()).answered_at is not None
    assert len(house.feishu.answers("oc_a")) == 1


async def test_a_recalled_question_is_answered_in_the_chat(house):
    event = message_event("hello", chat="oc_a")
    house.feishu.gone.add(event["event"]["message"]["message_id"])
    await house.post(event)
    await house.answered("Hello!")
    await house.quiet()


async def test_a_worker_that_dies_is_followed_by_another_which_delivers_once(house):
    house.tasks[-1].cancel()  # the only service
    await asyncio.gather(house.tasks[-1], return_exceptions=True)
    pause = Pause()
    house.model = ScriptedModel([TextDelta("Still "), pause, TextDelta("here."), FinishDelta("stop")])
    first = house.serve("first")
    await house.say("hello")
    await house.until(lambda: "Still" in "".join(c.text() for c in house.feishu.cards_of("oc_a")), "the card")
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    # As if it had been killed: its lease stands until it runs out.
    await FeishuLane.objects.aupdate(claimed_by="first", claimed_until=now_ms() + 1_500)
    house.services.clear()
    house.serve("second")
    pause.release.set()
    await house.answered("Still here.")
    await house.quiet()
    assert len(house.feishu.answers("oc_a")) == 1
    cards = house.feishu.cards_of("oc_a")
    assert len(cards) == 1 and not cards[0].streaming
    assert await FeishuTurn.objects.filter(ended=True).acount() == 1


@pytest.mark.exhaustive
@pytest.mark.slow
async def test_a_burst_over_many_chats_loses_nothing_keeps_order_and_pace(house):
    house.serve("two")
    house.model = Echo()
    chats, each = 12, 8
    events = [
        message_event(f"c{chat}n{number}", chat=f"oc_{chat}", at_ms=now_ms() + number)
        for number in range(each)
        for chat in range(chats)
    ]
    for event in events:
        house.feishu.receive(event["event"]["message"]["chat_id"], event["event"]["message"]["message_id"])
    # One of each chat at a time: what is delivered again may be overtaken by the next message of its chat.
    for start in range(0, len(events), chats):
        await asyncio.gather(*(house.post(event) for event in events[start : start + chats]))

    async def all_answered():
        return not await FeishuMessage.objects.filter(answered_at=None).aexists()

    await house.until(all_answered, "every message to be answered", 90)
    for lane in [one async for one in FeishuLane.objects.all()]:
        said = await sync_to_async(list)(
            Message.objects.filter(conversation_id=lane.conversation, kind="message").order_by("seq")
        )
        chat = lane.chat_id.removeprefix("oc_")
        assert [one.body["text"] for one in said] == [f"c{chat}n{number}" for number in range(each)]
    assert not house.feishu.refused


@asynccontextmanager
async def unsettled(house, **turn):
    """A run is over and its worker died before it settled the card; another worker has the lane now:
    (card, its follower, its way out)."""
    pause = Pause()
    house.model = ScriptedModel([TextDelta("Long"), pause, FinishDelta("stop")])
    await house.say("hello")
    await pause.reached.wait()
    await house.until(lambda: house.feishu.cards_of("oc_a"), "a card")
    pause.release.set()
    await house.quiet()
    lane = await FeishuLane.objects.select_related("app").aget()
    assert await ask(claim, FEISHU.tables, lane.pk, "another", now_ms() + LEASE_MS)
    await FeishuTurn.objects.aupdate(ended=False, **turn)
    follower = Follower(house.services[0].feed, str(lane.conversation))
    client = FeishuClient(lane.app)
    ways = LaneDelivery(
        FEISHU, lane, "another", client, follower, clock=now_ms, mine=lambda: True, every_ms=lambda: 0
    )
    await follower.follow()
    yield house.feishu.cards_of("oc_a")[0], follower, ways
    follower.close()
    await client.aclose()


async def test_a_card_waits_for_the_end_of_its_run_to_reach_the_live_state(house):
    async with unsettled(house) as (card, follower, ways):
        before, operations, ended = card.text(), card.sequence, follower.state["run"]
        follower.state["run"] = {**ended, "status": "running", "ended_at": None}
        assert not await ways.go_on(True)
        assert card.sequence == operations and card.text() == before

        follower.state["run"] = ended
        assert await ways.go_on(False)
        assert card.sequence > operations and "Done" in card.text()
        assert not await FeishuTurn.objects.filter(ended=False).aexists()


async def test_a_card_is_settled_whose_worker_died_before_it_could_note_that_it_was_sent(house):
    async with unsettled(house, message_id="") as (card, _, ways):
        operations = card.sequence
        assert await ways.go_on(True)
        assert card.sequence > operations and not card.streaming


async def test_a_card_whose_run_has_left_the_live_state_ends_as_the_journal_says(house):
    pauses = Pause(), Pause()
    house.model = ScriptedModel(
        *([TextDelta("Long"), pause, FinishDelta("stop")] for pause in pauses), says("Another.")
    )
    await house.say("hello")
    await pauses[0].reached.wait()
    await house.until(lambda: house.feishu.cards_of("oc_a"), "a card")
    await house.press("Stop")
    await house.answered("Stopped")
    await house.quiet()
    await house.say("again")
    await pauses[1].reached.wait()
    await house.until(lambda: len(house.feishu.cards_of("oc_a")) == 2, "the next card")
    first = await FeishuTurn.objects.order_by("id").afirst()
    await FeishuTurn.objects.filter(pk=first.pk).aupdate(ended=False)  # as if its worker had died before that

    async def settled():
        return await FeishuTurn.objects.filter(pk=first.pk, ended=True).aexists()

    await house.until(settled, "the old card to be settled")
    pauses[1].release.set()
    await house.quiet()
    assert "Stopped" in house.feishu.cards_of("oc_a")[0].text()
