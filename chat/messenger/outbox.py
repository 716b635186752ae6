"""The outbox: messages that are to go out, in order, once, and what becomes of those that cannot.

A row is made with a uuid that depends only on what it says and where, so making it again makes nothing, and sending
it again shows nothing. A messenger remembers a uuid for a while (`Limits.remembers_uuid_ms`): a message whose fate is
open for longer is given up (a dead letter) rather than shown twice; the admin can send it again.

    the client raises    what follows
    Limited              again when it says; waiting is no failure
    TargetGone           to the chat instead, once; then as if its content were refused: perhaps it was that
    Away                 again, with a growing pause, as long as the uuid is remembered
    ContentRefused       the same in a plainer form: as text, then as a sentence that says why not and where to read it
    MessageRefused       a dead letter
    Unclear              again MAX_TRIES times, then in a plainer form, too
    anything else        again MAX_TRIES times, then a dead letter: it is a fault of ours

A form is sent under a uuid of its own, and noted at the beginning of the row's `error`. What is refused in its plainest
form is a dead letter: one row holds up no others for good.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.db.models import F

from chat.messenger import texts
from chat.messenger.adapter import Client, Messenger, PlainMarkup, Target, made_id
from chat.messenger.database import OUTAGES, ask
from chat.messenger.errors import Away, ContentRefused, Limited, MessageRefused, MessengerError, TargetGone
from chat.messenger.models import Delivery, Lane, Tables
from chat.messenger.poison import MAX_REASON, MAX_TRIES, told
from chat.support.backoff import Backoff
from chat.support.clock import now_ms

log = logging.getLogger(__name__)

#: Milliseconds between two tries: at first, doubled each time, and at most.
RETRY_MS = Backoff(500, 60_000)
#: How the error of a row begins that is sent in another form than it was made.
FORMS = ("", "as text: ", "as a sentence: ")


def put(messenger: Messenger, lane: Lane, text: str, *key: object, reply_to: str = "", run: str = "") -> int:
    """Have `text` (markdown) sent to the lane's chat, in as many messages as it takes; how many. `key` names what this
    is: the same key again adds nothing."""
    parts = messenger.markup.messages(text)
    now = now_ms()
    for number, part in enumerate(parts):
        messenger.tables.deliveries.get_or_create(
            uuid=made_id(messenger, "delivery", lane.pk, *key, number),
            defaults={"lane": lane, "run": run, "reply_to": reply_to, "content": part, "created_at": now},
        )
    return len(parts)


def complete(tables: Tables, run: str) -> None:
    """The answer of `run` is complete with the newest message that was put for it. It may have been sent before."""
    newest = tables.deliveries.filter(run=run).order_by("-id").first()
    if newest is not None and not newest.last:
        tables.deliveries.filter(pk=newest.pk).update(last=True)
        if newest.state == "sent":
            _answered(tables, run, now_ms())


def next_of(tables: Tables, lane: int) -> Delivery | None:
    """The lane's next message, due or not."""
    row: Delivery | None = tables.deliveries.filter(lane_id=lane, state="pending").order_by("id").first()
    return row


