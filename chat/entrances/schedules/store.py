"""The way of a due time into SQL.

    Schedule.next_at ≤ now ─► take_due ─► rows "received", next_at moved on      one transaction: both or neither

Any number of workers may do this at once. A due time is one row (unique by schedule and due time), decided under the
schedule's row lock. Plain functions, for a database thread. What follows is in dispatch.py and results.py.
"""

from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from chat.automation.firing import REFUSALS
from chat.entrances.schedules.decide import Decision, decide
from chat.entrances.schedules.models import MOVES, OPEN, Schedule, ScheduleFiring
from chat.entrances.schedules.plan import shown
from chat.support.clock import wall_ms
from chat.telemetry.metrics import FIRINGS

#: Schedules, and firings, that are seen to in one look (also in dispatch.py and results.py).
BATCH = 100
#: Firings of a schedule among which that of a run is looked for: those that may run at the same time, and many more.
MAX_FIRINGS = 50
#: Why due times are passed over.
WHY = {
    "late": "nobody was there in time",
    "busy": "the run before had not begun",
    "merged": "one run stands for all",
    "capped": "at most {most} are made up for",
}
#: Firings of one schedule that are kept to look at.
MAX_KEPT = 500


def due_schedules(now: int) -> list[UUID]:
    """Schedules with a due time that is not decided, longest overdue first. A person who may not log in has none."""
    rows = Schedule.objects.filter(state="active", next_at__lte=now, owner__is_active=True)
    return list(rows.order_by("next_at").values_list("pk", flat=True)[:BATCH])


def tell_resting(now: int) -> None:
    """Say in the histories of schedules that are due, and whose owners are disabled, that they rest: once for each
    time, because what is due stays undecided until the owner may log in again."""
    told = ScheduleFiring.objects.filter(
        schedule=OuterRef("pk"), outcome="disabled", due__gte=OuterRef("next_at")
    )
    rows = Schedule.objects.filter(~Exists(told), state="active", next_at__lte=now, owner__is_active=False)
    for pk in rows.order_by("next_at").values_list("pk", flat=True)[:BATCH]:
        with transaction.atomic():
            row = Schedule.objects.select_for_update().filter(pk=pk, state="active").first()
            if row is None or row.firings.filter(outcome="disabled", due__gte=row.next_at).exists():
                continue
            due = now
            while row.firings.filter(due=due).exists():
                due += 1
            note = record(row, due)
            note.state, note.outcome, note.detail = "skipped", "disabled", REFUSALS["forbidden"]
            note.save(update_fields=["state", "outcome", "detail"])


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


def record(
    row: Schedule, due: int, *, key: UUID | None = None, manual: bool = False, decision: str = "fire"
) -> ScheduleFiring:
    """Journal a firing: from now on it will be carried out, whatever dies. In the caller's transaction."""
    transaction.on_commit(FIRINGS.labels("schedule", decision).inc)
    target = row.conversation if row.place == "same" else None
    return ScheduleFiring.objects.create(
        pk=key or uuid5(row.pk, str(due)),
        schedule=row,
        due=due,
        manual=manual,
        target=target,
        series=row.own_series,
        created_at=wall_ms(),
    )


def set_aside(schedule: UUID) -> None:
    """Pause a schedule that cannot be decided on, so that it does not stand in the way of the others."""
    Schedule.objects.filter(pk=schedule, state="active").update(state="paused", problem="internal")


def _note_passed(row: Schedule, decision: Decision) -> None:
    if not decision.passed or row.firings.filter(due=decision.last_passed).exists():
        return
    first, last = (shown(moment, row.zone) for moment in (decision.first_passed, decision.last_passed))
    count = f"{decision.passed:,}{' or more' if decision.uncounted else ''}"
    when = f"at {last}" if decision.passed == 1 else f"from {first} to {last}"
    firing = record(row, decision.last_passed, decision="skipped")
    why = _why(row, decision)
    firing.state = "skipped"
    firing.detail = f"{count} passed over, {when}: {WHY[why].format(most=row.most)}."
    firing.passed = {
        "why": why,
        "count": decision.passed,
        "more": decision.uncounted,
        "from": decision.first_passed,
        "most": row.most,
    }
    firing.save(update_fields=["state", "detail", "passed"])


def _why(row: Schedule, decision: Decision) -> str:
    if row.missed == "skip":
        return "late"
    if not decision.fire:
        return "busy"
    return "merged" if row.missed == "once" else "capped"


def _forget(row: Schedule) -> None:
    old = row.firings.order_by("-due").values_list("due", flat=True)[MAX_KEPT : MAX_KEPT + 1]
    oldest = next(iter(old), None)
    if oldest is not None:
        done = row.firings.filter(due__lte=oldest).exclude(state__in=OPEN)
        done.exclude(delivery__state="pending").delete()


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
        newest = firings.exclude(state="skipped").order_by("-due")[:MAX_FIRINGS]
        return any(one.firing(row).message == message for one in newest)
