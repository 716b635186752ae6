"""What a trigger's owner asks over the web. JSON in and out; each error is `{code, detail, retry}`, and `fields` where
a field is wrong; what is not the user's own is 404, the same as what does not exist (rule W11).

    GET    /api/triggers                   {"triggers": […], "most"}, newest first
    POST   /api/triggers                   make one: 201
    GET    /api/triggers/<id>              one, with the secret address of a webhook
    PATCH  /api/triggers/<id>              change the fields that are given; {"paused": true} pauses
    DELETE /api/triggers/<id>              and its history: 204
    POST   /api/triggers/<id>/fire         {"id"?}: fire now, to try it: 202
    POST   /api/triggers/<id>/renew        another secret address
    GET    /api/triggers/<id>/firings      ?before=<id>&limit=: what it has seen and what came of it, newest first
"""

import json
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chat.entrances.triggers import managing
from chat.entrances.triggers.decide import REASONS
from chat.entrances.triggers.managing import Invalid, TooMany
from chat.entrances.triggers.models import Trigger, TriggerFiring, owned
from chat.inbox import now_ms
from chat.limits import Allowance, Limits
from chat.models import Run

#: Bytes of a request, rows of a page unless asked otherwise, and at most.
MAX_BODY = 64 * 1024
PAGE, MAX_PAGE = 30, 100
#: Characters of what was seen that a list shows.
MAX_SHOWN = 2_000

reading = Allowance(Limits(burst=120, rate=20, flood=10_000))
changing = Allowance(Limits(burst=30, rate=1, flood=10_000))


class Wanted(BaseModel):
    """A trigger as somebody makes or changes it. What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

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
    expires_at: Annotated[int, Field(ge=0, le=2**53)] | None = None
    path: Annotated[str, Field(max_length=300)] = ""
    match: Literal["any", "contains", "equals", "regex"] = "any"
    pattern: Annotated[str, Field(max_length=300)] = ""
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
    after_schedule: Annotated[str, Field(max_length=40)] = ""

    def given(self) -> dict[str, Any]:
        """What was said, as the columns want it."""
        fields = {name: getattr(self, name) for name in self.model_fields_set}
        if "watched" in fields:
            fields["watched"] = [str(one) for one in self.watched]
        return fields


class Fire(BaseModel):
    """A firing by hand; the same `id` again is the same firing."""

    model_config = ConfigDict(extra="forbid")

    id: UUID | None = None


class Refused(Exception):
    """The request cannot be answered; becomes its response."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"code": code, "detail": detail, "retry": False, **more}


View = Callable[..., HttpResponse]
Shape = TypeVar("Shape", bound=BaseModel)


def answers(*methods: str) -> Callable[[View], View]:
    """A view of a logged-in user for these methods. Django's middleware has looked for the CSRF token."""

    def decorate(view: View) -> View:
        @require_http_methods([*methods])
        @never_cache
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                if not request.user.is_authenticated:
                    raise Refused(401, "logged_out", "Log in again.")
                allowance = reading if request.method == "GET" else changing
                if not allowance.take(request.user.pk):
                    raise Refused(429, "too_fast", "Too many requests. Wait a moment.", retry=True)
                return view(request, *args, **kwargs)
            except Invalid as problem:
                said = {"code": "invalid", "detail": str(problem), "fields": problem.fields, "retry": False}
                return _json(said, 400)
            except TooMany as problem:
                return _json({"code": "too_many", "detail": str(problem), "retry": False}, 409)
            except Refused as refusal:
                response = _json(refusal.body, refusal.status)
                if refusal.status == 429:
                    response["Retry-After"] = "1"
                return response

        return wrapped

    return decorate


@answers("GET", "POST")
def triggers(request: HttpRequest) -> HttpResponse:
    """The list, or a new one."""
    user = _user(request)
    if request.method == "GET":
        now = now_ms()
        rows = owned(user)[: settings.HOLDFAST_MAX_TRIGGERS]
        return _json({"triggers": [entry(row, now) for row in rows], "most": settings.HOLDFAST_MAX_TRIGGERS})
    made = managing.create(user, _body(request, Wanted).given(), now_ms())
    return _json(_whole(request, made), 201)


@answers("GET", "PATCH", "DELETE")
def one(request: HttpRequest, trigger: UUID) -> HttpResponse:
    """One trigger."""
    row = _own(request, trigger)
    if request.method == "DELETE":
        row.delete()
        return HttpResponse(status=204)
    if request.method == "PATCH":
        changed = managing.change(row.pk, _body(request, Wanted).given(), now_ms())
        if changed is None:
            raise _gone()
        row = changed
    return _json(_whole(request, row))


