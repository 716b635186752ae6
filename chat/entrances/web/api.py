"""What the page reads over HTTP: who it talks for, the list, older items, whole calls.

Only reads: every change is a command on the socket.
"""

from typing import Annotated, Any
from uuid import UUID

from django.conf import settings
from django.db.models import Min
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.templatetags.static import static
from ninja import Router

from agents.events.vocabulary import VOCABULARY
from agents.models import Agent, installed_tools
from chat import extensions
from chat.commands import MAX_TEXT
from chat.entrances.web import protocol as p
from chat.entrances.web import shapes as s
from chat.entrances.web.greeting import token_of
from chat.http.pages import Before, Door, Nothing, answers, whole
from chat.http.refusals import END, RequestRefused, allowance
from chat.journal import on_path
from chat.journal.timeline import PASSED_OVER, as_json
from chat.journal.timeline import timeline as spans_of
from chat.models import Call, Conversation, Event, Message, Run, Step, listed
from chat.support.clock import MACHINE

#: Rows of one page, unless asked otherwise, and at most.
PAGE, MAX_PAGE = 30, 100
#: Characters of a search.
MAX_QUERY = 200
#: Events of a run that its timeline is made of, at most.
MAX_EVENTS = 3_000
#: Bytes of a request: it has none to say.
MAX_BYTES = 1_000

#: Requests of one user in this process: a page that opens and scrolls fast makes some dozens at once.
reading = allowance(burst=120, rate=20)
ROUTER = Router(auth=Door(reading, reading, MAX_BYTES))

Limit = Annotated[int, whole(PAGE, 1, MAX_PAGE)]


@ROUTER.get("/boot", response=answers(p.Boot))
def boot(request: HttpRequest) -> p.Boot:
    """What the page needs before its socket."""
    agents = Agent.objects.filter(enabled=True)
    return p.Boot(
        user=request.user.get_username(),
        agents=[p.AgentEntry(slug=a.slug, name=a.name, description=a.description) for a in agents],
        csrf=get_token(request),
        hello_token=token_of(request.session.session_key),
        admin=request.user.is_staff,
        max_text=MAX_TEXT,
        max_file=settings.HOLDFAST_MAX_FILE_BYTES,
        max_import=settings.HOLDFAST_MAX_IMPORT_BYTES,
        renderers={name: static(path) for name, path in installed_tools().renderers().items()},
        entrances={one.name: str(one.label) for one in extensions.entrances()},
    )


@ROUTER.get("/conversations", response=answers(p.ConversationList), exclude_unset=True)
def conversations(
    request: HttpRequest, q: str = "", before: Before = END, limit: Limit = PAGE, archived: str = ""
) -> p.ConversationList:
    """The list, newest first; `before` is the `updated_at` of the last one seen. Pinned ones stand before the first
    page, in the order in which they were pinned last, and on no other. `archived=1`: those that were put away."""
    query = q.strip()
    if len(query) > MAX_QUERY:
        raise RequestRefused(400, "refused", f"Search for {MAX_QUERY} characters at most.")
    away = archived == "1"
    mine = listed(request.user.pk).filter(archived_at__isnull=not away)
    if query:
        mine = mine.filter(title__icontains=query)
    # What a list does not show may be large.
    mine = mine.defer("info", "run", "window", "branches", "seen")
    pinned: list[Conversation] = []
    if before == END and not away:
        pinned = list(mine.filter(pinned_at__isnull=False).order_by("-pinned_at"))
    found = mine.filter(updated_at__lt=before, pinned_at__isnull=True)
    rows = list(found[: limit + 1])
    more = len(rows) > limit
    if more:
        rows = _cut(rows)
    return p.ConversationList.model_construct(
        conversations=[_entry(row) for row in (*pinned, *rows)], more=more
    )


def _cut(rows: list[Conversation]) -> list[Conversation]:
    """A full page without the one row too many. Rows of the same millisecond stay on one page, because the
    next page begins before a time; unless they fill a page of their own."""
    boundary = rows[-1].updated_at
    return [row for row in rows if row.updated_at != boundary] or rows[:-1]


