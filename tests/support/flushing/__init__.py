"""Django's backends, with a flush for tests: rows are deleted where there are any.

To empty all tables takes a tenth of a second and more, after each test that commits; most tests fill a handful. What
migrations left behind stays: it is the same for every test, and to make it anew takes as long again (see
`django_db_setup` in tests/conftest.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: Filled by migrations alone.
MAX_KEPT = frozenset({"django_content_type", "auth_permission", "chat_installation"})


def deletes(connection: Any, tables: Iterable[str]) -> list[str]:
    """Statements that empty those of these tables that have rows. Keys are checked at the end of the transaction, so
    any order will do."""
    quoted = {table: connection.ops.quote_name(table) for table in tables if table not in MAX_KEPT}
    if not quoted:
        return []
    asked = [f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {name})" for table, name in quoted.items()]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        filled = [table for (table,) in cursor.fetchall()]
    return [f"DELETE FROM {quoted[table]};" for table in filled]


class Flushing:
    """For a backend's `DatabaseOperations`, before Django's own."""

    connection: Any

    def sql_flush(
        self, style: Any, tables: Any, *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> list[str]:
        """See `deletes`; with sequences, what Django does."""
        if reset_sequences:
            django: Any = super()
            statements: list[str] = django.sql_flush(
                style, tables, reset_sequences=True, allow_cascade=allow_cascade
            )
            return statements
        return deletes(self.connection, tables)