@answers("POST")
def fire(request: HttpRequest, trigger: UUID) -> HttpResponse:
    """Fire now. A worker carries it out."""
    row = _own(request, trigger)
    asked = _body(request, Fire)
    firing = managing.fire_now(row.pk, str(asked.id or secrets.token_hex(16)), now_ms())
    if firing is None:
        raise _gone()
    return _json(firing_entry(firing, ""), 202)


@answers("POST")
def renew(request: HttpRequest, trigger: UUID) -> HttpResponse:
    """Another secret address for a webhook."""
    row = _own(request, trigger)
    if row.kind != "webhook":
        raise Refused(400, "invalid", "Only webhooks have an address.")
    managing.renew_address(row.pk, now_ms())
    return _json(_whole(request, _own(request, trigger)))


@answers("GET")
def firings(request: HttpRequest, trigger: UUID) -> HttpResponse:
    """What it has seen, and what came of it."""
    row = _own(request, trigger)
    limit = _number(request, "limit", PAGE, 1, MAX_PAGE)
    found = row.firings.filter(pk__lt=_number(request, "before", 2**62, 0, 2**62)).order_by("-pk")
    rows = list(found[: limit + 1])
    runs = Run.objects.filter(
        conversation_id__in=[one.conversation for one in rows if one.run],
        run__in=[one.run for one in rows if one.run],
    )
    statuses = dict(runs.values_list("run", "status"))
    shown = [firing_entry(one, statuses.get(one.run, "")) for one in rows[:limit]]
    return _json({"firings": shown, "more": len(rows) > limit})


def entry(row: Trigger, now: int) -> dict[str, Any]:
    """A trigger as lists show it: nothing secret."""
    names = [name for name in managing.FIELDS if name != "secret"]
    said = {name: getattr(row, name) for name in names}
    for name in ("conversation", "after_trigger"):
        said[name] = str(said[name]) if said[name] is not None else None
    return {
        "id": str(row.pk),
        **said,
        "signed": row.signed,
        "state": row.state(now),
        "fires": row.fires,
        "fired_at": row.fired_at,
        "checked_at": row.checked_at,
        "next_at": row.next_at if row.kind == "poll" else None,
        "error": row.error,
        "made_by": row.made_by,
        "made_in": str(row.made_in) if row.made_in is not None else None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def firing_entry(row: TriggerFiring, run_status: str) -> dict[str, Any]:
    """A firing as lists show it."""
    seen = json.dumps(row.seen, ensure_ascii=False)
    return {
        "id": row.pk,
        "status": row.state,
        "reason": row.reason or None,
        "why": REASONS.get(row.reason, ""),
        "test": row.test,
        "at": row.created_at,
        "fired_at": row.fired_at,
        "seen": seen[:MAX_SHOWN],
        "conversation": str(row.conversation) if row.state == "fired" else None,
        "run": row.run or None,
        "run_status": run_status or None,
        "error": row.error,
    }


def _whole(request: HttpRequest, row: Trigger) -> dict[str, Any]:
    address = request.build_absolute_uri(row.hook) if row.hook else None
    return {**entry(row, now_ms()), "address": address}


def _body(request: HttpRequest, shape: type[Shape]) -> Shape:
    """The request's JSON. Raises Refused, Invalid."""
    length = request.headers.get("content-length") or "0"
    if not length.isdigit() or int(length) > MAX_BODY or len(request.body) > MAX_BODY:
        raise Refused(413, "too_large", f"At most {MAX_BODY // 1024} KiB.")
    if request.content_type not in ("application/json", ""):
        raise Refused(415, "not_json", "Send JSON, as application/json.")
    try:
        return shape.model_validate_json(request.body or b"{}")
    except ValidationError as problem:
        found: dict[str, str] = {}
        for error in problem.errors(include_url=False, include_input=False):
            found.setdefault(".".join(map(str, error["loc"])), error["msg"])
        raise Invalid(found) from None


def _own(request: HttpRequest, trigger: UUID) -> Trigger:
    row = owned(_user(request)).filter(pk=trigger).first()
    if row is None:
        raise _gone()
    return row


def _gone() -> Refused:
    return Refused(404, "not_found", "You have no such trigger.")


def _user(request: HttpRequest) -> int:
    assert request.user.pk is not None
    return int(request.user.pk)


def _number(request: HttpRequest, name: str, default: int, least: int, most: int) -> int:
    text = request.GET.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise Refused(400, "invalid", f"`{name}` must be a whole number.")
    return max(least, min(most, int(text)))


def _json(body: dict[str, Any], status: int = 200) -> JsonResponse:
    shape = {"ensure_ascii": False, "separators": (",", ":")}
    return JsonResponse(body, status=status, json_dumps_params=shape)