def _entry(row: Conversation) -> p.ConversationEntry:
    # Thirty rows come with every first load, and hardly one of them has a mark. A state that another release has
    # stored is passed on as it is.
    marks = {"pinned": row.pinned_at is not None, "archived": row.archived_at is not None}
    fields: dict[str, Any] = {
        "id": str(row.id),
        "title": row.title,
        "agent": row.agent,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "run_status": row.run_status or None,
        **{name: True for name, is_so in marks.items() if is_so},
    }
    return p.ConversationEntry.model_construct(**fields)


@ROUTER.get("/conversations/{uuid:conversation}/items", response=answers(s.ItemPage))
def items(
    request: HttpRequest,
    conversation: UUID,
    before: Before = END,
    limit: Limit = PAGE,
    branch: str | None = None,
    after: Annotated[int, whole(-1, 0, END)] = -1,
) -> s.ItemPage:
    """Older items, ascending, as they stand now; of a branch, or of the one that is shown. With `after` (a seq)
    instead of `before`: those behind a place, the first ones."""
    own, branches = _own(request, conversation)
    path = on_path.path_of(branches, branch)
    order = "-seq" if after < 0 else "seq"
    rows: list[tuple[int, Any]] = []
    for kind in (Message, Step):
        found = on_path.on(kind.objects.filter(conversation=own, seq__lt=before, seq__gt=after), path)
        rows += found.order_by(order).values_list("seq", "body")[: limit + 1]
    rows.sort(key=lambda row: row[0], reverse=after < 0)
    # The bodies were made by the reducer and are what a snapshot would show: they are passed on as they are.
    page = sorted(rows[:limit], key=lambda row: row[0])
    return s.ItemPage(items=[body for _, body in page], more=len(rows) > limit)


@ROUTER.get("/conversations/{uuid:conversation}/calls/{str:call}", response=answers(p.CallDetail))
def call(request: HttpRequest, conversation: UUID, call: str) -> p.CallDetail:
    """A call with all of its arguments and its result."""
    own, _ = _own(request, conversation)
    row = Call.objects.filter(conversation=own, call=call).first()
    if row is None:
        raise RequestRefused(404, "not_found", "There is no such call in this conversation.")
    fields: dict[str, Any] = {
        "id": row.call,
        "name": row.name,
        "arguments": row.arguments,
        "result": row.result,
        "status": row.status,
    }
    return p.CallDetail.model_construct(**fields)


@ROUTER.get("/conversations/{uuid:conversation}/runs/{str:run}/timeline", response=answers(s.Timeline))
def timeline(request: HttpRequest, conversation: UUID, run: str) -> s.Timeline:
    """What a run did with its time, span by span."""
    own, _ = _own(request, conversation)
    row = Run.objects.filter(conversation=own, run=run).first()
    if row is None:
        raise RequestRefused(404, "not_found", "There is no such run in this conversation.")
    # The next run begins when this one has ended, so its events lie between two seqs.
    after = Run.objects.filter(conversation=own, seq__gt=row.seq).aggregate(next=Min("seq"))["next"]
    found = Event.objects.filter(conversation=own, seq__gte=row.seq).exclude(type__in=PASSED_OVER)
    if after is not None and row.ended_at is not None:
        found = found.filter(seq__lt=after)
    texts = found.order_by("seq").values_list("text", flat=True)[: MAX_EVENTS + 1]
    events = [VOCABULARY.read(text) for text in texts[:MAX_EVENTS]]
    spans = as_json(spans_of(events, run))
    return s.Timeline(run=run, now=MACHINE.now(), spans=spans, cut=len(texts) > MAX_EVENTS)


#: The last one, behind the addresses of all entrances.
UNKNOWN = Router(auth=Door(reading, reading, MAX_BYTES))


@UNKNOWN.get("/{path:rest}", response=answers(Nothing), include_in_schema=False)
def unknown(request: HttpRequest, rest: str) -> Nothing:
    """Any other address under /api/."""
    raise RequestRefused(404, "not_found", "There is nothing at this address.")


def _own(request: HttpRequest, conversation: UUID) -> tuple[UUID, Any]:
    """The conversation, and its branches if it has any."""
    found = list(listed(request.user.pk).filter(pk=conversation).values_list("branches", flat=True)[:1])
    if not found:
        raise RequestRefused(404, "not_found", "You have no such conversation.")
    return conversation, found[0]
