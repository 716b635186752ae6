"""Schedules and triggers that agents set up by their tools (`agents/tools/automating.py`), over both entrances.

What an agent sets up belongs to the owner of the conversation and names it. The limits are the agent's (0: it may have
none), counted over all conversations of that owner; the owner's own limits hold besides. Nothing secret goes back to
the model: the address of a webhook is shown to the owner by the API, and to administrators in the admin.
"""

from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet

from agents.models import Agent
from agents.tools import ToolError
from agents.tools.automating import Automation, Kind, Maker, WantedSchedule, WantedTrigger
from chat.entrances.schedules import editing as schedules
from chat.entrances.schedules.models import Schedule
from chat.entrances.schedules.plan import SECOND, problems, shown, told
from chat.entrances.schedules.validation import Draft, Invalid, plan_of
from chat.entrances.triggers import editing as triggers
from chat.entrances.triggers.models import Trigger
from chat.models import Conversation
from chat.support.clock import now_ms, wall_ms
from chat.support.database import ask

#: Characters of an id that models are told; enough to tell apart what one agent has.
ID_CHARS = 8


@dataclass(frozen=True)
class Place:
    """Where something is set up, and by whom."""

    owner: int
    conversation: UUID
    agent: Agent


class KeptAutomations:
    """See `agents.tools.automating.Automations`."""

    async def create_schedule(self, maker: Maker, wanted: WantedSchedule) -> Automation:
        """Set a schedule up."""
        return await ask(_create_schedule, maker, wanted)

    async def create_trigger(self, maker: Maker, wanted: WantedTrigger) -> Automation:
        """Set a trigger up."""
        return await ask(_create_trigger, maker, wanted)

    async def list(self, maker: Maker, kind: Kind) -> "list[Automation]":
        """The agent's own that have not ended, newest first."""
        return await ask(_list, maker, kind)

    async def cancel(self, maker: Maker, kind: Kind, id: str) -> bool:
        """End one."""
        return await ask(_cancel, maker, kind, id)


def _place(maker: Maker) -> Place:
    row = Conversation.objects.filter(
        pk=UUID(maker.conversation), owner_id=int(maker.owner), deleted_at=None
    ).first()
    agent = Agent.objects.filter(slug=row.agent, enabled=True).first() if row is not None else None
    if row is None or agent is None:
        raise ToolError("Nothing can be set up here: the conversation or its agent is gone.")
    return Place(int(maker.owner), row.pk, agent)


# ---- schedules ----


def _create_schedule(maker: Maker, wanted: WantedSchedule) -> Automation:
    place = _place(maker)
    now = wall_ms()
    draft = Draft(
        name=wanted.name,
        prompt=wanted.prompt,
        # In a conversation of its own it is the same agent that wakes up.
        agent=place.agent.slug,
        kind="cron" if wanted.cron else "interval" if wanted.every_minutes else "once",
        cron=wanted.cron,
        zone=wanted.zone,
        every_s=wanted.every_minutes * 60,
        # Not at once: the one who sets it up is at work on it now.
        at=now + wanted.every_minutes * 60 * SECOND if wanted.every_minutes else wanted.at,
        place="same" if wanted.here else "new",
        conversation=place.conversation if wanted.here else None,
    )
    owner = get_user_model().objects.get(pk=place.owner)
    id = uuid5(NAMESPACE_URL, f"holdfast.automation\0{place.owner}\0{maker.key}")
    try:
        with transaction.atomic():
            get_user_model().objects.select_for_update().get(pk=place.owner)
            if not Schedule.objects.filter(pk=id).exists():
                _room("schedules", _schedules(place).count(), place.agent.max_schedules)
                _check_pace(draft, place.agent.least_interval_s, now)
            row, _ = schedules.create(owner, draft, id=id, made_in=place.conversation)
    except Invalid as problem:
        raise ToolError(" ".join(one.detail for one in problem.problems.values())) from None
    except schedules.TooMany as problem:
        raise ToolError(str(problem)) from None
    return _schedule(row)


def _check_pace(draft: Draft, least_s: int, now: int) -> None:
    plan, found = plan_of(draft, now)
    if not found:
        found = problems(plan, least=least_s * SECOND, now=now)
    if found:
        raise Invalid(found)


def _schedules(place: Place) -> "QuerySet[Schedule]":
    """Those that go on and were made by this agent, in whichever conversation of the owner."""
    of_agent = Conversation.objects.filter(owner_id=place.owner, agent=place.agent.slug).values("pk")
    rows = Schedule.objects.filter(owner_id=place.owner, made_in__in=of_agent).exclude(state="ended")
    return rows.order_by("-created_at", "pk")


