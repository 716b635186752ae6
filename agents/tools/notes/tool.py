"""Notes that an agent keeps for the person who speaks, over all of that person's conversations."""

from typing import Annotated, Literal

from pydantic import Field

from agents.tools import Probed, Storage, ToolContext, ToolError, tool

#: Notes that one person can have; beyond it the list no longer fits a tool result.
MAX_NOTES = 200
NOTE_CHARS = 2_000

Action = Literal["add", "list", "delete"]


async def _happened(context: ToolContext, action: Action, text: str, number: int | None) -> Probed:
    """Look whether a call in doubt has left its note, or taken one away (rule R4)."""
    storage = _storage(context)
    if action == "add":
        found = await storage.note_by_key(context.owner, context.key)
        return Probed("happened", f"Noted as #{found.number}.") if found else Probed("not_happened")
    if action == "delete" and number is not None:
        gone = number not in {note.number for note in await storage.list_notes(context.owner)}
        return Probed("happened", f"Note #{number} is deleted.") if gone else Probed("not_happened")
    return Probed("not_happened")


@tool(effect="effectful", timeout=10, probe=_happened)
async def notes(
    action: Action,
    context: ToolContext,
    text: Annotated[str, Field(max_length=NOTE_CHARS)] = "",
    number: Annotated[int, Field(ge=1)] | None = None,
) -> str:
    """Remember something for the user, list what is remembered, or delete one note.

    Notes are kept between conversations. Only the user's own notes can be seen.

    Args:
        action: add (needs text), list, or delete (needs number).
        text: What to remember, in the user's own words.
        number: The number of the note to delete, as the list shows it.
    """
    storage = _storage(context)
    if action == "list":
        found = await storage.list_notes(context.owner)
        return "\n".join(f"#{note.number} {note.text}" for note in found) or "There are no notes."
    if action == "delete":
        if number is None:
            raise ToolError("Say which note to delete: give its number, as action=list shows it.")
        if not await storage.delete_note(context.owner, number):
            raise ToolError(f"There is no note #{number}. action=list shows the notes that there are.")
        return f"Note #{number} is deleted."
    if not text.strip():
        raise ToolError("There is nothing to remember: give the text.")
    if len(await storage.list_notes(context.owner)) >= MAX_NOTES:
        raise ToolError(f"There are {MAX_NOTES} notes already. Delete one first.")
    stored = await storage.add_note(context.owner, context.key, text.strip(), context.conversation)
    return f"Noted as #{stored.number}."


def _storage(context: ToolContext) -> Storage:
    if context.storage is None:
        raise ToolError("Notes cannot be kept here.")
    return context.storage
