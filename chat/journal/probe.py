"""Whether the journal can be written: a row that is written again and again, and a little room that is asked for.

A full disk lets many a write pass, into pages that are there already, and refuses the next conversation. So the probe
asks for new room, which it gives back at once.
"""

import asyncio
import tempfile
from pathlib import Path

from django.db import ProgrammingError, connections, transaction

from chat.models import Installation
from chat.session.errors import JournalUnavailable
from chat.support.clock import now_ms
from chat.support.database import Database

#: Bytes of room that must be there.
ROOM = 64_000
#: Rows that fill pages without being compressed or moved aside.
_GROW = """
CREATE TEMP TABLE IF NOT EXISTS holdfast_probe (filler text) ON COMMIT DELETE ROWS;
INSERT INTO pg_temp.holdfast_probe SELECT repeat('x', 1900) FROM generate_series(1, 32);
"""


class JournalProbe:
    """For one event loop. However often it is asked, one look at most is under way: a database that hangs has one
    thread of ours, and not one more with each question."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._running: asyncio.Task[None] | None = None

    async def look(self, seconds: float) -> None:
        """Return once the journal was written. Raises JournalUnavailable, after so many seconds at most."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._database.run(write, self._database.using))
            self._running.add_done_callback(_seen)
        await asyncio.wait({self._running}, timeout=seconds)
        if not self._running.done():
            raise JournalUnavailable(f"The database has not answered for {seconds:.1f} s.")
        self._running.result()


def _seen(task: "asyncio.Task[None]") -> None:
    if not task.cancelled():
        task.exception()  # whoever asked may have gone; asyncio need not report it


def write(using: str) -> None:
    """Write and commit. Blocks. Raises what the driver says, and JournalUnavailable if there is no room."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        _room_beside(Path(str(connection.settings_dict["NAME"])))
    with transaction.atomic(using=using):
        if not Installation.objects.using(using).filter(number=1).update(probed_at=now_ms()):
            Installation.objects.using(using).get_or_create(number=1)
        if connection.vendor == "postgresql":
            try:
                with transaction.atomic(using=using), connection.cursor() as cursor:
                    cursor.execute(_GROW)
            except ProgrammingError:
                pass  # whoever may make no temporary tables is spared this part


def _room_beside(database: Path) -> None:
    """SQLite reuses its pages, and keeps new ones in memory up to the commit; a file beside it needs room."""
    if not database.parent.is_dir():
        return  # kept in memory
    try:
        with tempfile.TemporaryFile(prefix=".room-", dir=database.parent, buffering=0) as file:
            left = ROOM
            while left > 0:
                left -= file.write(b"\xff" * left) or 0
    except OSError as problem:
        raise JournalUnavailable(f"There is no room beside the database ({problem.strerror}).") from problem
