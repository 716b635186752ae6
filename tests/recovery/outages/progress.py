"""How soon everybody goes on after an outage: seen from outside, by a look at SQL every tenth of a second.

The clocks of processes may be wrong, so the times in events prove nothing here. The looker is the superuser, for whom
PostgreSQL has a connection when nobody else gets one.
"""

from __future__ import annotations

import contextlib
import threading
import time
from bisect import bisect_left
from types import TracebackType

import psycopg

from tests.support.postgres import Postgres

#: Seconds between two looks.
EVERY_S = 0.1

_LOOK = """
    SELECT c.id::text, c.head_seq,
           EXISTS (SELECT 1 FROM chat_run r WHERE r.conversation_id = c.id
                    AND r.status IN ('queued', 'running', 'recovering'))
      FROM chat_conversation c
"""


class Progress:
    """`with Progress(postgres) as progress: …; progress.after(moment)`. Moments are monotonic seconds."""

    def __init__(self, postgres: Postgres, database: str) -> None:
        self._address = postgres.url(database)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="progress")
        #: When what was seen changed: moments, and beside them (seq of each conversation, those with work to do).
        self._moments: list[float] = []
        self._seen: list[tuple[dict[str, int], frozenset[str]]] = []

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def after(self, moment: float) -> list[float]:
        """For each conversation with work to do at `moment`: seconds until something happened in it."""
        first = bisect_left(self._moments, moment)
        if first == len(self._moments):
            return []
        before, active = self._seen[first]
        found: list[float] = []
        for conversation in active:
            for at, (seqs, _) in zip(self._moments[first + 1 :], self._seen[first + 1 :], strict=True):
                if seqs.get(conversation, 0) > before[conversation]:
                    found.append(at - moment)
                    break
        return found

    def _look_on(self) -> None:
        while not self._over.wait(EVERY_S):
            with contextlib.suppress(psycopg.Error):
                with psycopg.connect(self._address, connect_timeout=2, autocommit=True) as connection:
                    while not self._over.wait(EVERY_S):
                        rows = connection.execute(_LOOK).fetchall()
                        self._note({str(id): int(seq) for id, seq, _ in rows}, rows)

    def _note(self, seqs: dict[str, int], rows: list[tuple[str, int, bool]]) -> None:
        self._moments.append(time.monotonic())
        self._seen.append((seqs, frozenset(str(id) for id, _, active in rows if active)))
