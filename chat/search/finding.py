"""What a person finds in their conversations: asked of the index, checked in the texts, newest first.

    words ─► the index of this person ─► the texts as they stand now ─► those in which it really is, with snippets

Whoever asks is told of their own conversations alone, those that are in their list (`chat.models.listed`): not of
others', not of deleted ones, and not how many of these there are. What one request does is bounded: it goes through
`MAX_LOOKED` texts at most and says from where to go on.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from agents.branches import Path
from chat.journal import on_path
from chat.models import Conversation, SearchText, listed
from chat.search import texts
from chat.search.fields import Wanted
from chat.search.query import Query
from chat.search.snippets import Snippet, snippet
from chat.search.texts import KINDS, Found

#: Texts of one page, texts that are looked at for it, and how many of these at a time.
PAGE, MAX_LOOKED, CHUNK = 20, 240, 40
#: Titles that are found beside the first page.
MAX_TITLES = 5
#: Places that are found within one conversation, and texts that are looked at for them.
MAX_PLACES = 1_000


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked through; None: everything. `since` and `until` are milliseconds."""

    kinds: Collection[str] = KINDS
    entrance: str = ""
    agent: str = ""
    archived: bool | None = None
    since: int | None = None
    until: int | None = None
    conversation: UUID | None = None


#: Where a page ends: `at` and the number of the last row that was looked at.
Cursor = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Hit:
    """One text in which it is, with the conversation it stands in."""

    conversation: Conversation
    found: Found
    snippet: Snippet


@dataclass(slots=True)
class Page:
    """`next`: from where to go on; None: there is nothing more. A page may be short, or empty, and still have more."""

    hits: list[Hit] = field(default_factory=list)
    next: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """An item of a conversation in which it is."""

    seq: int
    item: str
    kind: str
    branch: str


def search(owner: int, query: Query, filters: Filters, after: Cursor | None = None) -> Page:
    """A page of what this person has with these words, newest first."""
    page = Page()
    if not query.terms or not filters.kinds:
        return page
    # Asked once: what a common word finds has to be put in order as a whole, however little of it is read.
    rows = list(_rows(owner, query, filters, after)[: MAX_LOOKED + 1])
    looked = rows[:MAX_LOOKED]
    for start in range(0, len(looked), CHUNK):
        for row, found, piece in _checked(owner, query, looked[start : start + CHUNK]):
            if piece is None:
                continue
            page.hits.append(Hit(found[0], found[1], piece))
            if len(page.hits) == PAGE:
                page.next = (row.at, row.pk) if row is not rows[-1] else None
                return page
    if len(rows) > MAX_LOOKED:
        page.next = (looked[-1].at, looked[-1].pk)
    return page


def titles(owner: int, query: Query, filters: Filters) -> list[Hit]:
    """The newest conversations of this person whose titles have these words."""
    if not query.terms:
        return []
    wanted = Filters(("title",), filters.entrance, filters.agent, filters.archived)
    rows = list(_rows(owner, query, wanted, None)[:CHUNK])
    found = [
        Hit(one[0], one[1], piece)
        for _, one, piece in _checked(owner, query, rows)
        if one is not None and piece is not None
    ]
    found.sort(key=lambda hit: hit.conversation.updated_at, reverse=True)
    return found[:MAX_TITLES]


def within(
    owner: int, conversation: Conversation, query: Query, branch: str | None
) -> tuple[list[Place], int]:
    """The places of a conversation in which it is, in their order, on the path of a branch (None: the one that is
    shown); and how many more are on other branches. `conversation`: one of this person's."""
    if not query.terms:
        return [], 0
    rows = list(_rows(owner, query, Filters(conversation=conversation.pk), None)[:MAX_PLACES])
    path = on_path.path_of(conversation.branches, branch)
    here: dict[str, Place] = {}
    elsewhere: set[str] = set()
    for start in range(0, len(rows), CHUNK):
        for _, found, piece in _checked(owner, query, rows[start : start + CHUNK]):
            if piece is None or not found:
                continue
            text = found[1]
            if _holds(path, text):
                here.setdefault(text.item, Place(text.seq, text.item, text.kind, text.branch))
            else:
                elsewhere.add(text.item)
    return sorted(here.values(), key=lambda place: place.seq), len(elsewhere)


def _holds(path: Path | None, found: Found) -> bool:
    return path is None or path.holds(found.branch, found.seq)


def _rows(owner: int, query: Query, filters: Filters, after: Cursor | None) -> "QuerySet[SearchText]":
    rows = SearchText.objects.filter(
        words__matches=Wanted(owner, query),
        owner_id=owner,
        kind__in=filters.kinds,
        # The same conversations as `listed` has.
        conversation__owner_id=owner,
        conversation__deleted_at__isnull=True,
        conversation__head_seq__gt=0,
    )
    if filters.conversation is not None:
        rows = rows.filter(conversation_id=filters.conversation)
    if filters.entrance:
        rows = rows.filter(conversation__entrance=filters.entrance)
    if filters.agent:
        rows = rows.filter(conversation__agent=filters.agent)
    if filters.archived is not None:
        rows = rows.filter(conversation__archived_at__isnull=not filters.archived)
    if filters.since is not None:
        rows = rows.filter(at__gte=filters.since)
    if filters.until is not None:
        rows = rows.filter(at__lt=filters.until)
    if after is not None:
        at, pk = after
        rows = rows.filter(Q(at__lte=at) & (Q(at__lt=at) | Q(at=at, pk__lt=pk)))
    return rows.order_by(F("at").desc(), F("pk").desc()).defer("words")


def _checked(
    owner: int, query: Query, rows: Sequence[SearchText]
) -> Iterator[tuple[SearchText, Any, Snippet | None]]:
    """Of each row in its order: the conversation and the text as it stands, and the place in it; None where it is not
    there (any more), or nobody may see it."""
    own = {one.pk: one for one in _listed(owner, {row.conversation_id for row in rows})}
    names = [(row.conversation_id, (row.kind, row.key)) for row in rows if row.conversation_id in own]
    there = {(id, found.name): found for id, found in texts.read_all(names)}
    for row in rows:
        found = there.get((row.conversation_id, (row.kind, row.key)))
        marks = query.marks(found.text) if found is not None else []
        if found is None or not marks:
            yield row, None, None
        else:
            yield row, (own[row.conversation_id], found), snippet(found.text, marks)


def _listed(owner: int, ids: Collection[UUID]) -> "QuerySet[Conversation]":
    rows = listed(owner).order_by().filter(pk__in=ids)
    return rows.defer("info", "run", "window", "seen")
