"""Firings that are pending become messages, through chat/firing.py. Any number of processes may do this to the same
one: its ids are made from its key, so it is said once."""

import logging
from collections.abc import Callable
from uuid import UUID

from channels.db import database_sync_to_async

from chat import replies
from chat.entrances.triggers.models import TriggerFiring
from chat.entrances.triggers.recording import firing_of
from chat.firing import Fired, fire
from chat.inbox import Inbox

log = logging.getLogger(__name__)

#: Firings of one round.
BATCH = 50
#: How long a worker has one to itself (ms), and the longest pause between two tries.
CLAIM_MS = 5_000
LONGEST_MS = 60_000


def due(now: int) -> list[tuple[int, UUID | None]]:
    """The pending firings whose time has come, oldest first, and the conversations that they go to."""
    rows = TriggerFiring.objects.filter(state="pending", next_at__lte=now)
    return list(rows.order_by("id").values_list("pk", "conversation")[:BATCH])


def claim(pk: int, now: int) -> TriggerFiring | None:
    """One of them, if nobody else is at it. The claim only saves work: two that carry it out do no harm."""
    free = TriggerFiring.objects.filter(pk=pk, state="pending", next_at__lte=now)
    if free.update(next_at=now + CLAIM_MS) != 1:
        return None
    return TriggerFiring.objects.select_related("trigger").filter(pk=pk).first()


def settle(pk: int, fired: Fired, now: int) -> None:
    """Write down what became of it, once; the first word stands."""
    row = TriggerFiring.objects.filter(pk=pk, state="pending")
    if fired.status != "rejected":
        row.update(state="fired", run=fired.run, fired_at=now, error="")
    elif not fired.retry:
        row.update(state="failed", reason=fired.code or "bad_command")
    else:
        one = row.first()
        if one is not None:
            pause = min(1_000 << min(one.attempts, 6), LONGEST_MS)
            row.update(attempts=one.attempts + 1, next_at=now + pause, error=fired.code or "")


async def send(inbox: Inbox, row: TriggerFiring, clock: Callable[[], int]) -> Fired:
    """Carry one out, and write down what became of it."""
    fired = await fire(inbox, firing_of(row))
    await database_sync_to_async(settle)(row.pk, fired, clock())
    return fired


def find_runs() -> None:
    """Fill in the runs of firings that had to wait behind another run (rule R6), where they are known by now."""
    rows = TriggerFiring.objects.filter(state="fired", run="").order_by("-id")[:BATCH]
    for row in rows:
        if row.conversation is not None:
            run = replies.readers(row.conversation, [row.message]).get(row.message, "")
            if run:
                TriggerFiring.objects.filter(pk=row.pk, run="").update(run=run)
