"""Files that come with messages: kept once uploaded, bound to a conversation when sent, read when a model is asked.

    upload ─► row without a conversation ─► bound by the command that sends it ─► named in the journal (MessageAdded)
                     │ a day without being sent          │ its conversation is deleted (`Journal.delete`)
                     ▼                                   ▼
                  removed, row and file (`clean`)     the same (`let_go`; `clean` where that was not reached)

A file's bytes lie in Django's default storage under its id; nobody's name is part of a path.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from agents import events as e
from agents.attachments import FileContent
from chat import set_aside
from chat.files import sniffing
from chat.files.pictures import pictures
from chat.journal.journal import Journal
from chat.limits import usage
from chat.limits.decide import decide
from chat.limits.table import most
from chat.models import Attachment, QueueFailure
from chat.session.errors import Rejected

log = logging.getLogger(__name__)

#: Milliseconds after which a file that was uploaded and not sent is removed.
UNSENT_MS = 24 * 3600 * 1000
#: Unsent files that one person may have at a time.
MAX_UNSENT = 100
#: Files of a deleted conversation that go at once; more are left to the next tidying.
MAX_LET_GO = 50
#: Longer edge, in pixels, of a picture as a model gets it; providers shrink larger ones themselves.
MODEL_EDGE = 2048
#: Pictures of these types go to a model as they are, if they are small enough.
_PLAIN = ("image/png", "image/jpeg", "image/webp")
_PLAIN_BYTES = 4_000_000
#: Pictures prepared at the same time in one process: each may take a few hundred MB for a moment.
_preparing = ThreadPoolExecutor(2, thread_name_prefix="attachments")


class Taken(Exception):
    """The id belongs to another file already."""


class TooManyFiles(Exception):
    """The person has too many files that were not sent."""


class FilesFull(Exception):
    """The person's files take as much room as they may; the text says what to do."""


def limits() -> sniffing.FileLimits:
    """The limits of one file, from the settings."""
    return sniffing.FileLimits(settings.HOLDFAST_MAX_FILE_BYTES, settings.HOLDFAST_MAX_IMAGE_PIXELS)


def ref(row: Attachment) -> e.AttachmentRef:
    """A file as events and items name it."""
    return e.AttachmentRef(id=str(row.id), name=row.name, media_type=row.media_type, size=row.size)


def keep(owner: int, id: UUID, name: str, data: bytes, now: int) -> tuple[Attachment, bool]:
    """Check and store a file; (its row, whether it is new). The same id with the same bytes again changes nothing.

    Raises uploads.Unfit, Taken, TooManyFiles and FilesFull. Uploads at the same moment do not see each other: together
    they may pass a limit by what each of them brings.
    """
    name = sniffing.clean_name(name)
    digest = hashlib.sha256(data).hexdigest()
    if (known := _same(owner, id, digest)) is not None:
        return known, False
    kind = sniffing.media_type(name, data, limits())
    unsent = Attachment.objects.filter(owner_id=owner, conversation=None, created_at__gt=Attachment.LET_GO)
    if unsent.count() >= MAX_UNSENT:
        raise TooManyFiles
    allowed = most(("files",))
    if any(allowed.values()):
        refusal = decide({"files": usage.file_bytes(owner)}, allowed, now, adds=len(data))
        if refusal is not None:
            raise FilesFull(str(refusal.limit.told))
    row = Attachment(
        id=id, owner_id=owner, name=name, media_type=kind, size=len(data), sha256=digest, created_at=now
    )
    row.file.save(str(id), ContentFile(data), save=False)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        # The same upload came twice at once: its first copy stands.
        row.file.delete(save=False)
        known = _same(owner, id, digest)
        if known is None:
            raise
        return known, False
    return row, True


def _same(owner: int, id: UUID, digest: str) -> Attachment | None:
    row = Attachment.objects.filter(id=id).first()
    if row is not None and (row.owner_id != owner or row.sha256 != digest):
        raise Taken
    return row


async def bind(
    journal: Journal, owner: int, conversation: str, ids: Sequence[str]
) -> tuple[e.AttachmentRef, ...]:
    """Give the owner's files to one of their conversations, all or none; raises Rejected for what is not theirs.

    Doing it again for the same conversation changes nothing, so a command may be tried as often as it takes.
    """
    if not ids:
        return ()
    wanted = [UUID(id) for id in ids]

    def work() -> list[Attachment]:
        free = models.Q(conversation=None) | models.Q(conversation=UUID(conversation))
        mine = Attachment.objects.using(journal.using).filter(free, id__in=wanted, owner_id=owner)
        with transaction.atomic(using=journal.using):
            if mine.update(conversation=UUID(conversation)) != len(set(wanted)) or len(set(ids)) != len(ids):
                transaction.set_rollback(True, using=journal.using)
                return []
            return list(Attachment.objects.using(journal.using).filter(id__in=wanted))

    rows = {row.id: row for row in await journal.ask(work)}
    if not rows:
        raise Rejected("unknown_attachment")
    return tuple(ref(rows[id]) for id in wanted)


