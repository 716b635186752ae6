"""What came in, carried out: the lane's stored messages and buttons, one after another, through the inbox.

    stored row ─► may they?   ─► ignored, refused
               ├► a button    ─► stop, settle, approve
               ├► /stop /new /agent /help
               └► create the conversation once ─► send ─► "taken": it is in the conversation's journal

Ids of commands and messages are made from the row's key, so a worker that dies in between and one that goes on ask
for the same thing (rule W5). A conversation with too many waiting messages keeps the rest here, in order; a /stop
overtakes them. A row that raises is tried some times and then set aside with its reason (poison.py); the lane goes on.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal
from uuid import UUID

from django.db.models import Case, F, Q, Value, When

from agents.borders import is_blank
from agents.events import ACTIVE_RUN
from chat.commands import MAX_TEXT
from chat.decide import run_id
from chat.files import attachments, sniffing
from chat.inbox import (
    Body,
    ChangeAgentBody,
    CommandResult,
    CreateBody,
    Inbox,
    SendBody,
    Sender,
    StopBody,
    action_of,
)
from chat.limits.table import CODES
from chat.messenger import choosing, outbox, poison, texts
from chat.messenger.adapter import Client, LinkReader, Messenger, Person, Pressed, Said, made_id
from chat.messenger.answers import message_of
from chat.messenger.database import OUTAGES, ask
from chat.messenger.errors import MessageRefused, MessengerError
from chat.messenger.lanes import make_lane
from chat.messenger.models import PRESS, InboundMessage, Lane
from chat.messenger.people import Speaker, no_say, speaker
from chat.messenger.presses import command_of
from chat.messenger.quotes import File, Quotes
from chat.messenger.signs import FirstSign
from chat.models import Run
from chat.support.clock import now_ms
from chat.support.rush import rush
from chat.support.turns import in_a_hurry

log = logging.getLogger(__name__)

#: Files of one message.
MAX_FILES = 5
BATCH = 50
#: Seconds for which a lane that was just taken is not read again for its first row.
FRESH_S = 2.0

Outcome = Literal["done", "later", "moved"]


class Intake:
    """What comes in to one lane."""

    def __init__(
        self, messenger: Messenger, lane: Lane, inbox: Inbox, client: Client, sign: FirstSign
    ) -> None:
        self._messenger = messenger
        self._tables = messenger.tables
        self._app = lane.app
        self._lane = lane
        self._inbox = inbox
        self._client = client
        self._sign = sign
        #: Until when (monotonic) the first row need not have the lane read again: it was, after that row had come.
        self._fresh_until = time.monotonic() + FRESH_S
        self._language = messenger.language(lane.app)
        #: Whether the conversation was made; the chat was told of it then. One that was deleted since says so itself.
        self._made = lane.head_seq > 0

    async def take(self, mine: Callable[[], bool]) -> bool:
        """Carry out what waits, while the lane is `mine`. False: something has to wait for later."""
        held = passed_by = False
        with in_a_hurry(self._sign.hurry_in):
            rows = await ask(self._waiting)
        while rows:
            for row in rows:
                if not passed_by and self._sign.state != "unread" and not self._is_stop(row):
                    await rush().pass_by()  # others have not seen anything yet
                    passed_by = True
                if not mine():
                    return True
                if held and not self._is_stop(row):
                    continue
                raised: Exception | None = None
                try:
                    with in_a_hurry(self._sign.hurry_in):
                        outcome = await self._one(row)
                except (MessengerError, *OUTAGES):
                    raise  # nobody's fault: later
                except Exception as problem:
                    raised = problem
                if raised is not None:
                    outcome = await self._raised(row, raised)
                self._sign.tried()
                if outcome == "moved":
                    return True  # the next generation's keeper goes on
                held = held or outcome == "later"
            # What is held stays, and a stop that came behind a whole page of it must be seen all the same.
            rows = await ask(self._waiting, rows[-1]) if len(rows) == BATCH else []
        return not held

    def _waiting(self, after: InboundMessage | None = None) -> list[InboundMessage]:
        lane = self._lane
        newest = self._tables.newest_lane(lane.app_id, lane.chat_id, lane.thread_id)
        if newest is None or newest.pk != lane.pk:
            return []
        rows = self._tables.messages.filter(
            app=self._app, chat_id=lane.chat_id, thread_id=lane.thread_id, state="received"
        )
        if after is not None:
            rows = rows.filter(Q(sent_at__gt=after.sent_at) | Q(sent_at=after.sent_at, id__gt=after.pk))
        return list(rows.order_by("sent_at", "id")[:BATCH])

    async def _one(self, row: InboundMessage) -> Outcome:
        person, private = await ask(self._look_again, row)
        said = self._messenger.read(row, "" if private or row.is_press else await self._client.bot_id())
        if isinstance(said, Pressed):
            return await self._pressed(row, said, person, private)
        if not private and self._app.mention_only and not said.for_us:
            return await self._end(row, "ignored", "not mentioned")
        who = self._speaker(row, person, private, self._lane)
        verdict = who.standing.may("write")
        if verdict.reason == "not_theirs":
            # Their link has changed since the lane was made: the conversation stays with whom it belongs to.
            await ask(self._next_lane)
            return "moved"
        if not verdict:
            state, reason, reply = no_say(verdict, who.policy)
            return await self._end(row, state, reason, reply and self._say(reply, id=row.sender))
        return await self._said(row, said, who, person)

    def _look_again(self, row: InboundMessage) -> tuple[Person, bool]:
        """The app and the lane's owner as they are now: policies and people change while a lane is kept. Who has
        written or pressed this, and whether nobody else reads along."""
        fresh, self._fresh_until = time.monotonic() < self._fresh_until, 0.0
        if not fresh:
            self._lane = self._tables.lanes.select_related("app__agent", "owner").get(pk=self._lane.pk)
            self._app = self._lane.app
        return self._messenger.person(self._app, row.sender), self._is_private(row)

    def _speaker(self, row: InboundMessage, person: Person, private: bool, lane: Lane) -> Speaker:
        """Who has written or pressed this, and how they stand to the lane's conversation."""
        return speaker(
            self._messenger, self._app, row.sender, self._called(row, person), person, private, lane
        )

    def _is_private(self, row: InboundMessage) -> bool:
        """Whether nobody else reads along; a button is where the newest message before it was."""
        said: InboundMessage | None = row
        if row.is_press:
            here = self._tables.messages.filter(app=self._app, chat_id=row.chat_id)
            said = here.exclude(message_id__startswith=PRESS).order_by("-id").first()
        return said is not None and self._messenger.is_private(said)

    async def _said(self, row: InboundMessage, said: Said, who: Speaker, person: Person) -> Outcome:
        text = "" if is_blank(said.text) else said.text
        if (agent := choosing.wanted(text)) is not None:
            return await self._choose(row, who, agent)
        match text.lower():
            case "" if said.files or said.quotes or said.forwards:
                pass
            case "" | "/help":
                return await self._end(row, "done", "", self._say(texts.HELP))
            case "/new":
                await ask(self._next_lane)
                await self._end(row, "done", "", self._say(texts.NEW))
                return "moved"
            case "/stop":
                result = await self._submit(who, StopBody(kind="stop"), row)
                if result.retry:
                    return "later"
                nothing = self._say(texts.NOTHING) if result.status == "rejected" else ""
                return await self._end(row, "done", "", nothing)
        if len(text) > MAX_TEXT:
            told = self._say(texts.TOO_LONG, count=f"{len(text):,}", max=f"{MAX_TEXT:,}")
            return await self._end(row, "refused", "too long", told)
        return await self._send(row, said, who, person)

    async def _choose(self, row: InboundMessage, who: Speaker, wanted: str) -> Outcome:
        """Another agent answers from here on, if whoever asks may have that; else, who answers."""
        agents = await ask(choosing.offered)
        may = bool(who.standing.may("change_agent"))
        found = choosing.named(agents, wanted) if may else None
        if found is None:
            current = await ask(choosing.answering, self._lane)
            told = choosing.told(agents, current, self._say, may=may)
            unknown = f"{self._say(texts.NO_SUCH_AGENT)}\n\n" if may and wanted else ""
            return await self._end(row, "done", "", unknown + told)
        if (held := await self._begin(row, who)) is not None:
            return held
        result = await self._submit(who, ChangeAgentBody(kind="change_agent", agent=found.slug), row)
        if result.retry:
            return "later"
        if result.code == "not_found":
            await ask(self._next_lane)
            return "moved"
        refusal = {"run_active": texts.AGENT_LATER, "agent_missing": texts.NO_SUCH_AGENT}.get(
            result.code or ""
        )
        reply = self._say(refusal) if refusal else self._say(texts.AGENT_CHANGED, name=found.name)
        return await self._end(row, "done", result.code or "", reply)

    def _anew(self) -> CreateBody:
        """What the conversation of the lane is made with."""
        agent = self._app.agent  # loaded with the lane
        return CreateBody(kind="create", agent=agent.slug if agent else "")

    async def _begin(self, row: InboundMessage, who: Speaker) -> Outcome | None:
        """Make the conversation of the lane once. None: it is there."""
        if not self._made:
            made = await self._submit(who, self._anew(), "create")
            if made.retry:
                return "later"
            if (refused := await self._not_made(row, made)) is not None:
                return refused
            self._made = made.status != "rejected"
        return None

    async def _not_made(self, row: InboundMessage, result: CommandResult) -> Outcome | None:
        """The end of a message whose conversation may not be made, if that is what came of it."""
        if result.code == "agent_missing":
            return await self._end(row, "refused", "no agent", self._say(texts.NO_AGENT))
        if (limit := CODES.get(result.code or "")) is not None:
            return await self._end(row, "refused", limit.code, self._say(limit.told))
        return None

    async def _send(self, row: InboundMessage, said: Said, who: Speaker, person: Person) -> Outcome:
        message = message_of(self._messenger, row)
        create: CreateBody | None = None
        files: tuple[str, ...] = ()
        if not self._made and self._is_plain(said, person, row):
            create, text = self._anew(), said.text.strip("\n")
        else:
            if (held := await self._begin(row, who)) is not None:
                return held
            text, files = await self._files(row, said, person)
        body = SendBody(kind="send", message=message, text=text, attachments=files)
        result = await self._submit(who, body, row, create=create)
        if result.retry:
            return "later"
        if create is not None:
            if (refused := await self._not_made(row, result)) is not None:
                return refused
            self._made = result.status != "rejected"
        if result.code == "not_found":
            # Somebody has deleted the conversation in the web chat: the next message begins another one.
            await ask(self._next_lane)
            return "moved"
        if result.status == "rejected" and result.code != "id_reused":  # that one was sent before
            limit = CODES.get(result.code or "")
            return await self._end(row, "refused", result.code or "", self._say(limit.told) if limit else "")
        run = run_id(str(self._lane.conversation), body.message)
        outcome = await self._end(row, "taken", "", run=run)
        self._sign.begun(run, row.message_id)
        return outcome

    async def _files(self, row: InboundMessage, said: Said, person: Person) -> tuple[str, tuple[str, ...]]:
        """The files of a message, kept, and its text with what it quotes and a line for each file that cannot be."""
        text, files = await Quotes(self._messenger, self._lane, self._client).with_context(row, said)
        files += self._linked(row, said, person)
        lines = [text] if text else []
        kept: list[str] = []
        for number, file in enumerate(files):
            called = file.name
            id = made_id(self._messenger, "file", row.app_id, row.message_id, number)
            try:
                if len(kept) >= MAX_FILES:
                    raise ValueError(self._say(texts.FILES_AT_MOST, max=MAX_FILES))
                data = await self._client.file(file.message, file.key, file.kind, attachments.limits().size)
                await ask(attachments.keep, self._lane.owner_id, UUID(id), called, data, now_ms())
            except (sniffing.UnfitFile, MessageRefused, ValueError) as problem:
                lines.append(self._say(texts.FILE_UNREADABLE, name=called, problem=problem))
            except attachments.FilesFull:
                full = self._say(CODES["files_full"].told)
                lines.append(self._say(texts.FILE_UNREADABLE, name=called, problem=full))
            except (attachments.Taken, attachments.TooManyFiles):
                lines.append(self._say(texts.FILE_NOT_KEPT, name=called))
            else:
                kept.append(id)
        return "\n".join(lines)[:MAX_TEXT], tuple(kept)

    def _is_plain(self, said: Said, person: Person, row: InboundMessage) -> bool:
        """Whether a message is nothing but its text."""
        return not (said.files or said.quotes or said.forwards or self._linked(row, said, person))

    def _linked(self, row: InboundMessage, said: Said, person: Person) -> list[File]:
        """The documents that the message itself links to, as far as they are read for who wrote it."""
        if not isinstance(self._messenger, LinkReader):
            return []
        return [File(row.message_id, *one) for one in self._messenger.linked(self._app, person, said.text)]

    async def _pressed(self, row: InboundMessage, pressed: Pressed, person: Person, private: bool) -> Outcome:
        lane = await ask(self._lane_of, pressed.value)
        if lane is None:
            return await self._end(row, "refused", "not a button of this chat")
        body = command_of(pressed.value)
        if body is None:
            return await self._end(row, "refused", "an unknown button")
        who = self._speaker(row, person, private, lane)
        if not (verdict := who.standing.may(action_of(body))):
            return await self._end(row, "refused", no_say(verdict, who.policy)[1])
        result = await self._submit(who, body, row, lane)
        if result.retry:
            return "later"
        return await self._end(row, "done", result.code or "")

    def _lane_of(self, value: Mapping[str, Any]) -> Lane | None:
        """The lane of a button, if it is of this chat; an older generation's is fine."""
        mine = self._tables.lanes.select_related("owner").filter(app=self._app, chat_id=self._lane.chat_id)
        number = value.get("lane")
        lane: Lane | None = mine.filter(pk=number).first() if isinstance(number, int) else None
        if lane is None or value.get("act") != "stop":
            return lane
        run = str(value.get("run", ""))[:64]
        live = Run.objects.filter(conversation_id=lane.conversation, run=run, status__in=sorted(ACTIVE_RUN))
        return lane if live.exists() else None  # an old card's button must not stop a newer run

    async def _submit(
        self,
        who: Speaker,
        body: Body,
        row: InboundMessage | str,
        lane: Lane | None = None,
        create: CreateBody | None = None,
    ) -> CommandResult:
        lane = lane or self._lane
        sender = Sender(
            lane.owner_id,
            entrance=self._messenger.name,
            name=who.name,
            actor=who.actor,
            standing=who.standing,
        )
        key = row if isinstance(row, str) else row.message_id
        id = made_id(self._messenger, "command", lane.pk, key)
        if create is not None and isinstance(body, SendBody):
            return await self._inbox.begin(sender, str(lane.conversation), id, create, body)
        return await self._inbox.submit(sender, str(lane.conversation), id, body)

    async def _end(
        self, row: InboundMessage, state: str, reason: str, reply: str = "", *, run: str = ""
    ) -> Outcome:
        def end() -> None:
            if reply:
                outbox.put(
                    self._messenger, self._lane, reply, "reply", row.message_id, reply_to=row.message_id
                )
            # The run that read it may be over already.
            read = Case(When(run="", then=Value(run)), default=F("run"))
            self._tables.messages.filter(pk=row.pk).update(state=state, reason=reason[:300], run=read)

        await ask(end)
        return "done"

    async def _raised(self, row: InboundMessage, problem: Exception) -> Outcome:
        """Nobody foresaw this: try again, and set the row aside when it goes on like that."""
        reason = poison.next_reason(row.reason, problem)
        if not poison.is_set_aside(reason):
            await ask(lambda: self._tables.messages.filter(pk=row.pk).update(reason=reason))
            return "later"
        log.error("Message %s was set aside.", row.message_id, exc_info=problem)
        return await self._end(row, "refused", reason, "" if row.is_press else self._say(texts.SET_ASIDE))

    def _is_stop(self, row: InboundMessage) -> bool:
        """Whether it may overtake what has to wait: a button, or a /stop (in a group, after the mention of the bot)."""
        if row.is_press:
            return True
        try:
            said = self._messenger.read(row, "")
        except Exception:
            return False  # it says so itself when it is its turn
        return isinstance(said, Said) and bool(re.search(r"(^|\s)/stop$", said.text, re.IGNORECASE))

    def _next_lane(self) -> Lane:
        lane = self._lane
        return make_lane(self._messenger, lane.app_id, lane.chat_id, lane.thread_id, lane.generation + 1)

    def _called(self, row: InboundMessage, person: Person) -> str:
        """What the agent and others call this person."""
        if person.name:
            return person.name
        if person.user is not None:
            return str(person.user.get_username())
        return f"{self._messenger.label} …{row.sender[-4:]}"

    def _say(self, text: Any, **values: object) -> str:
        return texts.say(self._language, text, **values)
