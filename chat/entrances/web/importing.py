"""Bringing a conversation of one's own in from an export, over HTTP.

POST /api/conversations/import   multipart: `file`, and perhaps `id`, a UUID made by the client for the new
                                 conversation; answers {"id": …, "missing": […], "closed": …}

One that is repeated with the same id has one effect.
"""

from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.http import HttpRequest
from ninja import File, Form, Router, Status, UploadedFile

from chat.entrances.web.beginning import made_before, may_begin
from chat.entrances.web.shapes import Begun
from chat.http.pages import Door, answers
from chat.http.refusals import RequestRefused, allowance
from chat.notify import doorbell
from chat.portable.reading import BadImport, read
from chat.portable.store import Taken, bring_in

#: Bytes of a form around its file.
FORM = 16 * 1024
#: Imports of one user in this process.
importing = allowance(burst=10, rate=0.1)


def _max_bytes() -> int:
    return int(settings.HOLDFAST_MAX_IMPORT_BYTES) + FORM


ROUTER = Router(auth=Door(importing, importing, _max_bytes))


@ROUTER.post("/conversations/import", response=answers(Begun, created=True))
def bring_in_own(
    request: HttpRequest, file: File[UploadedFile], id: Form[UUID | None] = None
) -> Begun | Status[Begun]:
    """Import one from a file that an export made."""
    user = request.user
    if id is not None and made_before(user, id) is not None:
        return Begun(id=str(id), missing=[], closed=False)
    may_begin(user)
    try:
        document = read(file.read(), settings.HOLDFAST_MAX_IMPORT_BYTES)
        done = bring_in(document, user, user.get_username(), id=id)
    except BadImport as problem:
        raise RequestRefused(422, "bad_import", str(problem)) from None
    except Taken:
        raise RequestRefused(409, "id_reused", "This id belongs to another conversation.") from None
    assert user.pk is not None
    async_to_sync(doorbell.ring_user)(user.pk)
    return Status(201, Begun(id=str(done.conversation.pk), missing=done.missing[:50], closed=done.closed))
