"""Triggers that an agent sets up for the person it works for: itself, when something happens."""

import asyncio
from typing import Annotated, Any, Literal

from django.conf import settings
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
from chat.entrances.triggers import addresses, editing
from chat.entrances.triggers.models import Trigger
from chat.support.clock import now_ms
from chat.support.database import ask
from chat.support.durations import SECOND, in_words

#: What models call the kinds of triggers.
_KINDS = {"webhook": "webhook", "address": "poll", "message": "message", "run": "run"}


def _addresses(name: str = "", prompt: str = "", url: str = "", **_: object) -> tuple[str, ...]:
    """What would be looked at again and again, and what the agent would be told later as if a person had said it."""
    looked_at = (url,) if url.strip() else ()
    return (*looked_at, *addresses_in(name), *addresses_in(prompt))


@tool(effect="idempotent", timeout=15, addresses=_addresses)
async def triggers(
    action: Action,
    context: ToolContext,
    name: Annotated[str, Field(max_length=100)] = "",
    prompt: Annotated[str, Field(max_length=PROMPT_CHARS)] = "",
    when: Literal["webhook", "address", "message", "run"] | None = None,
    url: Annotated[str, Field(max_length=2_000)] = "",
    path: Annotated[str, Field(max_length=300)] = "",
    every_minutes: Annotated[int, Field(ge=0, le=44_640)] = 0,
    match: Literal["any", "contains", "equals", "regex"] = "any",
    pattern: Annotated[str, Field(max_length=300)] = "",
    speaker: Literal["person", "agent", "anyone"] = "person",
    anywhere: bool = False,
    outcome: Literal["finished", "failed"] = "finished",
    cooldown_minutes: Annotated[int, Field(ge=0, le=43_200)] = 0,
    most: Annotated[int, Field(ge=1, le=1_000_000)] | None = None,
    where: Literal["here", "new"] = "here",
    id: Annotated[str, Field(max_length=40)] = "",
) -> str:
    """Have yourself woken when something happens, list what you have set up, or cancel it.

    Each time you get the prompt as a message, with what was seen below it, and answer it.

    Args:
        action: create (needs a name, a prompt and when), list, or cancel (needs an id).
        name: A short name that the user recognises.
        prompt: What you are told. Write all that you need to know then.
        when: webhook: somebody calls a secret address (you are told where the user finds it). address: what a
            public url answers changes, or begins to match. message: somebody says something that matches. run: an
            agent's run has ended.
        url: For address: where to look.
        path: For webhook and address: where in the JSON to look, like $.build.status.
        every_minutes: For address: minutes between two looks.
        match: What to look for: anything, what contains the pattern, what equals it, or what a regular expression
            finds.
        pattern: The words to look for.
        speaker: For message: who says it.
        anywhere: For message and run: in all of the user's conversations, not only in this one.
        outcome: For run: how it has ended.
        cooldown_minutes: Minutes after a firing in which nothing fires.
        most: How often it may fire in all.
        where: here: you are woken in this conversation. new: in a new one each time.
        id: Which one to cancel, as list shows it.
    """
    if action == "list":
        return as_list(await ask(_list, context), "triggers")
    if action == "cancel":
        wanted = which(id)
        return cancelled(await ask(_cancel, context, wanted), "trigger", wanted)
    if when is None:
        raise ToolError("Say when: webhook, address, message or run.")
    fields: dict[str, Any] = {
        "name": name.strip() or "Trigger",
        "kind": _KINDS[when],
        # Braces of the model's are its own words: what was seen is put below them.
        "prompt": asked(prompt).replace("{{", "{ {"),
        "match": match,
        "pattern": pattern,
        "path": path.strip(),
        "url": url.strip(),
        "interval_s": every_minutes * 60,
        "speaker": speaker,
        "outcomes": [outcome] if when == "run" else [],
        "cooldown_s": cooldown_minutes * 60,
        "max_fires": most,
    }
    if when == "address" and (why := await asyncio.to_thread(addresses.refusal, fields["url"])):
        raise ToolError(why)
    return told(await ask(_create, context, fields, where == "here", anywhere))


def _create(context: ToolContext, fields: dict[str, Any], here: bool, anywhere: bool) -> Automation:
    place = place_of(context)
    if place.here and (anywhere or not here):
        raise ToolError(ONLY_HERE)
    least = place.agent.least_interval_s
    if fields["kind"] == "poll" and 0 < fields["interval_s"] < least:
        raise ToolError(f"There must be at least {in_words(least * SECOND)} between two looks.")
    in_place = fields["kind"] in ("message", "run") and not anywhere
    fields |= {
        "agent": place.agent.slug,
        "conversation": place.conversation if here else None,
        "interval_s": max(fields["interval_s"], least),
        "watched": [str(place.conversation)] if in_place else [],
    }
    made = editing.Maker(place.agent.slug, place.conversation, place.key, place.agent.max_triggers)
    try:
        if made.most == 0:
            room("triggers", 0, 0)
        row, _ = editing.create(place.owner, fields, now_ms(), made)
    except (editing.InvalidTrigger, editing.TooManyTriggers) as problem:
        raise ToolError(str(problem)) from None
    return _shown(row)


def _list(context: ToolContext) -> list[Automation]:
    return [_shown(row) for row in _own(place_of(context))]


def _cancel(context: ToolContext, id: str) -> bool:
    found = [row for row in _own(place_of(context)) if is_named(row.pk, id)]
    if len(found) != 1:
        return False
    found[0].delete()
    return True


def _own(place: Place) -> list[Trigger]:
    """Those that have not ended and were made by this agent for this owner, newest first."""
    now = now_ms()
    rows = Trigger.objects.filter(owner_id=place.owner, made_by=place.agent.slug)
    if place.here:
        rows = rows.filter(made_in=place.conversation)
    return [row for row in rows.order_by("-created_at", "pk") if row.state(now) not in editing.ENDED]


def _shown(row: Trigger) -> Automation:
    what = "" if row.match == "any" else f"{row.get_match_display()} “{row.pattern}”"
    match row.kind:
        case "webhook":
            # Whoever knows the address may fire it, so no transcript has it: say where its owner finds it.
            page = f"{settings.HOLDFAST_PATH}/triggers/{row.pk}"
            when = (
                f"when its secret address is called (not told here: the user finds it on their page {page},"
            )
            when += " in the web chat under Triggers)"
            when += f" with {what}" if what else ""
        case "poll":
            when = f"when {row.url} {f'says {what}' if what else 'changes'}"
            when += f", looked at every {in_words(row.interval_s * SECOND)}"
        case "message":
            when = f"when {row.get_speaker_display()} says {what or 'anything'}"
        case _:
            when = f"when a run has {' or '.join(row.outcomes)}"
    most = f" of {row.max_fires}" if row.max_fires is not None else ""
    return Automation(
        short(row.pk), row.name, f"{when}; fired {row.fires}{most} times, {row.state(now_ms())}"
    )
