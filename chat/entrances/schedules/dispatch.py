"""The way of a stored firing into its conversation.

    received ─► claim ─► (chat/automation/firing.py) ─► begun: fired | later | failed

Any number of workers may do this at once: a firing is claimed by a conditional write with a time limit, and what two
workers carry out all the same has the same ids. Plain functions, for a database thread.
"""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from chat.automation.firing import REFUSALS, Fired
from chat.entrances.schedules.models import Schedule, ScheduleFiring
from chat.entrances.schedules.store import BATCH, move
from chat.models import Run
from chat.support.backoff import Backoff
from chat.support.claims import Claim
from chat.support.clock import now_ms

CLAIM = Claim()
#: A worker that has claimed a firing has so many leases of a run to carry it out.
CLAIM_LEASES = 2
#: How long a firing that could not be carried out waits before the next try, at first and at most (milliseconds).
RETRY_MS = Backoff(500, 60_000)
#: Of a run that the next firing in the same conversation waits for: not `waiting`, which is for a person.
BUSY = ("queued", "running", "recovering")


def waiting() -> list[ScheduleFiring]:
    """The firings that may be begun now, oldest first.

    Where those of a schedule all go to the same conversation they begin in order, each when the run of the one before
    is over, so that each has a run of its own. None waits for a person to make up their mind: then it joins (rule R6).
    """
    now = now_ms()
    mine = ScheduleFiring.objects.filter(schedule=OuterRef("schedule"))
    earlier = mine.filter(state="received", due__lt=OuterRef("due"))
    runs = Run.objects.filter(conversation=OuterRef("conversation"), run=OuterRef("run"), status__in=BUSY)
    at_work = mine.filter(Exists(runs), state="fired")
    rows = ScheduleFiring.objects.filter(
        Q(target=None, series="") | (~Exists(earlier) & ~Exists(at_work)),
        state="received",
        claimed_until__lte=now,
        retry_at__lte=now,
    )
    return list(rows.select_related("schedule").order_by("due")[:BATCH])


def claim(row: ScheduleFiring) -> bool:
    """Have a firing to oneself for a while, unless somebody else has it."""
    now = now_ms()
    until = now + CLAIM_LEASES * settings.HOLDFAST_LEASE_MS
    mine = ScheduleFiring.objects.filter(pk=row.pk, state="received")
    return CLAIM.take(mine, now, until, attempts=F("attempts") + 1)


def begun(row: ScheduleFiring, fired: Fired) -> None:
    """What has become of a firing that was carried out."""
    if fired.status != "rejected":
        move(row, "fired", conversation=UUID(fired.conversation), message=fired.message, run=fired.run,
              fired_at=now_ms(), detail="")  # fmt: skip
        return
    words = REFUSALS.get(fired.code or "", f"Refused: {fired.code}.")
    if fired.retry:
        pause = int(RETRY_MS.delay(row.attempts))
        why = (
            "Too many messages wait in its conversation."
            if fired.code == "too_many_waiting"
            else "Not reachable."
        )
        rows = ScheduleFiring.objects.filter(pk=row.pk, state="received")
        rows.update(retry_at=now_ms() + pause, claimed_until=0, detail=f"{why} Tried again.")
        return
    with transaction.atomic():
        code = fired.code or ""
        move(row, "failed", outcome=code, detail=words, over_at=now_ms())
        if fired.code == "not_found":
            # It would fail each time: stop, and say so, until somebody has chosen another conversation.
            Schedule.objects.filter(pk=row.schedule_id, state="active").update(state="paused", problem=code)


def give_up(row: ScheduleFiring, reason: str) -> None:
    """Set a firing aside: those behind it go on."""
    move(row, "failed", outcome="internal", detail=reason[:500], over_at=now_ms())


def raised(row: ScheduleFiring, tries: int) -> None:
    """Have a firing that raised tried again soon."""
    retry_at = now_ms() + int(RETRY_MS.delay(tries - 1))
    ScheduleFiring.objects.filter(pk=row.pk, state="received").update(retry_at=retry_at, claimed_until=0)
