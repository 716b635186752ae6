"""What statements read of a database: rows that are looked at on PostgreSQL, hundreds of steps of its virtual machine
on SQLite.

Both are counts and no times, so that a busy machine does not change them. Blocks would be no measure: the same fifty
rows lie on two of them in a small table, and on fifty in a large one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Steps of SQLite's virtual machine that count as one.
STEPS = 100


class Cost:
    """What was read, and by which statements: (cost, statement, plan)."""

    def __init__(self) -> None:
        self.statements: list[tuple[int, str, str]] = []

    @property
    def total(self) -> int:
        """All of it."""
        return sum(cost for cost, _, _ in self.statements)

    def told(self) -> str:
        """The most expensive statements, with their plans."""
        worst = sorted(self.statements, reverse=True)[:3]
        return "\n\n".join(f"{cost}: {text[:1500]}\n{plan}" for cost, text, plan in worst)


@contextmanager
def measured() -> Iterator[Cost]:
    """What is read by the statements that this thread makes meanwhile."""
    from django.db import connection

    meter = (_Rows if connection.vendor == "postgresql" else _Steps)(connection)
    with meter, connection.execute_wrapper(meter.watch):
        yield meter.cost


class _Rows:
    """PostgreSQL: each question is explained while it is carried out once more."""

    def __init__(self, connection: Any) -> None:
        self.connection, self.cost = connection, Cost()

    def __enter__(self) -> _Rows:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def watch(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Django calls it for each statement."""
        if not many and sql.startswith("SELECT"):
            with self.connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
                plan = cursor.fetchone()[0][0]["Plan"]
            self.cost.statements.append((_looked_at(plan), sql, "\n".join(_lines(plan))))
        return execute(sql, params, many, context)


def _looked_at(plan: dict[str, Any]) -> int:
    """Rows that the scans of a plan have looked at, whether they were wanted or not."""
    parts = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    here = sum(plan.get(part, 0) for part in parts) * plan["Actual Loops"] if "Relation Name" in plan else 0
    return round(here) + sum(_looked_at(child) for child in plan.get("Plans", []))


def _lines(plan: dict[str, Any], depth: int = 0) -> Iterator[str]:
    names = ("Node Type", "Relation Name", "Index Name", "Index Cond", "Filter")
    what = " ".join(str(plan[name]) for name in names if name in plan)
    yield f"{'  ' * depth}{what} rows={plan['Actual Rows']} x{plan['Actual Loops']}"
    for child in plan.get("Plans", []):
        yield from _lines(child, depth + 1)


class _Steps:
    """SQLite: it calls us after so many steps. What a statement costs is counted until the next one begins, because its
    rows are made while they are fetched."""

    def __init__(self, connection: Any) -> None:
        self.connection, self.cost = connection, Cost()
        self._steps, self._before = 0, 0

    def __enter__(self) -> _Steps:
        self.connection.ensure_connection()
        self.connection.connection.set_progress_handler(self._step, STEPS)
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.connection.set_progress_handler(None, 0)
        self._close()

    def _step(self) -> int:
        self._steps += 1
        return 0

    def _close(self) -> None:
        """The last statement is over."""
        if self.cost.statements:
            _, sql, plan = self.cost.statements[-1]
            self.cost.statements[-1] = (self._steps - self._before, sql, plan)

    def watch(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Django calls it for each statement."""
        self._close()
        self._before = self._steps
        self.cost.statements.append((0, sql, "" if many else self._plan(sql, params)))
        return execute(sql, params, many, context)

    def _plan(self, sql: str, params: Any) -> str:
        if not sql.startswith(("SELECT", "UPDATE", "DELETE")):
            return ""
        cursor = self.connection.connection.cursor()
        try:
            question = sql.replace("%%", "%").replace("%s", "?")
            rows = cursor.execute(f"EXPLAIN QUERY PLAN {question}", tuple(params or ()))
            return "\n".join(row[3] for row in rows.fetchall())
        finally:
            cursor.close()
