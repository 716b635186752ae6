"""Files over HTTP: uploading one before it is sent, and reading it back (rule W11).

    POST /api/attachments        multipart: `id` (a UUID made by the client) and `file`; answers the attachment
    GET  /api/attachments/<id>   the file, for its owner

An upload that is repeated with the same id and the same bytes has one effect, so a client may retry it.
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Router, Status, UploadedFile

from agents.events import AttachmentRef
from chat.files import attachments
from chat.files.sniffing import UnfitFile
from chat.http.files import served
from chat.http.pages import Door, answers
from chat.http.refusals import RequestRefused, allowance
from chat.models import Attachment
from chat.support.clock import now_ms

#: Bytes of a form around its file.
FORM = 16 * 1024
#: Uploads of one user in this process: some messages full of files at once, then one file every two seconds.
uploading = allowance(burst=30, rate=0.5)
#: Downloads: a transcript full of pictures at once.
reading = allowance(burst=200, rate=20)


def _max_bytes() -> int:
    return settings.HOLDFAST_MAX_FILE_BYTES + FORM


ROUTER = Router(auth=Door(reading, uploading, _max_bytes))


@ROUTER.post("/attachments", response=answers(AttachmentRef, created=True))
def upload(
    request: HttpRequest, id: Form[UUID], file: File[UploadedFile]
) -> AttachmentRef | Status[AttachmentRef]:
    """Keep the file of a form."""
    row, new = _keep(request, id, file)
    shown = attachments.ref(row)
    return Status(201, shown) if new else shown


def _keep(request: HttpRequest, id: UUID, file: UploadedFile) -> tuple[Attachment, bool]:
    assert request.user.pk is not None
    if (file.size or 0) > settings.HOLDFAST_MAX_FILE_BYTES:
        raise RequestRefused(413, "too_large", f"A file may have {settings.HOLDFAST_MAX_FILE_BYTES:,} bytes.")
    try:
        return attachments.keep(request.user.pk, id, file.name or "", file.read(), now_ms())
    except UnfitFile as unfit:
        status = 413 if unfit.code in ("too_large", "too_many_pixels") else 415
        raise RequestRefused(status, unfit.code, unfit.detail) from None
    except attachments.Taken:
        raise RequestRefused(409, "id_reused", "This id belongs to another file.") from None
    except attachments.TooManyFiles:
        detail = "Too many files wait to be sent. Send or wait; they are removed after a day."
        raise RequestRefused(429, "too_many_files", detail) from None
    except attachments.FilesFull as full:
        raise RequestRefused(413, "files_full", str(full)) from None


@ROUTER.api_operation(
    ["HEAD"], "/attachments/{uuid:attachment}", response=answers(None), include_in_schema=False
)
@ROUTER.get("/attachments/{uuid:attachment}", response=answers(None))
def download(request: HttpRequest, attachment: UUID) -> HttpResponse:
    """The bytes of a file. A picture is shown, text is offered for saving; neither may run anything."""
    response = served(_own(request.user.pk, attachment))
    if response is None:
        raise RequestRefused(404, "not_found", "The file is not there any more.")
    return response


def _own(user: Any, id: UUID) -> Attachment:
    row = Attachment.objects.select_related("conversation").filter(id=id, owner_id=user).first()
    gone = row is not None and row.conversation is None and row.created_at == Attachment.LET_GO
    if row is None or gone or (row.conversation is not None and row.conversation.deleted_at is not None):
        raise RequestRefused(404, "not_found", "You have no such file.")
    return row
