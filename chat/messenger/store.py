"""Events on their way into SQL: those of requests that come at the same time are one transaction.

A burst would otherwise be a line of transactions, each with a commit of its own, and SQLite's one write lock is not
handed out in the order of asking: who waits behind the workers too often answers too late (views.py). What is known
already, and most of a burst of retries is, costs one read for all of them and is not written.
"""

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

from django.db import IntegrityError, connection, transaction

from chat.messenger.database import OUTAGES, in_thread
from chat.messenger.models import InboundMessage

#: Rows of one transaction.
MAX_ROWS = 100

Waiting = tuple[InboundMessage, "Future[None]"]


class Storing:
    """The way into the table for one process: a row whose (app, message id) is there is left as it is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Waiting] = []
        self._writing = False

    async def put(self, row: InboundMessage) -> None:
        """Store a row. It is committed when this returns; if the caller gives up, it may still be stored.
        Raises one of OUTAGES: the database is away or too busy."""
        done: Future[None] = Future()
        with self._lock:
            self._waiting.append((row, done))
            begin, self._writing = not self._writing, True
        if begin:
            in_thread(self._write)
        await asyncio.wrap_future(done)

    def _write(self) -> None:
        """Until nothing waits: what comes in the meantime is the next transaction."""
        while True:
            with self._lock:
                batch, self._waiting = self._waiting[:MAX_ROWS], self._waiting[MAX_ROWS:]
                if not batch:
                    self._writing = False
                    return
            _store(batch)


def _store(batch: list[Waiting]) -> None:
    """Store these rows and tell those who wait. One that the database refuses keeps out no other. Never raises."""
    problem: Exception | None = None
    try:
        if new := _new([row for row, _ in batch]):
            with transaction.atomic():
                _insert(new)
    except OUTAGES as away:
        connection.close()
        problem = away
    except Exception:
        for row, done in batch:
            _tell(done, _alone(row))
        return
    for _, done in batch:
        _tell(done, problem)


def _new(rows: list[InboundMessage]) -> list[InboundMessage]:
    """Those that are not there yet."""
    known: set[tuple[type[InboundMessage], int, str]] = set()
    for kind in {type(row) for row in rows}:
        keys = [(row.app_id, row.message_id) for row in rows if type(row) is kind]
        stored: Any = kind._default_manager  # `app` is a field of each messenger's own model
        found = stored.filter(
            app_id__in={app for app, _ in keys}, message_id__in={message for _, message in keys}
        )
        known |= {(kind, app, message) for app, message in found.values_list("app_id", "message_id")}
    return [row for row in rows if (type(row), row.app_id, row.message_id) not in known]


def _insert(rows: list[InboundMessage]) -> None:
    for kind in {type(row) for row in rows}:
        of_kind = [row for row in rows if type(row) is kind]
        kind._default_manager.bulk_create(of_kind, ignore_conflicts=True)


def _alone(row: InboundMessage) -> Exception | None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return None  # it came before
    except Exception as problem:
        return problem
    return None


def _tell(done: "Future[None]", problem: Exception | None) -> None:
    if not done.set_running_or_notify_cancel():
        return  # nobody waits any more
    if problem is None:
        done.set_result(None)
    else:
        done.set_exception(problem)
