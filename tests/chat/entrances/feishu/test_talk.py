"""A person talks to an agent in Feishu: in, card, tools, answer, commands, buttons, the web chat beside it."""

import time

import pytest
from asgiref.sync import sync_to_async

from agents import events as e
from agents.dialects.base import FinishDelta, TextDelta
from chat.commands import MAX_TEXT
from chat.entrances.feishu.adapter import FEISHU
from chat.entrances.feishu.models import FeishuApp, FeishuLane, FeishuMessage, FeishuUser
from chat.inbox import DeleteBody, SendBody, Sender
from chat.messenger.adapter import Button
from chat.messenger.cards import CardOrigin, Writer
from tests.support.feishu_events import action_event
from tests.support.feishu_server import words
from tests.support.scripted import Pause, ScriptedModel, asks, says


async def test_a_message_is_answered_in_a_reply_and_received_and_answered_are_two_facts(house):
    message = await house.say("hello")
    await house.answered("Hello!")
    await house.quiet()
    row = await FeishuMessage.objects.aget()
    assert row.state == "taken" and row.answered_at >= row.received_at
    assert {one.reply_to for one in house.feishu.shown("oc_a")} == {message}


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


async def test_R6_a_message_that_joins_a_run_gets_its_own_answer_and_the_first_is_not_held_back(house):
    first, second = Pause(), Pause()
    house.model = ScriptedModel(
        [TextDelta("To the first."), first, FinishDelta("stop")],
        [TextDelta("To the second."), second, FinishDelta("stop")],
    )
    one = await house.say("first")
    await first.reached.wait()
    two = await house.say("second")

    async def joined():
        return await FeishuMessage.objects.filter(state="taken").acount() == 2

    await house.until(joined, "the second to be in the conversation")
    first.release.set()
    await second.reached.wait()
    await house.answered("To the first.")  # while the run goes on
    second.release.set()
    await house.answered("To the second.")
    await house.quiet()
    told = [
        (words(one.content), one.reply_to) for one in house.feishu.shown("oc_a") if "card_id" not in str(one)
    ]
    assert told == [("To the first.", one), ("To the second.", two)]
    assert not await FeishuMessage.objects.filter(answered_at=None).aexists()


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


async def test_commands(house):
    await house.say("/help")
    await house.answered("/new")
    await house.say("/stop")
    await house.answered("Nothing is running")
    house.model = ScriptedModel(asks(("act", "{}")), says("never"))
    await house.say("act")
    await house.busy.wait()
    await house.say("/stop")
    await house.answered("Stopped")
    house.model = ScriptedModel(says("Fresh."))
    await house.say("/new")
    await house.answered("new conversation begins")
    await house.say("hi")
    await house.answered("Fresh.")
    assert await FeishuLane.objects.acount() == 2
    text = [message["content"] for message in house.model.bodies[-1]["messages"] if message["role"] == "user"]
    assert text == ["hi"]


async def test_R4_a_call_in_doubt_is_settled_by_a_button(house):
    house.model = ScriptedModel(asks(("act", "{}")), says("Thanks for telling me."))
    await house.say("act")
    await house.busy.wait()
    lane = await FeishuLane.objects.aget()
    run = next(one for one in await house.events(lane) if isinstance(one, e.RunQueued)).run
    house.runner.leave()  # its worker goes in the middle of an effectful call

    async def handed_over():
        return any(isinstance(one, e.RunRecovering) for one in await house.events(lane))

    await house.until(handed_over, "the hand-over")
    house.runner = house.worker("w2")
    await house.enqueue(str(lane.conversation), run)
    await house.until(
        lambda: "It happened" in "".join(c.text() for c in house.feishu.cards_of("oc_a")), "the choices"
    )
    await house.press("It happened")
    await house.answered("Thanks for telling me.")
    settled = [one for one in await house.events(lane) if isinstance(one, e.CallSettled)]
    assert [one.code for one in settled] == ["resolved_by_person"]


@pytest.mark.parametrize(("label", "status"), [("Allow", "succeeded"), ("Refuse", "cancelled")])
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


async def test_policies(house):
    await FeishuApp.objects.aupdate(private_policy="linked")
    await house.say("hello", sender="ou_stranger")
    await house.answered("ou_stranger")
    assert not house.model.bodies
    await FeishuApp.objects.aupdate(private_policy="nobody")
    await house.quiet()
    await house.say("hello", sender="ou_stranger")

    async def ignored():
        return await FeishuMessage.objects.filter(state="ignored").aexists()

    await house.until(ignored, "the message to be ignored")


async def test_a_disabled_user_counts_as_not_linked_and_their_chat_is_closed(house, django_user_model):
    alice = await sync_to_async(django_user_model.objects.create_user)(username="alice")
    await FeishuUser.objects.acreate(app=house.app, open_id="ou_alice", user=alice)
    await house.say("hello")
    await house.answered("Hello!")
    await house.quiet()
    await django_user_model.objects.filter(pk=alice.pk).aupdate(is_active=False)
    await house.say("still there?")
    await house.answered("is disabled here")
    await house.quiet()
    await FeishuApp.objects.aupdate(private_policy="linked")
    await house.say("and now?")
    await house.answered("only people who are known")
    assert len(house.model.bodies) == 1


async def test_a_linked_persons_chat_is_theirs_in_the_web_chat_live_on_both_sides(house, django_user_model):
    alice = await sync_to_async(django_user_model.objects.create_user)(username="alice")
    await FeishuUser.objects.acreate(app=house.app, open_id="ou_alice", user=alice)
    await house.say("hello")
    await house.answered("Hello!")
    lane = await FeishuLane.objects.aget()
    assert lane.owner_id == alice.pk
    house.model = ScriptedModel(says("Told the web."))
    body = SendBody(kind="send", message="0" * 8 + "-0000-4000-8000-" + "0" * 12, text="from the web")
    result = await house.services[0].inbox.submit(
        Sender(alice.pk, name="alice"), str(lane.conversation), "c1", body
    )
    assert result.status == "applied"
    await house.answered("Told the web.")
    answers = house.feishu.answers("oc_a")
    assert any("**alice** (the web chat)" in text and "from the web" in text for text in answers)
    said = [one.origin.entrance for one in await house.events(lane) if isinstance(one, e.MessageAdded)]
    assert said == ["feishu", "web"]


async def test_a_conversation_that_was_deleted_in_the_web_chat_is_begun_anew(house):
    await house.say("hello")
    await house.answered("Hello!")
    await house.quiet()
    lane = await FeishuLane.objects.aget()
    who = Sender(lane.owner_id)
    await house.services[0].inbox.submit(who, str(lane.conversation), "d", DeleteBody(kind="delete"))
    await house.say("still there?")
    await house.answered("Hello!", times=2)


async def test_a_long_answer_comes_in_pieces_in_order(house):
    house.model = ScriptedModel(says("\n\n".join(f"Paragraph {n} " + "字" * 900 for n in range(12))))
    await house.say("tell me everything")
    await house.answered("Paragraph 11")
    whole = "".join(house.feishu.answers("oc_a"))
    assert len(house.feishu.answers("oc_a")) > 2
    assert [whole.index(f"Paragraph {n} ") for n in range(12)] == sorted(
        whole.index(f"Paragraph {n} ") for n in range(12)
    )
    assert whole.count("字") == 12 * 900


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


async def test_a_message_that_is_too_long_is_refused_in_words(house):
    await house.say("x" * (MAX_TEXT + 1))
    await house.answered("too long")
    assert (await FeishuMessage.objects.aget()).state == "refused" and not house.model.bodies