def _schedule(row: Schedule) -> Automation:
    match row.kind:
        case "cron":
            when = f"cron {row.cron} ({row.zone})"
        case "interval":
            when = f"every {told(row.every_ms)}"
        case _:
            when = "once"
    following = f", next at {shown(row.next_at, row.zone)}" if row.next_at is not None else ""
    return Automation(_id(row.pk), row.name, f"{when}{following}, {row.state}")


# ---- triggers ----

_KINDS = {"webhook": "webhook", "address": "poll", "message": "message", "run": "run"}


def _create_trigger(maker: Maker, wanted: WantedTrigger) -> Automation:
    place = _place(maker)
    least = place.agent.least_interval_s
    if wanted.when == "address" and wanted.every_minutes and wanted.every_minutes * 60 < least:
        raise ToolError(f"There must be at least {told(least * SECOND)} between two looks.")
    watched = [] if wanted.anywhere or wanted.when not in ("message", "run") else [str(place.conversation)]
    fields: dict[str, Any] = {
        "name": wanted.name,
        "kind": _KINDS[wanted.when],
        # Braces of the model's are its own words: what was seen is put below them.
        "prompt": wanted.prompt.replace("{{", "{ {"),
        "agent": place.agent.slug,
        "conversation": place.conversation if wanted.here else None,
        "match": wanted.match,
        "pattern": wanted.pattern,
        "path": wanted.path,
        "url": wanted.url,
        "interval_s": max(wanted.every_minutes * 60, least),
        "watched": watched,
        "speaker": wanted.speaker,
        "outcomes": [wanted.outcome] if wanted.when == "run" else [],
        "cooldown_s": wanted.cooldown_minutes * 60,
        "max_fires": wanted.most,
    }
    made = triggers.Maker(place.agent.slug, place.conversation, maker.key, place.agent.max_triggers)
    try:
        if made.most == 0:
            _room("triggers", 0, 0)
        row, _ = triggers.create(place.owner, fields, now_ms(), made)
    except (triggers.Invalid, triggers.TooMany) as problem:
        raise ToolError(str(problem)) from None
    return _trigger(row)


def _triggers(place: Place) -> "list[Trigger]":
    now = now_ms()
    rows = Trigger.objects.filter(owner_id=place.owner, made_by=place.agent.slug).order_by(
        "-created_at", "pk"
    )
    return [row for row in rows if row.state(now) not in triggers.ENDED]


def _trigger(row: Trigger) -> Automation:
    what = "" if row.match == "any" else f"{row.get_match_display()} “{row.pattern}”"
    match row.kind:
        case "webhook":
            # The chat has no page of triggers: say where the address is really found.
            when = (
                "when its secret address is called (not shown in the chat: an administrator finds it under "
            )
            when += f"Admin → Triggers, the user's own programs by GET /api/triggers/{row.pk})"
            when += f" with {what}" if what else ""
        case "poll":
            when = f"when {row.url} {f'says {what}' if what else 'changes'}"
            when += f", looked at every {told(row.interval_s * SECOND)}"
        case "message":
            when = f"when {row.get_speaker_display()} says {what or 'anything'}"
        case _:
            when = f"when a run has {' or '.join(row.outcomes)}"
    most = f" of {row.max_fires}" if row.max_fires is not None else ""
    return Automation(_id(row.pk), row.name, f"{when}; fired {row.fires}{most} times, {row.state(now_ms())}")


# ---- both ----


def _list(maker: Maker, kind: Kind) -> list[Automation]:
    place = _place(maker)
    if kind == "schedule":
        return [_schedule(row) for row in _schedules(place)]
    return [_trigger(row) for row in _triggers(place)]


def _cancel(maker: Maker, kind: Kind, id: str) -> bool:
    place = _place(maker)
    rows: list[Any] = list(_schedules(place)) if kind == "schedule" else list(_triggers(place))
    found = [row for row in rows if id in (_id(row.pk), str(row.pk))]
    if len(found) != 1:
        return False
    if kind == "schedule":
        schedules.remove(found[0])
    else:
        found[0].delete()
    return True


def _room(what: str, has: int, most: int) -> None:
    if most == 0:
        raise ToolError(f"This agent may not set up {what}.")
    if has >= most:
        raise ToolError(f"You may have {most} {what} at a time for this person. Cancel one first.")


def _id(pk: UUID) -> str:
    return pk.hex[:ID_CHARS]
