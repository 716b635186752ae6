"""Triggers over HTTP, for their owner (rule W11). docs/triggers.md has the shapes.

    GET, POST            /api/triggers                 all of them, newest first; make one
    GET, PATCH, DELETE   /api/triggers/<id>            one, with the secret address of a webhook; change a part of it,
                                                       pause it with {"paused": true}; remove it with its history
    POST                 /api/triggers/<id>/run        fire now, to try it
    POST                 /api/triggers/<id>/renew      another secret address
    GET                  /api/triggers/<id>/history    what it has seen and what came of it, newest first

Moments are milliseconds since the Unix epoch.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext
from ninja import Router, Status
from pydantic import BaseModel, ConfigDict, Field

from chat import extensions
from chat.entrances.triggers import addresses, editing
from chat.entrances.triggers import shapes as s
from chat.entrances.triggers.decide import REASONS
from chat.entrances.triggers.editing import InvalidTrigger, TooManyTriggers
from chat.entrances.triggers.models import Trigger, TriggerFiring, owned
from chat.entrances.triggers.senders import SENDERS
from chat.http.pages import Before, Door, Nothing, answers, whole
from chat.http.refusals import END, RequestRefused, allowance
from chat.models import Conversation, Run
from chat.support.clock import now_ms
from chat.support.durations import END_OF_TIME

#: Bytes of a request: the longest prompt in any language, and the rest.
MAX_BYTES = 100_000
#: Requests of one user in this process.
reading = allowance(burst=60, rate=5)
writing = allowance(burst=40, rate=2)
#: Rows of one page of the history, unless asked otherwise, and at most.
PAGE, MAX_PAGE = 20, 100
#: Characters of what was seen that the history shows.
MAX_SHOWN = 2_000
ROUTER = Router(auth=Door(reading, writing, MAX_BYTES))
Limit = Annotated[int, whole(PAGE, 1, MAX_PAGE)]


class Wanted(BaseModel):
    """A trigger as somebody makes or changes it. What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    #: Of the asker's making, when one is made: the same id again is the same trigger.
    id: UUID | None = None
    name: Annotated[str, Field(max_length=100)] = ""
    kind: Literal["webhook", "poll", "message", "run"] = "webhook"
    prompt: Annotated[str, Field(max_length=20_000)] = ""
    agent: Annotated[str, Field(max_length=100)] = ""
    conversation: UUID | None = None
    paused: bool = False
    cooldown_s: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    per_hour: Annotated[int, Field(ge=0, le=2**31 - 1)] = 30
    max_fires: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    #: Milliseconds since the Unix epoch.
    expires_at: Annotated[int, Field(ge=0, le=END_OF_TIME)] | None = None
    path: Annotated[str, Field(max_length=300)] = ""
    match: Literal["any", "contains", "equals", "regex"] = "any"
    pattern: Annotated[str, Field(max_length=300)] = ""
    #: Of the table in senders.py.
    sender: Annotated[str, Field(max_length=20)] = "hmac"
    secret: Annotated[str, Field(max_length=300)] = ""
    signature_header: Annotated[str, Field(max_length=60)] = ""
    delivery_header: Annotated[str, Field(max_length=60)] = ""
    url: Annotated[str, Field(max_length=2_000)] = ""
    interval_s: Annotated[int, Field(ge=0, le=2**31 - 1)] = 300
    watched: Annotated[list[UUID], Field(max_length=100)] = []
    speaker: Literal["person", "agent", "anyone"] = "person"
    outcomes: list[Literal["finished", "failed", "stopped"]] = []
    after_agent: Annotated[str, Field(max_length=100)] = ""
    after_trigger: UUID | None = None
    after_schedule: UUID | None = None

    def given(self) -> dict[str, Any]:
        """What was said, as the columns want it."""
        fields = {name: getattr(self, name) for name in self.model_fields_set - {"id"}}
        if "watched" in fields:
            fields["watched"] = [str(one) for one in self.watched]
        return fields


class FireAsked(BaseModel):
    """With an `id` of the asker's making the same request again is the same firing."""

    id: UUID | None = None


UNSAID, NOT_AGAIN = Wanted(), FireAsked()


@contextmanager
def told() -> Iterator[None]:
    """What cannot be had becomes a refusal."""
    try:
        yield
    except InvalidTrigger as problem:
        fields = {field: {"code": "invalid", "detail": text} for field, text in problem.fields.items()}
        raise RequestRefused(400, "invalid", str(problem), fields=fields) from None
    except TooManyTriggers as problem:
        raise RequestRefused(409, "too_many", str(problem)) from None


@ROUTER.get("/triggers", response=answers(s.TriggerList))
def listing(request: HttpRequest) -> s.TriggerList:
    """All triggers of the user."""
    now = now_ms()
    return s.TriggerList(
        triggers=[s.TriggerEntry(**entry(row, now)) for row in owned(request.user.pk)],
        most=settings.HOLDFAST_TRIGGERS_PER_USER,
        least_s=settings.HOLDFAST_TRIGGER_LEAST_S,
        senders=_senders(),
        now=now,
    )


@ROUTER.post("/triggers", response=answers(s.WholeTrigger, created=True))
def make(request: HttpRequest, wanted: Wanted = UNSAID) -> s.WholeTrigger | Status[s.WholeTrigger]:
    """Make one."""
    assert request.user.pk is not None
    with told():
        row, new = editing.create(request.user.pk, _looked_at(wanted), now_ms(), id=wanted.id)
    shown = _whole(request, row)
    return Status(201, shown) if new else shown


