"""The inbox over both stores: who may, what is applied, and how often."""

import asyncio
import hashlib
import uuid
from typing import Any, get_args

import pytest
from asgiref.sync import sync_to_async

from agents import events as e
from agents.models import ensure_default_agent
from chat import authorization
from chat import models as m
from chat.authorization import Standing
from chat.commands import (
    ApproveBody,
    CommandBody,
    CreateBody,
    DeleteBody,
    EditBody,
    RenameBody,
    SendBody,
    SettleBody,
    StopBody,
    TakeBackBody,
    WithdrawBody,
)
from chat.inbox import ACTIONS, CommandResult, Inbox, Sender, digest
from chat.session.errors import NoConversation, StoreUnavailable
from chat.session.memory import MemoryStore
from chat.session.sessions import Sessions
from chat.session.state import items


def uid() -> str:
    return str(uuid.uuid4())


def first(text: str = "hello", **more: Any) -> SendBody:
    return SendBody(kind="send", message=uid(), text=text, **more)


class Desk:
    """An inbox, its sender, and what it has put into the queue."""

    def __init__(self, sessions: Sessions, user_id: int) -> None:
        self.sessions = sessions
        self.queued: list[tuple[str, str]] = []
        self.inbox = Inbox(sessions, self._enqueue)
        self.who = Sender(user_id, name="alice")

    async def _enqueue(self, conversation: str, run: str) -> bool:
        row = await m.Run.objects.filter(run=run).afirst()
        assert row is not None, "S5: a run was queued before the journal had it"
        self.queued.append((conversation, run))
        return True

    async def submit(self, conversation: str, body: Any, id: str | None = None, **who: Any) -> CommandResult:
        sender = Sender(**who) if who else self.who
        return await self.inbox.submit(sender, conversation, id or uid(), body)

    async def begin(self) -> str:
        conversation = uid()
        result = await self.submit(conversation, CreateBody(kind="create"))
        assert result.status == "applied", result
        return conversation

    async def send(self, conversation: str, text: str = "hello", **options: Any) -> CommandResult:
        return await self.submit(conversation, SendBody(kind="send", message=uid(), text=text), **options)

    async def state(self, conversation: str) -> Any:
        return (await self.sessions.load(conversation)).state

    async def events(self, conversation: str) -> list[str]:
        rows = m.Event.objects.filter(conversation_id=conversation).order_by("seq")
        return [row.type async for row in rows]


