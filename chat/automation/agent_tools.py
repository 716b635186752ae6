"""What the tools have in common by which agents set up something that wakes them later (`tools.py` of an entrance).

What an agent sets up belongs to the owner of the conversation and names it. In a chat in which others speak, too, it
stays in that chat, and speaks there with the authority of a stranger (chat/runs/acting.py). The limits are the agent's
(0: it may have none), counted over all conversations of that owner; the owner's own limits hold besides. An agent sees
and ends only what it has set up itself, for the same owner. Nothing secret goes back to the model.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from agents.models import Agent
from agents.tools import ToolContext, ToolError
from chat.models import Conversation

PROMPT_CHARS = 4_000
#: Characters of an id that models are told; enough to tell apart what one agent has.
ID_CHARS = 8
Action = Literal["create", "list", "cancel"]
NOT_HERE = (
    "Whoever asks for this may not have anything set up here: only people whose own conversation it is may."
)
ONLY_HERE = (
    "In this chat only what stays in it can be set up: not what hears other conversations or begins new ones."
)


@dataclass(frozen=True)
class Place:
    """Where something is set up, by whom, and by which call: the same `key` again sets up nothing more. `here`: it must
    stay in this conversation, and what was set up elsewhere is not shown."""

    owner: int
    conversation: UUID
    agent: Agent
    key: str
    here: bool = False


@dataclass(frozen=True)
class Automation:
    """Something that an agent has set up. `id` is how models name it; `says` tells in one line when it happens and how
    it stands."""

    id: str
    name: str
    says: str

    def __str__(self) -> str:
        return f"{self.id} “{self.name}”: {self.says}"


def place_of(context: ToolContext) -> Place:
    """Where a call sets something up. In a database thread. Raises ToolError where nothing can be, or where whoever
    speaks may not have it (`reach`)."""
    if context.reach == "nowhere":
        raise ToolError(NOT_HERE)
    row = None
    try:
        rows = Conversation.objects.filter(pk=UUID(context.conversation), deleted_at=None)
        # Of what stays here it is the conversation that it belongs to, whoever speaks.
        row = (rows if context.reach == "here" else rows.filter(owner_id=int(context.owner))).first()
    except ValueError:
        pass  # a run outside an installation, as in a test of a tool
    agent = Agent.objects.filter(slug=row.agent, enabled=True).first() if row is not None else None
    if row is None or agent is None:
        raise ToolError("Nothing can be set up here: the conversation or its agent is gone.")
    return Place(row.owner_id, row.pk, agent, context.key, here=context.reach == "here")


def asked(prompt: str) -> str:
    """The prompt. Raises ToolError if there is none."""
    if not prompt.strip():
        raise ToolError("Give a prompt: what you are to be told when it happens.")
    return prompt.strip()


def told(one: Automation) -> str:
    """What a model reads of one that it has set up."""
    return f"Set up: {one}"


def as_list(found: list[Automation], what: str) -> str:
    """What a model reads of several. `what`: in the plural."""
    return "\n".join(map(str, found)) or f"You have set up no {what}."


def which(id: str) -> str:
    """The id of what is to be cancelled. Raises ToolError if none was given."""
    if not id.strip():
        raise ToolError("Say which one to cancel: give its id, as action=list shows it.")
    return id.strip()


def cancelled(found: bool, kind: str, id: str) -> str:
    """What a model reads of one that it has ended. Raises ToolError if it has no such one."""
    if not found:
        raise ToolError(f"You have set up no {kind} with the id {id!r}. action=list shows what there is.")
    return f"The {kind} {id} is cancelled."


def room(what: str, has: int, most: int) -> None:
    """Raise ToolError if there is no room for another one. `what`: in the plural."""
    if most == 0:
        raise ToolError(f"This agent may not set up {what}.")
    if has >= most:
        raise ToolError(f"You may have {most} {what} at a time for this person. Cancel one first.")


def short(pk: UUID) -> str:
    """How models name a row."""
    return pk.hex[:ID_CHARS]


def is_named(pk: UUID, id: str) -> bool:
    """Whether a model means this row."""
    return id in (short(pk), str(pk))
