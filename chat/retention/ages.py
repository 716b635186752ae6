"""Old rows of a table that has no index by time: their keys grow with time, so the key up to which they are old is
found by halving, in a number of questions that does not grow."""

from typing import Any

from django.db.models import Max, Min, QuerySet


def aged(rows: "QuerySet[Any]", column: str, before: Any) -> "QuerySet[Any]":
    """Those of `rows` whose `column` is less than `before`; the primary key must be a number that grows with it."""
    old = rows.filter(**{f"{column}__lt": before})
    bound = _bound(rows.model._base_manager.using(rows.db).order_by("pk"), column, before)
    return old.filter(pk__lte=bound)


def _bound(rows: "QuerySet[Any]", column: str, before: Any) -> int:
    """The key of the newest old row; 0: there is none. Rows near the bound may be out of order: those wait."""
    # Not the first and the last of them: SQLite would sort the keys of a smaller index for that.
    first, last = rows.order_by().aggregate(Min("pk")), rows.order_by().aggregate(Max("pk"))
    low, high = (first["pk__min"] or 0) - 1, last["pk__max"] or 0
    while low < high:
        middle = (low + high + 1) // 2
        # Keys have gaps: the last row at or before the middle says how old things are there.
        found = rows.filter(pk__lte=middle).values_list("pk", column).last()
        if found is None or found[1] < before:
            low = middle
        else:
            high = min(middle, found[0]) - 1
    return int(low)
