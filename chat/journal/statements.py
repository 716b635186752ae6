"""Rows written without the ORM: many with one statement, for the few tables into which each append writes.

The tables, their columns and their defaults are Django's; only the way is shorter. A row is a dict of columns by the
names of the model's fields; what it lacks has the default of its field. Must be called inside a transaction, in a
thread of the database. Values must be as the column holds them: text without U+0000 (`clean`), JSON as a Python value.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.support.fields import JsonText

Row = Mapping[str, Any]

#: Values in one statement. SQLite has a limit, and Django goes by the lowest of them that is known.
MAX_VALUES = 900


def key_of(connection: BaseDatabaseWrapper, id: UUID) -> Any:
    """A UUID as a column of this database holds it."""
    return id if connection.features.has_native_uuid_field else id.hex


class Table:
    """How rows of `model` are written. A row that is there already (`unique`: the fields of a unique constraint) is
    written over in its columns `replace`; with none of these it stays as it is."""

    def __init__(
        self, model: type[models.Model], unique: Sequence[str] = (), replace: Sequence[str] | None = None
    ) -> None:
        fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
        self._name = f'"{model._meta.db_table}"'
        self._columns = {field.name: f'"{field.column}"' for field in fields}
        self._json = frozenset(field.name for field in fields if isinstance(field, JsonText))
        #: What a new row has where nothing else is said.
        self.defaults = {field.name: field.get_default() for field in fields if not field.has_db_default()}
        if replace is None:
            replace = [name for name in self._columns if name not in unique]
        self._conflict = self._on_conflict(unique, replace) if unique else ""
        self._insert = cache(self._inserting)
        self._update = cache(self._updating)

    def _on_conflict(self, unique: Sequence[str], replace: Sequence[str]) -> str:
        key = ", ".join(self._columns[name] for name in unique)
        if not replace:
            return f" ON CONFLICT ({key}) DO NOTHING"
        changes = ", ".join(f"{self._columns[name]} = EXCLUDED.{self._columns[name]}" for name in replace)
        return f" ON CONFLICT ({key}) DO UPDATE SET {changes}"

    def insert(self, connection: BaseDatabaseWrapper, rows: Sequence[Row]) -> int:
        """Write the rows, which all have the same columns. How many of them were written."""
        if not rows:
            return 0
        names = tuple({**self.defaults, **rows[0]})
        written = 0
        size = max(1, MAX_VALUES // len(names))
        with connection.cursor() as cursor:
            for start in range(0, len(rows), size):
                some = rows[start : start + size]
                values = [
                    self._value(name, row[name] if name in row else self.defaults[name])
                    for row in some
                    for name in names
                ]
                cursor.execute(self._insert(names, len(some)), values)
                written += cursor.rowcount
        return written

    def update(self, connection: BaseDatabaseWrapper, where: Row, changes: Row) -> int:
        """Change the rows in which all of `where` holds. How many there were."""
        values = [self._value(name, value) for name, value in (*changes.items(), *where.items())]
        with connection.cursor() as cursor:
            cursor.execute(self._update(tuple(where), tuple(changes)), values)
            return int(cursor.rowcount)

    def _value(self, name: str, value: Any) -> Any:
        return dumped(value) if name in self._json else value

    def _inserting(self, names: tuple[str, ...], rows: int) -> str:
        columns = ", ".join(self._columns[name] for name in names)
        row = f"({', '.join(['%s'] * len(names))})"
        return f"INSERT INTO {self._name} ({columns}) VALUES {', '.join([row] * rows)}{self._conflict}"

    def _updating(self, where: tuple[str, ...], changes: tuple[str, ...]) -> str:
        changed = ", ".join(f"{self._columns[name]} = %s" for name in changes)
        held = " AND ".join(f"{self._columns[name]} = %s" for name in where)
        return f"UPDATE {self._name} SET {changed} WHERE {held}"


#: JSON as a column has it (`JsonText`).
dumped = JsonText().get_prep_value
