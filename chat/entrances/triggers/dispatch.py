"""Firings that are pending become messages, through chat/automation/firing.py.

Any number of processes may do this to the same one: its ids are made from its key, so it is said once."""

import logging
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet

from chat.automation.firing import Fired, fire
from chat.entrances.triggers.models import TriggerFiring
from chat.entrances.triggers.store import firing_of
from chat.inbox import Inbox
from chat.journal import replies
from chat.support.backoff import Backoff
from chat.support.claims import Claim
from chat.support.clock import Clock
from chat.support.database import ask

log = logging.getLogger(__name__)

#: Firings of one round.
BATCH = 50
#: The claim is the time of the next try.
CLAIM = Claim("next_at")
#: How long a worker has one to itself (ms), and the pauses between two tries.
CLAIM_MS = 5_000
RETRY_MS = Backoff(1_000, 60_000)
#: How soon it is looked again for the run of a message that nobody has read (ms).
UNREAD_MS = 3_000
#: A time (ms) that never comes, which every database can keep.
NEVER = 2**62


def due(now: int) -> list[tuple[int, UUID | None]]:
    """The pending firings whose time has come, oldest first, and the conversations that they go to; none that an
    earlier one of its conversation has to come before."""
    waiting = _earlier(OuterRef("conversation"), OuterRef("pk")).filter(next_at__gt=now)
    rows = TriggerFiring.objects.filter(~Exists(waiting), state="pending", next_at__lte=now)
    # By the sum, because SQLite would otherwise walk through all that ever fired, which is in this order already,
    # rather than sort the few that are pending.
    return list(rows.order_by(F("id") + 0).values_list("pk", "conversation")[:BATCH])


def let_wait(row: TriggerFiring) -> bool:
    """Leave it to the workers if an earlier one of its conversation is still pending; whether that is so."""
    if not _earlier(row.conversation, row.pk).exists():
        return False
    TriggerFiring.objects.filter(pk=row.pk, state="pending").update(next_at=0)
    return True


def _earlier(conversation: Any, pk: Any) -> "QuerySet[TriggerFiring]":
    return TriggerFiring.objects.filter(state="pending", conversation=conversation, pk__lt=pk)


def claim(pk: int, now: int) -> TriggerFiring | None:
    """One of them, if nobody else is at it. The claim only saves work: two that carry it out do no harm."""
    if not CLAIM.take(TriggerFiring.objects.filter(pk=pk, state="pending"), now, now + CLAIM_MS):
        return None
    return TriggerFiring.objects.select_related("trigger").filter(pk=pk).first()


def settle(one: TriggerFiring, fired: Fired, now: int) -> None:
    """Write down what became of it, once; the first word stands."""
    row = TriggerFiring.objects.filter(pk=one.pk, state="pending")
    if fired.status != "rejected":
        # Not the run that it waits behind: that one may end without having read it (rule R6).
        run = replies.readers(fired.conversation, [fired.message]).get(fired.message, "")
        row.update(state="fired", run=run, fired_at=now, next_at=now, error="")
    elif not fired.retry:
        row.update(state="failed", reason=fired.code or "bad_command")
    else:
        pause = int(RETRY_MS.delay(one.attempts))
        row.update(attempts=one.attempts + 1, next_at=now + pause, error=fired.code or "")


def raised(pk: int, now: int, tries: int) -> None:
    """Have a firing that raised tried again soon."""
    TriggerFiring.objects.filter(pk=pk, state="pending").update(next_at=now + int(RETRY_MS.delay(tries - 1)))


def give_up(pk: int, reason: str) -> None:
    """Set a firing aside: what comes after it in its conversation goes on."""
    rows = TriggerFiring.objects.filter(pk=pk, state="pending")
    rows.update(state="failed", reason="set_aside", error=reason[:300])


async def send(inbox: Inbox, row: TriggerFiring, clock: Clock) -> Fired:
    """Carry one out, and write down what became of it."""
    fired = await fire(inbox, firing_of(row))
    await ask(settle, row, fired, clock.now())
    return fired


def unread(now: int) -> list[int]:
    """Firings whose runs are to be looked for now, because they had to wait behind another run (rule R6)."""
    rows = TriggerFiring.objects.filter(state="fired", run="", next_at__lte=now).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:BATCH])


def find_run(pk: int, now: int) -> bool:
    """Fill in the run of a firing, if it is known by now. What nobody has read is looked at less and less often."""
    rows = TriggerFiring.objects.filter(pk=pk, run="")
    row = rows.only("conversation", "message", "fired_at").first()
    if row is None:
        return False
    run = replies.readers(str(row.conversation), [row.message]).get(row.message, "")
    later = now + max(UNREAD_MS, (now - (row.fired_at or now)) // 2)
    return rows.update(run=run, next_at=later) == 1


def give_up_finding(pk: int, reason: str) -> None:
    """Look no more for the run of a firing."""
    TriggerFiring.objects.filter(pk=pk, run="").update(next_at=NEVER, error=reason[:300])


def find_again(key: str) -> None:
    """Look for it once more."""
    TriggerFiring.objects.filter(pk=int(key), run="").update(next_at=0, error="")