@pytest.fixture(autouse=True)
def bells_in_memory(settings: Any) -> None:
    """Whether bells ring across processes is test_doorbell's affair."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
async def desk(sessions: Sessions, alice: Any) -> Desk:
    await sync_to_async(ensure_default_agent)()
    return Desk(sessions, alice.pk)


async def test_S5_what_is_acknowledged_is_in_the_journal(desk: Desk):
    conversation = await desk.begin()
    result = await desk.send(conversation, "What time is it?")
    assert result.status == "applied"
    assert await desk.events(conversation) == [
        "conversation.created",
        "message.added",
        "conversation.renamed",
        "run.queued",
    ]
    state = await desk.state(conversation)
    assert state["info"]["title"] == "What time is it?"
    assert desk.queued == [(conversation, state["run"]["id"])]
    assert result.cursor == (await desk.sessions.load(conversation)).position.cursor


FIRST = CreateBody(kind="create")


async def test_S5_W5_a_conversation_and_its_first_message_are_one_append_and_one_command(desk: Desk):
    conversation, id, body = uid(), uid(), SendBody(kind="send", message=uid(), text="What time is it?")
    results = [await desk.inbox.begin(desk.who, conversation, id, FIRST, body) for _ in range(3)]
    assert [result.status for result in results] == ["applied", "duplicate", "duplicate"]
    assert await desk.events(conversation) == [
        "conversation.created",
        "message.added",
        "conversation.renamed",
        "run.queued",
    ]
    state = await desk.state(conversation)
    assert state["info"]["title"] == "What time is it?"
    assert desk.queued == [(conversation, state["run"]["id"])]
    assert await m.Command.objects.filter(conversation=conversation).acount() == 1


async def test_W5_somebody_died_between_making_a_conversation_and_its_first_event(desk: Desk, alice: Any):
    """The row is there and nothing else; whoever comes next makes the rest, with the agent that it got then."""
    conversation = uid()
    await desk.sessions.journal.create(conversation, alice.pk, "assistant", "", "web", 1)
    assert (await desk.inbox.begin(desk.who, conversation, uid(), FIRST, first("one"))).status == "applied"
    assert (await desk.inbox.begin(desk.who, conversation, uid(), FIRST, first("two"))).status == "applied"
    events = await desk.events(conversation)
    assert events.count("conversation.created") == 1 and events.count("message.added") == 2


async def test_W11_nothing_is_begun_that_may_not_be(desk: Desk, bob: Any, settings: Any):
    conversation, theirs = uid(), await desk.begin()
    stranger = Sender(bob.pk)
    assert await desk.inbox.begin(stranger, theirs, uid(), FIRST, first()) == CommandResult(
        "rejected", "not_found"
    )
    muted = Sender(desk.who.user_id, standing=Standing("stranger", "group"))
    assert (await desk.inbox.begin(muted, conversation, uid(), FIRST, first())).status == "rejected"
    nobody = CreateBody(kind="create", agent="nobody")
    assert (await desk.inbox.begin(desk.who, conversation, uid(), nobody, first())).code == "agent_missing"
    settings.HOLDFAST_CONVERSATIONS_PER_USER = 1
    assert (
        await desk.inbox.begin(desk.who, conversation, uid(), FIRST, first())
    ).code == "conversations_full"
    assert not await m.Conversation.objects.filter(pk=conversation).aexists()
    with pytest.raises(ValueError, match="attachments"):
        await desk.inbox.begin(desk.who, theirs, uid(), FIRST, first(attachments=(uid(),)))


async def test_W5_the_same_command_ten_times_has_one_effect(desk: Desk):
    conversation = await desk.begin()
    id, body = uid(), SendBody(kind="send", message=uid(), text="once")
    results = [await desk.submit(conversation, body, id) for _ in range(10)]
    assert [result.status for result in results] == ["applied"] + ["duplicate"] * 9
    assert (await desk.events(conversation)).count("message.added") == 1
    assert len(desk.queued) == 1


async def test_W5_the_same_command_at_the_same_moment_has_one_effect(desk: Desk):
    conversation = await desk.begin()
    id, body = uid(), SendBody(kind="send", message=uid(), text="once")
    results = await asyncio.gather(*(desk.submit(conversation, body, id) for _ in range(8)))
    assert sorted(result.status for result in results) == ["applied"] + ["duplicate"] * 7
    assert (await desk.events(conversation)).count("message.added") == 1


async def test_W5_the_result_outlives_the_store(desk: Desk, world: Any):
    conversation = await desk.begin()
    id, body = uid(), SendBody(kind="send", message=uid(), text="once")
    assert (await desk.submit(conversation, body, id)).status == "applied"
    await world.flush()
    assert (await desk.submit(conversation, body, id)).status == "duplicate"


async def test_W5_an_id_with_another_payload_is_refused(desk: Desk):
    conversation = await desk.begin()
    id = uid()
    await desk.send(conversation, "one", id=id)
    again = await desk.send(conversation, "two", id=id)
    assert (again.status, again.code) == ("rejected", "id_reused")
    assert (await desk.events(conversation)).count("message.added") == 1


async def test_W5_a_refusal_is_remembered(desk: Desk):
    conversation = await desk.begin()
    id = uid()
    first = await desk.submit(conversation, StopBody(kind="stop"), id)
    assert (first.status, first.code, first.retry) == ("rejected", "no_run", False)
    await desk.send(conversation)
    again = await desk.submit(conversation, StopBody(kind="stop"), id)
    assert (again.status, again.code) == ("rejected", "no_run")


async def test_W5_creating_again_is_harmless_and_creating_over_another_is_not_found(desk: Desk, bob: Any):
    conversation, id = uid(), uid()
    body = CreateBody(kind="create", title="Mine")
    assert (await desk.submit(conversation, body, id)).status == "applied"
    assert (await desk.submit(conversation, body, id)).status == "duplicate"
    theirs = await desk.submit(conversation, body, user_id=bob.pk)
    assert (theirs.status, theirs.code) == ("rejected", "not_found")
    assert await desk.events(conversation) == ["conversation.created"]


async def test_an_agent_that_is_not_there_is_said_so(desk: Desk):
    result = await desk.submit(uid(), CreateBody(kind="create", agent="nobody"))
    assert (result.status, result.code) == ("rejected", "agent_missing")


@pytest.mark.parametrize(
    "body",
    [
        SendBody(kind="send", message=uid(), text="hello"),
        StopBody(kind="stop"),
        RenameBody(kind="rename", title="Stolen"),
        DeleteBody(kind="delete"),
        SettleBody(kind="settle", call="c", decision="happened"),
        ApproveBody(kind="approve", call="c", digest="d", decision="approve"),
    ],
    ids=lambda body: body.kind,
)
async def test_W11_a_stranger_finds_nothing(desk: Desk, bob: Any, body: Any):
    conversation = await desk.begin()
    before = await desk.events(conversation)
    result = await desk.submit(conversation, body, user_id=bob.pk)
    assert result == CommandResult("rejected", "not_found")
    assert await desk.submit(uid(), body, user_id=bob.pk) == result
    assert await desk.events(conversation) == before


def test_W11_every_command_is_something_that_the_rules_know():
    kinds = get_args(get_args(CommandBody)[0])
    assert set(kinds) == {*ACTIONS, ApproveBody} and set(ACTIONS.values()) <= set(authorization.ACTIONS)


async def test_W11_a_disabled_user_does_nothing_and_begins_nothing(desk: Desk, alice: Any):
    conversation = await desk.begin()
    await m.Conversation.objects.filter(pk=conversation).aupdate(owner=alice)
    alice.is_active = False
    await sync_to_async(alice.save)()
    for body in (
        SendBody(kind="send", message=uid(), text="hi"),
        DeleteBody(kind="delete"),
        StopBody(kind="stop"),
    ):
        result = await desk.submit(conversation, body)
        assert (result.status, result.code, result.retry) == ("rejected", "forbidden", False)
    begun = await desk.submit(uid(), CreateBody(kind="create"))
    assert (begun.status, begun.code) == ("rejected", "forbidden")
    assert await desk.events(conversation) == ["conversation.created"]


async def test_W11_how_an_entrance_says_that_somebody_stands_holds_for_its_users_conversations_only(
    desk: Desk, alice: Any, bob: Any
):
    conversation = await desk.begin()
    stranger = Standing("stranger", "group", frozenset({"policy"}))
    who = {"user_id": alice.pk, "actor": "guest:1", "standing": stranger}
    said = await desk.submit(conversation, SendBody(kind="send", message=uid(), text="hi"), **who)
    assert said.status == "applied"
    for body in (RenameBody(kind="rename", title="x"), DeleteBody(kind="delete")):
        assert (await desk.submit(conversation, body, **who)).code == "not_found"
    asked = ApproveBody(kind="approve", call="c", digest="d", decision="approve")
    assert (await desk.submit(conversation, asked, **who)).code == "forbidden"
    refused = ApproveBody(kind="approve", call="c", digest="d", decision="refuse")
    assert (await desk.submit(conversation, refused, **who)).code == "unknown_call"
    owner = Standing("owner", "private", frozenset({"policy"}))
    lies = {"user_id": bob.pk, "standing": owner}
    sent = await desk.submit(conversation, SendBody(kind="send", message=uid(), text="hi"), **lies)
    assert sent.code == "not_found"


async def test_R2_R6_a_second_message_waits_for_the_run(desk: Desk):
    conversation = await desk.begin()
    await desk.send(conversation, "one")
    await desk.send(conversation, "two")
    assert (await desk.events(conversation)).count("run.queued") == 1
    assert len(desk.queued) == 1


async def test_too_many_waiting_messages_may_be_sent_again_later(desk: Desk):
    conversation = await desk.begin()
    results = [await desk.send(conversation, str(n)) for n in range(22)]
    assert {result.status for result in results[:21]} == {"applied"}
    assert (results[21].code, results[21].retry) == ("too_many_waiting", True)
    id = uid()
    assert (await desk.send(conversation, "x", id=id)).code == "too_many_waiting"
    await desk.submit(conversation, StopBody(kind="stop"))
    assert (await desk.send(conversation, "x", id=id)).status == "applied"


async def test_R7_a_stop_that_comes_after_its_run_leaves_the_next_one_alone(desk: Desk):
    conversation = await desk.begin()
    await desk.send(conversation, "first")
    first = (await desk.state(conversation))["run"]["id"]
    assert (await desk.submit(conversation, StopBody(kind="stop", run=first))).status == "applied"
    await desk.send(conversation, "second")
    late = await desk.submit(conversation, StopBody(kind="stop", run=first))
    assert (late.status, late.code) == ("rejected", "no_run")
    assert (await desk.state(conversation))["run"]["status"] == "queued"


async def test_R7_a_queued_run_is_stopped_at_once_and_an_owned_one_is_asked(desk: Desk):
    conversation = await desk.begin()
    await desk.send(conversation)
    assert (await desk.submit(conversation, StopBody(kind="stop"))).status == "applied"
    assert (await desk.state(conversation))["run"]["status"] == "stopped"
    await desk.send(conversation, "again")
    fence = await desk.sessions.take(conversation, "worker", 60_000)
    assert fence
    await desk.submit(conversation, StopBody(kind="stop"))
    run = (await desk.state(conversation))["run"]
    assert (run["status"], run["stopping"]) == ("queued", True)


async def test_rename_and_delete(desk: Desk):
    conversation = await desk.begin()
    assert (await desk.submit(conversation, RenameBody(kind="rename", title=" New "))).status == "applied"
    assert (await desk.state(conversation))["info"]["title"] == "New"
    assert (await desk.submit(conversation, RenameBody(kind="rename", title="  "))).code == "bad_command"
    await desk.send(conversation)
    id = uid()
    assert (await desk.submit(conversation, DeleteBody(kind="delete"), id)).status == "applied"
    assert (await desk.submit(conversation, DeleteBody(kind="delete"), id)).status == "duplicate"
    assert (await desk.send(conversation)).code == "not_found"
    with pytest.raises(NoConversation):
        await desk.sessions.load(conversation)
    run = await m.Run.objects.aget(conversation_id=conversation)
    assert run.status == "stopped", "nothing may be left running in what was deleted"


async def doubtful(desk: Desk, calls: int = 1) -> tuple[str, list[str]]:
    """A conversation that waits because the outcome of these calls is not known."""
    conversation = await desk.begin()
    await desk.send(conversation)
    run = (await desk.state(conversation))["run"]["id"]
    step = f"{run}.1"
    ids = [e.call_id(conversation, step, n) for n in range(calls)]
    proposed = tuple(
        e.ProposedCall(call=id, ordinal=n, name="save_note", arguments="{}", provider_id=f"toolu_{n}")
        for n, id in enumerate(ids)
    )
    at: dict[str, Any] = {"at": 1}
    told: list[e.Event] = [
        e.RunStarted(**at, run=run, attempt=1, fence=1, worker="w"),
        e.StepStarted(**at, run=run, step=step),
        e.StepFinished(**at, run=run, step=step, text="", calls=proposed),
    ]
    for id in ids:
        told.append(e.CallStarted(**at, step=step, call=id, attempt=1, fence=1, worker="w"))
        told.append(e.CallInDoubt(**at, step=step, call=id, attempt=1))
    told.append(e.RunWaiting(**at, run=run, reason="in_doubt"))
    await desk.sessions.append(conversation, lambda view: told)
    desk.queued.clear()
    return conversation, ids


def settle(call: str, decision: str = "happened", result: str = "It is saved.") -> SettleBody:
    return SettleBody(kind="settle", call=call, decision=decision, result=result)


def call_in(state: Any, id: str) -> Any:
    return next(c for i in items(state) if i["kind"] == "step" for c in i["calls"] if c["id"] == id)


async def test_R4_a_persons_word_settles_a_call_in_doubt_and_the_run_goes_on(desk: Desk):
    conversation, (call,) = await doubtful(desk)
    assert (await desk.submit(conversation, settle(call))).status == "applied"
    state = await desk.state(conversation)
    settled = call_in(state, call)
    assert (settled["status"], settled["code"], settled["by"]) == ("succeeded", "resolved_by_person", "alice")
    assert state["run"]["status"] == "queued"
    assert desk.queued == [(conversation, state["run"]["id"])]


async def test_W7_the_first_word_stands(desk: Desk):
    conversation, (call,) = await doubtful(desk)
    id = uid()
    assert (await desk.submit(conversation, settle(call), id)).status == "applied"
    assert (await desk.submit(conversation, settle(call), id)).status == "duplicate"
    other = await desk.submit(conversation, settle(call, "did_not_happen"))
    assert (other.status, other.code) == ("rejected", "already_settled")
    assert call_in(await desk.state(conversation), call)["status"] == "succeeded"


async def test_W7_an_unknown_call_is_never_taken_for_the_latest(desk: Desk):
    conversation, (call,) = await doubtful(desk)
    other, (elsewhere,) = await doubtful(desk)
    for name in ("call_nobody_knows", elsewhere, ""):
        result = await desk.submit(conversation, settle(name))
        assert (result.status, result.code) == ("rejected", "unknown_call"), name
    assert call_in(await desk.state(conversation), call)["status"] == "in_doubt"
    assert call_in(await desk.state(other), elsewhere)["status"] == "in_doubt"


async def test_W7_the_providers_own_id_is_resolved(desk: Desk):
    conversation, calls = await doubtful(desk, 2)
    assert (await desk.submit(conversation, settle("toolu_1", "run_again"))).status == "applied"
    state = await desk.state(conversation)
    assert [call_in(state, call)["status"] for call in calls] == ["in_doubt", "queued"]
    assert state["run"]["status"] == "waiting", "one doubt is left"
    assert (await desk.submit(conversation, settle("toolu_0", "did_not_happen"))).status == "applied"
    assert (await desk.state(conversation))["run"]["status"] == "queued"
    assert len(desk.queued) == 1


async def asked(desk: Desk) -> tuple[str, str, str]:
    """A conversation that waits until somebody allows a call: its id, the call's, and the digest."""
    conversation = await desk.begin()
    await desk.send(conversation)
    run = (await desk.state(conversation))["run"]["id"]
    at: dict[str, Any] = {"at": 1, "step": f"{run}.1"}
    call = e.call_id(conversation, f"{run}.1", 0)
    proposed = e.ProposedCall(call=call, ordinal=0, name="pay", arguments='{"n": 1}', provider_id="toolu_0")
    digest = e.approval_digest("pay", '{"n": 1}')
    told: list[e.Event] = [
        e.RunStarted(at=1, run=run, attempt=1, fence=1, worker="w"),
        e.StepStarted(**at, run=run),
        e.StepFinished(**at, run=run, text="", calls=(proposed,)),
        e.ApprovalAsked(**at, call=call, digest=digest),
        e.RunWaiting(at=1, run=run, reason="approval"),
    ]
    await desk.sessions.append(conversation, lambda view: told)
    desk.queued.clear()
    return conversation, call, digest


