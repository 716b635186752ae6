"""Copying a conversation of one's own, over HTTP.

POST /api/conversations/<id>/copies   {"id": a UUID made by the client for the copy, "message": an item's id}
                                      answers {"id": …, "missing": […], "closed": …}

Without `message` all that is shown is copied, else what stands there up to and with this item. One that is repeated
with the same id has one effect.
"""

from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.http import HttpRequest
from ninja import Router, Status
from pydantic import BaseModel, ConfigDict, Field

from chat.authorization import logged_in
from chat.entrances.web.beginning import made_before, may_begin
from chat.entrances.web.shapes import Begun
from chat.http.pages import Door, answers
from chat.http.refusals import RequestRefused, allowance
from chat.models import Conversation
from chat.notify import doorbell
from chat.portable.copying import NoSuchItem, copy
from chat.portable.reading import BadImport
from chat.portable.store import Imported, Taken

#: Bytes of a request.
MAX_BYTES = 2_000
#: Copies of one user in this process.
copying = allowance(burst=20, rate=0.2)
ROUTER = Router(auth=Door(copying, copying, MAX_BYTES))


class CopyAsked(BaseModel):
    """Under which id the copy is made, and up to which item; None: all that is shown."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    message: str | None = Field(default=None, pattern=r"^[0-9A-Za-z.-]{1,80}$")


@ROUTER.post("/conversations/{uuid:conversation}/copies", response=answers(Begun, created=True))
def copies(request: HttpRequest, conversation: UUID, wanted: CopyAsked) -> Begun | Status[Begun]:
    """Copy it."""
    user = request.user
    row = _readable(user, conversation)
    if (made := made_before(user, wanted.id)) is not None:
        return _again(made, row)
    may_begin(user)
    done: Imported | None = None
    try:
        done = copy(row, wanted.id, user, user.get_username(), wanted.message or "")
    except NoSuchItem:
        raise RequestRefused(404, "not_found", "The conversation has no such item.") from None
    except BadImport as problem:
        raise RequestRefused(422, "bad_import", str(problem)) from None
    except Taken:
        pass  # the same request at the same moment was first, or somebody else's
    if done is None:
        return _again(made_before(user, wanted.id), row)
    assert user.pk is not None
    async_to_sync(doorbell.ring_user)(user.pk)
    return Status(201, Begun(id=str(wanted.id), missing=done.missing[:50], closed=done.closed))


def _readable(user: Any, conversation: UUID) -> Conversation:
    row = Conversation.objects.filter(pk=conversation, deleted_at__isnull=True).first()
    if row is None or not logged_in(user.pk, row.owner_id, active=user.is_active).may("read"):
        raise RequestRefused(404, "not_found", "You have no such conversation.")
    return row


def _again(made: Conversation | None, row: Conversation) -> Begun:
    origin = (made.info or {}).get("copied_from") if made is not None else None
    if made is None or origin is None or origin["conversation"] != str(row.pk):
        raise RequestRefused(409, "id_reused", "This id belongs to another conversation.")
    return Begun(id=str(made.pk), missing=[], closed=False)
