"""What the page reads over HTTP: who it talks for, the list, older items, whole calls.

Only reads: every change is a command on the socket. Each view answers JSON, and each error is
`{code, detail, retry}`; what is not the user's own is 404, the same as what does not exist (rule W11).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.middleware.csrf import get_token
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from agents.models import Agent, installed_tools
from chat.commands import MAX_TEXT
from chat.entrances.web import protocol as p
from chat.http.limits import Allowance, Limits
from chat.models import Call, Conversation, Message, Step, listed

#: Rows of one page, unless asked otherwise, and at most.
PAGE, MAX_PAGE = 30, 100
#: Characters of a search.
MAX_QUERY = 200
#: Larger than any seq and any time in ms, small enough for every database.
END = 2**62

#: Requests of one user in this process: a page that opens and scrolls fast makes some dozens at once.
allowance = Allowance(Limits(burst=120, rate=20, flood=10_000))


class Refused(Exception):
    """The request cannot be answered; becomes its response."""

    def __init__(self, status: int, code: str, detail: str, retry: bool = False) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"code": code, "detail": detail, "retry": retry}


#: One of the wire's shapes, or a dict that is one already.
Answer = p.Frame | dict[str, Any]
View = Callable[..., Answer]


def reads(view: View) -> Callable[..., JsonResponse]:
    """A GET view of a logged-in user that returns one of the wire's shapes."""

    @require_GET
    @never_cache
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        try:
            if not request.user.is_authenticated:
                raise Refused(401, "logged_out", "Log in again.")
            if not allowance.take(request.user.pk):
                raise Refused(429, "too_fast", "Too many requests. Wait a second.", retry=True)
            answer = view(request, *args, **kwargs)
            body = answer if isinstance(answer, dict) else answer.model_dump()
            return JsonResponse(body, json_dumps_params={"ensure_ascii": False, "separators": (",", ":")})
        except Refused as refusal:
            response = JsonResponse(refusal.body, status=refusal.status)
            if refusal.status == 429:
                response["Retry-After"] = "1"
            return response

    return wrapped


@reads
def boot(request: HttpRequest) -> Answer:
    """GET /api/boot: what the page needs before its socket."""
    agents = Agent.objects.filter(enabled=True)
    return p.Boot(
        user=request.user.get_username(),
        agents=[p.AgentEntry(slug=a.slug, name=a.name, description=a.description) for a in agents],
        csrf=get_token(request),
        admin=request.user.is_staff,
        max_text=MAX_TEXT,
        max_file=settings.HOLDFAST_MAX_FILE_BYTES,
        renderers={name: static(path) for name, path in installed_tools().renderers().items()},
    )


@reads
def conversations(request: HttpRequest) -> Answer:
    """GET /api/conversations?q=&before=&limit=: newest first; `before` is the `updated_at` of the last one seen."""
    query = request.GET.get("q", "").strip()
    if len(query) > MAX_QUERY:
        raise Refused(400, "refused", f"Search for {MAX_QUERY} characters at most.")
    limit = _number(request, "limit", PAGE, 1, MAX_PAGE)
    found = listed(request.user.pk).filter(updated_at__lt=_number(request, "before", END, 0, END))
    if query:
        found = found.filter(title__icontains=query)
    rows = list(found.defer("info", "run", "window")[: limit + 1])
    more = len(rows) > limit
    if more:
        rows = _cut(rows)
    return {"conversations": [_entry(row) for row in rows], "more": more}


def _cut(rows: list[Conversation]) -> list[Conversation]:
    """A full page without the one row too many. Rows of the same millisecond stay on one page, because the
    next page begins before a time; unless they fill a page of their own."""
    boundary = rows[-1].updated_at
    return [row for row in rows if row.updated_at != boundary] or rows[:-1]


def _entry(row: Conversation) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "title": row.title,
        "agent": row.agent,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "run_status": row.run_status or None,
    }


@reads
def items(request: HttpRequest, conversation: UUID) -> Answer:
    """GET /api/conversations/<id>/items?before=<seq>&limit=: older items, ascending, as they stand now."""
    own = _own(request, conversation)
    before = _number(request, "before", END, 0, END)
    limit = _number(request, "limit", PAGE, 1, MAX_PAGE)
    rows: list[tuple[int, Any]] = []
    for kind in (Message, Step):
        rows += _newest(kind.objects.filter(conversation=own), before, limit + 1)
    rows.sort(key=lambda row: row[0], reverse=True)
    page = [body for _, body in reversed(rows[:limit])]
    # The bodies were made by the reducer and are what a snapshot would show: they are passed on as they are.
    return {"items": page, "more": len(rows) > limit}


def _newest(found: "QuerySet[Any]", before: int, limit: int) -> list[tuple[int, Any]]:
    return list(found.filter(seq__lt=before).order_by("-seq").values_list("seq", "body")[:limit])


@reads
def call(request: HttpRequest, conversation: UUID, call: str) -> Answer:
    """GET /api/conversations/<id>/calls/<call>: a call with all of its arguments and its result."""
    own = _own(request, conversation)
    row = Call.objects.filter(conversation=own, call=call).first()
    if row is None:
        raise Refused(404, "not_found", "There is no such call in this conversation.")
    return {
        "id": row.call,
        "name": row.name,
        "arguments": row.arguments,
        "result": row.result,
        "status": row.status,
    }


@reads
def unknown(request: HttpRequest, rest: str) -> Answer:
    """Any other address under /api/."""
    raise Refused(404, "not_found", "There is nothing at this address.")


def _own(request: HttpRequest, conversation: UUID) -> UUID:
    if not listed(request.user.pk).filter(pk=conversation).exists():
        raise Refused(404, "not_found", "You have no such conversation.")
    return conversation


def _number(request: HttpRequest, name: str, default: int, least: int, most: int) -> int:
    """A whole number of the query string. What is beyond its bounds is moved to them."""
    text = request.GET.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise Refused(400, "refused", f"`{name}` must be a whole number.")
    return max(least, min(most, int(text)))
