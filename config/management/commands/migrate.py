"""Django's `migrate`, which does not make everybody wait behind it, and can be interrupted at any moment.

A change of a table waits for whoever uses the table, and all who come after it wait for the change. So on PostgreSQL it
gives up after a moment and tries again, until it finds a gap.

Django commits what a migration does before it notes that it was done: whoever is killed in between is told for ever
that the table exists. Here both are one transaction (chat/support/migrations.py).
"""

import time
from contextlib import ExitStack
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections

from chat.support.migrations import noted_as_it_is_done

#: How long one change may wait for the tables that it needs (milliseconds), and everybody else behind it.
LOCK_TIMEOUT_MS = 2_000
#: Tries, and seconds between two. What was applied before is not applied again.
TRIES, PAUSE_S = 30, 2.0
#: What PostgreSQL says when that time was over.
NOT_AVAILABLE = "55P03"


class Command(migrate.Command):
    """As Django's, but it waits for locks in short pieces, and each migration is noted as it is done."""

    _alias = ""
    _one: ExitStack

    def handle(self, *args: Any, **options: Any) -> None:
        """Apply what is missing. Raises CommandError if the tables were never free for long enough."""
        self._alias = options["database"]
        connection = connections[self._alias]
        if connection.vendor != "postgresql":
            self._apply(*args, **options)
            return
        for left in reversed(range(TRIES)):
            try:
                with connection.cursor() as cursor:
                    cursor.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
                self._apply(*args, **options)
            except OperationalError as problem:
                if getattr(problem.__cause__, "sqlstate", "") != NOT_AVAILABLE:
                    raise
                if not left:
                    raise CommandError(
                        "Somebody holds a table that is to be changed, and did not let go of it: nothing was changed "
                        "by this step. Look for a long transaction (pg_stat_activity) and run migrate again."
                    ) from problem
                self.stderr.write(f"A table is in use; trying again in {PAUSE_S:.0f} s …")
                time.sleep(PAUSE_S)
            else:
                return
            finally:
                with connection.cursor() as cursor:
                    cursor.execute("RESET lock_timeout")

    def _apply(self, *args: Any, **options: Any) -> None:
        with ExitStack() as self._one:
            super().handle(*args, **options)

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        """What Django calls before it begins a migration, and after it has noted that it was done (or undone)."""
        super().migration_progress_callback(action, migration, fake)
        if action in ("apply_start", "unapply_start"):
            self._one.enter_context(noted_as_it_is_done(self._alias, migration, adds=action == "apply_start"))
        elif action in ("apply_success", "unapply_success"):
            self._one.close()
