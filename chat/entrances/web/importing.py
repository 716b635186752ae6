"""Bringing a conversation of one's own in from an export, over HTTP.

POST /api/conversations/import   multipart: `file`, and perhaps `id`, a UUID made by the client for the new
                                 conversation; answers {"id": …, "missing": […], "closed": …}

One that is repeated with the same id has one effect.
"""

from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from chat.entrances.web.beginning import made_before, may_begin
from chat.http.api import Answer, Created, RequestRefused, allowance, endpoint
from chat.notify import doorbell
from chat.portable.reading import BadImport, read
from chat.portable.store import Taken, bring_in

#: Bytes of a form around its file.
FORM = 16 * 1024
#: Imports of one user in this process.
importing = allowance(burst=10, rate=0.1)


def _max_bytes() -> int:
    return int(settings.HOLDFAST_MAX_IMPORT_BYTES) + FORM


def _import(request: HttpRequest) -> Answer:
    user, file, id = request.user, request.FILES.get("file"), _id(request)
    if not isinstance(file, UploadedFile):
        raise RequestRefused(400, "refused", "The form has no `file`.")
    if id is not None and made_before(user, id) is not None:
        return {"id": str(id), "missing": [], "closed": False}
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
    return Created(id=str(done.conversation.pk), missing=done.missing[:50], closed=done.closed)


def _id(request: HttpRequest) -> UUID | None:
    if not (told := request.POST.get("id", "")):
        return None
    try:
        return UUID(told)
    except ValueError:
        raise RequestRefused(400, "refused", "`id` must be a UUID.") from None


bring_in_own = endpoint(importing, importing, _max_bytes, form=True, POST=_import)
