"""What the tools for schedules and for triggers have in common: whom they ask, and the lines that a model reads."""

from typing import Literal

from agents.tools.automating import Automation, Automations, Maker
from agents.tools.base import ToolContext, ToolError

PROMPT_CHARS = 4_000
Action = Literal["create", "list", "cancel"]


def automations_of(context: ToolContext) -> tuple[Automations, Maker]:
    """Who keeps what is set up, and for whom. Raises ToolError where nobody does."""
    kept = context.storage.automations if context.storage is not None else None
    if kept is None:
        raise ToolError("Nothing can be set up here.")
    return kept, Maker(context.owner, context.conversation, context.key)


def asked(prompt: str) -> str:
    """The prompt. Raises ToolError if there is none."""
    if not prompt.strip():
        raise ToolError("Give a prompt: what you are to be told when it happens.")
    return prompt.strip()


def told(one: Automation) -> str:
    """What a model reads of one that it has set up."""
    return f"Set up: {_line(one)}"


def as_list(found: list[Automation], what: str) -> str:
    """What a model reads of several."""
    return "\n".join(map(_line, found)) or f"You have set up no {what}."


async def cancel(kept: Automations, maker: Maker, kind: Literal["schedule", "trigger"], id: str) -> str:
    """End one. Raises ToolError if it has no such one."""
    if not id.strip():
        raise ToolError("Say which one to cancel: give its id, as action=list shows it.")
    if not await kept.cancel(maker, kind, id.strip()):
        raise ToolError(
            f"You have set up no {kind} with the id {id.strip()!r}. action=list shows what there is."
        )
    return f"The {kind} {id.strip()} is cancelled."


def _line(one: Automation) -> str:
    return f"{one.id} “{one.name}”: {one.says}"
