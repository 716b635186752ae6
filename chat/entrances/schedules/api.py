"""Schedules over HTTP, for their owner (rule W11). docs/schedules.md has the shapes.

    GET, POST            /api/schedules                 all of them, with limits and destinations; make one
    POST                 /api/schedules/preview         the next times of a draft, and what is wrong with it
    GET, PATCH, DELETE   /api/schedules/<id>            one; change a part of it, pause it, resume it; remove it
    POST                 /api/schedules/<id>/run        have it run now
    GET                  /api/schedules/<id>/history    its due times, newest first

Moments in answers are milliseconds since the Unix epoch.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext
from pydantic import ValidationError

from chat import extensions
from chat.automation import destinations
from chat.entrances.schedules import editing
from chat.entrances.schedules.delivery import arrival
from chat.entrances.schedules.models import Schedule, ScheduleFiring
from chat.entrances.schedules.plan import Problem, upcoming
from chat.entrances.schedules.validation import Draft, InvalidSchedule, draft_of, plan_of
from chat.http.api import (
    END,
    Answer,
    Created,
    RequestRefused,
    allowance,
    body_of,
    endpoint,
    number_of,
    wrong_fields,
)
from chat.models import Conversation
from chat.support.clock import wall_ms

#: Bytes of a request: the longest prompt in any language, and the rest.
MAX_BYTES = 100_000
#: Requests of one user in this process: a page asks a few times a minute, a form at each pause in typing.
reading = allowance(burst=60, rate=5)
writing = allowance(burst=40, rate=2)
#: Due times of one page of the history, unless asked otherwise, and at most.
PAGE, MAX_PAGE = 20, 100


def listing(request: HttpRequest) -> Answer:
    """All schedules of the user, newest first, and what a form needs to know."""
    return {
        "schedules": _entries(editing.mine(request.user)),
        "most": settings.HOLDFAST_SCHEDULES_PER_USER,
        "least_s": settings.HOLDFAST_SCHEDULE_LEAST_S,
        "destinations": [vars(offer) for offer in destinations.offers(request.user)],
        "now": wall_ms(),
    }


def make(request: HttpRequest) -> Answer:
    """Make one. With an `id` (a UUID) the request may be repeated."""
    given = body_of(request)
    id = _uuid(given.pop("id", None), "id")
    try:
        row, new = editing.create(request.user, _parsed(Draft, given), id=id)
    except InvalidSchedule as refusal:
        raise _invalid(refusal.problems) from None
    except editing.TooManySchedules as refusal:
        raise RequestRefused(409, "too_many", str(refusal)) from None
    entry = _entries(editing.mine(request.user).filter(pk=row.pk))[0]
    return Created(entry) if new else entry


def preview(request: HttpRequest) -> Answer:
    """The next times of what is being written, by milliseconds; and what is wrong with its times."""
    draft = _parsed(Draft, body_of(request))
    plan, found = plan_of(draft, wall_ms())
    return {"times": [] if found else upcoming(plan, wall_ms()), "fields": _fields(found)}


def show(request: HttpRequest, schedule: UUID) -> Answer:
    """One of them."""
    return _entries(editing.mine(request.user).filter(pk=_own(request, schedule).pk))[0]


def change(request: HttpRequest, schedule: UUID) -> Answer:
    """Change what is named; `state` may be `active` or `paused`."""
    row = _own(request, schedule)
    given = body_of(request)
    state = given.pop("state", None)
    if state not in (None, "active", "paused"):
        raise _invalid({"state": Problem("invalid", gettext("Say `active` or `paused`."))})
    try:
        if given:
            draft = _parsed(Draft, draft_of(row).model_dump() | given)
            row = editing.change(row, draft)
        if state is not None:
            row = editing.resume(row) if state == "active" else editing.pause(row)
    except InvalidSchedule as refusal:
        raise _invalid(refusal.problems) from None
    return show(request, row.pk)


def remove(request: HttpRequest, schedule: UUID) -> Answer:
    """Remove it with its history."""
    editing.remove(_own(request, schedule))
    return {}


def run(request: HttpRequest, schedule: UUID) -> Answer:
    """Have it run now. With an `id` (a UUID) the request may be repeated."""
    row = _own(request, schedule)
    try:
        firing = editing.run_now(row, _uuid(body_of(request).get("id"), "id"))
    except editing.TooManySchedules as refusal:
        raise RequestRefused(429, "too_many", str(refusal), retry=True) from None
    return Created(_firing(firing, set(), {}))


def history(request: HttpRequest, schedule: UUID) -> Answer:
    """`?before=<due>&limit=`: its due times, newest first. `conversation` is null once that was deleted."""
    row = _own(request, schedule)
    before, limit = number_of(request, "before", END), number_of(request, "limit", PAGE, 1, MAX_PAGE)
    rows = row.firings.filter(due__lt=before).select_related("delivery").order_by("-due")
    found = list(rows[: limit + 1])
    alive, failed = _alive(found), extensions.undelivered([one.run for one in found])
    return {"firings": [_firing(one, alive, failed) for one in found[:limit]], "more": len(found) > limit}


# ---- shapes ----


def _entries(rows: "QuerySet[Schedule]") -> list[Answer]:
    """Schedules with what ran last, or runs; three queries for all of them."""
    firings = ScheduleFiring.objects.filter(schedule=OuterRef("pk")).exclude(state="skipped")
    found = list(rows.annotate(newest=Subquery(firings.order_by("-due").values("pk")[:1])))
    last = ScheduleFiring.objects.filter(pk__in=[row.newest for row in found if row.newest])
    by_schedule = {one.schedule_id: one for one in last.select_related("delivery")}
    alive = _alive(by_schedule.values())
    failed = extensions.undelivered([one.run for one in by_schedule.values()])
    return [_entry(row, by_schedule.get(row.pk), alive, failed) for row in found]


def _entry(row: Schedule, last: ScheduleFiring | None, alive: set[UUID], failed: Mapping[str, str]) -> Answer:
    return {
        "id": str(row.pk),
        **draft_of(row).model_dump(mode="json"),
        "state": row.state,
        "problem": row.problem,
        "next": upcoming(row.plan, row.next_at - 1)
        if row.next_at is not None and row.state == "active"
        else [],
        "last": _firing(last, alive, failed) if last is not None else None,
        "made_by_agent": row.made_in is not None,
        "created_at": row.created_at,
    }


def _firing(row: ScheduleFiring, alive: set[UUID], failed: Mapping[str, str]) -> Answer:
    """`undelivered`: its conversation is a chat elsewhere, and the answer could not be put there, and why."""
    sent = getattr(row, "delivery", None)
    delivery = arrival(sent) if sent is not None else None
    return {
        "id": str(row.pk),
        "due": row.due,
        "manual": row.manual,
        "state": row.state,
        "outcome": row.outcome,
        "detail": row.detail,
        "passed": row.passed,
        "conversation": str(row.conversation) if row.conversation in alive else None,
        "run": row.run,
        "delivery": {"state": delivery.state, "error": delivery.error} if delivery else None,
        "undelivered": failed.get(row.run, ""),
    }


def _alive(rows: Iterable[ScheduleFiring]) -> set[UUID]:
    named = {row.conversation for row in rows if row.conversation is not None}
    return set(Conversation.objects.filter(id__in=named, deleted_at=None).values_list("id", flat=True))


def _fields(found: dict[str, Problem]) -> dict[str, Any]:
    return {field: {"code": one.code, "detail": one.detail} for field, one in found.items()}


# ---- reading requests ----


def _own(request: HttpRequest, schedule: UUID) -> Schedule:
    row = editing.mine(request.user).filter(pk=schedule).first()
    if row is None:
        raise RequestRefused(404, "not_found", gettext("You have no such schedule."))
    return row


def _invalid(found: dict[str, Problem]) -> RequestRefused:
    return RequestRefused(
        400, "invalid", "; ".join(one.detail for one in found.values()), fields=_fields(found)
    )


def _parsed(shape: type[Draft], given: Any) -> Draft:
    try:
        return shape.model_validate(given)
    except ValidationError as refusal:
        found = {field: Problem("invalid", text) for field, text in wrong_fields(refusal).items()}
        raise _invalid(found) from None


def _uuid(given: Any, field: str) -> UUID | None:
    if given is None:
        return None
    try:
        return UUID(str(given))
    except ValueError:
        raise _invalid({field: Problem("invalid", gettext("It must be a UUID."))}) from None


every = endpoint(reading, writing, MAX_BYTES, GET=listing, POST=make)
tried = endpoint(reading, reading, MAX_BYTES, POST=preview)
single = endpoint(reading, writing, MAX_BYTES, GET=show, PATCH=change, DELETE=remove)
now = endpoint(reading, writing, MAX_BYTES, POST=run)
past = endpoint(reading, writing, MAX_BYTES, GET=history)
