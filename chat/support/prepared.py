"""Questions that are asked for every message: Django puts their SQL together once, and not each time.

    OWNER = Prepared(lambda id: Conversation.objects.filter(id=id).values_list("owner_id", "deleted_at"))
    found = OWNER.first("default", key_of(connections["default"], conversation))

What the driver returns comes as it is: true and false are 1 and 0 on SQLite, and JSON is text. Must be asked in a
thread of the database.
"""

from collections.abc import Callable
from inspect import signature
from typing import Any

from django.db import connections
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL


class Prepared:
    """A queryset with one value for each parameter of `build`. A value must be as its column holds it (`key_of`)."""

    def __init__(self, build: Callable[..., "QuerySet[Any, Any]"]) -> None:
        self._build = build
        #: By the vendor of the database: the SQL, and which value goes into which place of it.
        self._made: dict[str, tuple[str, list[Any]]] = {}

    def rows(self, using: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows."""
        connection = connections[using]
        made = self._made.get(connection.vendor)
        if made is None:
            made = self._made[connection.vendor] = self._make(using)
        sql, places = made
        with connection.cursor() as cursor:
            cursor.execute(sql, [values[one.number] if isinstance(one, _Slot) else one for one in places])
            return list(cursor.fetchall())

    def first(self, using: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row, or None. The queryset says in which order, and should end after one (`[:1]`)."""
        found = self.rows(using, *values)
        return found[0] if found else None

    def _make(self, using: str) -> tuple[str, list[Any]]:
        slots = [RawSQL("%s", [_Slot(number)]) for number in range(len(signature(self._build).parameters))]
        sql, places = self._build(*slots).using(using).query.get_compiler(using).as_sql()
        return sql, list(places)


class _Slot:
    """Where a value goes."""

    def __init__(self, number: int) -> None:
        self.number = number
