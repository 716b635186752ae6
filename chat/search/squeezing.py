"""Taking words of deleted texts out of SQLite's index: FTS5 only notes that a text is gone, and keeps its words until
segments are merged. PostgreSQL's index is cleaned by autovacuum.

A merge of everything is done in steps (https://www.sqlite.org/fts5.html#the_merge_command), so that nobody waits long
for the one write lock. SQLite 3.42 could forget at once (`secure-delete`); Debian 12 has 3.40.
"""

from django.db import connections

from chat.search.fields import FTS

#: Pages that one step writes.
PAGES = 100


def squeeze(using: str, *, first: bool) -> bool:
    """One step; whether there is more to do. `first`: begin anew, with all segments there are."""
    connection = connections[using]
    if connection.vendor != "sqlite":
        return False
    with connection.cursor() as cursor:
        before = connection.connection.total_changes
        cursor.execute(f"INSERT INTO {FTS}({FTS}, rank) VALUES ('merge', %s)", [-PAGES if first else PAGES])
        # Less than two changes: only the command itself was written.
        return bool(connection.connection.total_changes - before >= 2)
