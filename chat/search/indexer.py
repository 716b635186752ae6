"""Keeping the index: what the journal has told since it was read last, read behind it by the workers.

    conversations whose head is beyond their progress ─► which texts did the events change? ─► read these as they stand
        ─► one transaction: move the progress by compare-and-set, write their words anew

A turn costs nothing for it: nothing is written with an event. What is said is found some seconds later. Texts are
read from the rows and not from the events, so reading twice is harmless, and what was withdrawn or thrown away is
simply not there any more. Conversations from before there was an index have no progress, and are read in their turn.
Plain functions for a database thread.
"""

import json
import logging
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from agents.events import ACTIVE_RUN
from chat import set_aside
from chat.models import Conversation, Event, SearchProgress, SearchText
from chat.search import texts
from chat.search.fields import words_of
from chat.search.texts import TITLE, Found, Name
from chat.search.tokens import MAX_CHARS, fold, tokens
from chat.support.claims import Claim

log = logging.getLogger(__name__)

#: Conversations of one look, and events that are read of one at a time: each may come with a text of 100 kB.
BATCH, MAX_EVENTS = 200, 200
#: For so long nothing was said in a conversation whose run goes on, before it is read (milliseconds).
QUIET_MS = 3_000
#: Rows that are written or removed at once.
CHUNK = 100
#: For so long a worker has a conversation to itself (milliseconds).
CLAIM_MS = 60_000
CLAIM = Claim()

#: By the type of an event: which kind of text it changes, and the field with its key.
CHANGES: dict[str, tuple[str, str]] = {
    "message.added": ("message", "message"),
    "message.edited": ("message", "message"),
    "message.withdrawn": ("message", "message"),
    "note.added": ("message", "message"),
    "step.finished": ("answer", "step"),
    "step.stopped": ("answer", "step"),
    "step.discarded": ("answer", "step"),
    "call.settled": ("result", "call"),
}
TITLES = ("conversation.created", "conversation.renamed")

#: Where a conversation stands among those that wait: when it was written to last, and its id.
Place = tuple[int, UUID]


def _behind(which: Q) -> Any:
    read = SearchProgress.objects.filter(conversation=OuterRef("pk"), seq__gte=OuterRef("head_seq"))
    return Conversation.objects.filter(~Exists(read), which, deleted_at=None, head_seq__gt=0)


def behind(since: int, now: int, limit: int = BATCH) -> list[UUID]:
    """Conversations in which something was said or ended since (ms) and that were not read to their ends, the newest
    first: somebody may be about to look for it. One with a run at work has its turn once it is quiet for a moment, or
    it would be read several times for one answer."""
    quiet = ~Q(run_status__in=ACTIVE_RUN) | Q(updated_at__lt=now - QUIET_MS)
    rows = _behind(Q(updated_at__gte=since) & quiet).order_by("-updated_at", "id")
    return list(rows.values_list("id", flat=True)[:limit])


def turn(after: Place | None = None, limit: int = BATCH) -> tuple[list[UUID], Place | None]:
    """Of the next `limit` conversations of all, the newest first, those that were not read to their ends; and where the
    next turn begins (None: all have been looked at). It costs the same however many there are."""
    rows = Conversation.objects.all()
    if after is not None:
        at, id = after
        # The first condition alone finds its place in the index.
        rows = rows.filter(Q(updated_at__lte=at) & (Q(updated_at__lt=at) | Q(updated_at=at, id__gt=id)))
    places = list(rows.order_by("-updated_at", "id").values_list("updated_at", "id")[:limit])
    found = _behind(Q(pk__in=[id for _, id in places])).order_by("-updated_at", "id")
    return list(found.values_list("id", flat=True)), places[-1] if len(places) == limit else None


def index(conversation: UUID, now: int) -> bool:
    """Read on in one conversation; whether there may be more of it to read. Nothing if somebody else is at it. Texts
    that raise are set aside, and the others are written."""
    row = Conversation.objects.filter(pk=conversation, deleted_at=None).only("owner_id", "head_seq").first()
    if row is None:
        return False
    progress, _ = SearchProgress.objects.get_or_create(conversation_id=conversation)
    mine = SearchProgress.objects.filter(pk=conversation, seq=progress.seq)
    if progress.seq >= row.head_seq or not CLAIM.take(mine, now, now + CLAIM_MS):
        return False
    names, last = _changed(row, progress.seq)
    rows = _rows(row, _read(row, names))
    with transaction.atomic():
        if mine.update(seq=last, claimed_until=0) != 1:
            return False
        _write(conversation, names, rows)
    return last < row.head_seq


