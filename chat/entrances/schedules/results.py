"""What a firing has come to: once the run that has read its message is over, that is noted and put into the outbox.

    fired, and its conversation has moved ─► settle ─► over, and its delivery      one transaction: both or neither

Plain functions, for a database thread; any number of workers.
"""

import re
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from agents.events import ACTIVE_RUN
from chat.entrances.schedules.models import ScheduleDelivery, ScheduleFiring
from chat.entrances.schedules.store import BATCH, move
from chat.journal import replies
from chat.models import Conversation, Run
from chat.support.clock import now_ms

#: Characters of an answer that the history shows.
PREVIEW = 300


#: Where a firing stands among them: its due time, and its id.
Place = tuple[int, UUID]


def moved(after: Place | None = None, limit: int = BATCH) -> list[Place]:
    """A page of the firings whose conversation has moved since somebody looked, or is gone, oldest first. `after` is
    the last of the page before: one that cannot be settled stays, and must not hide the others."""
    news = Conversation.objects.filter(id=OuterRef("conversation")).filter(
        Q(head_seq__gt=OuterRef("seen_seq")) | Q(deleted_at__isnull=False)
    )
    rows = ScheduleFiring.objects.filter(Exists(news), state="fired")
    if after is not None:
        due, pk = after
        rows = rows.filter(Q(due__gt=due) | Q(due=due, pk__gt=pk))
    return list(rows.order_by("due", "pk").values_list("due", "pk")[:limit])


@dataclass(frozen=True)
class FiringResult:
    """What a firing has come to: `text` is for its destination, `detail` for the history."""

    outcome: str
    text: str
    detail: str
    run: str = ""


def settle(firing: UUID) -> bool:
    """Look what became of a firing; if its run is over, note that and put its result into the outbox. Whether it was
    over."""
    with transaction.atomic():
        row = ScheduleFiring.objects.select_related("schedule").get(pk=firing)
        if row.state != "fired" or row.conversation is None:
            return False
        # The conversation is held: no run begins, reads or ends in it between the looks below.
        place = Conversation.objects.select_for_update().filter(id=row.conversation).first()
        result = _result(row, place)
        if result is None:
            run = replies.expected(row.conversation, row.message)
            rows = ScheduleFiring.objects.filter(pk=row.pk, state="fired")
            rows.update(seen_seq=place.head_seq if place else 0, run=run or row.run)
            return False
        run = result.run or row.run
        if not move(row, "over", outcome=result.outcome, detail=result.detail, run=run, over_at=now_ms()):
            return False
        if row.schedule.deliver_kind and result.text:
            _put(row, result.text)
        return True


def give_up(firing: UUID, reason: str) -> None:
    """Set a firing aside of which it cannot be told what became of it."""
    move(ScheduleFiring(pk=firing), "over", outcome="internal", detail=reason[:500], over_at=now_ms())


def _result(row: ScheduleFiring, place: Conversation | None) -> FiringResult | None:
    """None: not over yet."""
    if place is None or place.deleted_at is not None:
        return FiringResult("stopped", "", "Its conversation was deleted.")
    reader = replies.readers(place.id, [row.message]).get(row.message, "")
    run = replies.find_run(place.id, reader) if reader else None
    if run is None:
        busy = Run.objects.filter(conversation=place, status__in=sorted(ACTIVE_RUN)).exists()
        unread = "Nobody has read it: it waited behind a run that was stopped, and was taken back."
        return None if busy else FiringResult("unread", unread, unread)
    reply = replies.reply_of(run, row.message)
    if not reply.over:
        return None
    told = " ".join(part for part in (reply.ending, _plain(reply.text)) if part)
    return FiringResult(reply.status, reply.whole, _cut(told), reader)


def _plain(text: str) -> str:
    """Markdown as one line of text: without the commonest of its signs."""
    for mark in (r"\*\*([^*\n]+)\*\*", r"`([^`\n]+)`", r"(?m)^#+ +(.*)$", r"\[([^\]\n]+)\]\([^)\n]*\)"):
        text = re.sub(mark, r"\1", text)
    return " ".join(text.split())


def _cut(text: str) -> str:
    return text if len(text) <= PREVIEW else text[: PREVIEW - 1] + "…"


def _put(row: ScheduleFiring, text: str) -> None:
    schedule = row.schedule
    ScheduleDelivery.objects.get_or_create(
        firing=row,
        defaults={
            "kind": schedule.deliver_kind,
            "address": schedule.deliver_address,
            "subject": schedule.name,
            "text": text,
            "created_at": now_ms(),
        },
    )