@ROUTER.get("/triggers/{uuid:trigger}", response=answers(s.WholeTrigger))
def show(request: HttpRequest, trigger: UUID) -> s.WholeTrigger:
    """One of them."""
    return _whole(request, _own(request, trigger))


@ROUTER.patch("/triggers/{uuid:trigger}", response=answers(s.WholeTrigger))
def change(request: HttpRequest, trigger: UUID, wanted: Wanted = UNSAID) -> s.WholeTrigger:
    """Change what is named. What was recorded before stays as it was."""
    with told():
        row = editing.change(_own(request, trigger).pk, _looked_at(wanted), now_ms())
    if row is None:
        raise _gone()
    return _whole(request, row)


@ROUTER.delete("/triggers/{uuid:trigger}", response=answers(Nothing))
def remove(request: HttpRequest, trigger: UUID) -> Nothing:
    """Remove it with its history. Runs that it has begun go on; conversations stay."""
    _own(request, trigger).delete()
    return Nothing()


@ROUTER.post("/triggers/{uuid:trigger}/run", response=answers(s.FiringEntry, created=True))
def run(request: HttpRequest, trigger: UUID, asked: FireAsked = NOT_AGAIN) -> Status[s.FiringEntry]:
    """Fire now, to try it; a worker carries it out."""
    row = _own(request, trigger)
    with told():
        firing = editing.fire_now(row.pk, str(asked.id or uuid4()), now_ms())
    if firing is None:
        raise _gone()
    return Status(201, _firings([firing])[0])


@ROUTER.post("/triggers/{uuid:trigger}/renew", response=answers(s.WholeTrigger))
def renew(request: HttpRequest, trigger: UUID) -> s.WholeTrigger:
    """Another secret address for a webhook; the old one is worth nothing from now on."""
    row = _own(request, trigger)
    if row.kind != "webhook":
        raise RequestRefused(400, "invalid", gettext("Only webhooks have an address."))
    editing.renew_address(row.pk, now_ms())
    return _whole(request, _own(request, trigger))


@ROUTER.get("/triggers/{uuid:trigger}/history", response=answers(s.FiringPage))
def history(request: HttpRequest, trigger: UUID, before: Before = END, limit: Limit = PAGE) -> s.FiringPage:
    """What it has seen, newest first. `conversation` is null once that was deleted."""
    row = _own(request, trigger)
    found = list(row.firings.filter(pk__lt=before).order_by("-pk")[: limit + 1])
    return s.FiringPage(firings=_firings(found[:limit]), more=len(found) > limit)


# ---- shapes ----


def _senders() -> list[s.Sender]:
    """Who may send to webhooks; `header`: one says in which header the signature is."""
    own = ("hmac", "token")
    return [s.Sender(name=one.name, label=str(one.label), header=one.name in own) for one in SENDERS.values()]


def entry(row: Trigger, now: int) -> dict[str, Any]:
    """A trigger as lists show it: nothing secret."""
    fields = {name: getattr(row, name) for name in editing.FIELDS if name != "secret"}
    for name in ("conversation", "after_trigger", "after_schedule"):
        fields[name] = str(fields[name]) if fields[name] is not None else None
    return {
        "id": str(row.pk),
        **fields,
        "signed": row.signed,
        "state": row.state(now),
        "fires": row.fires,
        "fired_at": row.fired_at,
        "checked_at": row.checked_at,
        "next_at": row.next_at if row.kind == "poll" else None,
        "problem": row.error,
        "made_by_agent": bool(row.made_by),
        "created_at": row.created_at,
    }


def _whole(request: HttpRequest, row: Trigger) -> s.WholeTrigger:
    address = request.build_absolute_uri(row.hook) if row.hook else None
    return s.WholeTrigger(**entry(row, now_ms()), address=address)


def _firings(rows: Iterable[TriggerFiring]) -> list[s.FiringEntry]:
    """Firings with the state of their runs; two queries for all of them."""
    found = list(rows)
    places = {row.conversation for row in found if row.conversation is not None}
    alive = set(Conversation.objects.filter(id__in=places, deleted_at=None).values_list("id", flat=True))
    named = [row.run for row in found if row.run]
    runs = Run.objects.filter(conversation_id__in=places, run__in=named)
    outcomes = dict(runs.values_list("run", "status"))
    failed = extensions.undelivered(named)
    return [
        s.FiringEntry(**_firing(row, alive, outcomes), undelivered=failed.get(row.run, "")) for row in found
    ]


def _firing(row: TriggerFiring, alive: set[UUID], outcomes: dict[str, str]) -> dict[str, Any]:
    return {
        "id": row.pk,
        "at": row.created_at,
        "manual": row.test,
        "state": row.state,
        "reason": row.reason,
        "detail": str(REASONS.get(row.reason, row.error)),
        "bytes": row.size,
        "seen": json.dumps(row.seen, ensure_ascii=False)[:MAX_SHOWN],
        "fired_at": row.fired_at,
        "conversation": str(row.conversation) if row.state == "fired" and row.conversation in alive else None,
        "run": row.run,
        "outcome": outcomes.get(row.run, ""),
    }


# ---- reading requests ----


def _own(request: HttpRequest, trigger: UUID) -> Trigger:
    row = owned(request.user.pk).filter(pk=trigger).first()
    if row is None:
        raise _gone()
    return row


def _gone() -> RequestRefused:
    return RequestRefused(404, "not_found", gettext("You have no such trigger."))


def _looked_at(wanted: Wanted) -> dict[str, Any]:
    """What was said, for the columns. An address is looked at here, where no transaction is open, and not at the first
    look of the trigger."""
    if wanted.url and (why := addresses.refusal(wanted.url)):
        raise InvalidTrigger({"url": why})
    return wanted.given()