def index_one(conversation: UUID, name: Name) -> None:
    """Write the words of one text anew. It may raise: for one that was set aside and is tried again."""
    row = Conversation.objects.filter(pk=conversation, deleted_at=None).only("owner_id").first()
    if row is None:
        raise ValueError("The conversation is gone.")
    rows = [_row(row, found) for found in texts.read(conversation, [name])]
    with transaction.atomic():
        _write(conversation, {name}, rows)


def forget(conversations: Collection[UUID]) -> None:
    """Take everything of these conversations out of the index, for good. Deleting their rows does the same by itself
    (the tables' foreign keys, and SQLite's triggers); this is for those whose rows stay. They are read anew only after
    `again`."""
    for model in (SearchText, SearchProgress):
        model.objects.filter(conversation_id__in=list(conversations)).delete()


def again(conversation: UUID) -> None:
    """Have a conversation read from its beginning."""
    SearchProgress.objects.filter(pk=conversation).update(seq=0, claimed_until=0)


def step_over(conversation: UUID) -> None:
    """Count a conversation as read, whatever is in it."""
    row = Conversation.objects.filter(pk=conversation).only("head_seq").first()
    if row is not None:
        SearchProgress.objects.update_or_create(conversation_id=conversation, defaults={"seq": row.head_seq})


def _changed(row: Conversation, since: int) -> tuple[set[Name], int]:
    """The texts that events after `since` have changed, and how far was read."""
    events = Event.objects.filter(conversation=row, seq__gt=since, seq__lte=row.head_seq)
    told = events.filter(type__in=[*CHANGES, *TITLES]).order_by("seq")
    found: set[Name] = set()
    rows = list(told.values_list("seq", "type", "text")[:MAX_EVENTS])
    for _seq, kind, text in rows:
        if kind in TITLES:
            found.add(TITLE)
            continue
        of, field = CHANGES[kind]
        key = json.loads(text).get(field)
        if isinstance(key, str):
            found.add((of, key))
    return found, rows[-1][0] if len(rows) == MAX_EVENTS else row.head_seq


def _read(row: Conversation, names: Collection[Name]) -> list[Found]:
    try:
        return list(texts.read(row.pk, names))
    except set_aside.OUTAGES:
        raise
    except Exception:
        log.exception("A text of %s cannot be read; each by itself.", row.pk)
    found: list[Found] = []
    for name in sorted(names):
        try:
            found += texts.read(row.pk, [name])
        except set_aside.OUTAGES:
            raise
        except Exception as problem:
            _aside(row.pk, name, problem)
    return found


def _aside(conversation: UUID, name: Name, problem: Exception) -> None:
    set_aside.put_aside(TEXTS, f"{conversation}:{name[0]}:{name[1]}", problem)


def _rows(row: Conversation, found: Iterable[Found]) -> list[SearchText]:
    rows = []
    for one in found:
        try:
            rows.append(_row(row, one))
        except Exception as problem:
            _aside(row.pk, one.name, problem)
    return [one for one in rows if one.words]


def _row(row: Conversation, found: Found) -> SearchText:
    words = words_of(row.owner_id, tokens(fold(found.text[:MAX_CHARS]).text))
    return SearchText(
        conversation_id=row.pk,
        owner_id=row.owner_id,
        kind=found.kind,
        key=found.key,
        item=found.item,
        seq=found.seq,
        branch=found.branch,
        at=found.at,
        words=words,
    )


def _write(conversation: UUID, names: Collection[Name], rows: list[SearchText]) -> None:
    """Inside a transaction."""
    by_kind: dict[str, list[str]] = {}
    for kind, key in names:
        by_kind.setdefault(kind, []).append(key)
    for kind, keys in by_kind.items():
        SearchText.objects.filter(conversation_id=conversation, kind=kind, key__in=keys).delete()
    for start in range(0, len(rows), CHUNK):
        _insert(rows[start : start + CHUNK])


def _insert(rows: list[SearchText]) -> None:
    try:
        with transaction.atomic():
            SearchText.objects.bulk_create(rows)
    except set_aside.OUTAGES:
        raise
    except Exception:
        # One of them the database refuses: each by itself.
        for row in rows:
            try:
                with transaction.atomic():
                    row.save(force_insert=True)
            except set_aside.OUTAGES:
                raise
            except Exception as problem:
                _aside(row.conversation_id, (row.kind, row.key), problem)


def _index_again(key: str) -> None:
    conversation, kind, name = key.split(":", 2)
    index_one(UUID(conversation), (kind, name))


#: Conversations to be read, by their ids.
SCANS = set_aside.register(
    set_aside.Queue("search.scan", _("a conversation that search reads"), lambda key: again(UUID(key)))
)
#: Texts to be indexed, by "conversation:kind:key".
TEXTS = set_aside.register(set_aside.Queue("search.text", _("a text that search indexes"), _index_again))
