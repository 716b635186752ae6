"""What is of Feishu in a talk: its cards and buttons, mentions, topics and files. What any messenger does is in
tests/chat/messenger/test_talk.py, which drives Feishu, too."""

import time

import pytest

from agents import events as e
from agents.dialects.base import FinishDelta, TextDelta
from chat.entrances.feishu.adapter import FEISHU
from chat.entrances.feishu.models import FeishuLane, FeishuMessage
from chat.messenger.adapter import Button
from chat.messenger.cards import CardOrigin, Writer
from tests.support.feishu_events import action_event
from tests.support.scripted import Pause, ScriptedModel, asks, says


async def test_parallel_tools_are_named_on_a_card_that_comes_within_two_seconds(house):
    pause = Pause()
    house.model = ScriptedModel(
        asks(("look", "{}"), ("act", "{}")),
        [TextDelta("Half "), pause, TextDelta("done."), FinishDelta("stop")],
    )
    began = time.monotonic()
    await house.say("do both")
    await house.until(lambda: house.feishu.cards_of("oc_a"), "a card")
    assert time.monotonic() - began < 2 + 1  # margin: two cores are shared
    card = house.feishu.cards_of("oc_a")[0]
    await house.until(lambda: "✅ look" in card.text() and "⏳ act" in card.text(), "the tools on the card")
    house.gate.set()
    await house.until(lambda: "Half" in card.text(), "streamed text")
    pause.release.set()
    await house.answered("Half done.")
    await house.until(lambda: "**Done**" in card.text() and "✅ act" in card.text(), "the settled card")
    assert not card.streaming
    assert not house.feishu.refused
    assert len(house.feishu.shown("oc_a")) == 2


async def test_the_stop_button_stops_and_says_so(house):
    house.model = ScriptedModel(asks(("act", "{}")), says("never"))
    await house.say("act")
    await house.busy.wait()
    await house.until(lambda: house.feishu.cards_of("oc_a"), "a card")
    began = time.monotonic()
    answer = await house.press("Stop")
    assert answer["toast"] and time.monotonic() - began < 3
    await house.answered("Stopped")
    await house.quiet()
    assert "Stopped" in house.feishu.cards_of("oc_a")[0].text()


async def test_an_old_cards_stop_button_stops_no_newer_run(house):
    await house.say("hello")
    await house.answered("Hello!")
    old = await FeishuLane.objects.aget()
    pause = Pause()
    house.model = ScriptedModel([TextDelta("Long"), pause, FinishDelta("stop")])
    await house.say("again")
    await pause.reached.wait()
    value = {"act": "stop", "lane": old.pk, "thread": "", "run": "another"}
    await house.post(action_event(value, chat="oc_a"))

    async def refused():
        return await FeishuMessage.objects.filter(state="refused").aexists()

    await house.until(refused, "the refusal")
    pause.release.set()
    await house.answered("Long")


@pytest.mark.parametrize(
    ("label", "status"),
    [("Allow", "succeeded"), pytest.param("Refuse", "cancelled", marks=pytest.mark.exhaustive)],
)
async def test_W8_a_call_is_allowed_or_refused_by_a_button(house, label, status):
    house.gate.set()
    house.asks_before = ("act",)
    house.model = ScriptedModel(asks(("act", "{}")), says("Thanks for deciding."))
    await house.say("act")
    await house.until(
        lambda: "May **act** run?" in "".join(c.text() for c in house.feishu.cards_of("oc_a")), "the choices"
    )
    await house.quiet()
    # Something else moves the conversation while the run waits: the choices are there already.
    await FeishuLane.objects.aupdate(head_seq=0)
    await house.until(FeishuLane.objects.filter(head_seq__gt=0).aexists, "the lane to be looked after")
    await house.quiet()
    asking = [card for card in house.feishu.cards_of("oc_a") if "May **act** run?" in card.text()]
    assert len(asking) == 1
    await house.press(label)
    await house.answered("Thanks for deciding.")
    await house.until(
        lambda: "Answered" in asking[0].text(), "the card that asked to say that it was answered"
    )
    assert '"button"' not in asking[0].text(), "nobody can press what is decided"
    events = await house.events(await FeishuLane.objects.aget())
    assert [one.status for one in events if isinstance(one, e.CallSettled)] == [status]
    (decided,) = [one for one in events if isinstance(one, e.ApprovalDecided)]
    assert decided.by.startswith("Feishu"), "who decided is known"


def test_W8_what_a_card_cannot_show_whole_cannot_be_allowed_there():
    approval = {"digest": "d", "decision": None}
    call = {"id": "c", "name": "pay", "arguments": "x" * 5_000, "approval": approval}
    writer = Writer(FEISHU.markup, FEISHU.limits, "en")

    def buttons():
        parts = writer.asking("told", [], [call], CardOrigin(1)).parts
        return [part.label for part in parts if isinstance(part, Button)]

    assert buttons() == ["Refuse"]
    call["arguments"] = "{}"
    assert buttons() == ["Allow", "Refuse"]


async def test_in_a_group_only_what_names_the_bot_is_answered(house):
    bot = {"key": "@_user_1", "id": {"open_id": "ou_bot"}, "name": "Bot"}
    ann = {"key": "@_user_2", "id": {"open_id": "ou_ann"}, "name": "Ann"}
    await house.say("@_user_2 look", chat="oc_g", chat_type="group", mentions=[ann])
    await house.say("@_user_1 ask @_user_2", chat="oc_g", chat_type="group", mentions=[bot, ann])
    await house.answered("Hello!", "oc_g")
    spoken = [
        message["content"] for message in house.model.bodies[-1]["messages"] if message["role"] == "user"
    ]
    assert spoken == ["ask @Ann"]
    states = [row.state async for row in FeishuMessage.objects.order_by("id")]
    assert states == ["ignored", "taken"]


async def test_a_topic_is_a_conversation_of_its_own_and_answers_stay_in_it(house):
    bot = {"key": "@_user_1", "id": {"open_id": "ou_bot"}, "name": "Bot"}
    for thread in ("", "omt_1", "omt_2"):
        await house.say("@_user_1 hi", chat="oc_g", chat_type="group", mentions=[bot], thread=thread)
    await house.answered("Hello!", "oc_g", times=3)
    assert await FeishuLane.objects.acount() == 3
    replies = [one for one in house.feishu.shown("oc_g") if one.thread]
    assert len(replies) >= 2 and all(one.reply_to for one in replies)


async def test_files_come_with_their_message_and_what_cannot_be_read_is_named(house):
    house.feishu.files = {"notes": b"buy milk", "program": b"\x00\x01"}
    await house.say(kind="file", content={"file_key": "notes", "file_name": "notes.txt"})
    await house.answered("Hello!")
    await house.say(kind="file", content={"file_key": "program", "file_name": "run.exe"})
    await house.say(kind="image", content={"image_key": "gone"})
    await house.answered("Hello!", times=2)
    await house.quiet()
    lane = await FeishuLane.objects.aget()
    said = [one for one in await house.events(lane) if isinstance(one, e.MessageAdded)]
    assert [[file.name for file in one.attachments] for one in said] == [["notes.txt"], [], []]
    assert "run.exe was attached and cannot be read" in said[1].text
    assert "image was attached and cannot be read" in said[2].text