@dataclass(frozen=True)
class ConversationFiles:
    """The files of one conversation, for its agent: `agents.attachments.Files` over the storage.

    `ask` runs a question to SQL in a thread, and has patience with a database that is away.
    """

    conversation: str
    ask: Callable[[Callable[[], Attachment | None]], Awaitable[Attachment | None]]
    using: str = "default"

    async def read(self, id: str) -> FileContent | None:
        """The file as a model may get it, or None if it is not there (any more) or cannot be read."""
        row = await self.ask(lambda: self._row(id))
        if row is None:
            return None
        return await asyncio.get_running_loop().run_in_executor(_preparing, prepared, row)

    def _row(self, id: str) -> Attachment | None:
        mine = Attachment.objects.using(self.using).filter(conversation=UUID(self.conversation))
        return mine.filter(id=UUID(id)).first()


def prepared(row: Attachment) -> FileContent | None:
    """A file's bytes; a picture no larger than a model can use, and never an animated one."""
    try:
        with row.file.open("rb") as file:
            data: bytes = file.read()
        if not row.media_type.startswith("image/"):
            return FileContent(row.media_type, data)
        plain = _PLAIN_BYTES if row.media_type in _PLAIN else 0
        found = pictures.shrunk(data, MODEL_EDGE, plain, limits().pixels)
        return FileContent(row.media_type, data) if found is None else FileContent(*found)
    except Exception as problem:  # The storage, or a damaged picture: the model is told that it is missing.
        log.warning("Attachment %s cannot be read: %s", row.id, problem)
        return None


def of_conversation(conversation: str, using: str = "default") -> list[UUID]:
    """The files that are bound to a conversation, as many as may be removed while its owner waits."""
    rows = Attachment.objects.using(using).filter(conversation_id=UUID(conversation))
    return list(rows.values_list("id", flat=True)[:MAX_LET_GO])


def let_go(ids: Sequence[UUID], using: str = "default") -> int:
    """Remove files whose conversation was just deleted; how many. What is not removed now, `clean` finds later."""
    return sum(_try_to_remove(id, using) for id in ids)


def clean(now: int, older_ms: int = UNSENT_MS, using: str = "default") -> int:
    """Remove files that were uploaded and never sent, or whose conversation was deleted; how many. Harmless in several
    processes at once. One that cannot be removed keeps no other from it."""
    rows = Attachment.objects.using(using).filter(conversation=None, created_at__lt=now - older_ms)
    aside = QueueFailure.objects.using(using).filter(queue=UNSENT.name, aside=True)
    rows = rows.exclude(id__in=[UUID(key) for key in aside.values_list("key", flat=True)])
    found = list(rows.order_by("created_at").values_list("id", flat=True)[:1000])
    return sum(_try_to_remove(id, using) for id in found)


def _try_to_remove(id: UUID, using: str) -> bool:
    failed: Exception | None = None
    try:
        return _remove(id, using)
    except set_aside.OUTAGES:
        raise
    except Exception as problem:
        failed = problem
    if Attachment.objects.using(using).filter(id=id).exists():
        set_aside.raised(UNSENT, str(id), failed)
    else:
        set_aside.put_aside(UNSENT, str(id), failed)  # its row is gone, and the storage still has the file
    return False


def _remove(id: UUID, using: str) -> bool:
    # A condition and not `row.delete()`: it may be sent at this very moment. The file goes once that is certain.
    with transaction.atomic(using=using):
        gone, _ = Attachment.objects.using(using).filter(id=id, conversation=None).delete()
    return gone > 0


def _remove_again(key: str) -> None:
    """The row may be gone and its file not."""
    row = Attachment(id=UUID(key))
    if Attachment.objects.filter(id=row.id).exists():
        return  # the next round finds it
    place: Any = Attachment._meta.get_field("file")
    name = place.generate_filename(row, key)
    if Attachment.objects.filter(file=name).exists():
        return  # another conversation has it
    try:
        row.file.storage.delete(name)
    except OSError as problem:
        raise ValueError(f"The storage does not remove it: {problem}") from None


#: Files that were uploaded and never sent, by their ids.
UNSENT = set_aside.register(set_aside.Queue("upload", _("an uploaded file to be removed"), _remove_again))
