"""What came in, carried out: the lane's stored messages and buttons, one after another, through the inbox.

    stored row ─► a button?   ─► stop, settle, approve
               ├► may they?   ─► ignored, refused
               ├► /stop /new /help
               └► create the conversation once ─► send ─► "taken": it is in the conversation's journal

Ids of commands and messages are made from the row's key, so a worker that dies in between and one that goes on ask
for the same thing (rule W5). A conversation with too many waiting messages keeps the rest here, in order; a /stop
overtakes them.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any, Literal
from uuid import UUID

from agents.events import ACTIVE_RUN
from chat.decide import run_id
from chat.entrances.feishu.content import Said, read
from chat.entrances.feishu.errors import Refused
from chat.entrances.feishu.models import FeishuApp, FeishuLane, FeishuMessage, FeishuUser, newest_lane
from chat.files import attachments, sniffing
from chat.inbox import (
    ApproveBody,
    Body,
    CommandResult,
    CreateBody,
    Inbox,
    SendBody,
    Sender,
    SettleBody,
    StopBody,
)
from chat.messenger import outbox
from chat.messenger.lanes import ask, make_lane, name, now_ms
from chat.models import Run

log = logging.getLogger(__name__)

#: Longest message of a conversation, in characters.
MOST_TEXT = 16_000
#: Files of one message.
MOST_FILES = 5
BATCH = 50

#: (message id, key, "image" or "file") → bytes.
Fetch = Callable[[str, str, str], Awaitable[bytes]]

HELP = (
    "Write to me and I answer; while I work, a card shows what I do.\n\n"
    "- `/stop` ends what I am doing\n- `/new` begins a new conversation\n- `/help` shows this"
)
NEW = "A new conversation begins here. What was still being answered will be."
NOTHING = "Nothing is running."
UNKNOWN = "This bot answers only people who are known to it. Ask its administrator to link you: `{}`"
TOO_LONG = (
    "This message is too long: {} characters; 16,000 at most. Nothing of it was read. Send it in parts."
)
DISABLED = "The user to whom this chat is linked is disabled here. Ask the bot's administrator."
NO_AGENT = "Nobody answers here: this bot's agent is missing or disabled. Tell its administrator."

Outcome = Literal["done", "later", "moved"]


class Intake:
    """What comes in to one lane. `bot` gives our own open id, `fetch` the bytes of a file; both may raise
    FeishuError."""

    def __init__(
        self,
        app: FeishuApp,
        lane: FeishuLane,
        inbox: Inbox,
        bot: Callable[[], Awaitable[str]],
        fetch: Fetch,
    ) -> None:
        self._app = app
        self._lane = lane
        self._inbox = inbox
        self._bot = bot
        self._fetch = fetch
        self._made = False

    async def take(self, mine: Callable[[], bool]) -> bool:
        """Carry out what waits, while the lane is `mine`. False: something has to wait for later."""
        held = False
        for row in await ask(self._waiting):
            if not mine():
                return True
            if held and not _is_stop(row):
                continue
            outcome = await self._one(row)
            if outcome == "moved":
                return True  # the next generation's keeper goes on
            held = held or outcome == "later"
        return not held

    def _waiting(self) -> list[FeishuMessage]:
        lane = self._lane
        newest = newest_lane(lane.app_id, lane.chat_id, lane.thread_id)
        if newest is None or newest.pk != lane.pk:
            return []
        rows = FeishuMessage.objects.filter(
            app=self._app, chat_id=lane.chat_id, thread_id=lane.thread_id, state="received"
        )
        return list(rows.order_by("sent_at", "id")[:BATCH])

    async def _one(self, row: FeishuMessage) -> Outcome:
        person = await ask(self._person, row.sender)
        if row.message_id.startswith("action:"):
            return await self._button(row, person)
        message = row.event.get("message") or {}
        private = message.get("chat_type") == "p2p"
        said = read(message, "" if private else await self._bot())
        if not private and self._app.mention_only and not said.for_us:
            return await self._end(row, "ignored", "not mentioned")
        policy = self._app.private_policy if private else self._app.group_policy
        if policy == "nobody":
            return await self._end(row, "ignored", "by policy")
        if policy == "linked" and not _is_linked(person):
            return await self._end(row, "refused", "not linked", UNKNOWN.format(row.sender))
        if self._lane.owner_id != self._app.owner_id and not self._lane.owner.is_active:
            return await self._end(row, "refused", "owner disabled", DISABLED)
        return await self._said(row, said, _called(person))

    async def _said(self, row: FeishuMessage, said: Said, who: str) -> Outcome:
        text = said.text
        match text.lower():
            case "" if said.files:
                pass
            case "" | "/help":
                return await self._end(row, "done", "", HELP)
            case "/new":
                await ask(self._next_lane)
                await self._end(row, "done", "", NEW)
                return "moved"
            case "/stop":
                result = await self._submit(who, StopBody(kind="stop"), row)
                if result.retry:
                    return "later"
                return await self._end(row, "done", "", NOTHING if result.status == "rejected" else "")
        if len(text) > MOST_TEXT:
            return await self._end(row, "refused", "too long", TOO_LONG.format(f"{len(text):,}"))
        return await self._send(row, said, who)

    async def _send(self, row: FeishuMessage, said: Said, who: str) -> Outcome:
        if not self._made:
            slug = await ask(lambda: self._app.agent.slug if self._app.agent else "")
            made = await self._submit(who, CreateBody(kind="create", agent=slug), "create")
            if made.retry:
                return "later"
            if made.code == "agent_missing":
                return await self._end(row, "refused", "no agent", NO_AGENT)
            self._made = made.status != "rejected"
        text, files = await self._files(row, said)
        body = SendBody(kind="send", message=message_of(row), text=text, attachments=files)
        result = await self._submit(who, body, row)
        if result.retry:
            return "later"
        if result.code == "not_found":
            # Somebody has deleted the conversation in the web chat: the next message begins another one.
            await ask(self._next_lane)
            return "moved"
        if result.status == "rejected" and result.code != "id_reused":  # that one was sent before
            return await self._end(row, "refused", result.code or "")
        run = run_id(str(self._lane.conversation), body.message)
        return await self._end(row, "taken", "", run=run)

    async def _files(self, row: FeishuMessage, said: Said) -> tuple[str, tuple[str, ...]]:
        """The files of a message, kept, and its text with a line for each that cannot be."""
        lines = [said.text] if said.text else []
        kept: list[str] = []
        for number, (kind, key, called) in enumerate(said.files):
            id = name("file", row.app_id, row.message_id, number)
            try:
                if len(kept) >= MOST_FILES:
                    raise ValueError(f"A message takes {MOST_FILES} files.")
                data = await self._fetch(row.message_id, key, kind)
                await ask(attachments.keep, self._lane.owner_id, UUID(id), called, data, now_ms())
            except (sniffing.Unfit, Refused, ValueError) as problem:
                lines.append(f"[{called} was attached and cannot be read: {problem}]")
            except (attachments.Taken, attachments.TooMany):
                lines.append(f"[{called} was attached and could not be kept.]")
            else:
                kept.append(id)
        return "\n".join(lines)[:MOST_TEXT], tuple(kept)

    async def _button(self, row: FeishuMessage, person: FeishuUser) -> Outcome:
        value = (row.event.get("action") or {}).get("value") or {}
        lane = await ask(self._pressed, value)
        if lane is None:
            return await self._end(row, "refused", "not a button of this chat")
        policies = {self._app.private_policy, self._app.group_policy}
        if policies == {"nobody"} or (policies <= {"linked", "nobody"} and not _is_linked(person)):
            return await self._end(row, "refused", "by policy")
        body: Body
        match value.get("act"):
            case "stop":
                body = StopBody(
                    kind="stop", run=str(value["run"])[:64]
                )  # if that is over, a newer one is left alone
            case "settle" if value.get("decision") in ("happened", "did_not_happen", "run_again"):
                body = SettleBody(
                    kind="settle", call=str(value.get("call", ""))[:64], decision=value["decision"]
                )
            case "approve" if value.get("decision") in ("approve", "refuse"):
                call, digest = str(value.get("call", ""))[:64], str(value.get("digest", ""))[:64]
                body = ApproveBody(kind="approve", call=call, digest=digest, decision=value["decision"])
            case _:
                return await self._end(row, "refused", "an unknown button")
        result = await self._submit(_called(person), body, row, lane)
        if result.retry:
            return "later"
        return await self._end(row, "done", result.code or "")

    def _pressed(self, value: dict[str, Any]) -> FeishuLane | None:
        """The lane of a button, if it is of this chat; an older generation's is fine."""
        mine = FeishuLane.objects.filter(app=self._app, chat_id=self._lane.chat_id)
        number = value.get("lane")
        lane = mine.filter(pk=number).first() if isinstance(number, int) else None
        if lane is None or value.get("act") != "stop":
            return lane
        run = str(value.get("run", ""))[:64]
        live = Run.objects.filter(conversation_id=lane.conversation, run=run, status__in=sorted(ACTIVE_RUN))
        return lane if live.exists() else None  # an old card's button must not stop a newer run

    async def _submit(
        self, who: str, body: Body, row: FeishuMessage | str, lane: FeishuLane | None = None
    ) -> CommandResult:
        lane = lane or self._lane
        sender = Sender(lane.owner_id, entrance="feishu", name=who)
        key = row if isinstance(row, str) else row.message_id
        id = name("command", lane.pk, key)
        return await self._inbox.submit(sender, str(lane.conversation), id, body)

    async def _end(
        self, row: FeishuMessage, state: str, reason: str, reply: str = "", *, run: str = ""
    ) -> Outcome:
        def end() -> None:
            if reply:
                outbox.put(self._lane, reply, "reply", row.message_id, reply_to=row.message_id)
            rows = FeishuMessage.objects.filter(pk=row.pk)
            rows.update(state=state, reason=reason[:300])
            rows.filter(run="").update(run=run)  # the run that read it may be over already

        await ask(end)
        return "done"

    def _next_lane(self) -> FeishuLane:
        lane = self._lane
        return make_lane(lane.app_id, lane.chat_id, lane.thread_id, lane.generation + 1)

    def _person(self, open_id: str) -> FeishuUser:
        people = FeishuUser.objects.select_related("user")
        return people.get_or_create(app=self._app, open_id=open_id)[0]


def message_of(row: FeishuMessage) -> str:
    """The id in its conversation of what came in."""
    return name("message", row.app_id, row.message_id)


def _is_stop(row: FeishuMessage) -> bool:
    """Whether it may overtake what has to wait: a button, or a /stop (in a group, after the mention of the bot)."""
    if row.message_id.startswith("action:"):
        return True
    said = read(row.event.get("message") or {}, "").text
    return bool(re.search(r"(^|\s)/stop$", said, re.IGNORECASE))


def _is_linked(person: FeishuUser) -> bool:
    return person.user is not None and person.user.is_active


def _called(person: FeishuUser) -> str:
    if person.name:
        return person.name
    return person.user.get_username() if person.user is not None else f"Feishu …{person.open_id[-4:]}"
