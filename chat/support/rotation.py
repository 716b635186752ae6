"""Another SECRET_KEY for everything that is stored encrypted: what is under which key, and sealing it again.

    DJANGO_SECRET_KEY=<new>  DJANGO_SECRET_KEY_FALLBACKS=<old>   all is read, new secrets are under the new one
    manage.py rotate_keys                                        what is under the old one is sealed again
    DJANGO_SECRET_KEY_FALLBACKS=                                 the old one opens nothing any more

Columns are found by what their fields say (`sealed_for`), in all apps that are installed, those of packages too. A row
is changed only if it still holds what was read: what somebody enters meanwhile stays. Whoever stops in the middle
starts again: what was done is under the new key, and is left alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Model, TextField, Value
from django.db.models.functions import Cast

from agents.serving.sealing import SEALED_FOR, key_number, sealed_again

#: Rows that are read at a time.
BATCH = 200


@dataclass(frozen=True)
class Column:
    """One encrypted column of a table."""

    model: type[Model]
    name: str
    purpose: str

    @property
    def label(self) -> str:
        return f"{self.model._meta.label}.{self.name}"


@dataclass
class Count:
    """Rows of a column by the number of their key (0: SECRET_KEY), and those that no key opens, by primary key."""

    by_key: dict[int, int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    @property
    def old(self) -> int:
        """Rows that are to be sealed again."""
        return sum(rows for key, rows in self.by_key.items() if key)

    def add(self, key: int | None, pk: object) -> None:
        """One row more."""
        if key is None:
            self.unreadable.append(str(pk))
        else:
            self.by_key[key] = self.by_key.get(key, 0) + 1


def columns() -> list[Column]:
    """Every encrypted column of this installation."""
    found = [
        Column(model, one.name, str(getattr(one, SEALED_FOR)))
        for model in apps.get_models(include_auto_created=True)
        for one in model._meta.local_concrete_fields
        if getattr(one, SEALED_FOR, "")
    ]
    return sorted(found, key=lambda column: column.label)


def keys() -> int:
    """How many keys there are, SECRET_KEY and its fallbacks."""
    return 1 + len(settings.SECRET_KEY_FALLBACKS)


def count(column: Column, batch: int = BATCH) -> Count:
    """What of a column is under which key. Blocks; reads all rows that hold something."""
    told = Count()
    for pk, sealed in _rows(column, batch):
        told.add(key_number(column.purpose, sealed), pk)
    return told


def rotate(column: Column, batch: int = BATCH, most: int | None = None) -> Count:
    """Seal again what is under an older key, `most` rows of it; what the column is like then. Rows that no key opens
    stay as they are: the key may be found again. Blocks."""
    told, done = Count(), 0
    for pk, sealed in _rows(column, batch):
        key = key_number(column.purpose, sealed)
        if key and (most is None or done < most):
            new = sealed_again(column.purpose, sealed)
            mine = _raw(column).filter(pk=pk, raw=sealed)
            if mine.update(**{column.name: Value(new, output_field=TextField())}):
                key, done = 0, done + 1
        told.add(key, pk)
    return told


def _raw(column: Column) -> Any:
    """The rows with what the database really holds, as `raw`: the field itself would open it."""
    rows = column.model._base_manager.annotate(raw=Cast(column.name, TextField()))
    return rows.exclude(raw=None).exclude(raw="")


def _rows(column: Column, batch: int) -> Iterator[tuple[Any, str]]:
    """(primary key, sealed text) of each row that holds one, in batches by primary key."""
    last: Any = None
    while True:
        rows = _raw(column).order_by("pk")
        if last is not None:
            rows = rows.filter(pk__gt=last)
        found = list(rows.values_list("pk", "raw")[:batch])
        yield from found
        if len(found) < batch:
            return
        last = found[-1][0]
