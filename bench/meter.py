"""Counts of what one process asks of its stores: statements and write transactions of SQLite, commands of Redis and
the reads in which they come. Counts do not change with the machine, as times do.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import redis
from django.db.backends.signals import connection_created

#: What begins a transaction, ends it, or is none of the product's doing.
_FRAME = re.compile(r"(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|PRAGMA)\b", re.IGNORECASE)
_WRITE = re.compile(r"(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)
#: What moves the head of a conversation: there is one of these for each append.
_HEAD = re.compile(r'UPDATE "?chat_conversation"? SET .*head_seq', re.IGNORECASE | re.DOTALL)
#: Redis has executed these for us, not for Holdfast.
_OURS = ("info", "client|setinfo")


@dataclass
class Counts:
    """What something took. `redis` are all commands, also those within `scripts`; `trips` the reads in which they came.
    `cpu` is in milliseconds of this process and of Redis."""

    sql: float = 0
    writes: float = 0
    appends: float = 0
    scripts: float = 0
    redis: float = 0
    trips: float = 0
    cpu: float = 0
    statements: Counter[str] = field(default_factory=Counter)

    def each(self, number: int) -> dict[str, float]:
        """The counts for one of so many."""
        names = ("sql", "writes", "appends", "scripts", "redis", "trips")
        return {name: round(getattr(self, name) / number, 2) for name in names}


class Meter:
    """Counts from `begin` to `end`. Make it before the first connection to SQLite is opened."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url, decode_responses=True)
        self._connections: list[Any] = []
        self._counts = Counts()
        self._trace = True
        self._before = (0, 0, 0)
        #: How often we have asked Redis ourselves.
        self._asks = 0
        connection_created.connect(self._opened)

    def _opened(self, connection: Any, **_: Any) -> None:
        self._connections.append(connection)
        self._watch(connection, trace=self._trace)

    def _watch(self, connection: Any, *, trace: bool) -> None:
        raw = connection.connection

        def seen(sql: str) -> None:
            counts = self._counts
            if _FRAME.match(sql):
                counts.writes += sql.upper().startswith("BEGIN IMMEDIATE")
                return
            counts.sql += 1
            counts.writes += bool(_WRITE.match(sql)) and not raw.in_transaction
            counts.appends += bool(_HEAD.match(sql))
            counts.statements[re.sub(r"'[^']*'|\d+", "?", sql)[:150]] += 1

        if raw is not None:
            raw.set_trace_callback(seen if trace else None)

    def begin(self, *, trace: bool = True) -> None:
        """Count from now on; without `trace` no statements, so that counting costs no time."""
        self._trace = trace
        for connection in self._connections:
            self._watch(connection, trace=trace)
        self._counts = Counts()
        self._before = self._asked()
        self._counts.cpu = -self._cpu()

    def end(self) -> Counts:
        """What has come since `begin`."""
        self._counts.cpu += self._cpu()
        scripts, commands, reads = self._asked()
        self._counts.scripts = scripts - self._before[0]
        self._counts.redis = commands - self._before[1]
        self._counts.trips = reads - self._before[2]
        return self._counts

    def _cpu(self) -> float:
        told: Any = self._redis.info("cpu")
        self._asks += 1
        return time.process_time() * 1000 + (told["used_cpu_sys"] + told["used_cpu_user"]) * 1000

    def _asked(self) -> tuple[int, int, int]:
        told: Any = self._redis.info("commandstats")
        calls = {name.removeprefix("cmdstat_"): one["calls"] for name, one in told.items()}
        stats: Any = self._redis.info("stats")
        self._asks += 2
        commands = sum(number for name, number in calls.items() if name not in _OURS)
        return calls.get("evalsha", 0), commands, stats["total_reads_processed"] - self._asks
