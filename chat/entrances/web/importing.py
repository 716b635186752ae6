"""Bringing a conversation of one's own in from an export, over HTTP.

POST /api/conversations/import   multipart: `file`; answers {"id": …, "missing": […], "closed": …}
"""

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from chat.authorization import logged_in
from chat.http.api import Answer, Created, RequestRefused, allowance, endpoint
from chat.limits import usage
from chat.limits.decide import decide
from chat.limits.table import most
from chat.notify import doorbell
from chat.portable.reading import BadImport, read
from chat.portable.store import ENTRANCE, bring_in
from chat.support.clock import now_ms

#: Bytes of a form around its file.
FORM = 16 * 1024
#: Imports of one user in this process.
importing = allowance(burst=10, rate=0.1)


def _max_bytes() -> int:
    return int(settings.HOLDFAST_MAX_IMPORT_BYTES) + FORM


def _import(request: HttpRequest) -> Answer:
    user, file = request.user, request.FILES.get("file")
    if user.pk is None or not logged_in(user.pk, user.pk, active=user.is_active).may("begin"):
        raise RequestRefused(403, "forbidden", "You may begin no conversation.")
    if not isinstance(file, UploadedFile):
        raise RequestRefused(400, "refused", "The form has no `file`.")
    allowed = most(("conversations",))
    if any(allowed.values()):
        used = usage.conversations(user.pk, ENTRANCE)
        if (refusal := decide({"conversations": used}, allowed, now_ms())) is not None:
            raise RequestRefused(429, refusal.limit.code, str(refusal.limit.told))
    try:
        document = read(file.read(), settings.HOLDFAST_MAX_IMPORT_BYTES)
        done = bring_in(document, user, user.get_username())
    except BadImport as problem:
        raise RequestRefused(422, "bad_import", str(problem)) from None
    async_to_sync(doorbell.ring_user)(user.pk)
    return Created(id=str(done.conversation.pk), missing=done.missing[:50], closed=done.closed)


bring_in_own = endpoint(importing, importing, _max_bytes, form=True, POST=_import)
