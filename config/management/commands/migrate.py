"""Django's `migrate`, which does not make everybody wait behind it.

A change of a table waits for whoever uses the table, and all who come after it wait for the change. So on PostgreSQL it
gives up after a moment and tries again, until it finds a gap.
"""

import time
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections

#: How long one change may wait for the tables that it needs (milliseconds), and everybody else behind it.
LOCK_TIMEOUT_MS = 2_000
#: Tries, and seconds between two. What was applied before is not applied again.
TRIES, PAUSE_S = 30, 2.0
#: What PostgreSQL says when that time was over.
NOT_AVAILABLE = "55P03"


class Command(migrate.Command):
    """As Django's, but it waits for locks in short pieces."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Apply what is missing. Raises CommandError if the tables were never free for long enough."""
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            super().handle(*args, **options)
            return
        for left in reversed(range(TRIES)):
            try:
                with connection.cursor() as cursor:
                    cursor.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
                super().handle(*args, **options)
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
