"""Schedules over HTTP, for their owner (rule W11). docs/schedules.md has the shapes.

    GET, POST            /api/schedules                 all of them, with limits and destinations; make one
    POST                 /api/schedules/preview         the next times of a draft, and what is wrong with it
    GET, PATCH, DELETE   /api/schedules/<id>            one; change a part of it, pause it, resume it; remove it
    POST                 /api/schedules/<id>/run        have it run now
    GET                  /api/schedules/<id>/history    its due times, newest first

Moments in answers are milliseconds since the Unix epoch.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext
from ninja import Router, Status
from pydantic import BaseModel, ConfigDict, ValidationError

from chat import extensions
from chat.automation import destinations
from chat.entrances.schedules import editing
from chat.entrances.schedules import shapes as s
from chat.entrances.schedules.delivery import arrival
from chat.entrances.schedules.models import Schedule, ScheduleFiring
from chat.entrances.schedules.plan import Problem, upcoming
from chat.entrances.schedules.validation import Draft, InvalidSchedule, draft_of, plan_of
from chat.http.pages import Before, Door, FieldRefused, Nothing, answers, first_of_each, invalid, whole
from chat.http.refusals import END, RequestRefused, allowance
from chat.models import Conversation
from chat.support.clock import wall_ms

#: Bytes of a request: the longest prompt in any language, and the rest.
MAX_BYTES = 100_000
#: Requests of one user in this process: a page asks a few times a minute, a form at each pause in typing.
reading = allowance(burst=60, rate=5)
writing = allowance(burst=40, rate=2)
#: Due times of one page of the history, unless asked otherwise, and at most.
PAGE, MAX_PAGE = 20, 100
Limit = Annotated[int, whole(PAGE, 1, MAX_PAGE)]


ROUTER = Router(auth=Door(reading, writing, MAX_BYTES))


class NewSchedule(Draft):
    """A draft; with an `id` of the asker's making the same request again is the same schedule."""

    id: UUID | None = None


class ScheduleChange(BaseModel):
    """Fields of a draft, and `state`; what is left out stays as it is."""

    model_config = ConfigDict(extra="allow")

    state: Literal["active", "paused"] | None = None


class RunAsked(BaseModel):
    """With an `id` of the asker's making the same request again is the same run."""

    id: UUID | None = None


EMPTY, NOT_AGAIN = NewSchedule(), RunAsked()


@ROUTER.get("/schedules", response=answers(s.ScheduleList))
def listing(request: HttpRequest) -> s.ScheduleList:
    """All schedules of the user, newest first, and what a form needs to know."""
    return s.ScheduleList(
        schedules=_entries(editing.mine(request.user)),
        most=settings.HOLDFAST_SCHEDULES_PER_USER,
        least_s=settings.HOLDFAST_SCHEDULE_LEAST_S,
        destinations=[s.Destination(**vars(offer)) for offer in destinations.offers(request.user)],
        now=wall_ms(),
    )


@ROUTER.post("/schedules", response=answers(s.ScheduleEntry, created=True))
def make(request: HttpRequest, wanted: NewSchedule = EMPTY) -> s.ScheduleEntry | Status[s.ScheduleEntry]:
    """Make one."""
    draft = Draft.model_validate(wanted.model_dump(exclude={"id"}, exclude_unset=True))
    try:
        row, new = editing.create(request.user, draft, id=wanted.id)
    except InvalidSchedule as refusal:
        raise _invalid(refusal.problems) from None
    except editing.TooManySchedules as refusal:
        raise RequestRefused(409, "too_many", str(refusal)) from None
    entry = _entries(editing.mine(request.user).filter(pk=row.pk))[0]
    return Status(201, entry) if new else entry


@ROUTER.post("/schedules/preview", auth=Door(reading, reading, MAX_BYTES), response=answers(s.Preview))
def preview(request: HttpRequest, draft: Draft = EMPTY) -> s.Preview:
    """The next times of what is being written, by milliseconds; and what is wrong with its times."""
    plan, found = plan_of(draft, wall_ms())
    return s.Preview(times=[] if found else upcoming(plan, wall_ms()), fields=_fields(found))


@ROUTER.get("/schedules/{uuid:schedule}", response=answers(s.ScheduleEntry))
def show(request: HttpRequest, schedule: UUID) -> s.ScheduleEntry:
    """One of them."""
    return _entries(editing.mine(request.user).filter(pk=_own(request, schedule).pk))[0]


