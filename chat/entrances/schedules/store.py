"""The way of a firing through SQL, up to its message: from a due time to a row, and from the row to its conversation.

    Schedule.next_at ≤ now ─► take_due ─► rows "received", next_at moved on      one transaction: both or neither
    received ─► claim ─► (chat/automation/firing.py) ─► begun: fired | later | failed

Any number of workers may do all of this at once. A due time is one row (unique by schedule and due time), decided
under the schedule's row lock; a firing is claimed by a conditional write with a time limit, and what two workers carry
out all the same has the same ids. Plain functions, for a database thread. What follows is in results.py.
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from chat.automation.firing import REFUSALS, Fired
from chat.entrances.schedules.decide import Decision, decide
from chat.entrances.schedules.editing import record
from chat.entrances.schedules.models import MOVES, OPEN, Schedule, ScheduleFiring
from chat.entrances.schedules.plan import shown
from chat.models import Run
from chat.support.backoff import Backoff
from chat.support.claims import Claim
from chat.support.clock import now_ms

#: Schedules, and firings, that are seen to in one look.
BATCH = 100
CLAIM = Claim()
#: A worker that has claimed a firing has so many leases of a run to carry it out.
CLAIM_LEASES = 2
#: How long a firing that could not be carried out waits before the next try, at first and at most (milliseconds).
RETRY_MS = Backoff(500, 60_000)
#: Firings of a schedule among which that of a run is looked for: those that may run at the same time, and many more.
MOST_FIRINGS = 50
#: Firings of one schedule that are kept to look at.
KEPT = 500
#: Of a run that the next firing in the same conversation waits for: not `waiting`, which is for a person.
BUSY = ("queued", "running", "recovering")


def due_schedules(now: int) -> list[UUID]:
    """Schedules with a due time that is not decided, longest overdue first. A person who may not log in has none."""
    rows = Schedule.objects.filter(state="active", next_at__lte=now, owner__is_active=True)
    return list(rows.order_by("next_at").values_list("pk", flat=True)[:BATCH])


def take_due(schedule: UUID, now: int) -> int:
    """Decide on the due times of a schedule up to `now`, and journal what is to be run; how many that is."""
    with transaction.atomic():
        # Whoever comes second waits here, reads what the first one has written, and finds nothing due.
        row = Schedule.objects.select_for_update().filter(pk=schedule, state="active").first()
        if row is None or row.next_at is None or row.next_at > now:
            return 0
        decision = decide(
            row.plan,
            missed=row.missed,  # type: ignore[arg-type]
            most=row.most,
            next_at=row.next_at,
            now=now,
            grace=settings.HOLDFAST_SCHEDULE_GRACE_S * 1000,
            waiting=row.firings.filter(state="received", manual=False).count(),
        )
        # A “run now” may stand at the very millisecond of a due time: the due time has been run, then.
        taken = set(row.firings.filter(due__in=decision.fire).values_list("due", flat=True))
        fire = [due for due in decision.fire if due not in taken]
        for due in fire:
            record(row, due)
        _note_passed(row, decision)
        row.next_at = decision.next_at
        if row.next_at is None:
            row.state = "ended"
        row.save(update_fields=["next_at", "state"])
        _forget(row)
        return len(fire)


def set_aside(schedule: UUID) -> None:
    """Pause a schedule that cannot be decided on, so that it does not stand in the way of the others."""
    Schedule.objects.filter(pk=schedule, state="active").update(state="paused", problem="internal")


def _note_passed(row: Schedule, decision: Decision) -> None:
    if not decision.passed or row.firings.filter(due=decision.last_passed).exists():
        return
    first, last = (shown(moment, row.zone) for moment in (decision.first_passed, decision.last_passed))
    count = f"{decision.passed:,}{' or more' if decision.uncounted else ''}"
    when = f"at {last}" if decision.passed == 1 else f"from {first} to {last}"
    firing = record(row, decision.last_passed)
    firing.state, firing.detail = "skipped", f"{count} passed over, {when}: {_why(row, decision)}."
    firing.save(update_fields=["state", "detail"])


def _why(row: Schedule, decision: Decision) -> str:
    if row.missed == "skip":
        return "nobody was there in time"
    if not decision.fire:
        return "the run before had not begun"
    return "one run stands for all" if row.missed == "once" else f"at most {row.most} are made up for"


def _forget(row: Schedule) -> None:
    old = row.firings.order_by("-due").values_list("due", flat=True)[KEPT : KEPT + 1]
    oldest = next(iter(old), None)
    if oldest is not None:
        done = row.firings.filter(due__lte=oldest).exclude(state__in=OPEN)
        done.exclude(delivery__state="pending").delete()


# ---- beginning ----


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
        schedule__owner__is_active=True,
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


def move(row: ScheduleFiring, state: str, **changes: Any) -> bool:
    """Move a firing on and note `changes`, if it may still be; whether it was."""
    before = [old for old, following in MOVES.items() if state in following]
    rows = ScheduleFiring.objects.filter(pk=row.pk, state__in=before)
    return rows.update(state=state, claimed_until=0, **changes) == 1


# ---- who began a run ----


class ScheduleSources:
    """Schedules, for entrances that ask which one began a run (see `chat.extensions.Sources`)."""

    def owns(self, owner_id: int, id: UUID) -> bool:
        """Whether this user has this schedule."""
        return Schedule.objects.filter(pk=id, owner_id=owner_id).exists()

    def began(self, id: UUID, conversation: UUID, message: str) -> bool:
        """Whether one of its newest firings is this message."""
        row = Schedule.objects.filter(pk=id).first()
        if row is None:
            return False
        # By the message that it becomes, whose id is made from its key: a firing may not know yet that it was carried
        # out.
        firings = row.firings.filter(Q(conversation=conversation) | Q(conversation=None))
        newest = firings.exclude(state="skipped").order_by("-due")[:MOST_FIRINGS]
        return any(one.firing(row).message == message for one in newest)
