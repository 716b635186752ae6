"""What an agent sets up in a chat of a bot's account stays in it, and speaks there as a stranger does (rule W11)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from agents.acting import Reach
from agents.models import Agent, ensure_default_agent, installed_tools
from agents.tools import ToolContext
from chat.automation.firing import Firing, is_of_chat
from chat.entrances.feishu.models import FeishuApp, FeishuLane
from chat.entrances.schedules.models import Schedule
from chat.entrances.triggers import watching
from chat.entrances.triggers.answers import Answers
from chat.entrances.triggers.models import Trigger
from chat.entrances.triggers.store import firing_of
from chat.models import Conversation, Message, Run
from chat.runs.acting import acting_in
from tests.chat.entrances.feishu.conftest import make_app
from tests.support import rows

DAILY = {"action": "create", "name": "Daily", "prompt": "List the notes.", "cron": "0 9 * * *"}
HEARS = {"action": "create", "name": "Hears", "prompt": "Tell.", "when": "message"}


class Chat:
    """A group of a bot, and what is said in it."""

    def __init__(self, app: FeishuApp, name: str) -> None:
        self.app = app
        self.row = rows.conversation(app.owner, entrance="feishu")
        FeishuLane.objects.create(app=app, chat_id=name, conversation=self.row.pk, owner=app.owner)
        self.seq = 1

    def says(self, entrance: str, actor: str) -> None:
        self.seq += 1
        origin = {"entrance": entrance, "name": "", "actor": actor}
        id = str(uuid.uuid4())
        Message.objects.create(
            conversation=self.row, seq=self.seq, message=id, kind="message", at=1, body={"origin": origin}
        )
        Run.objects.create(
            conversation=self.row, seq=self.seq, run=str(uuid.uuid4()), cause=id, status="queued",
            queued_at=1, updated_at=1,
        )  # fmt: skip

    async def calls(self, tool: str, reach: Reach, owner: str = "", **arguments: Any) -> str:
        context = ToolContext("c", uuid.uuid4().hex, str(self.row.pk), owner, reach=reach)
        return (await installed_tools().run(tool, json.dumps(arguments), context)).text


@pytest.fixture
def chats(transactional_db: None) -> tuple[Chat, Chat]:
    """Two groups of one bot, whose agent may set things up."""
    agent = ensure_default_agent(also=("schedules", "triggers"))
    Agent.objects.filter(pk=agent.pk).update(max_schedules=9, max_triggers=9)
    app = make_app(trusts_strangers=True)
    return Chat(app, "oc_a"), Chat(app, "oc_b")


async def test_what_is_set_up_in_such_a_chat_stays_in_it(chats: tuple[Chat, Chat]) -> None:
    chat, other = chats
    for arguments in ({"anywhere": True}, {"where": "new"}):
        assert "only what stays in it" in await chat.calls("triggers", "here", **HEARS, **arguments)
    assert "only what stays in it" in await chat.calls("schedules", "here", **DAILY, where="new")
    assert (await chat.calls("triggers", "here", **HEARS)).startswith("Set up")
    assert (await chat.calls("schedules", "here", **DAILY)).startswith("Set up")
    trigger, schedule = await Trigger.objects.aget(), await Schedule.objects.aget()
    assert (
        trigger.watched == [str(chat.row.pk)] and trigger.conversation == schedule.conversation == chat.row.pk
    )
    for tool in ("triggers", "schedules"):
        assert "You have set up no" in await other.calls(tool, "here", action="list")
        id = (trigger if tool == "triggers" else schedule).pk.hex[:8]
        assert "You have set up no" in await other.calls(tool, "here", action="cancel", id=id)
        assert id in await chat.calls(tool, "here", action="list")


async def test_who_may_set_up_nothing_is_told_so(chats: tuple[Chat, Chat]) -> None:
    for tool, arguments in (("triggers", HEARS), ("schedules", DAILY), ("triggers", {"action": "list"})):
        told = await chats[0].calls(tool, "nowhere", **arguments)
        assert told.startswith("Whoever asks for this may not have anything set up here")
    assert not await Trigger.objects.aexists() and not await Schedule.objects.aexists()


def test_one_that_was_set_up_before_there_was_this_rule_hears_no_other_chat(chats: tuple[Chat, Chat]) -> None:
    chat, other = chats
    trigger = Trigger.objects.create(
        owner=chat.app.owner, name="T", kind="message", prompt="Tell.", made_by="assistant",
        made_in=chat.row.pk, created_at=1, updated_at=1,
    )  # fmt: skip
    from agents import events as e

    said = [(1, e.MessageAdded(at=1, message="m", text="a secret", origin=e.Origin(entrance="web")))]
    with transaction.atomic():  # as whoever reads on in a conversation does
        assert watching._tell(Answers(), trigger, other.row, said, 1, 10) == []
        assert len(watching._tell(Answers(), trigger, chat.row, said, 1, 10)) == 1


def test_what_it_says_has_a_strangers_authority(chats: tuple[Chat, Chat]) -> None:
    chat, _ = chats
    assert is_of_chat(chat.row.pk) and not is_of_chat(None) and not is_of_chat(uuid.uuid4())
    own = rows.conversation(chat.app.owner)
    assert not is_of_chat(own.pk)
    for trusts in (True, False):
        FeishuApp.objects.update(trusts_strangers=trusts)
        chat.says("schedule", f"guest:{chat.row.pk}")
        acting = acting_in(str(chat.row.pk), None)
        assert (acting.changes, acting.reach) == (trusts, "here" if trusts else "nowhere")
        account = str(chat.app.owner_id)
        assert acting.owner == (f"{account}/guest:{chat.row.pk}" if trusts else "")
        Run.objects.all().delete(), Message.objects.all().delete()
    chat.says("schedule", "")  # one that a person has made for the account
    assert acting_in(str(chat.row.pk), None).owner == account


def test_firings_say_where_they_were_set_up(chats: tuple[Chat, Chat]) -> None:
    from chat.entrances.triggers.models import TriggerFiring

    trigger = Trigger(owner=chats[0].app.owner, made_in=chats[0].row.pk)
    row = TriggerFiring(trigger=trigger, key="k", conversation=chats[0].row.pk)
    fired: Firing = firing_of(row)
    assert fired.made_in == chats[0].row.pk


def test_messages_of_the_release_before_are_anybodys_in_a_group_and_their_owners_elsewhere(
    chats: tuple[Chat, Chat], alice: Any
) -> None:
    chat, other = chats
    FeishuApp.objects.update(trusts_strangers=False)
    chat.says("feishu", "")
    assert not acting_in(str(chat.row.pk), None).changes
    FeishuApp.objects.update(trusts_strangers=True)
    acting = acting_in(str(chat.row.pk), None)
    assert acting.changes and acting.owner == "", "nobody is known whose memory it could be"
    Conversation.objects.filter(pk=other.row.pk).update(owner=alice)
    FeishuLane.objects.filter(conversation=other.row.pk).update(owner=alice)
    other.says("feishu", "")
    acting = acting_in(str(other.row.pk), None)
    assert (acting.owner, acting.changes, acting.reach) == (str(alice.pk), True, "anywhere")


@pytest.mark.parametrize("actor", ["user:x", "user:", "guest:", "what is this", "user:99999"])
def test_an_actor_that_nobody_knows_is_no_more_than_a_stranger(chats: tuple[Chat, Chat], actor: str) -> None:
    chat, _ = chats
    FeishuApp.objects.update(trusts_strangers=False)
    chat.says("feishu", actor)
    acting = acting_in(str(chat.row.pk), None)
    assert not acting.changes and acting.owner == "" and acting.reach == "nowhere"


def test_words_that_waited_while_a_run_was_stopped_count_in_the_next_one(
    chats: tuple[Chat, Chat], alice: Any
) -> None:
    """The next run reads them, too, whoever begins it."""
    chat, _ = chats
    chat.says("feishu", "guest:eve")
    chat.says("feishu", f"user:{alice.pk}")
    assert acting_in(str(chat.row.pk), None).owner == ""


async def test_nobody_said_anything(chats: tuple[Chat, Chat]) -> None:
    acting = await sync_to_async(acting_in)(str(chats[0].row.pk), None)
    assert not acting.changes and acting.owner == ""
    assert not (await sync_to_async(acting_in)(str(uuid.uuid4()), None)).changes