@ROUTER.patch("/schedules/{uuid:schedule}", response=answers(s.ScheduleEntry))
def change(request: HttpRequest, schedule: UUID, wanted: ScheduleChange) -> s.ScheduleEntry:
    """Change what is named; `state` pauses and resumes it."""
    row = _own(request, schedule)
    try:
        if wanted.model_extra:
            row = editing.change(row, _changed(draft_of(row), wanted.model_extra))
        if wanted.state is not None:
            row = editing.resume(row) if wanted.state == "active" else editing.pause(row)
    except InvalidSchedule as refusal:
        raise _invalid(refusal.problems) from None
    return show(request, row.pk)


@ROUTER.delete("/schedules/{uuid:schedule}", response=answers(Nothing))
def remove(request: HttpRequest, schedule: UUID) -> Nothing:
    """Remove it with its history."""
    editing.remove(_own(request, schedule))
    return Nothing()


@ROUTER.post("/schedules/{uuid:schedule}/run", response=answers(s.FiringEntry, created=True))
def run(request: HttpRequest, schedule: UUID, asked: RunAsked = NOT_AGAIN) -> Status[s.FiringEntry]:
    """Have it run now."""
    row = _own(request, schedule)
    try:
        firing = editing.run_now(row, asked.id)
    except editing.TooManySchedules as refusal:
        raise RequestRefused(429, "too_many", str(refusal), retry=True) from None
    return Status(201, _firing(firing, set(), {}))


@ROUTER.get("/schedules/{uuid:schedule}/history", response=answers(s.FiringPage))
def history(request: HttpRequest, schedule: UUID, before: Before = END, limit: Limit = PAGE) -> s.FiringPage:
    """Its due times, newest first. `conversation` is null once that was deleted."""
    row = _own(request, schedule)
    rows = row.firings.filter(due__lt=before).select_related("delivery").order_by("-due")
    found = list(rows[: limit + 1])
    alive, failed = _alive(found), extensions.undelivered([one.run for one in found])
    firings = [_firing(one, alive, failed) for one in found[:limit]]
    return s.FiringPage(firings=firings, more=len(found) > limit)


# ---- shapes ----


def _entries(rows: "QuerySet[Schedule]") -> list[s.ScheduleEntry]:
    """Schedules with what ran last, or runs; three queries for all of them."""
    firings = ScheduleFiring.objects.filter(schedule=OuterRef("pk")).exclude(state="skipped")
    found = list(rows.annotate(newest=Subquery(firings.order_by("-due").values("pk")[:1])))
    last = ScheduleFiring.objects.filter(pk__in=[row.newest for row in found if row.newest])
    by_schedule = {one.schedule_id: one for one in last.select_related("delivery")}
    alive = _alive(by_schedule.values())
    failed = extensions.undelivered([one.run for one in by_schedule.values()])
    return [_entry(row, by_schedule.get(row.pk), alive, failed) for row in found]


def _entry(
    row: Schedule, last: ScheduleFiring | None, alive: set[UUID], failed: Mapping[str, str]
) -> s.ScheduleEntry:
    return s.ScheduleEntry.model_validate(
        {
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
    )


def _firing(row: ScheduleFiring, alive: set[UUID], failed: Mapping[str, str]) -> s.FiringEntry:
    """`undelivered`: its conversation is a chat elsewhere, and the answer could not be put there, and why."""
    sent = getattr(row, "delivery", None)
    delivery = arrival(sent) if sent is not None else None
    return s.FiringEntry(
        id=str(row.pk),
        due=row.due,
        manual=row.manual,
        state=row.state,
        outcome=row.outcome,
        detail=row.detail,
        passed=row.passed,
        conversation=str(row.conversation) if row.conversation in alive else None,
        run=row.run,
        delivery=s.Arrival(state=delivery.state, error=delivery.error) if delivery else None,
        undelivered=failed.get(row.run, ""),
    )


def _alive(rows: Iterable[ScheduleFiring]) -> set[UUID]:
    named = {row.conversation for row in rows if row.conversation is not None}
    return set(Conversation.objects.filter(id__in=named, deleted_at=None).values_list("id", flat=True))


def _fields(found: dict[str, Problem]) -> dict[str, FieldRefused]:
    return {field: FieldRefused(code=one.code, detail=one.detail) for field, one in found.items()}


# ---- reading requests ----


def _own(request: HttpRequest, schedule: UUID) -> Schedule:
    row = editing.mine(request.user).filter(pk=schedule).first()
    if row is None:
        raise RequestRefused(404, "not_found", gettext("You have no such schedule."))
    return row


def _invalid(found: dict[str, Problem]) -> RequestRefused:
    fields = {field: one.model_dump() for field, one in _fields(found).items()}
    return RequestRefused(400, "invalid", "; ".join(one.detail for one in found.values()), fields=fields)


def _changed(draft: Draft, given: Mapping[str, Any]) -> Draft:
    try:
        return Draft.model_validate(draft.model_dump() | dict(given))
    except ValidationError as refusal:
        raise invalid(first_of_each(refusal)) from None
