"""The inbox: the only way into a conversation, for every entrance (rules W5, W6, W7, W11).

    who, conversation, command id, body ─► may they? ─► have they room? ─► known id? ─► decide_* on the state ─► append
                                              │             │                  │             │                │
                                     not_found, forbidden   too_fast, …_spent  the same      rejected       queue,
                                                                               result        with a code    bells

Who may is decided in `chat/authorization.py`, and how much in `chat/limits/`: what would begin something when the day's
limit is reached is refused before it is stored, with the seconds after which there is room again.
A command is acknowledged when the journal has it (rule S5); what comes after that (queue, bells) may fail, and
the sweeper or a slow poll makes up for it. What is decided is decided by the pure functions of `chat/decide.py`.
"""

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal, cast

from pydantic import BaseModel

from agents import context
from agents import events as e
from agents.borders import is_blank
from agents.closing import Streamed
from agents.tools.texts import result_text
from chat import decide, extensions, rewriting
from chat.authorization import Action, Standing, Verdict, in_admin, logged_in
from chat.commands import (
    ApproveBody,
    ChangeAgentBody,
    ChooseBody,
    CreateBody,
    DeleteBody,
    EditBody,
    RenameBody,
    ResultCode,
    RewriteBody,
    SendBody,
    SettleBody,
    StopBody,
    TakeBackBody,
    TryAgainBody,
    WithdrawBody,
)
from chat.files import attachments
from chat.journal import forks, queries
from chat.journal.journal import Journal
from chat.limits.decide import LimitReached
from chat.limits.room import Room
from chat.limits.spending import ANEW, Spender, spender
from chat.limits.table import CODES
from chat.notify import doorbell
from chat.session.contract import Command
from chat.session.errors import IdReused, NoConversation, Rejected, Unavailable
from chat.session.sessions import AppendOutcome, Sessions, SessionView
from chat.support import kill_points
from chat.support.clock import MACHINE, Clock

log = logging.getLogger(__name__)

Body = (
    CreateBody
    | SendBody
    | StopBody
    | RenameBody
    | ChangeAgentBody
    | DeleteBody
    | SettleBody
    | ApproveBody
    | TakeBackBody
    | EditBody
    | WithdrawBody
    | TryAgainBody
    | RewriteBody
    | ChooseBody
)
Decide = Callable[[SessionView], list[e.Event]]

#: What each command is to the rules of chat/authorization.py; of an answer to a call that asks, `action_of` tells.
ACTIONS: dict[type[BaseModel], Action] = {
    CreateBody: "begin",
    SendBody: "write",
    StopBody: "stop",
    RenameBody: "rename",
    ChangeAgentBody: "change_agent",
    DeleteBody: "delete",
    SettleBody: "settle",
    TakeBackBody: "write",
    EditBody: "rewrite",
    WithdrawBody: "rewrite",
    TryAgainBody: "rewrite",
    RewriteBody: "rewrite",
    ChooseBody: "rewrite",
}


def action_of(body: "Body") -> Action:
    """What a command does, as the rules of authorization call it."""
    if isinstance(body, ApproveBody):
        return "allow" if body.decision == "approve" else "refuse"
    return ACTIONS[type(body)]


@dataclass(frozen=True)
class Sender:
    """Who asks, and through which entrance (`chat/extensions.py`). It must have made sure that it is them.

    `user_id` is the user for whom it is asked: whose conversations may be meant. Where others may speak in them, as in
    a chat, the entrance says by `standing` how they stand to the conversation, and by `actor` who they are
    (`agents.events.Origin`). An `operator` is not the owner; only the admin sets it, for staff whose permission it has
    checked.
    """

    user_id: int
    entrance: str = "web"
    name: str = ""
    operator: bool = False
    actor: str = ""
    standing: Standing | None = None

    @property
    def spender(self) -> Spender:
        """Who they are to the limits."""
        return spender(self.user_id, self.entrance, self.actor)

    def stands(self, owner: queries.Whose) -> Standing:
        """How they stand to a conversation (rule W11)."""
        if self.operator:
            return in_admin(self.user_id, None, permitted=True, active=owner.asker_active)
        if self.standing is not None and self.user_id == owner.user:
            return self.standing
        attended = self.entrance not in extensions.unattended()
        return logged_in(self.user_id, owner.user, active=owner.asker_active, attended=attended)


@dataclass(frozen=True)
class CommandResult:
    """What became of a command. `applied` and `duplicate`: it is committed. `retry`: the same may work soon. `after`:
    seconds until a limit that was reached has room again; 0: that cannot be said."""

    status: Literal["applied", "duplicate", "rejected"]
    code: ResultCode | None = None
    cursor: str | None = None
    retry: bool = False
    after: int = 0


