"""Counting the journal: each committed event once, whoever asks, whatever has died. Plain functions for a thread.

    events beyond the position, and those that were missed ─► tally.py ─► one transaction: add to the totals, move on

The journal's row ids are given before they are committed: what has a smaller id may appear later. So ids that are
missing between those that were seen are remembered and looked for again, until nobody can be about to commit them.
(On SQLite there are none: one process writes at a time.) Nothing is counted while nobody asks.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connections, transaction
from django.db.models import Case, F, TextField, Value, When

from agents import events as e
from chat import extensions
from chat.journal import queries
from chat.models import Event, Run
from chat.support.clock import now_ms
from chat.telemetry.models import Reading, Tally
from chat.telemetry.tally import COUNTED, increments

#: Rows of the journal that one transaction counts.
CHUNK = 2_000
#: Seconds in which one who asks counts what has come since; with more there is a next time.
LIMIT_S = 2.0
#: Ids that are missing are looked for again for so long (milliseconds): longer than any transaction lives.
MISSED_MS = 3_600_000
#: The newest so many of them.
MAX_MISSING = 2_000
#: Tries to see everything at one moment, while others count.
TRIES = 5

Row = tuple[int, Any, str, int, str]


@contextmanager
def one_moment(using: str) -> Iterator[None]:
    """A transaction in which all that is read is of one moment. On PostgreSQL it may fail with OperationalError because
    somebody else counts: try again."""
    connection = connections[using]
    begins = not connection.in_atomic_block
    with transaction.atomic(using=using):
        if begins and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def catch_up(using: str = "default", limit_s: float = LIMIT_S) -> None:
    """Count all but the newest of what has come, a chunk in each transaction, for so many seconds at most."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        try:
            with one_moment(using):
                if count(using) < CHUNK:
                    return
        except OperationalError as problem:
            if not collided(problem):
                raise


def collided(problem: OperationalError) -> bool:
    """Whether it was only that somebody else counted in the same moment (serialization failure)."""
    return getattr(problem.__cause__, "sqlstate", "") == "40001"


def count(using: str) -> int:
    """Count one chunk, in the caller's transaction; how many rows it had. It is certain that nothing has come beyond
    it, at the transaction's moment, if they are fewer than CHUNK."""
    reading = _hold(using)
    rows = _rows(using, pk__gt=reading.position)[:CHUNK]
    known = reading.missed()
    late = list(_rows(using, pk__in=list(known))) if known else []
    found = list(rows)
    _add(using, _summed(using, [*late, *found]))
    missing = {id: at for id, at in known.items() if id not in {row[0] for row in late}}
    missing |= _gaps(reading.position, found, now_ms())
    kept = sorted((id, at) for id, at in missing.items() if at > now_ms() - MISSED_MS)[-MAX_MISSING:]
    if found or kept != sorted(known.items()):
        reading.position = found[-1][0] if found else reading.position
        reading.missing = [list(one) for one in kept]
        reading.save(using=using)
    return len(found)


def unread(using: str) -> int:
    """About how many rows of the journal are not counted yet."""
    last = Event.objects.using(using).order_by("-pk").values_list("pk", flat=True).first() or 0
    reading = Reading.objects.using(using).first()
    return max(0, last - (reading.position if reading else 0))


def let_go(conversations: Iterable[Any], using: str = "default") -> None:
    """Call this before conversations are erased, as often as you like: their events are counted first, and those of
    their runs that are not over end now. Nothing to do while nobody has ever asked for totals."""
    ids = list(conversations)
    if not Reading.objects.using(using).exists():
        return
    catch_up(using)
    with transaction.atomic(using=using):
        _hold(using)
        lost = queries.open_runs(using).filter(conversation__in=ids).update(status="stopped")
        _add(using, Counter({("holdfast_runs_ended_total", ("deleted",)): lost}))


def totals(using: str) -> dict[tuple[str, tuple[str, ...]], int]:
    """All totals: (name, values of its labels) → value."""
    rows = Tally.objects.using(using).values_list("name", "labels", "value")
    return {(name, tuple(json.loads(labels))): value for name, labels, value in rows}


def _hold(using: str) -> Reading:
    """The row of whoever counts, held until the transaction ends."""
    held = Reading.objects.using(using).select_for_update().filter(number=1).first()
    if held is None:
        Reading.objects.using(using).bulk_create([Reading(number=1)], ignore_conflicts=True)
        held = Reading.objects.using(using).select_for_update().get(number=1)
    return held


def _rows(using: str, **where: Any) -> Any:
    """(id, conversation, type, at, text); of what is not counted, no text."""
    told = Case(When(type__in=COUNTED, then=F("text")), default=Value(""), output_field=TextField())
    rows = Event.objects.using(using).filter(**where).order_by("pk")
    return rows.values_list("pk", "conversation_id", "type", "at", told)


def _gaps(position: int, rows: list[Row], now: int) -> dict[int, int]:
    """Ids between those that were seen, of which somebody may still be about to commit the event: it is new then, and
    so is its neighbour."""
    missing: dict[int, int] = {}
    before = position
    for id, _, _, at, _ in rows:
        if at > now - MISSED_MS:
            missing |= dict.fromkeys(range(max(before + 1, id - MAX_MISSING), id), now)
        before = id
    return missing


def _summed(using: str, rows: list[Row]) -> Counter[tuple[str, tuple[str, ...]]]:
    told = [(conversation, _event(text)) for _, conversation, _, _, text in rows if text]
    entrances = frozenset(one.name for one in extensions.entrances())
    asked_at = _asked_at(using, [(c, event.run) for c, event in told if isinstance(event, e.RunQueued)])
    sums: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for conversation, event in told:
        if event is None:
            continue
        entrance = asked_at.get((conversation, event.run), "") if isinstance(event, e.RunQueued) else ""
        for name, labels, amount in increments(event, entrance, entrances):
            sums[name, labels] += amount
    return sums


def _event(text: str) -> e.Event | None:
    """The event of a stored text; None if it is none of any release: one such row must not hide all figures."""
    try:
        return e.from_json(text)
    except ValueError:
        return None


def _asked_at(using: str, runs: list[tuple[Any, str]]) -> dict[tuple[Any, str], str]:
    """The entrance at which each run was asked for; of one that a release of before has queued, where its conversation
    began."""
    if not runs:
        return {}
    rows = Run.objects.using(using).filter(
        conversation__in={c for c, _ in runs}, run__in={r for _, r in runs}
    )
    found = rows.values_list("conversation_id", "run", "entrance", "conversation__entrance")
    return {(conversation, run): said or began for conversation, run, said, began in found}


def _add(using: str, sums: Counter[tuple[str, tuple[str, ...]]]) -> None:
    if not sums:
        return
    rows = Tally.objects.using(using).filter(name__in={name for name, _ in sums})
    held = {(name, labels): value for name, labels, value in rows.values_list("name", "labels", "value")}
    keys = {one: (one[0], json.dumps(one[1])) for one in sums}
    Tally.objects.using(using).bulk_create(
        [Tally(name=key[0], labels=key[1], value=held.get(key, 0) + sums[one]) for one, key in keys.items()],
        update_conflicts=True,
        update_fields=["value"],
        unique_fields=["name", "labels"],
    )
