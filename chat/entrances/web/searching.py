"""Search, over HTTP: what a person finds in all of their conversations, and within one of them.

    GET /api/search?q=&kinds=&entrance=&agent=&archived=&since=&until=&after=   a page of places, newest first
    GET /api/conversations/<id>/find?q=&branch=                                 all places of one conversation, in order

`kinds`: of message, answer and result, with commas. `archived`: 1 for those put away alone, 0 for the others; not
there: both. `since` and `until` are in milliseconds. `after`: what the page before calls `next`. Places of marks are
in UTF-16 code units; no markup is sent.
"""

import re
from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel

from chat.entrances.web import protocol as p
from chat.http.pages import Door, answers, whole
from chat.http.refusals import END, RequestRefused, allowance
from chat.models import listed
from chat.search import finding
from chat.search import query as queries
from chat.search.finding import Cursor, Filters, Hit
from chat.search.query import MAX_QUERY, parse
from chat.search.texts import KINDS

#: Bytes of a request: it has none to say. Characters of the name of an agent or an entrance.
MAX_BYTES, MAX_NAME = 1_000, 100

#: Requests of one user in this process: somebody who types fast.
asking = allowance(burst=30, rate=5)
_CURSOR = re.compile(r"(\d{1,19})-(\d{1,19})")
ROUTER = Router(auth=Door(asking, asking, MAX_BYTES))

Moment = Annotated[int, whole(0, 0, END)]


class Asked(BaseModel):
    """The query string of a search."""

    q: str = ""
    kinds: str = ""
    entrance: str = ""
    agent: str = ""
    archived: Literal["", "0", "1"] = ""
    since: Moment = 0
    until: Moment = 0
    after: str = ""


@ROUTER.get("/search", response=answers(p.SearchPage))
def search(request: HttpRequest, asked: Query[Asked]) -> p.SearchPage:
    """A page of places in all conversations."""
    owner = request.user.pk
    assert owner is not None
    query, filters, after = _query(asked.q), _filters(asked), _after(asked.after)
    page = finding.search(owner, query, filters, after)
    first = finding.titles(owner, query, filters) if after is None else []
    return p.SearchPage(
        titles=[_hit(hit) for hit in first],
        hits=[_hit(hit) for hit in page.hits],
        next=None if page.next is None else "-".join(map(str, page.next)),
    )


@ROUTER.get("/conversations/{uuid:conversation}/find", response=answers(p.PlacePage))
def find(request: HttpRequest, conversation: UUID, q: str = "", branch: str | None = None) -> p.PlacePage:
    """All places of one conversation."""
    owner = request.user.pk
    assert owner is not None
    row = listed(owner).filter(pk=conversation).first()
    if row is None:
        raise RequestRefused(404, "not_found", "You have no such conversation.")
    places, elsewhere = finding.within(owner, row, _query(q), branch)
    return p.PlacePage(
        places=[p.PlaceEntry(seq=one.seq, item=one.item, kind=one.kind, branch=one.branch) for one in places],
        elsewhere=elsewhere,
    )


def _hit(hit: Hit) -> p.SearchHit:
    row, found, piece = hit.conversation, hit.found, hit.snippet
    return p.SearchHit(
        conversation=str(row.pk),
        title=row.title,
        agent=row.agent,
        archived=row.archived_at is not None,
        kind=found.kind,
        item=found.item,
        seq=found.seq,
        branch=found.branch,
        at=found.at if found.kind != "title" else row.updated_at,
        snippet=piece.text,
        marks=[p.FoundMark(start=start, end=end) for start, end in piece.marks],
        cut_before=piece.cut_before,
        cut_after=piece.cut_after,
    )


def _query(typed: str) -> queries.Query:
    typed = typed.strip()
    if len(typed) > MAX_QUERY:
        raise RequestRefused(400, "refused", f"Search for {MAX_QUERY} characters at most.")
    return parse(typed)


def _filters(asked: Asked) -> Filters:
    kinds = set(filter(None, asked.kinds.split(",")))
    if not kinds <= set(KINDS):
        raise RequestRefused(400, "refused", f"`kinds` may name {', '.join(KINDS)}.")
    return Filters(
        kinds=sorted(kinds) or KINDS,
        entrance=_name("entrance", asked.entrance),
        agent=_name("agent", asked.agent),
        archived=None if asked.archived == "" else asked.archived == "1",
        since=asked.since or None,
        until=asked.until or None,
    )


def _name(field: str, name: str) -> str:
    if len(name) > MAX_NAME or "\0" in name:
        raise RequestRefused(400, "refused", f"`{field}` is a name of {MAX_NAME} characters at most.")
    return name


def _after(told: str) -> Cursor | None:
    if not told:
        return None
    found = _CURSOR.fullmatch(told)
    if found is None or not told.isascii():
        raise RequestRefused(400, "refused", "`after` must be what the page before calls `next`.")
    return min(int(found[1]), END), min(int(found[2]), END)
