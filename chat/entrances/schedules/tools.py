"""Schedules that an agent sets up for the person it works for: itself, later, and again and again."""

from typing import Annotated, Literal
from uuid import NAMESPACE_URL, uuid5

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from pydantic import Field

from agents.tools import ToolContext, ToolError, tool
from agents.tools.visits import addresses_in
from chat.automation.agent_tools import (
    ONLY_HERE,
    PROMPT_CHARS,
    Action,
    Automation,
    Place,
    as_list,
    asked,
    cancelled,
    is_named,
    place_of,
    room,
    short,
    told,
    which,
)
from chat.entrances.schedules import editing
from chat.entrances.schedules.models import Schedule
from chat.entrances.schedules.plan import problems, shown
from chat.entrances.schedules.validation import Draft, InvalidSchedule, plan_of
from chat.models import Conversation
from chat.support.clock import wall_ms
from chat.support.database import ask
from chat.support.durations import SECOND, in_words


def _addresses(name: str = "", prompt: str = "", **_: object) -> tuple[str, ...]:
    """What the agent would be told later as if a person had said it."""
    return (*addresses_in(name), *addresses_in(prompt))


@tool(effect="idempotent", timeout=15, addresses=_addresses)
async def schedules(
    action: Action,
    context: ToolContext,
    name: Annotated[str, Field(max_length=100)] = "",
    prompt: Annotated[str, Field(max_length=PROMPT_CHARS)] = "",
    cron: Annotated[str, Field(max_length=200)] = "",
    time_zone: Annotated[str, Field(max_length=64)] = "UTC",
    every_minutes: Annotated[int, Field(ge=0, le=525_600)] = 0,
    at: Annotated[str, Field(max_length=40)] = "",
    where: Literal["here", "new"] = "here",
    id: Annotated[str, Field(max_length=40)] = "",
) -> str:
    """Have yourself woken at certain times, list what you have set up, or cancel it.

    At each time you get the prompt as a message and answer it. Give exactly one of cron, every_minutes and at.

    Args:
        action: create (needs a name, a prompt and a time), list, or cancel (needs an id).
        name: A short name that the user recognises.
        prompt: What you are told each time. Write all that you need to know then.
        cron: Five fields, minute hour day month weekday, like 0 9 * * 1-5.
        time_zone: The IANA zone of cron and at, like Europe/Berlin.
        every_minutes: Again and again after so many minutes.
        at: One moment, like 2026-03-01 09:00.
        where: here: in this conversation. new: in a new conversation each time.
        id: Which one to cancel, as list shows it.
    """
    if action == "list":
        return as_list(await ask(_list, context), "schedules")
    if action == "cancel":
        wanted = which(id)
        return cancelled(await ask(_cancel, context, wanted), "schedule", wanted)
    if sum(map(bool, (cron.strip(), every_minutes, at.strip()))) != 1:
        raise ToolError("Give exactly one of cron, every_minutes and at.")
    draft = Draft(
        name=name.strip() or "Schedule",
        prompt=asked(prompt),
        kind="cron" if cron.strip() else "interval" if every_minutes else "once",
        cron=cron.strip(),
        zone=time_zone.strip() or "UTC",
        every_s=every_minutes * 60,
        at=at.strip(),
        place="same" if where == "here" else "new",
    )
    return told(await ask(_create, context, draft))


def _create(context: ToolContext, draft: Draft) -> Automation:
    place = place_of(context)
    if place.here and draft.place != "same":
        raise ToolError(ONLY_HERE)
    now = wall_ms()
    # In a conversation of its own it is the same agent that wakes up.
    changes: dict[str, object] = {"agent": place.agent.slug}
    if draft.place == "same":
        changes["conversation"] = place.conversation
    if draft.kind == "interval":
        # Not at once: the one who sets it up is at work on it now.
        changes["at"] = now + draft.every_s * SECOND
    draft = draft.model_copy(update=changes)
    owner = get_user_model().objects.get(pk=place.owner)
    id = uuid5(NAMESPACE_URL, f"holdfast.automation\0{place.owner}\0{place.key}")
    try:
        with transaction.atomic():
            get_user_model().objects.select_for_update().get(pk=place.owner)
            if not Schedule.objects.filter(pk=id).exists():
                room("schedules", _own(place).count(), place.agent.max_schedules)
                _check_pace(draft, place.agent.least_interval_s, now)
            row, _ = editing.create(owner, draft, id=id, made_in=place.conversation)
    except InvalidSchedule as problem:
        raise ToolError(" ".join(one.detail for one in problem.problems.values())) from None
    except editing.TooManySchedules as problem:
        raise ToolError(str(problem)) from None
    return _shown(row)


def _check_pace(draft: Draft, least_s: int, now: int) -> None:
    plan, found = plan_of(draft, now)
    if not found:
        found = problems(plan, least=least_s * SECOND, now=now)
    if found:
        raise InvalidSchedule(found)


def _list(context: ToolContext) -> list[Automation]:
    return [_shown(row) for row in _own(place_of(context))]


def _cancel(context: ToolContext, id: str) -> bool:
    found = [row for row in _own(place_of(context)) if is_named(row.pk, id)]
    if len(found) != 1:
        return False
    editing.remove(found[0])
    return True


def _own(place: Place) -> "QuerySet[Schedule]":
    """Those that go on and were made by this agent, in whichever conversation of the owner, newest first."""
    of_agent = Conversation.objects.filter(owner_id=place.owner, agent=place.agent.slug).values("pk")
    rows = Schedule.objects.filter(owner_id=place.owner, made_in__in=of_agent).exclude(state="ended")
    if place.here:
        rows = rows.filter(made_in=place.conversation)
    return rows.order_by("-created_at", "pk")


def _shown(row: Schedule) -> Automation:
    match row.kind:
        case "cron":
            when = f"cron {row.cron} ({row.zone})"
        case "interval":
            when = f"every {in_words(row.every_ms)}"
        case _:
            when = "once"
    following = f", next at {shown(row.next_at, row.zone)}" if row.next_at is not None else ""
    return Automation(short(row.pk), row.name, f"{when}{following}, {row.state}")