def approve(call: str, digest: str, decision: str = "approve", note: str = "") -> ApproveBody:
    return ApproveBody(kind="approve", call=call, digest=digest, decision=decision, note=note)


async def test_W8_the_same_word_twice_has_one_effect_and_another_loses(desk: Desk):
    conversation, call, digest = await asked(desk)
    wrong = await desk.submit(conversation, approve(call, "0" * 64))
    assert (wrong.status, wrong.code) == ("rejected", "wrong_digest")
    id = uid()
    for status in ("applied", "duplicate"):
        assert (await desk.submit(conversation, approve(call, digest), id)).status == status
    for decision in ("approve", "refuse"):
        late = await desk.submit(conversation, approve(call, digest, decision))
        assert (late.status, late.code) == ("rejected", "already_decided")
    state = await desk.state(conversation)
    assert call_in(state, call)["approval"]["by"] == "alice"
    assert (call_in(state, call)["status"], state["run"]["status"]) == ("queued", "queued")
    assert len(desk.queued) == 1


async def test_W7_W8_an_unknown_call_is_not_allowed_for_another_and_an_alias_is_resolved(desk: Desk):
    conversation, call, digest = await asked(desk)
    for name in ("nobody", ""):
        result = await desk.submit(conversation, approve(name, digest))
        assert (result.status, result.code) == ("rejected", "unknown_call")
    note = " too\0 dear \n"
    assert (await desk.submit(conversation, approve("toolu_0", digest, "refuse", note))).status == "applied"
    settled = call_in(await desk.state(conversation), call)
    assert (settled["status"], settled["code"]) == ("cancelled", "refused")
    assert settled["approval"]["note"] == "too\N{REPLACEMENT CHARACTER} dear"


