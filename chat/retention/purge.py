"""Deleting rows with what hangs on them: leaves first, few at a time, files before the rows that name them.

    purge_some(rows, most) ─► how many rows went in this one transaction; 0: nothing is left

Django's own deletion loads every row that hangs on one before it deletes the first. Here nothing is remembered between
two calls, so whoever dies in between leaves less to do and nothing half done: a row goes after all that hangs on it,
and a file before its row, which is how it is found again.
"""

import time
from collections.abc import Callable
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import QuerySet

#: What a transaction may take (ms): others wait for SQLite's one write lock that long, and for a moment more.
TARGET_MS = 10.0
#: Rows of one transaction, at least and at most.
MIN_ROWS, MAX_ROWS = 20, 500
#: After a transaction nothing is written for so many times as long as it took, and for so long at least (seconds).
REST, MIN_REST_S = 3.0, 0.01
#: What stands for a row that is gone in the log of the admin, which goes on to say who did something and when.
GONE = "–"

#: What is done before rows of a model and the files of its file fields go: given the rows.
_before: dict[type[models.Model], "Callable[[QuerySet[Any]], None]"] = {}


class Pace:
    """How many rows go at a time, and how long others have the database to themselves in between."""

    def __init__(self, rows: int = 100) -> None:
        self.rows = rows

    def took(self, seconds: float) -> float:
        """A transaction has taken so long; how long to rest now (seconds)."""
        if seconds * 1000 > TARGET_MS:
            self.rows = max(MIN_ROWS, self.rows // 2)
        elif seconds * 2000 < TARGET_MS:
            self.rows = min(MAX_ROWS, self.rows * 2)
        return max(MIN_REST_S, REST * seconds)


def before(model: type[models.Model], work: "Callable[[QuerySet[Any]], None]") -> None:
    """Have `work` called with rows of `model` right before they and their files go. It must be harmless when it is
    called again."""
    _before[model] = work


def purge_some(rows: "QuerySet[Any]", most: int) -> int:
    """Delete up to `most` rows: of what hangs on the first of `rows`, else of themselves; how many."""
    model = rows.model
    pks = list(rows.order_by().values_list("pk", flat=True)[:most])
    if not pks:
        return 0
    using = rows.db
    for relation in relations(model, models.CASCADE):
        hanging = relation.related_model._base_manager.using(using).filter(
            **{f"{relation.field.name}__in": pks}
        )
        if gone := purge_some(hanging, most):
            return gone
    found = model._base_manager.using(using).filter(pk__in=pks)
    if work := _before.get(model):
        work(found)
    for field in model._meta.concrete_fields:
        if isinstance(field, models.FileField):
            _remove_files(found, field.name, pks)
    # What came in between, and what is only to be let go of (SET_NULL), is Django's.
    with transaction.atomic(using=using):
        _unname(model, pks, using)
        found.delete()
    return len(pks)


def _remove_files(found: "QuerySet[Any]", name: str, pks: list[Any]) -> None:
    """Remove the files of rows, but those that other rows name, too."""
    files = [file for row in found if (file := getattr(row, name))]
    shared: set[str] = set()
    if getattr(found.model, "SHARES_FILES", False):
        others = found.model._base_manager.using(found.db).exclude(pk__in=pks)
        names = others.filter(**{f"{name}__in": [file.name for file in files]}).values_list(name, flat=True)
        shared = set(names)
    for file in files:
        if file.name not in shared:
            file.storage.delete(file.name)


def purge(rows: "QuerySet[Any]", batch: int = 0) -> int:
    """Delete all of them, at a pace that leaves room for others; how many rows went, with what hung on them. `batch`:
    so many at a time. Blocks."""
    pace, gone = Pace(batch or 100), 0
    while True:
        began = time.monotonic()
        some = purge_some(rows, batch or pace.rows)
        if not some:
            return gone
        gone += some
        time.sleep(pace.took(time.monotonic() - began))


def relations(model: type[models.Model], on_delete: Any) -> list[Any]:
    """What points at a model and is deleted, or protects it. Those without a name of their own count, too."""
    fields = model._meta.get_fields(include_hidden=True)
    return [
        one
        for one in fields
        if one.auto_created and not one.concrete and getattr(one, "on_delete", None) is on_delete
    ]


def _unname(model: type[models.Model], pks: list[Any], using: str) -> None:
    """The log of the admin names rows by their titles: not those that are gone."""
    kind = ContentType.objects.db_manager(using).get_for_model(model)
    told = LogEntry.objects.using(using).filter(content_type=kind)
    if told.exists():
        told.filter(object_id__in=[str(pk) for pk in pks]).exclude(object_repr=GONE).update(object_repr=GONE)
