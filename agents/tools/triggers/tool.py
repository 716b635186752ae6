"""Triggers that an agent sets up for the person it works for: itself, when something happens."""

from typing import Annotated, Literal

from pydantic import Field

from agents.tools import ToolContext, ToolError, tool
from agents.tools.automating import WantedTrigger
from agents.tools.automation import PROMPT_CHARS, Action, as_list, asked, automations_of, cancel, told


@tool(effect="idempotent", timeout=15)
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
    kept, maker = automations_of(context)
    if action == "list":
        return as_list(await kept.list(maker, "trigger"), "triggers")
    if action == "cancel":
        return await cancel(kept, maker, "trigger", id)
    if when is None:
        raise ToolError("Say when: webhook, address, message or run.")
    wanted = WantedTrigger(
        name.strip() or "Trigger",
        asked(prompt),
        when,
        url=url.strip(),
        path=path.strip(),
        every_minutes=every_minutes,
        match=match,
        pattern=pattern,
        speaker=speaker,
        anywhere=anywhere,
        outcome=outcome,
        cooldown_minutes=cooldown_minutes,
        most=most,
        here=where == "here",
    )
    return told(await kept.create_trigger(maker, wanted))