async def test_R7_W8_after_a_stop_nothing_is_allowed_any_more(desk: Desk):
    conversation, call, digest = await asked(desk)
    assert (await desk.submit(conversation, StopBody(kind="stop"))).status == "applied"
    late = await desk.submit(conversation, approve(call, digest))
    assert (late.status, late.code) == ("rejected", "already_settled")
    assert call_in(await desk.state(conversation), call)["code"] == "cancelled_by_user"


async def left_out(desk: Desk, *, messages_behind: int = 0) -> tuple[str, str]:
    """A conversation with a message that a provider refuses: (conversation, message)."""
    conversation, message = await desk.begin(), uid()
    await desk.submit(conversation, SendBody(kind="send", message=message, text="poison"))
    notes = [e.NoteAdded(at=1, message=uid(), text="n") for _ in range(messages_behind)]
    await desk.sessions.append(conversation, lambda view: list(notes))
    gone = e.MessageLeftOut(at=1, message=message, reason="content_filter", detail="no", model="m")
    await desk.sessions.append(conversation, lambda view: [gone])
    return conversation, message


def take_back(message: str) -> TakeBackBody:
    return TakeBackBody(kind="take_back", message=message)


@pytest.mark.parametrize("behind", [0, 60], ids=["in the window", "behind it"])
async def test_T5_what_was_left_out_is_marked_and_can_be_taken_back_once(desk: Desk, behind: int):
    conversation, message = await left_out(desk, messages_behind=behind)
    row = await m.Message.objects.aget(conversation_id=conversation, message=message)
    assert row.body["left_out"]["reason"] == "content_filter" and row.body["text"] == "poison"
    shown = {item["id"] for item in items(await desk.state(conversation))}
    assert (message in shown) == (behind == 0)
    assert (await desk.submit(conversation, take_back(message))).status == "applied"
    assert (await desk.submit(conversation, take_back(message))).status == "applied", "it changes nothing"
    assert (await desk.events(conversation)).count("message.taken_back") == 1
    await row.arefresh_from_db()
    assert row.body["left_out"] is None
    taken = await m.Event.objects.aget(conversation_id=conversation, type="message.taken_back")
    event = e.from_json(taken.text)
    assert isinstance(event, e.MessageTakenBack) and event.by == "alice"


