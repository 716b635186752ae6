"""Bodies of deliveries that are too large for a row: kept in Django's default storage, under an id of their own.

    body ─► keep ─► named by its firing (`body`) ─► read again, when it is fired again or looked at
                          │ the firing is deleted, or KEPT_MS have passed
                          ▼
                       removed

A file is written before its row, so a process that dies in between leaves one that nobody names; it is removed a day
later (chat/retention/strays.py).
"""

import logging
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

log = logging.getLogger(__name__)

#: Bytes of a body that its row keeps; of a larger one it keeps the beginning, and the storage the whole.
LARGE = 64 * 1024
#: How long the whole is kept (milliseconds).
KEPT_MS = 30 * 24 * 3_600_000
FOLDER = "deliveries"
FORM = "application/x-www-form-urlencoded"


def keep(body: bytes, kind: str) -> str:
    """Store a body of this media type; its name."""
    id = str(uuid4())
    suffix = "form" if kind.split(";")[0].strip().lower() == FORM else "body"
    return default_storage.save(f"{FOLDER}/{id[-2:]}/{id}.{suffix}", ContentFile(body))


def read(name: str) -> tuple[bytes, str] | None:
    """A body and its media type (as far as that matters); None if it is not there (any more)."""
    try:
        with default_storage.open(name, "rb") as file:
            return file.read(), FORM if name.endswith(".form") else ""
    except Exception as problem:  # each storage has errors of its own
        log.warning("The body %s cannot be read: %s", name, problem)
        return None


def remove(name: str) -> None:
    """Remove a body, if there is one. Never raises: one that stays costs its room and nothing else."""
    if not name:
        return
    try:
        default_storage.delete(name)
    except Exception as problem:  # each storage has errors of its own
        log.error("The body %s cannot be removed: %s", name, problem)
