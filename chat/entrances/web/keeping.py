"""What people do with whole conversations, over HTTP: pin, archive, take along.

    POST /api/marks                       {"ids": […], "pinned": true, "archived": false}: unnamed marks stay
    GET  /api/conversations/<id>/export   ?form=markdown or json: a file

Marks are of the list and not of the conversation: no event tells of them, and nothing that is shown of it changes.
"""

from typing import Any, Literal
from uuid import UUID

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field

from chat.entrances.web.shapes import Marked
from chat.http.downloads import download
from chat.http.pages import Door, answers
from chat.http.refusals import RequestRefused, allowance
from chat.journal import export as exporting
from chat.models import Call, Conversation, Message, Step, listed
from chat.notify import doorbell
from chat.portable.writing import lines
from chat.support.clock import MACHINE

#: Conversations that are marked at once, and that one person may have pinned.
MAX_MARKED, MAX_PINNED = 100, 50
#: Bytes of a request: so many ids.
MAX_BYTES = 8_000
#: Items of one exported file. What is longer is a matter for an administrator.
MAX_ITEMS = 20_000

reading = allowance(burst=20, rate=1)
writing = allowance(burst=60, rate=5)
ROUTER = Router(auth=Door(reading, writing, MAX_BYTES))


class Marks(BaseModel):
    """What is to be marked, and how; None leaves a mark as it is."""

    model_config = ConfigDict(extra="forbid")

    ids: list[UUID] = Field(min_length=1, max_length=MAX_MARKED)
    pinned: bool | None = None
    archived: bool | None = None


@ROUTER.post("/marks", response=answers(Marked))
def mark(request: HttpRequest, wanted: Marks) -> Marked:
    """Mark some of the list."""
    assert request.user.pk is not None
    own = listed(request.user.pk)
    now = MACHINE.now()
    changes: dict[str, Any] = {}
    if wanted.archived is not None:
        changes["archived_at"] = now if wanted.archived else None
        if wanted.archived:
            changes["pinned_at"] = None  # what is put away is not at hand
    if wanted.pinned is not None and not wanted.archived:
        changes["pinned_at"] = now if wanted.pinned else None
    if wanted.pinned and own.filter(pinned_at__isnull=False).exclude(id__in=wanted.ids).count() >= MAX_PINNED:
        raise RequestRefused(409, "too_many_pinned", f"At most {MAX_PINNED} conversations can be pinned.")
    if wanted.pinned:
        changes["archived_at"] = None
    # `update`, so that nothing else of a row that a worker changes at the same time is written.
    marked = own.order_by().filter(id__in=wanted.ids).update(**changes) if changes else 0
    async_to_sync(doorbell.ring_user)(request.user.pk)
    return Marked(marked=marked)


@ROUTER.get("/conversations/{uuid:conversation}/export", response=answers(None))
def export(
    request: HttpRequest, conversation: UUID, form: Literal["markdown", "json"] = "markdown"
) -> HttpResponse:
    """A file of a conversation: to be read, or to be imported again."""
    row = listed(request.user.pk).filter(pk=conversation).first()
    if row is None:
        raise RequestRefused(404, "not_found", "You have no such conversation.")
    items = _items(row)
    info = {"id": str(row.id), "title": row.title, "agent": row.agent, "created_at": row.created_at}
    name = row.title or "conversation"
    if form == "json":
        # What imports again, and the items for whoever only reads. Prompts of agents are not their users'.
        text = "".join(lines(row, prompts=False, also={"items": items}))
        return download(text, f"{name}.json", "application/json")
    return download(exporting.as_markdown(info, items), f"{name}.md", "text/markdown")


def _items(row: Conversation) -> list[dict[str, Any]]:
    """The items of a conversation in their order, calls with their whole results."""
    found: list[Any] = []
    for kind in (Message, Step):
        rows = kind.objects.filter(conversation=row).order_by("seq")
        found += list(rows.values_list("seq", "body")[: MAX_ITEMS + 1])
    if len(found) > MAX_ITEMS:
        told = f"It has more than {MAX_ITEMS:,} items; ask an administrator for it."
        raise RequestRefused(413, "too_large", told)
    results = dict(Call.objects.filter(conversation=row).values_list("call", "result"))
    items = [body for _, body in sorted(found, key=lambda one: one[0])]
    for item in items:
        for call in item.get("calls", ()):
            call["result"] = results.get(call["id"], "")
    return items