async def test_T5_what_is_no_message_cannot_be_taken_back(desk: Desk):
    conversation, _ = await left_out(desk)
    for message in ("nobody", uid()):
        result = await desk.submit(conversation, take_back(message))
        assert (result.status, result.code) == ("rejected", "unknown_message")


async def test_R7_stopping_a_run_that_waits_closes_its_calls(desk: Desk):
    conversation, calls = await doubtful(desk, 2)
    assert (await desk.submit(conversation, StopBody(kind="stop"))).status == "applied"
    state = await desk.state(conversation)
    assert state["run"]["status"] == "stopped"
    assert {call_in(state, call)["status"] for call in calls} == {"cancelled"}


async def test_notes_join_without_a_run(desk: Desk):
    conversation, note = await desk.begin(), uid()
    origin = e.Origin(entrance="schedule", name="every morning")
    for status in ("applied", "duplicate"):
        result = await desk.inbox.note(conversation, "It is Monday.", origin, message=note)
        assert result.status == status
    assert await desk.events(conversation) == ["conversation.created", "note.added"]
    assert desk.queued == []


async def test_text_that_cannot_be_stored_is_made_storable(desk: Desk):
    conversation = await desk.begin()
    assert (await desk.send(conversation, "a\0b")).status == "applied"
    (message,) = [i for i in items(await desk.state(conversation)) if i["kind"] == "message"]
    assert message["text"] == "a\N{REPLACEMENT CHARACTER}b"
    assert (await desk.send(conversation, " \n ")).code == "bad_command"


