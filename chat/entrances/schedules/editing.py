"""The book of schedules: making, changing, pausing and removing them, within limits, and having them run.

Plain functions over SQL, to be called in a database thread; the API, the admin and the agents' tools all come here.
Whose a schedule is, is the caller's to know: `mine` finds somebody's own, `made_in` those that a conversation's agent
has made; `TooManySchedules` and `InvalidSchedule` (validation.py) have words for people.
"""

import logging
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext

from chat.entrances.schedules.models import Schedule, ScheduleFiring
from chat.entrances.schedules.plan import Problem, next_time
from chat.entrances.schedules.store import record, take_due
from chat.entrances.schedules.validation import Draft, InvalidSchedule, check
from chat.models import Conversation
from chat.set_aside import OUTAGES
from chat.support.clock import wall_ms

log = logging.getLogger(__name__)

#: Schedules of one person that have ended and are kept to look at.
MAX_ENDED = 200
#: “Run now” of one schedule that may wait at the same time.
MAX_MANUAL = 5


class TooManySchedules(Exception):
    """A limit is reached; the text says which, for people."""


def create(
    owner: Any, draft: Draft, *, id: UUID | None = None, made_in: UUID | None = None, most: int | None = None
) -> tuple[Schedule, bool]:
    """Make a schedule of `owner` (a user); (it, whether it is new). The same `id` again is the same schedule, so a
    request may be repeated. `made_in`: the conversation whose agent makes it, of which `most` may go on at a time.

    Raises InvalidSchedule and TooManySchedules.
    """
    key = id or uuid4()
    with transaction.atomic():
        _hold(owner.pk)
        known = Schedule.objects.filter(pk=key).first()
        if known is not None:
            if known.owner_id != owner.pk:
                raise InvalidSchedule({"id": Problem("taken", gettext("This id belongs to something else."))})
            return known, False
        row, found = check(owner, draft, wall_ms())
        if found:
            raise InvalidSchedule(found)
        _limit(owner, made_in, most)
        row.pk, row.made_in = key, made_in
        row.save(force_insert=True)
        return row, True


def _hold(owner: Any) -> None:
    # Two requests at once must not both find room for one more.
    get_user_model().objects.select_for_update().filter(pk=owner).first()


def _limit(owner: Any, made_in: UUID | None, most: int | None) -> None:
    mine = Schedule.objects.filter(owner=owner)
    ended = mine.filter(state="ended").order_by("-updated_at").values_list("pk", flat=True)
    mine.filter(pk__in=list(ended[MAX_ENDED:])).delete()
    going_on = mine.exclude(state="ended")
    limit = settings.HOLDFAST_SCHEDULES_PER_USER
    if limit == 0:
        raise TooManySchedules(gettext("Only staff make schedules here, in the admin."))
    if going_on.count() >= limit:
        raise TooManySchedules(
            gettext("You have {limit} schedules, which is the most. Delete one first.").format(limit=limit)
        )
    if most is not None and made_in is not None and going_on.filter(made_in=made_in).count() >= most:
        raise TooManySchedules(
            gettext("This conversation has {most} schedules, which is the most. Cancel one first.").format(
                most=most
            )
        )


def change(row: Schedule, draft: Draft, *, by: Any = None) -> Schedule:
    """Make a schedule what the draft says; `draft_of(row).model_copy(update=…)` changes a part. `by`: the user who
    asks, if it is not the owner. Raises InvalidSchedule."""
    with transaction.atomic():
        held = _decided(row)
        changed, found = check(held.owner, draft, wall_ms(), old=held, by=by)
        if found:
            raise InvalidSchedule(found)
        changed.save()
    return changed


def _decided(row: Schedule) -> Schedule:
    """The row, held, with its due times up to now decided as it has been until now: what is changed from here on must
    not make one vanish that was due and that nobody had come to yet."""
    try:
        with transaction.atomic():
            take_due(row.pk, wall_ms())
    except OUTAGES:
        raise
    except Exception as problem:
        # It is set aside for that, or will be; and being mended may be why it is changed.
        log.warning("Schedule %s is changed and could not be decided on before: %r", row.pk, problem)
    return Schedule.objects.select_for_update().select_related(None).get(pk=row.pk)


def pause(row: Schedule) -> Schedule:
    """Nothing is due until it goes on. What has been received already still runs."""
    return _set_state(row, "paused")


def resume(row: Schedule) -> Schedule:
    """Go on with the first due time from now; what was due while it was paused is not missed.
    Raises InvalidSchedule."""
    return _set_state(row, "active")


def _set_state(row: Schedule, state: str) -> Schedule:
    with transaction.atomic():
        held = _decided(row)
        if state == "active" and held.state != "active":
            held.next_at = next_time(held.plan, wall_ms())
            if held.next_at is None:
                raise InvalidSchedule(
                    {"state": Problem("never", gettext("It has ended. Give it another time first."))}
                )
            _reopen(held)
        if not (held.state == "ended" and state == "paused"):
            held.state = state
        held.problem = ""
        held.updated_at = wall_ms()
        held.save()
    return held


def _reopen(row: Schedule) -> None:
    """The next conversation of its own, if the last one was deleted."""
    if row.own_series and Conversation.objects.filter(id=row.home, deleted_at__isnull=False).exists():
        row.series += 1
    elif row.conversation and not Conversation.objects.filter(id=row.conversation, deleted_at=None).exists():
        raise InvalidSchedule(
            {
                "conversation": Problem(
                    "not_found", gettext("Its conversation was deleted. Choose another one.")
                )
            }
        )


def remove(row: Schedule) -> None:
    """Remove a schedule with its history. Runs that it has begun go on; conversations stay."""
    row.delete()


def run_now(row: Schedule, id: UUID | None = None) -> ScheduleFiring:
    """Have it run once, besides its times, paused or not. The same `id` again is the same run.
    Raises TooManySchedules."""
    key = uuid5(row.pk, f"manual:{id or uuid4()}")
    with transaction.atomic():
        held = Schedule.objects.select_for_update().get(pk=row.pk)
        known = ScheduleFiring.objects.filter(pk=key).first()
        if known is not None:
            return known
        if held.firings.filter(manual=True, state="received").count() >= MAX_MANUAL:
            raise TooManySchedules(
                gettext("It has been asked to run several times and has not begun yet. Wait a moment.")
            )
        due = wall_ms()
        while held.firings.filter(due=due).exists():
            due += 1
        _reopen_quietly(held)
        return record(held, due, key=key, manual=True)


def _reopen_quietly(row: Schedule) -> None:
    try:
        before = row.series
        _reopen(row)
    except InvalidSchedule:
        return  # its run says so
    if row.series != before:
        row.save(update_fields=["series"])


# ---- looking ----


def mine(owner: Any) -> "QuerySet[Schedule]":
    """The schedules of a user (or user id), newest first."""
    return Schedule.objects.filter(owner=owner).order_by("-created_at", "pk")


def made_in(conversation: UUID) -> "QuerySet[Schedule]":
    """The schedules that the agent of a conversation has made."""
    return Schedule.objects.filter(made_in=conversation).order_by("-created_at", "pk")
