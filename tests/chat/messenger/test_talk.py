"""What people may expect of any messenger, driven through two of them: in, card, tools, answer, commands, buttons."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async

from agents import events as e
from agents.dialects.base import FinishDelta, ReasoningDelta, TextDelta
from agents.models import Agent
from chat.commands import MAX_TEXT
from chat.inbox import DeleteBody, SendBody, Sender
from chat.limits import rates
from chat.models import Event, Message
from chat.support.clock import now_ms
from tests.support.scripted import Pause, ScriptedModel, asks, says


async def test_a_message_is_answered_in_a_reply_and_received_and_answered_are_two_facts(house):
    message = await house.speak("hello")
    await house.answered("Hello!")
    await house.quiet()
    row = await house.messenger.tables.messages.aget()
    assert row.state == "taken" and row.answered_at >= row.received_at
    assert house.replies() == [("Hello!", message)]


async def test_tools_and_text_are_seen_on_the_card_and_the_card_ends_at_rest(house):
    pause = Pause()
    house.gate.set()
    house.model = ScriptedModel(
        asks(("look", "{}"), ("act", "{}")),
        [TextDelta("Half "), pause, TextDelta("done."), FinishDelta("stop")],
    )
    await house.speak("do both")
    await house.until(lambda: "Half" in "".join(card.text for card in house.cards()), "streamed text")
    (card,) = house.cards()
    assert "✅ look" in card.text and "✅ act" in card.text and card.streaming and card.buttons == ["Stop"]
    pause.release.set()
    await house.answered("Half done.")
    await house.quiet()
    (card,) = house.cards()
    assert "Done" in card.text and not card.streaming and not card.buttons


async def test_R6_a_message_that_joins_a_run_gets_its_own_answer(house):
    first, second = Pause(), Pause()
    house.model = ScriptedModel(
        [TextDelta("To the first."), first, FinishDelta("stop")],
        [TextDelta("To the second."), second, FinishDelta("stop")],
    )
    one = await house.speak("first")
    await first.reached.wait()
    two = await house.speak("second")
    await house.until(lambda: _states(house, "taken", 2), "the second to be in the conversation")
    first.release.set()
    await second.reached.wait()
    await house.answered("To the first.")  # while the run goes on
    second.release.set()
    await house.answered("To the second.")
    await house.quiet()
    assert house.replies() == [("To the first.", one), ("To the second.", two)]
    assert not await house.messenger.tables.messages.filter(answered_at=None).aexists()


async def test_the_stop_button_and_the_commands(house):
    await house.speak("/help")
    await house.answered("/new")
    await house.speak("/stop")
    await house.answered("Nothing is running")
    house.model = ScriptedModel(asks(("act", "{}")), says("never"))
    await house.speak("act")
    await house.busy.wait()
    await house.until(house.cards, "a card")
    await house.press("Stop")
    await house.answered("Stopped")
    house.model = ScriptedModel(says("Fresh."))
    await house.speak("/new")
    await house.answered("new conversation begins")
    await house.speak("hi")
    await house.answered("Fresh.")
    assert await house.messenger.tables.lanes.acount() == 2
    spoken = [one["content"] for one in house.model.bodies[-1]["messages"] if one["role"] == "user"]
    assert spoken == ["hi"]


@pytest.mark.parametrize(("label", "status"), [("Allow", "succeeded"), ("Refuse", "cancelled")])
async def test_W8_a_call_is_allowed_or_refused_by_a_button_and_the_buttons_go(house, label, status):
    house.gate.set()
    house.asks_before = ("act",)
    house.model = ScriptedModel(asks(("act", "{}")), says("Thanks for deciding."))
    await house.speak("act")
    await house.until(lambda: any("Allow" in card.buttons for card in house.cards()), "the choices")
    await house.quiet()
    await house.press(label)
    await house.answered("Thanks for deciding.")
    await house.quiet()
    assert not any(card.buttons for card in house.cards())
    events = await house.events(await house.messenger.tables.lanes.aget())
    assert [one.status for one in events if isinstance(one, e.CallSettled)] == [status]


async def test_W8_two_calls_are_asked_about_and_each_press_leaves_no_stale_button(house):
    house.gate.set()
    house.asks_before = ("look", "act")
    house.model = ScriptedModel(asks(("look", "{}"), ("act", "{}")), says("Both decided."))
    await house.speak("act")
    await house.until(lambda: any(card.buttons.count("Allow") == 2 for card in house.cards()), "the choices")
    await house.quiet()
    await house.press("Allow")
    await house.until(
        lambda: [c.buttons.count("Allow") for c in house.cards()][-1] == 1, "the one that is left"
    )
    await house.quiet()
    assert [card.buttons.count("Allow") for card in house.cards() if card.buttons] == [1]
    await house.press("Allow")
    await house.answered("Both decided.")
    await house.quiet()
    assert not any(card.buttons for card in house.cards())


async def test_R4_a_call_in_doubt_is_settled_by_a_button(house):
    house.model = ScriptedModel(asks(("act", "{}")), says("Thanks for telling me."))
    await house.speak("act")
    await house.busy.wait()
    lane = await house.messenger.tables.lanes.aget()
    run = next(one for one in await house.events(lane) if isinstance(one, e.RunQueued)).run
    house.runner.leave()  # its worker goes in the middle of an effectful call

    async def handed_over():
        return any(isinstance(one, e.RunRecovering) for one in await house.events(lane))

    await house.until(handed_over, "the hand-over")
    house.runner = house.worker("w2")
    await house.enqueue(str(lane.conversation), run)
    await house.until(lambda: any("It happened" in card.buttons for card in house.cards()), "the choices")
    await house.press("It happened")
    await house.answered("Thanks for telling me.")
    settled = [one for one in await house.events(lane) if isinstance(one, e.CallSettled)]
    assert [one.code for one in settled] == ["resolved_by_person"]


async def test_in_a_group_only_what_names_the_bot_is_answered(house):
    await house.speak("look", group=True, to_bot=False)
    await house.speak("ask", group=True)
    await house.answered("Hello!")
    states = [row.state async for row in house.messenger.tables.messages.order_by("id")]
    assert states == ["ignored", "taken"]


async def test_who_may_not_write_may_not_press_either(house):
    house.gate.set()
    house.asks_before = ("act",)
    house.model = ScriptedModel(asks(("act", "{}")), says("Thanks for deciding."))
    await house.speak("act")
    await house.until(lambda: any("Allow" in card.buttons for card in house.cards()), "the choices")
    await house.quiet()
    await house.messenger.tables.apps.aupdate(private_policy="linked", group_policy="everyone")
    await house.press("Allow", sender="ou_stranger")
    await house.until(lambda: _states(house, "refused", 1), "the press to be refused")
    await house.quiet()
    events = await house.events(await house.messenger.tables.lanes.aget())
    assert not any(isinstance(one, e.ApprovalDecided) for one in events)


async def test_policies_and_a_disabled_user(house, django_user_model):
    await house.messenger.tables.apps.aupdate(private_policy="linked")
    await house.speak("hello", sender="ou_stranger")
    await house.answered("ou_stranger")
    await house.quiet()
    alice = await sync_to_async(django_user_model.objects.create_user)(username="alice")
    person = await sync_to_async(house.messenger.person)(house.app, "ou_alice")
    person.user = alice
    await sync_to_async(person.save)()
    await house.speak("hello", chat="oc_b")
    await house.answered("Hello!", "oc_b")
    await house.quiet()
    lane = await house.messenger.tables.lanes.aget(chat_id="oc_b")
    assert lane.owner_id == alice.pk
    await django_user_model.objects.filter(pk=alice.pk).aupdate(is_active=False)
    await house.messenger.tables.apps.aupdate(private_policy="everyone")
    await house.speak("still there?", chat="oc_b")
    await house.answered("is disabled here", "oc_b")
    await house.messenger.tables.apps.aupdate(private_policy="linked")
    await house.speak("and now?", chat="oc_b")
    await house.answered("only people who are known", "oc_b")
    await house.messenger.tables.apps.aupdate(private_policy="nobody")
    await house.speak("hello", sender="ou_stranger")
    await house.until(lambda: _states(house, "ignored", 1), "the message to be ignored")
    assert len(house.model.bodies) == 1


async def test_what_is_said_through_another_door_is_shown(house, django_user_model):
    alice = await sync_to_async(django_user_model.objects.create_user)(username="alice")
    person = await sync_to_async(house.messenger.person)(house.app, "ou_alice")
    person.user = alice
    await sync_to_async(person.save)()
    await house.speak("hello")
    await house.answered("Hello!")
    lane = await house.messenger.tables.lanes.aget()
    assert lane.owner_id == alice.pk
    house.model = ScriptedModel(says("Told the web."))
    body = SendBody(kind="send", message="0" * 8 + "-0000-4000-8000-" + "0" * 12, text="from the web")
    sender = Sender(alice.pk, name="alice")
    await house.services[0].inbox.submit(sender, str(lane.conversation), "c1", body)
    await house.answered("Told the web.")
    spoken = [one.origin.entrance for one in await house.events(lane) if isinstance(one, e.MessageAdded)]
    assert len(spoken) == 2 and spoken[0] != spoken[1] == "web"
    texts = [text for text, _ in house.replies()]
    assert any("**alice** (the web chat)" in text and "from the web" in text for text in texts)


async def test_a_conversation_that_was_deleted_is_begun_anew(house):
    await house.speak("hello")
    await house.answered("Hello!")
    await house.quiet()
    lane = await house.messenger.tables.lanes.aget()
    who = Sender(lane.owner_id)
    await house.services[0].inbox.submit(who, str(lane.conversation), "d", DeleteBody(kind="delete"))
    await house.speak("still there?")
    await house.answered("Hello!", times=2)


async def test_a_long_answer_comes_in_pieces_in_order(house):
    house.model = ScriptedModel(says("\n\n".join(f"Paragraph {n} " + "字" * 900 for n in range(12))))
    await house.speak("tell me everything")
    await house.answered("Paragraph 11")
    await house.quiet()
    whole = "".join(text for text, _ in house.replies())
    assert len(house.replies()) > 2
    places = [whole.index(f"Paragraph {n} ") for n in range(12)]
    assert places == sorted(places) and whole.count("字") == 12 * 900


async def test_files_come_with_their_message_and_what_cannot_be_read_is_named(house):
    await house.speak(file=("notes.txt", b"buy milk"), at_ms=now_ms())
    await house.speak(file=("run.exe", b"\x00\x01"), at_ms=now_ms() + 1)
    await house.speak(file=("gone.txt", None), at_ms=now_ms() + 2)
    await house.until(lambda: _states(house, "taken", 3), "all to be taken")
    await house.quiet()
    lane = await house.messenger.tables.lanes.aget()
    said = [one for one in await house.events(lane) if isinstance(one, e.MessageAdded)]
    assert [[file.name for file in one.attachments] for one in said] == [["notes.txt"], [], []]
    assert "run.exe was attached and cannot be read" in said[1].text
    assert "gone.txt was attached and cannot be read" in said[2].text


async def test_a_message_that_is_too_long_is_refused_in_words(house):
    await house.speak("x" * (MAX_TEXT + 1))
    await house.answered("too long")
    await house.quiet()
    assert await _states(house, "refused", 1) and not house.model.bodies


async def _states(house, state, count):
    return await house.messenger.tables.messages.filter(state=state).acount() == count


async def test_words_before_a_tool_call_stay_on_the_card(house):
    house.model = ScriptedModel(asks(("act", "{}"), text="Let me look first."), says("Seen."))
    await house.speak("look")
    await house.until(lambda: any("act" in card.text for card in house.cards()), "the card")
    house.gate.set()
    await house.answered("Seen.")
    await house.quiet()
    assert any("Let me look first." in card.text for card in house.cards())
    assert not any("Let me look first." in text for text, _ in house.replies())


@pytest.mark.parametrize(
    ("lines", "text", "told"),
    [
        ([TextDelta("Once upon a"), FinishDelta("length")], "Once upon a", "limit of tokens"),
        ([ReasoningDelta("Hm."), FinishDelta("stop")], "", "has only thought"),
        ([FinishDelta("content_filter")], "", "content filter"),
    ],
)
async def test_R14_an_answer_that_is_not_whole_says_so(house, lines, text, told):
    house.model = ScriptedModel(lines)
    message = await house.speak("tell me")
    await house.until(lambda: house.replies(), "an answer")
    await house.quiet()
    [(said, target)] = house.replies()
    assert said.startswith(text) and told in said and target == message


async def test_what_is_spent_for_the_day_is_said_in_the_chat_and_the_message_is_kept(house, settings):
    await house.speak("hello")
    await house.answered("Hello!")
    settings.HOLDFAST_RUNS_PER_DAY = 1
    await house.speak("more")
    await house.answered("00:00 UTC")
    await house.quiet()
    row = await house.messenger.tables.messages.order_by("-id").afirst()
    assert (row.state, row.reason) == ("refused", "runs_spent")
    await house.speak("/new")
    await house.answered("new conversation begins")
    await house.speak("in another conversation")
    await house.until(lambda: _states(house, "refused", 2), "the second to be refused, too")


async def test_too_many_within_a_minute_wait_and_none_is_lost(house, settings):
    rates.commands.forget()
    settings.HOLDFAST_COMMANDS_PER_MINUTE = 2
    for number in range(4):
        await house.speak(f"number {number}")
    await house.until(lambda: _states(house, "taken", 2), "two (the first with the conversation itself)")
    assert await house.messenger.tables.messages.filter(state="received").acount() == 2
    settings.HOLDFAST_COMMANDS_PER_MINUTE = 0
    await house.until(lambda: _states(house, "taken", 4), "all of them")
    said = Message.objects.filter(kind="message").order_by("seq")
    texts = [body["text"] async for body in said.values_list("body", flat=True)]
    assert texts == [f"number {n}" for n in range(4)]


async def test_who_answers_is_told_and_only_an_owner_changes_it(house):
    await Agent.objects.acreate(slug="second", name="Sec*ond", model="big`m`", base_url="http://localhost/v1")
    await house.speak("/agent")
    await house.answered("answers here")
    await house.quiet()
    told = house.replies()[-1][0]
    assert "second" not in told, "who asks is no owner of the conversation"
    assert "administrator" in told
    await house.speak("/agent second")
    await house.until(lambda: len(house.replies()) == 2, "the second answer")
    assert not await Event.objects.filter(type="conversation.agent_changed").aexists()
