"""Files in the storage that no row names (any more): whoever wrote or removed them died in between.

    names of a folder ─► those older than a day ─► without those that a row names ─► removed

A file is written before its row, so a young one may get its row yet. Once a day, because a storage lists slowly.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice

from django.core.files.storage import default_storage
from django.utils import timezone

from chat import extensions
from chat.models import Attachment
from chat.retention.policy import StoredFiles

log = logging.getLogger(__name__)

#: A younger file may get its row yet.
YOUNG = timedelta(days=1)
#: Between two looks (ms).
LOOK_MS = 24 * 3_600_000
#: Names that one question is about.
NAMES = 200


def _attachments(names: Sequence[str]) -> set[str]:
    return set(Attachment.objects.filter(file__in=names).values_list("file", flat=True))


def stored() -> tuple[StoredFiles, ...]:
    """Every folder of the storage whose files have rows."""
    of_entrances = (one for entrance in extensions.entrances() for one in entrance.stored)
    return (StoredFiles("attachments", _attachments), *of_entrances)


def remove_strays() -> int:
    """Remove them; how many. Harmless in several processes at once. One that cannot be removed is told and stays."""
    return sum(_of(one) for one in stored())


def _of(files: StoredFiles) -> int:
    names, removed = _below(files.folder), 0
    before = timezone.now() - YOUNG
    while some := list(islice(names, NAMES)):
        known = files.known(some)
        for name in some:
            if name in known:
                continue
            try:
                modified = default_storage.get_modified_time(name)
                if timezone.is_naive(modified):
                    modified = timezone.make_aware(modified)
                # Asked once more: its row may have come since.
                if modified < before and not files.known([name]):
                    default_storage.delete(name)
                    removed += 1
            except OSError as problem:
                log.warning("The file %s, which no row names, stays: %s", name, problem)
    return removed


def _below(folder: str) -> Iterator[str]:
    try:
        folders, names = default_storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        yield f"{folder}/{name}"
    for name in folders:
        yield from _below(f"{folder}/{name}")