class Outbox:
    """What goes out to one lane's chat. `turn` waits for the chat's pace; False: the lane is no longer ours."""

    def __init__(
        self,
        messenger: Messenger,
        lane: Lane,
        client: Client,
        turn: Callable[[], Awaitable[bool]],
        clock: Callable[[], int],
    ) -> None:
        self._messenger = messenger
        self._tables = messenger.tables
        self._remembers_ms = messenger.limits.remembers_uuid_ms
        self._lane = lane
        self._client = client
        self._turn = turn
        self._clock = clock

    async def send_out(self) -> bool:
        """Send what is due, in order. Returns whether nothing is left to be sent."""
        while True:
            row = await ask(next_of, self._tables, self._lane.pk)
            if row is None:
                return True
            if row.next_at > self._clock() or not await self._turn():
                return False
            if not await ask(self._begin, row, self._clock()):
                continue
            failed: Exception | None = None
            try:
                sent = await self._send(row)
            except OUTAGES:
                raise
            except Exception as problem:
                failed = problem
            if failed is not None:
                await self._failed(row, failed, self._clock())
            else:
                await ask(self._sent, row, sent, self._clock())

    async def _send(self, row: Delivery) -> str:
        lane = self._lane
        target = row.reply_to or (lane.anchor if lane.thread_id else "")
        to = Target(lane.chat_id, target, thread=bool(lane.thread_id))
        form = form_of(row)
        uuid = made_id(self._messenger, "form", row.uuid, form) if form else row.uuid
        return await self._client.send(to, row.kind, row.content, uuid)

    def _begin(self, row: Delivery, now: int) -> bool:
        first = row.first_at if row.first_at is not None else now
        row.attempts, row.first_at = row.attempts + 1, first
        pending = self._tables.deliveries.filter(pk=row.pk, state="pending")
        return bool(pending.update(attempts=F("attempts") + 1, first_at=first))

    def _sent(self, row: Delivery, message: str, now: int) -> None:
        rows = self._tables.deliveries.filter(pk=row.pk)
        rows.update(state="sent", message_id=message, sent_at=now, error="")
        if rows.filter(last=True).exists():
            _answered(self._tables, row.run, now)

    async def _failed(self, row: Delivery, problem: Exception, now: int) -> None:
        lane = self._lane
        known = isinstance(problem, MessengerError)
        error = str(problem) if known else told(problem)
        changed: dict[str, Any]
        match problem:
            case Limited():
                # Not done, so its hour has not begun, and waiting is no failure.
                first = row.first_at if row.attempts > 1 else None
                changed = {"next_at": now + int(problem.after * 1000), "first_at": first}
                await self._client.pace.hold(lane.chat_id, problem.after)
            case TargetGone() if row.reply_to and not lane.thread_id:
                changed = {"reply_to": ""}  # to the chat, then; a topic has no such way
            case Away() if now - (row.first_at or now) < self._remembers_ms:
                changed = {"next_at": now + _pause(row.attempts)}
            case Away() | MessageRefused() if not isinstance(problem, ContentRefused | TargetGone):
                changed = {"state": "dead"}
            case Exception() if not isinstance(problem, MessageRefused) and row.attempts < MAX_TRIES:
                if not known:
                    log.exception("Delivery %s to %s raised.", row.pk, lane.chat_id, exc_info=problem)
                changed = {"next_at": now + _pause(row.attempts)}
            case _:
                changed = (known and self._plainer(row, error)) or {"state": "dead"}
        form = changed.pop("form", form_of(row))
        if "state" in changed:
            log.error("Delivery %s to %s was given up: %s", row.pk, lane.chat_id, error)
        rows = self._tables.deliveries.filter(pk=row.pk, state="pending")
        await ask(lambda: rows.update(**changed, error=f"{FORMS[form]}{error}"[:MAX_REASON]))

    def _plainer(self, row: Delivery, error: str) -> dict[str, Any] | None:
        """A refused row in its next form: what to change of it. None: there is no plainer one."""
        markup, form = self._messenger.markup, form_of(row)
        if not isinstance(markup, PlainMarkup) or form == len(FORMS) - 1:
            return None
        found = markup.plain(row.content) if form == 0 else None
        if found is None:
            reason = error.partition(", ext=")[0].rstrip(". ")
            address = f"/c/{self._lane.conversation}"
            language = self._messenger.language(self._lane.app)
            text = texts.say(language, texts.REFUSED, reason=reason, address=address)
            found, form = markup.sentence(text), 1
        log.warning(
            "Delivery %s to %s was refused, and goes %s%s", row.pk, row.lane_id, FORMS[form + 1], error
        )
        kind, content = found
        return {"kind": kind, "content": content, "attempts": 0, "first_at": None, "form": form + 1}


def form_of(row: Delivery) -> int:
    """In which form a row is sent: 0 as it was made, then as in FORMS."""
    return next((form for form in (1, 2) if row.error.startswith(FORMS[form])), 0)


def _answered(tables: Tables, run: str, now: int) -> None:
    tables.messages.filter(run=run, answered_at=None).update(answered_at=now)


def _pause(attempts: int) -> int:
    return int(RETRY_MS.delay(attempts))
