"""The backend, where Django looks for it (`ENGINE`)."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.operations import DatabaseOperations as PostgresOperations


class DatabaseOperations(PostgresOperations):
    def sql_flush(
        self, style: Any, tables: Any, *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> list[str]:
        """Statements that empty these tables. Keys are checked at the end of the transaction, so any order will do."""
        if reset_sequences or not tables:
            return super().sql_flush(
                style, tables, reset_sequences=reset_sequences, allow_cascade=allow_cascade
            )
        quoted = {table: self.quote_name(table) for table in tables}
        asked = [f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {name})" for table, name in quoted.items()]
        with self.connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(asked))
            filled = [table for (table,) in cursor.fetchall()]
        return [f"DELETE FROM {quoted[table]};" for table in filled]


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
