"""What was set aside, for every queue whose rows do not keep it themselves: the count of tries, and the reason.

    raised(queue, key, problem) ─► Verdict      counted in SQL, so that another worker does not begin anew
    went_well(queue, key)                       forget it
    try_again(row)                              an operator wants it: the queue's own way to take it once more

A queue makes itself known by `register`, where its module is imported. Its name never changes: it stands in rows. The
rule is chat/support/poison.py. Plain functions, for a database thread, but for the wrapper `guarded`.
"""

import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from chat.models import QueueFailure
from chat.session.errors import Unavailable
from chat.support import poison
from chat.support.clock import now_ms
from chat.support.database import NOT_NOW, ask

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

log = logging.getLogger(__name__)

#: Of a row that has not raised for so long, what it raised before does not count (milliseconds).
FORGET_MS = 24 * 3_600_000
#: What is nobody's fault: it is not counted, and the work is tried again.
OUTAGES = (Unavailable, *NOT_NOW)


@dataclass(frozen=True)
class Queue:
    """A queue by its name. `label` tells people what one of its rows is. `again` takes the key of one that was set
    aside and has it tried anew; it may raise ValueError with words for people."""

    name: str
    label: "StrOrPromise"
    again: Callable[[str], None]


_queues: dict[str, Queue] = {}


def register(queue: Queue) -> Queue:
    """Make a queue known; the queue. Raises ValueError for a name that is taken."""
    if queue.name in _queues:
        raise ValueError(f"Two queues are named {queue.name!r}.")
    _queues[queue.name] = queue
    return queue


def label(name: str) -> str:
    """What people are told that a row of this queue is; of a queue that nobody knows, its name."""
    return str(_queues[name].label) if name in _queues else name


def raised(queue: Queue, key: str, problem: BaseException) -> poison.Verdict:
    """Count that a row has raised; what becomes of it now. The caller sets it aside if the verdict says so."""
    with transaction.atomic():
        now = now_ms()
        row, _ = QueueFailure.objects.select_for_update().get_or_create(
            queue=queue.name, key=key, defaults={"first_at": now, "last_at": now}
        )
        verdict = poison.after(row.tries if now - row.last_at < FORGET_MS else 0, problem)
        row.tries, row.reason, row.last_at = verdict.tries, verdict.reason, now
        row.aside = verdict.aside
        row.save()
    if verdict.aside:
        log.error("A row of %s (%s) was set aside.", queue.name, key, exc_info=problem)
    else:
        log.warning("A row of %s (%s) raised: %s", queue.name, key, verdict.reason)
    return verdict


def went_well(queue: Queue, key: str) -> None:
    """Forget what a row has raised before."""
    QueueFailure.objects.filter(queue=queue.name, key=key).delete()


def forget_old(now: int) -> int:
    """Remove the counts of rows that have not raised for long and were not set aside; how many."""
    return QueueFailure.objects.filter(aside=False, last_at__lt=now - FORGET_MS).delete()[0]


def among(queue: Queue, keys: Collection[str], *, since: int = 0) -> set[str]:
    """Those of these rows that are set aside, and raised last at `since` or later."""
    rows = QueueFailure.objects.filter(queue=queue.name, aside=True, last_at__gte=since)
    return set(rows.values_list("key", flat=True)) & set(keys)


def try_again(row: QueueFailure) -> None:
    """Have what was set aside tried anew, as often as at first. Raises ValueError if its queue cannot."""
    queue = _queues.get(row.queue)
    if queue is None:
        raise ValueError("Nobody here knows this queue any more.")
    with transaction.atomic():
        row.delete()
        queue.again(row.key)


def put_aside(queue: Queue, key: str, problem: BaseException) -> None:
    """Set a row aside at once: where it is one of several that a failed try was about."""
    now = now_ms()
    given = {"tries": 1, "reason": poison.after(0, problem).reason, "aside": True, "last_at": now}
    with transaction.atomic():
        QueueFailure.objects.update_or_create(
            queue=queue.name, key=key, defaults=given, create_defaults={**given, "first_at": now}
        )
    log.error("A row of %s (%s) was set aside.", queue.name, key, exc_info=problem)


def attempt(queue: Queue, key: str, work: Callable[[], bool], aside: Callable[[str], object]) -> bool:
    """What `work` returns. If it raises: count that, and call `aside` with the reason once it has too often; False
    then. Raises one of OUTAGES. For work in a database thread that sees to one row after the other."""
    failed: Exception | None = None
    try:
        return work()
    except OUTAGES:
        raise
    except Exception as problem:
        failed = problem
    _decide(queue, key, failed, aside)
    return False


async def guarded(
    queue: Queue,
    key: str,
    work: Awaitable[bool],
    aside: Callable[[str], object],
    later: Callable[[int], object] | None = None,
) -> bool:
    """As `attempt`, for work of the event loop. `aside` is called in a database thread, and so is `later`, with the
    number of tries, when there will be another one."""
    failed: Exception | None = None
    try:
        return await work
    except OUTAGES:
        raise
    except Exception as problem:
        failed = problem
    await ask(_decide, queue, key, failed, aside, later)
    return False


def _decide(
    queue: Queue,
    key: str,
    problem: Exception,
    aside: Callable[[str], object],
    later: Callable[[int], object] | None = None,
) -> None:
    verdict = raised(queue, key, problem)
    if not verdict.aside:
        if later is not None:
            later(verdict.tries)
        return
    try:
        with transaction.atomic():
            aside(verdict.reason)
    except OUTAGES:
        raise
    except Exception:
        # It is noted all the same; who looks for work passes over what is among those set aside.
        log.exception("A row of %s (%s) was set aside and could not be marked.", queue.name, key)