class Away(MemoryStore):
    away = False

    async def load(self, conversation: str):
        if self.away:
            raise StoreUnavailable
        return await super().load(conversation)


async def test_an_outage_is_a_refusal_that_may_be_retried(sqlite_journal: Any, alice: Any):
    await sync_to_async(ensure_default_agent)()
    store = Away()
    desk = Desk(Sessions(store, sqlite_journal), alice.pk)
    conversation = await desk.begin()
    store.away = True
    id, body = uid(), SendBody(kind="send", message=uid(), text="hello")
    result = await desk.submit(conversation, body, id)
    assert result == CommandResult("rejected", "unavailable", retry=True)
    store.away = False
    assert (await desk.submit(conversation, body, id)).status == "applied"


@pytest.mark.parametrize("behind", [0, 60], ids=["in the window", "behind it"])
async def test_a_message_is_changed_where_it_stands_with_its_files_and_says_so(desk: Desk, behind: int):
    conversation, message = await desk.begin(), uid()
    await desk.submit(conversation, SendBody(kind="send", message=message, text="teh"))
    await desk.submit(conversation, StopBody(kind="stop"))
    notes = [e.NoteAdded(at=1, message=uid(), text="n") for _ in range(behind)]
    await desk.sessions.append(conversation, lambda view: list(notes))
    edit = EditBody(kind="edit", message=message, text="the")
    assert (await desk.submit(conversation, edit)).status == "applied"
    row = await m.Message.objects.aget(conversation_id=conversation, message=message)
    assert (row.body["text"], row.body["edited"]["text"], row.body["edited"]["by"]) == ("the", "teh", "alice")
    shown = {item["id"] for item in items(await desk.state(conversation))}
    assert (message in shown) == (behind == 0)
    missing = edit.model_copy(update={"message": uid()})
    assert (await desk.submit(conversation, missing)).code == "unknown_message"
    foreign = edit.model_copy(update={"attachments": (uid(),)})
    assert (await desk.submit(conversation, foreign)).code == "unknown_attachment"


