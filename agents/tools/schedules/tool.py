"""Schedules that an agent sets up for the person it works for: itself, later, and again and again."""

from typing import Annotated, Literal

from pydantic import Field

from agents.tools import ToolContext, ToolError, tool
from agents.tools.automating import WantedSchedule
from agents.tools.automation import PROMPT_CHARS, Action, as_list, asked, automations_of, cancel, told


@tool(effect="idempotent", timeout=15)
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
    kept, maker = automations_of(context)
    if action == "list":
        return as_list(await kept.list(maker, "schedule"), "schedules")
    if action == "cancel":
        return await cancel(kept, maker, "schedule", id)
    if sum(map(bool, (cron.strip(), every_minutes, at.strip()))) != 1:
        raise ToolError("Give exactly one of cron, every_minutes and at.")
    wanted = WantedSchedule(
        name.strip() or "Schedule",
        asked(prompt),
        cron=cron.strip(),
        zone=time_zone.strip() or "UTC",
        every_minutes=every_minutes,
        at=at.strip(),
        here=where == "here",
    )
    return told(await kept.create_schedule(maker, wanted))
