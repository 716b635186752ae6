"""What somebody wants a schedule to be, and whether it can be that.

    Draft ─► check ─► a row that may be stored, or problems by field

The API, the admin and the agents' tools all write drafts. Plain functions over SQL, to be called in a database thread.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext
from pydantic import BaseModel, ConfigDict, Field

from agents.borders import is_blank
from agents.models import Agent
from chat.automation import destinations
from chat.commands import MAX_TEXT
from chat.entrances.schedules.decide import MAX_MOST
from chat.entrances.schedules.models import Schedule
from chat.entrances.schedules.plan import Plan, Problem, instant, is_zone, next_time, problems
from chat.models import Conversation
from chat.support.durations import SECOND


class DeliveryChoice(BaseModel):
    """Where results go, one of `chat/automation/destinations.py`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Annotated[str, Field(max_length=20)]
    address: Annotated[str, Field(max_length=200)]


class Draft(BaseModel):
    """What somebody wants a schedule to be. Moments are written as `plan.instant` reads them, or as milliseconds since
    the Unix epoch; `every_s` is in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(max_length=100)] = ""
    prompt: Annotated[str, Field(max_length=MAX_TEXT)] = ""
    agent: Annotated[str, Field(max_length=100)] = ""
    kind: Literal["cron", "interval", "once"] = "cron"
    cron: Annotated[str, Field(max_length=200)] = ""
    zone: Annotated[str, Field(max_length=64)] = "UTC"
    every_s: Annotated[int, Field(ge=0, le=10**9)] = 0
    at: Annotated[str, Field(max_length=40)] | int | None = None
    ends_at: Annotated[str, Field(max_length=40)] | int | None = None
    missed: Literal["skip", "once", "all"] = "once"
    most: Annotated[int, Field(ge=1, le=MAX_MOST)] = 10
    place: Literal["new", "same"] = "new"
    conversation: UUID | None = None
    delivery: DeliveryChoice | None = None


class InvalidSchedule(Exception):
    """A draft that cannot be stored; `problems` by field."""

    def __init__(self, found: dict[str, Problem]) -> None:
        super().__init__("; ".join(f"{field}: {one.detail}" for field, one in found.items()))
        self.problems = found


def draft_of(row: Schedule) -> Draft:
    """A schedule as the draft that it could have been made from."""
    kind = row.deliver_kind
    return Draft(
        name=row.name,
        prompt=row.prompt,
        agent=row.agent,
        kind=row.kind,
        cron=row.cron,
        zone=row.zone,
        every_s=row.every_ms // SECOND,
        at=row.at or None,
        ends_at=row.ends_at,
        missed=row.missed,
        most=row.most,
        place=row.place,
        conversation=row.conversation,
        delivery=DeliveryChoice(kind=kind, address=row.deliver_address) if kind else None,
    )


# ---- checking ----


def plan_of(draft: Draft, now: int) -> tuple[Plan, dict[str, Problem]]:
    """The plan of a draft, and what is wrong with it. An interval without a first time begins now."""
    found: dict[str, Problem] = {}
    zone = draft.zone if is_zone(draft.zone) else "UTC"
    at = _moment(draft.at, zone, "at", found)
    ends_at = _moment(draft.ends_at, zone, "ends_at", found)
    cron = " ".join(draft.cron.split())
    match draft.kind:
        case "cron":
            plan = Plan("cron", draft.zone, cron=cron, ends_at=ends_at)
        case "interval":
            first = now if at is None else at
            plan = Plan("interval", draft.zone, every=draft.every_s * SECOND, at=first, ends_at=ends_at)
        case "once":
            plan = Plan("once", draft.zone, at=at or 0)
    least = settings.HOLDFAST_SCHEDULE_LEAST_S * SECOND
    wrong = {name: one for name, one in problems(plan, least=least, now=now).items() if name not in found}
    if "every" in wrong:
        wrong["every_s"] = wrong.pop("every")
    return plan, found | wrong


def _moment(written: str | int | None, zone: str, field: str, found: dict[str, Problem]) -> int | None:
    if written is None or written == "":
        return None
    if isinstance(written, int):
        return written
    try:
        return instant(written, zone)
    except ValueError as problem:
        found[field] = Problem("bad_time", str(problem))
        return None


def check(
    owner: Any, draft: Draft, now: int, *, old: Schedule | None = None, by: Any = None
) -> tuple[Schedule, dict[str, Problem]]:
    """A row (not saved) with what the draft wants, and what is wrong with it, by field. `old`: the row to be changed;
    what stays as it is, is not held against it. `by`: the user who asks, if it is not `owner`, whose it is."""
    found: dict[str, Problem] = {}
    row = old if old is not None else Schedule(owner=owner, created_at=now)
    before = draft_of(row) if old is not None else None
    if is_blank(draft.prompt):
        found["prompt"] = Problem("empty", gettext("Write what the agent is to be told."))
    row.prompt = draft.prompt
    row.name = " ".join(draft.name.split()) or _name_from(draft.prompt)
    row.missed, row.most = draft.missed, draft.most
    if before is None or _timing(before) != _timing(draft):
        plan, wrong = plan_of(draft, now)
        found |= wrong
        row.kind, row.cron, row.zone = plan.kind, plan.cron, plan.zone
        row.every_ms, row.at, row.ends_at = plan.every, plan.at, plan.ends_at
        if not wrong:
            row.next_at = next_time(plan, now)
            row.state = "active" if row.state == "ended" else row.state
    if (before is None or before.agent != draft.agent) and not _is_agent(draft.agent):
        found["agent"] = Problem("agent_missing", gettext("There is no such agent, or it is switched off."))
    row.agent = draft.agent
    _place(row, draft, before, found)
    _delivery(row, by or owner, draft, before, found)
    row.updated_at = now
    return row, found


def _timing(draft: Draft) -> tuple[Any, ...]:
    return draft.kind, draft.cron, draft.zone, draft.every_s, draft.at, draft.ends_at


def _place(row: Schedule, draft: Draft, before: Draft | None, found: dict[str, Problem]) -> None:
    chosen = draft.conversation if draft.place == "same" else None
    if chosen is not None and (before is None or before.conversation != chosen):
        mine = Conversation.objects.filter(id=chosen, owner_id=row.owner_id, deleted_at=None)
        if not mine.exists():
            found["conversation"] = Problem("not_found", gettext("You have no such conversation."))
    if row.conversation != chosen or row.place != draft.place:
        row.problem = ""
    row.place, row.conversation = draft.place, chosen


def _delivery(row: Schedule, by: Any, draft: Draft, before: Draft | None, found: dict[str, Problem]) -> None:
    wanted = draft.delivery
    row.deliver_kind = wanted.kind if wanted else ""
    row.deliver_address = wanted.address.strip() if wanted else ""
    if wanted is not None and (before is None or before.delivery != wanted):
        why = destinations.problem(by, row.deliver_kind, row.deliver_address)
        if why:
            found["delivery"] = Problem("undeliverable", why)


def _is_agent(slug: str) -> bool:
    return not slug or Agent.objects.filter(slug=slug, enabled=True).exists()


def _name_from(prompt: str) -> str:
    line = next((line.strip() for line in prompt.splitlines() if line.strip()), "")
    return line if len(line) <= 60 else line[:59].rstrip() + "…"