async def test_R6_what_waits_is_taken_back_once_and_leaves_nothing_behind(desk: Desk):
    conversation, waiting = await desk.begin(), uid()
    await desk.send(conversation, "first")
    await desk.submit(conversation, SendBody(kind="send", message=waiting, text="second"))
    withdraw = WithdrawBody(kind="withdraw", message=waiting)
    assert (await desk.submit(conversation, withdraw, id := uid())).status == "applied"
    assert (await desk.submit(conversation, withdraw, id)).status == "duplicate"
    assert (await desk.submit(conversation, withdraw)).code == "unknown_message"
    assert not await m.Message.objects.filter(conversation_id=conversation, message=waiting).aexists()
    await desk.submit(conversation, StopBody(kind="stop"))
    assert (await desk.events(conversation)).count("run.queued") == 1


async def test_R7_after_a_stop_what_waits_is_queued_and_the_workers_are_told(desk: Desk):
    conversation, waiting = await desk.begin(), uid()
    await desk.send(conversation, "first")
    await desk.submit(conversation, SendBody(kind="send", message=waiting, text="second"))
    await desk.submit(conversation, StopBody(kind="stop"))
    run = (await desk.state(conversation))["run"]
    assert (run["status"], run["cause"]) == ("queued", waiting)
    assert (conversation, run["id"]) in desk.queued
    await desk.send(conversation, "third")
    await desk.submit(conversation, StopBody(kind="stop", withdraw=True))
    assert (await desk.state(conversation))["run"]["status"] == "stopped"
    assert [item["kind"] for item in items(await desk.state(conversation))].count("message") == 2


def test_W5_a_stop_has_the_digest_that_it_had_before_it_could_take_anything_back():
    plain = StopBody(kind="stop", run=uid())
    assert '"withdraw"' not in plain.model_dump_json(exclude={"withdraw"})
    assert digest(plain) == hashlib.sha256(plain.model_dump_json(exclude={"withdraw"}).encode()).hexdigest()
    assert digest(plain) != digest(plain.model_copy(update={"withdraw": True}))
