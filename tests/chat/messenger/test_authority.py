"""Whose authority a chat has: of who speaks, not of whose conversation it is (rule W11)."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents import events as e
from agents.models import Agent, Note
from agents.tools import Toolbox
from agents.tools.notes.store import NoteStorage
from agents.tools.notes.tool import notes
from chat.commands import SendBody
from chat.inbox import Sender
from chat.models import Conversation
from chat.support.database import ask
from tests.chat.messenger.house import SPEC, House
from tests.support.scripted import ScriptedModel, asks, says


@pytest.fixture(autouse=True)
def keeps_notes(house: House) -> None:
    """The agent has notes, too."""
    tools = [house.kit.tools._tools[name] for name in ("look", "act")]

    async def agent(slug: str) -> Any:
        return replace(SPEC, tools=("look", "act", "notes"), approval_tools=house.asks_before)

    kit = replace(house.kit, agent=agent, tools=Toolbox([*tools, notes]), storage=NoteStorage(ask))
    house.kit = house.runner.dependencies = kit
    house.gate.set()


def add(text: str) -> Any:
    return asks(("notes", json.dumps({"action": "add", "text": text})))


def listed() -> Any:
    return asks(("notes", json.dumps({"action": "list"})))


async def link(house: House, django_user_model: Any, sender: str, name: str) -> Any:
    user = await sync_to_async(django_user_model.objects.create_user)(username=name)
    person: Any = await sync_to_async(house.messenger.person)(house.app, sender)  # type: ignore[attr-defined]
    person.user = user
    await sync_to_async(person.save)()
    return user


async def trust(house: House, yes: bool) -> None:
    await house.messenger.tables.apps.aupdate(trusts_strangers=yes)


def results(house: House) -> list[str]:
    """What the tools gave, as the model reads it in its last request."""
    return [one["content"] for one in house.model.bodies[-1]["messages"] if one["role"] == "tool"]


def offered(house: House) -> set[str]:
    return {one["function"]["name"] for one in house.model.bodies[-1].get("tools", ())}


async def test_a_stranger_has_an_agent_without_memory_and_without_tools_that_change_something(house):
    await trust(house, False)
    await Note.objects.acreate(owner_id=house.app.owner_id, number=1, text="the owner's secret", key="k")
    house.model = ScriptedModel(
        asks(("notes", '{"action": "list"}'), ("act", "{}"), ("look", "{}")), says("No.")
    )
    await house.speak("what do you know?")
    await house.answered("No.")
    assert offered(house) == {"look"}
    refused, also, seen = results(house)
    assert seen == "seen" and "was not executed" in refused and "was not executed" in also
    assert "secret" not in str(house.model.bodies)
    lane = await house.messenger.tables.lanes.aget()
    codes = [one.code for one in await house.events(lane) if isinstance(one, e.CallSettled)]
    assert sorted(map(str, codes)) == ["None", "not_permitted", "not_permitted"]


async def test_nobody_is_asked_about_a_call_that_a_stranger_may_not_have(house):
    await trust(house, False)
    house.asks_before = ("act",)
    house.model = ScriptedModel(asks(("act", "{}")), says("No."))
    await house.speak("act")
    await house.answered("No.")
    lane = await house.messenger.tables.lanes.aget()
    assert not any(isinstance(one, e.ApprovalAsked) for one in await house.events(lane))


async def test_where_an_administrator_trusts_strangers_each_has_a_memory_of_their_own(house):
    house.model = ScriptedModel(add("Ann's secret"), says("Kept."), listed(), says("Listed."))
    await house.speak("remember", chat="oc_a", sender="ou_ann")
    await house.answered("Kept.", "oc_a")
    await house.quiet()
    await house.speak("what do you know?", chat="oc_b", sender="ou_ben")
    await house.answered("Listed.", "oc_b")
    assert results(house) == ["There are no notes."]
    await house.quiet()
    house.model = ScriptedModel(listed(), says("Again."))
    await house.speak("and mine?", chat="oc_c", sender="ou_ann")
    await house.answered("Again.", "oc_c")
    assert results(house) == ["#1 Ann's secret"]
    note = await Note.objects.aget()
    assert note.owner_id == house.app.owner_id and note.person.startswith("guest:")


async def test_in_a_group_tools_see_who_speaks_and_not_whose_chat_it_is(house, django_user_model):
    await trust(house, False)
    alice = await link(house, django_user_model, "ou_alice", "alice")
    bob = await link(house, django_user_model, "ou_bob", "bob")
    house.model = ScriptedModel(add("Alice's secret"), says("Kept."), listed(), says("Listed."))
    await house.speak("remember", chat="oc_g", group=True, sender="ou_alice")
    await house.answered("Kept.", "oc_g")
    await house.quiet()
    await house.speak("what do you know?", chat="oc_g", group=True, sender="ou_bob")
    await house.answered("Listed.", "oc_g")
    assert results(house)[-1] == "There are no notes."
    note = await Note.objects.aget()
    assert (note.owner_id, note.person) == (alice.pk, "") and bob.pk != alice.pk


async def test_when_several_speak_in_a_run_nobodys_memory_is_anybodys(house, django_user_model):
    alice = await link(house, django_user_model, "ou_alice", "alice")
    await link(house, django_user_model, "ou_bob", "bob")
    await Note.objects.acreate(owner=alice, number=1, text="Alice's secret", key="k")
    house.model = ScriptedModel(asks(("act", "{}")), listed(), says("Told."))
    house.gate.clear()
    await house.speak("act", chat="oc_g", group=True, sender="ou_bob")
    await house.busy.wait()
    await house.speak("go on", chat="oc_g", group=True, sender="ou_alice")
    await house.until(lambda: _taken(house, 2), "the second to be in the conversation")
    house.gate.set()
    await house.answered("Told.", "oc_g")
    assert "several people have spoken" in results(house)[-1]


async def test_what_a_run_may_do_is_asked_when_it_does_it(house, django_user_model):
    """A call that waited for its yes has the authority of now, not of when it was asked for."""
    alice = await link(house, django_user_model, "ou_alice", "alice")
    await link(house, django_user_model, "ou_bob", "bob")
    house.asks_before = ("act",)
    house.model = ScriptedModel(asks(("act", "{}")), says("Over."))
    await house.speak("act", chat="oc_g", group=True, sender="ou_alice")
    await house.until(lambda: any("Allow" in card.buttons for card in house.cards("oc_g")), "the choices")
    await house.quiet()
    await django_user_model.objects.filter(pk=alice.pk).aupdate(is_active=False)
    await house.press("Allow", "oc_g", sender="ou_bob")
    await house.answered("Over.", "oc_g")
    assert "is disabled" in results(house)[-1] and not house.busy.is_set()


@pytest.mark.parametrize("who", ["a stranger", "a disabled user"])
async def test_who_may_not_have_a_call_may_not_allow_it(house, django_user_model, who):
    await trust(house, False)
    await link(house, django_user_model, "ou_alice", "alice")
    if who == "a disabled user":
        bob = await link(house, django_user_model, "ou_bob", "bob")
        await django_user_model.objects.filter(pk=bob.pk).aupdate(is_active=False)
    house.asks_before = ("act",)
    house.model = ScriptedModel(asks(("act", "{}")), says("Thanks."))
    await house.speak("act", chat="oc_g", group=True, sender="ou_alice")
    await house.until(lambda: any("Allow" in card.buttons for card in house.cards("oc_g")), "the choices")
    await house.quiet()
    await house.press("Allow", "oc_g", sender="ou_bob")
    await house.until(lambda: _states(house, "refused", 1), "the press to be refused")
    await house.quiet()
    lane = await house.messenger.tables.lanes.aget()
    assert not any(isinstance(one, e.ApprovalDecided) for one in await house.events(lane))
    assert not house.busy.is_set()
    await house.press("Allow", "oc_g", sender="ou_alice")
    await house.answered("Thanks.", "oc_g")
    assert house.busy.is_set()


async def test_a_disabled_user_says_nothing_in_a_group(house, django_user_model):
    bob = await link(house, django_user_model, "ou_bob", "bob")
    await django_user_model.objects.filter(pk=bob.pk).aupdate(is_active=False)
    await house.speak("hello", chat="oc_g", group=True, sender="ou_bob")
    await house.answered("is disabled here", "oc_g")
    assert not house.model.bodies


async def test_who_was_linked_by_mistake_goes_on_in_a_conversation_of_their_own(house, django_user_model):
    await link(house, django_user_model, "ou_eve", "alice")
    await house.speak("hello", sender="ou_eve")
    await house.answered("Hello!")
    await house.quiet()
    person = await sync_to_async(house.messenger.person)(house.app, "ou_eve")
    person.user = None
    await sync_to_async(person.save)()
    await house.speak("what did we say?", sender="ou_eve")
    await house.answered("Hello!", times=2)
    spoken = [one["content"] for one in house.model.bodies[-1]["messages"] if one["role"] == "user"]
    assert spoken == ["what did we say?"]
    assert "Hello!" not in [one["content"] for one in house.model.bodies[-1]["messages"]]
    first, second = [lane async for lane in house.messenger.tables.lanes.order_by("generation")]
    assert first.owner_id != second.owner_id == house.app.owner_id
    # And what the user says there from now on is not told to this chat any more.
    await house.quiet()
    house.model = ScriptedModel(says("A secret of Alice's."))
    body = SendBody(kind="send", message=str(uuid.uuid4()), text="just between us")
    sender = Sender(first.owner_id, name="alice")
    sent = await house.services[0].inbox.submit(sender, str(first.conversation), "c1", body)
    assert sent.status == "applied"

    async def passed_over():
        lane = await house.messenger.tables.lanes.aget(pk=first.pk)
        place = await Conversation.objects.aget(pk=first.conversation)
        return place.run_status == "finished" and lane.head_seq == place.head_seq

    await house.until(passed_over, "it to be passed over")
    await house.quiet()
    assert not any("secret" in text or "between us" in text for text, _ in house.replies())
    assert not any("secret" in card.text for card in house.cards())


async def test_messages_say_who_spoke_and_the_web_chats_are_as_they_were(house, django_user_model):
    alice = await link(house, django_user_model, "ou_alice", "alice")
    await house.speak("hi", chat="oc_g", group=True, sender="ou_alice")
    await house.answered("Hello!", "oc_g")
    await house.speak("hi", chat="oc_b", sender="ou_eve")
    await house.answered("Hello!", "oc_b")
    actors = []
    async for lane in house.messenger.tables.lanes.order_by("id"):
        actors += [one.origin.actor for one in await house.events(lane) if isinstance(one, e.MessageAdded)]
    assert actors[0] == f"user:{alice.pk}" and actors[1].startswith("guest:") and "ou_eve" not in actors[1]
    assert '"actor"' not in e.to_json(e.MessageAdded(at=1, message="m", text="t"))


async def _taken(house, count):
    return await _states(house, "taken", count)


async def _states(house, state, count):
    return await house.messenger.tables.messages.filter(state=state).acount() == count


async def test_the_owner_of_a_private_chat_has_another_agent_answer_from_here_on(house, django_user_model):
    await link(house, django_user_model, "ou_ann", "ann")
    await Agent.objects.acreate(slug="second", name="Sec*ond", model="big", base_url="http://localhost/v1")
    await house.speak("/agent", chat="oc_ann", sender="ou_ann")
    await house.answered("`second`", "oc_ann")
    await house.speak("/agent nobody", chat="oc_ann", sender="ou_ann")
    await house.answered("There is no agent of that name.", "oc_ann")
    await house.speak("/AGENT sec*OND", chat="oc_ann", sender="ou_ann")
    await house.answered("answers from here on", "oc_ann")
    house.model = ScriptedModel(says("As the second."))
    asked: list[str] = []

    async def agent(slug: str) -> Any:
        asked.append(slug)
        return replace(SPEC, slug=slug)

    house.runner.dependencies = replace(house.runner.dependencies, agent=agent)
    await house.speak("hello", chat="oc_ann", sender="ou_ann")
    await house.answered("As the second.", "oc_ann")
    assert asked == ["second"]
    await house.speak("/model", chat="oc_ann", sender="ou_ann")
    await house.answered("with the model `big`", "oc_ann")


async def test_a_running_answer_keeps_its_agent_and_the_chat_is_told(house, django_user_model):
    await link(house, django_user_model, "ou_ann", "ann")
    await Agent.objects.acreate(slug="second", name="Second", model="big", base_url="http://localhost/v1")
    house.gate.clear()
    house.model = ScriptedModel(asks(("act", "{}")), says("Done."))
    await house.speak("act", chat="oc_ann", sender="ou_ann")
    await house.busy.wait()
    await house.speak("/agent second", chat="oc_ann", sender="ou_ann")
    await house.answered("Something is running", "oc_ann")
    house.gate.set()
    await house.answered("Done.", "oc_ann")