@dataclass(frozen=True)
class New:
    """A conversation that may be made: for whom, with which agent and title."""

    owner: queries.Whose
    agent: str
    title: str


#: Codes of what may be different in a while.
PASSING: frozenset[str] = frozenset({"too_many_waiting", "unavailable", "too_fast"})
#: Codes of refusals that are not remembered, so that the same id may be sent again when there is room.
FORGOTTEN: frozenset[str] = PASSING | CODES.keys()


def digest(body: BaseModel) -> str:
    """What tells two payloads under one command id apart (rule W5)."""
    # What says nothing of a field has the digest it had before there was any: a command may be retried across an update
    # of the server.
    new: tuple[str, ...] = ("withdraw",) if isinstance(body, StopBody) else ()
    new = ("attachments", "branch") if isinstance(body, SendBody) else new
    text = body.model_dump_json(exclude={name for name in new if getattr(body, name) in (None, (), False)})
    return hashlib.sha256(text.encode()).hexdigest()


class Inbox:
    """The way in, for one process. `enqueue(conversation, run)` puts a run into the workers' queue."""

    def __init__(
        self,
        sessions: Sessions,
        enqueue: Callable[[str, str], Awaitable[bool]],
        *,
        clock: Clock = MACHINE,
    ) -> None:
        self._sessions = sessions
        self._enqueue = enqueue
        self._clock = clock
        self._room = Room(sessions.journal, clock)

    @property
    def journal(self) -> Journal:
        """Where what was submitted is committed; for looking at what became of it."""
        return self._sessions.journal

    async def submit(self, who: Sender, conversation: str, command_id: str, body: Body) -> CommandResult:
        """Carry out a command, once, whatever its id was sent how often (rule W5).

        Returns when the journal has it. Never raises for what a client or an outage can cause: a result
        with `retry` says that the same command may be sent again. Raises UnknownEntrance for a sender whose entrance
        nobody has registered: that is a mistake of its author.
        """
        if isinstance(body, CreateBody | SendBody):
            extensions.get(who.entrance)
        return await self._safely(who, conversation, command_id, body, None)

    async def begin(
        self, who: Sender, conversation: str, command_id: str, create: CreateBody, body: SendBody
    ) -> CommandResult:
        """Make a conversation and say its first message, as one command: what both would be, at the cost of one. The
        message may have no attachments, which belong to a conversation that is there. As `submit`."""
        extensions.get(who.entrance)
        if body.attachments:
            raise ValueError("A message with attachments is sent to a conversation that was made before.")
        return await self._safely(who, conversation, command_id, body, create)

    async def note(
        self, conversation: str, text: str, origin: e.Origin, *, message: str, command_id: str | None = None
    ) -> CommandResult:
        """Tell a conversation something from elsewhere: the model reads it, nobody is asked to answer.

        For entrances that nobody watches, which answer for the conversation being theirs. `message` is the note's
        id; the same `command_id` (the message's id if None) again adds nothing. Raises Unavailable, NoConversation and
        UnknownEntrance.
        """
        extensions.get(origin.entrance)
        text = result_text(text)
        id = command_id or message
        told = hashlib.sha256(f"{message}\0{text}".encode()).hexdigest()
        command = Command(id, told, _APPLIED)

        def noted(view: SessionView) -> list[e.Event]:
            return decide.decide_note(message=message, text=text, origin=origin, now=self._clock.now())

        outcome = await self._sessions.append(conversation, noted, command=command)
        return _result(outcome)

    # ---- the shell ----

    async def _safely(
        self, who: Sender, conversation: str, id: str, body: Body, create: CreateBody | None
    ) -> CommandResult:
        try:
            with context.at_work_on(conversation):
                result = await self._submit(who, conversation, id, body, create)
        except Unavailable as problem:
            log.warning("Command %s was not carried out: %s", id, problem)
            return CommandResult("rejected", "unavailable", retry=True)
        if result.status == "applied":
            kill_points.point("inbox.applied")
        return result

    async def _submit(
        self, who: Sender, conversation: str, id: str, body: Body, create: CreateBody | None
    ) -> CommandResult:
        asked = digest(body)
        if not (who.operator or isinstance(body, StopBody) or who.entrance in extensions.unattended()):
            try:
                self._room.for_command(who.spender)
            except LimitReached as reached:
                return CommandResult("rejected", "too_fast", retry=True, after=reached.after)
        if isinstance(body, CreateBody):
            return await self._create(who, conversation, id, asked, body)
        owner: queries.Whose | None
        new: New | None = None
        if create is None:
            owner = await queries.whose(self._sessions.journal, conversation, who.user_id)
        else:
            found = await self._new(who, conversation, create)
            if isinstance(found, CommandResult):
                return found
            new, owner = found, found.owner
        if owner is None:
            return CommandResult("rejected", "not_found")
        if not (verdict := who.stands(owner).may(action_of(body))):
            return _not_allowed(verdict)
        if owner.deleted:
            gone = isinstance(body, DeleteBody)
            return CommandResult("duplicate") if gone else CommandResult("rejected", "not_found")
        try:
            return await self._apply(who, conversation, Command(id, asked, _APPLIED), body, new)
        except IdReused:
            return CommandResult("rejected", "id_reused")
        except NoConversation:
            return CommandResult("rejected", "not_found")
        except Rejected as refused:
            refusal = Command(id, asked, _rejected(refused.code))
            try:
                result = await self._refuse(conversation, refusal, refused.code)
            except IdReused:
                return CommandResult("rejected", "id_reused")
            # What was carried out before stays so, whatever has been used since.
            if isinstance(refused, LimitReached) and result.code == refused.code:
                return replace(result, after=refused.after)
            return result

    async def _apply(
        self, who: Sender, conversation: str, command: Command, body: Body, new: New | None
    ) -> CommandResult:
        match body:
            case SendBody() if new is not None:
                decided = await self._send(who, conversation, body)
                outcome = await self._make(who, conversation, command, new, decided)
            case SendBody():
                await self._room.for_run(who.spender)
                decided = await self._send(who, conversation, body)
                outcome = await self._append(conversation, command, decided)
            case StopBody():
                outcome = await self._stop(who, conversation, command, body)
            case RenameBody():
                title = result_text(body.title).strip()
                if is_blank(title):
                    raise Rejected("bad_command")
                outcome = await self._append(
                    conversation,
                    command,
                    lambda view: decide.decide_rename(view.state, title=title, now=self._clock.now()),
                )
            case ChangeAgentBody():
                if (agent := await queries.agent_for(self._sessions.journal, body.agent)) is None:
                    raise Rejected("agent_missing")
                by = who.name
                outcome = await self._append(
                    conversation,
                    command,
                    lambda view: decide.decide_change_agent(
                        view.state, agent=agent, by=by, now=self._clock.now()
                    ),
                )
            case DeleteBody():
                return await self._delete(who, conversation, command)
            case SettleBody():
                outcome = await self._settle(who, conversation, command, body)
            case ApproveBody():
                outcome = await self._approve(who, conversation, command, body)
            case TakeBackBody():
                elsewhere = await queries.is_left_out(self._sessions.journal, conversation, body.message)
                outcome = await self._append(
                    conversation,
                    command,
                    lambda view: decide.decide_take_back(
                        view.state,
                        message=body.message,
                        by=who.name,
                        now=self._clock.now(),
                        elsewhere=elsewhere,
                    ),
                )
            case EditBody():
                outcome = await self._append(conversation, command, await self._edit(who, conversation, body))
            case TryAgainBody() | RewriteBody():
                again = isinstance(body, TryAgainBody)
                await self._room.for_run(spender(who.user_id, ANEW) if again else who.spender)
                decided = await self._branch(who, conversation, body)
                outcome = await self._append(conversation, command, decided)
            case ChooseBody():
                outcome = await self._append(
                    conversation,
                    command,
                    lambda view: decide.decide_choose(
                        view.state, branch=body.branch, by=who.name, now=self._clock.now()
                    ),
                )
            case WithdrawBody():
                outcome = await self._append(
                    conversation,
                    command,
                    lambda view: rewriting.decide_withdraw(
                        view.state, message=body.message, by=who.name, now=self._clock.now()
                    ),
                )
        await self._after(conversation, outcome)
        return _result(outcome)

    async def _append(self, conversation: str, command: Command, decided: Decide) -> AppendOutcome:
        return await self._sessions.append(conversation, decided, command=command)

    async def _send(self, who: Sender, conversation: str, body: SendBody) -> Decide:
        text = result_text(body.text)
        origin = e.Origin(entrance=who.entrance, name=who.name, actor=who.actor)
        if is_blank(text) and not body.attachments:
            raise Rejected("bad_command")
        # Before the append: a file that a message names must belong to it, whatever dies in between.
        files = await attachments.bind(self._sessions.journal, who.user_id, conversation, body.attachments)

        def decided(view: SessionView) -> list[e.Event]:
            return decide.decide_send(
                view.state,
                conversation=conversation,
                message=body.message,
                text=text,
                origin=origin,
                now=self._clock.now(),
                attachments=files,
                branch=body.branch,
            )

        return decided

    async def _edit(self, who: Sender, conversation: str, body: EditBody) -> Decide:
        text = result_text(body.text)
        if not text.strip() and not body.attachments:
            raise Rejected("bad_command")
        elsewhere = await queries.is_message(self._sessions.journal, conversation, body.message)
        files = await attachments.bind(self._sessions.journal, who.user_id, conversation, body.attachments)

        def decided(view: SessionView) -> list[e.Event]:
            return rewriting.decide_edit(
                view.state,
                message=body.message,
                text=text,
                attachments=files,
                by=who.name,
                now=self._clock.now(),
                elsewhere=elsewhere,
            )

        return decided

    async def _branch(self, who: Sender, conversation: str, body: TryAgainBody | RewriteBody) -> Decide:
        """Another way on from what the body names. The place is looked up before the append: the order of what is
        settled does not change, and while something is not, the append refuses."""
        journal = self._sessions.journal
        await self._sessions.ensure_archived(conversation)
        said, agent = None, ""
        if isinstance(body, TryAgainBody):
            place = await forks.of_answer(journal, conversation, body.item)
            if body.agent and (agent := await queries.agent_for(journal, body.agent) or "") == "":
                raise Rejected("agent_missing")
        else:
            place = await forks.of_message(journal, conversation, body.message)
        if place is None:
            raise Rejected("unknown_message")
        cause = place.cause
        if isinstance(body, RewriteBody):
            text = result_text(body.text)
            if not text.strip() and not body.attachments:
                raise Rejected("bad_command")
            files = await attachments.bind(journal, who.user_id, conversation, body.attachments)
            origin = e.Origin(entrance=who.entrance, name=who.name, actor=who.actor)
            cause, now = body.as_message, self._clock.now()
            said = e.MessageAdded(at=now, message=cause, text=text, origin=origin, attachments=files)

        def decided(view: SessionView) -> list[e.Event]:
            return rewriting.decide_branch(
                view.state,
                conversation=conversation,
                branch=body.branch,
                parent=place.parent,
                before=place.before,
                cause=cause,
                by=who.name,
                now=self._clock.now(),
                said=said,
                agent=agent,
            )

        return decided

    async def _stop(self, who: Sender, conversation: str, command: Command, body: StopBody) -> AppendOutcome:
        # A worker may take the lease right after this look. Then it either finds the run stopped, or has begun
        # it, and the append below is decided again on a run that is running.
        owned = await self._sessions.store.lease(conversation) is not None

        def decided(view: SessionView) -> list[e.Event]:
            part = view.part
            streamed = Streamed(part.message, part.text) if part is not None else None
            now = self._clock.now()
            return decide.decide_stop(
                view.state,
                by=who.name,
                owned=owned,
                now=now,
                run=body.run,
                streamed=streamed,
                withdraw=body.withdraw,
                conversation=conversation,
            )

        outcome = await self._append(conversation, command, decided)
        run = decide.active_run(outcome.view.state)
        if run is not None and not owned:
            await self._enqueue(conversation, run["id"])  # its owner is dead: let another one close it
        return outcome

    async def _settle(
        self, who: Sender, conversation: str, command: Command, body: SettleBody
    ) -> AppendOutcome:
        call = await self._meant(conversation, body.call)
        result = result_text(body.result)
        by = who.name

        def decided(view: SessionView) -> list[e.Event]:
            return decide.decide_settle(
                view.state, call=call, decision=body.decision, result=result, by=by, now=self._clock.now()
            )

        return await self._append(conversation, command, decided)

    async def _approve(
        self, who: Sender, conversation: str, command: Command, body: ApproveBody
    ) -> AppendOutcome:
        call = await self._meant(conversation, body.call)
        note = result_text(body.note).strip()

        def decided(view: SessionView) -> list[e.Event]:
            return decide.decide_approval(
                view.state,
                call=call,
                digest=body.digest,
                decision=body.decision,
                note=note,
                by=who.name,
                now=self._clock.now(),
            )

        return await self._append(conversation, command, decided)

    async def _create(
        self, who: Sender, conversation: str, id: str, asked: str, body: CreateBody
    ) -> CommandResult:
        new = await self._new(who, conversation, body)
        if isinstance(new, CommandResult):
            return new
        try:
            return _result(await self._make(who, conversation, Command(id, asked, _APPLIED), new, None))
        except IdReused:
            return CommandResult("rejected", "id_reused")
        except NoConversation:
            return CommandResult("rejected", "not_found")

    async def _new(self, who: Sender, conversation: str, body: CreateBody) -> New | CommandResult:
        """What a conversation is to be made with, or why it may not."""
        found = await queries.beginning(self._sessions.journal, conversation, who.user_id, body.agent)
        if not (verdict := who.stands(found.whose).may("begin")):
            return _not_allowed(verdict)
        if not found.made:
            try:
                await self._room.for_run(who.spender)
                await self._room.for_conversation(who.user_id, who.entrance)
            except LimitReached as reached:
                return CommandResult("rejected", cast(ResultCode, reached.code), after=reached.after)
        if found.agent is None:
            return CommandResult("rejected", "agent_missing")
        return New(found.whose, found.agent, result_text(body.title))

    async def _make(
        self, who: Sender, conversation: str, command: Command, new: New, then: Decide | None
    ) -> AppendOutcome:
        outcome = await self._sessions.create(
            conversation, who.user_id, new.agent, new.title, who.entrance, command, then
        )
        if then is None:  # a message rings by itself
            await doorbell.ring_user(who.user_id)
        return outcome

    async def _delete(self, who: Sender, conversation: str, command: Command) -> CommandResult:
        """End what runs, then delete: whoever looks again finds nothing, and a worker stops at once. Files go at once,
        and what is left of them when somebody dies now is tidied away later."""

        def ended(view: SessionView) -> list[e.Event]:
            return decide.close_run(view.state, by=who.name, now=self._clock.now())

        await self._append(conversation, command, ended)
        journal = self._sessions.journal
        files = await journal.ask(lambda: attachments.of_conversation(conversation, journal.using))
        await self._sessions.delete(conversation)
        await doorbell.ring_user(who.user_id)
        if files:
            await journal.ask(lambda: attachments.let_go(files, journal.using))
        return CommandResult("applied")

    async def _meant(self, conversation: str, call: str) -> str:
        """The id of the call that a command names; raises Rejected if it can mean none that is open (rule W7)."""
        view = await self._sessions.load(conversation)
        known = decide.find_call(view.state, call) != (None, None)
        return call if known else await self._resolve(conversation, call)

    async def _resolve(self, conversation: str, name: str) -> str:
        """Our id of a call that the live state does not hold under this name (rule W7).

        A call that has left the window is settled, by the window's own rule. The provider's own id is known
        as an alias; where it was used more than once, only the one call that is still open can be meant.
        """
        ours, theirs = await queries.calls_named(self._sessions.journal, conversation, name)
        if ours:
            raise Rejected("already_settled")
        still_open = [call for call in theirs if call.open]
        if len(still_open) == 1:
            log.info("Call %s was named by its provider's id.", still_open[0].call)
            return still_open[0].call
        raise Rejected("already_settled" if len(theirs) == 1 else "unknown_call")

    async def _after(self, conversation: str, outcome: AppendOutcome) -> None:
        """What follows from a committed command. None of it may fail the command."""
        for event in outcome.events:
            if isinstance(event, e.RunQueued | e.RunResumed):
                await self._enqueue(conversation, event.run)

    async def _refuse(self, conversation: str, command: Command, code: str) -> CommandResult:
        """Refuse, unless the id had its result before (an append looks that up before it decides, but what
        comes before the append may refuse, too)."""
        stands = await self._sessions.command(conversation, command.id)
        if stands is None:
            stands = command
            if code not in FORGOTTEN:
                stands = await self._sessions.remember(conversation, command)
        elif stands.digest != command.digest:
            raise IdReused
        cursor = (await self._sessions.look(conversation)).position.cursor
        return _answer(stands.result, cursor, duplicate=stands is not command)


def _not_allowed(verdict: Verdict) -> CommandResult:
    """The answer to what somebody may not do. Of what is not theirs they do not even learn that it is there."""
    theirs = verdict.reason in ("disabled", "policy", "trust", "scope")
    return CommandResult("rejected", "forbidden" if theirs else "not_found")


_APPLIED = json.dumps({"status": "applied"})


def _rejected(code: str) -> str:
    return json.dumps({"status": "rejected", "code": code})


def _result(outcome: AppendOutcome) -> CommandResult:
    return _answer(outcome.result or _APPLIED, outcome.view.position.cursor, duplicate=outcome.duplicate)


def _answer(recorded: str, cursor: str, *, duplicate: bool) -> CommandResult:
    """The answer to a command from what was recorded for it. A refusal stays one, however often it is asked."""
    found = json.loads(recorded)
    if found["status"] == "rejected":
        code = cast(ResultCode, found["code"])
        return CommandResult("rejected", code, cursor, retry=code in PASSING)
    return CommandResult("duplicate" if duplicate else "applied", None, cursor)
