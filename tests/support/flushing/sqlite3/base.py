"""The backend, where Django looks for it (`ENGINE`)."""

from __future__ import annotations

from typing import Any

from django.db.backends.sqlite3 import base
from django.db.backends.sqlite3.operations import DatabaseOperations as Operations

from tests.support.flushing import deletes


class DatabaseOperations(Operations):
    def sql_flush(
        self, style: Any, tables: Any, *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> list[str]:
        """See `deletes`; with sequences, what Django does."""
        if reset_sequences:
            return super().sql_flush(style, tables, reset_sequences=True, allow_cascade=allow_cascade)
        return deletes(self.connection, tables)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
