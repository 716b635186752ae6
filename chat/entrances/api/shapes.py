"""What the HTTP API takes and answers. Moments are milliseconds since the Unix epoch, ids are UUIDs."""

from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from agents.events import CallStatus, RunStatus
from chat.commands import MAX_ATTACHMENTS, MAX_NOTE, MAX_SLUG, MAX_TEXT, MAX_TITLE
from chat.session.views import Item, RunView

#: A digest of a call, and a call's id, are no longer.
MAX_ID = 64
#: Something besides white space.
SAID = r"\S"


class Taken(Schema):
    """What a program sends: nothing that is not named here."""

    model_config = ConfigDict(extra="forbid")


# ---- taken ----


class Begin(Taken):
    """Begin a conversation, and say something in it at once if `text` is there."""

    agent: Annotated[
        str, Field(max_length=MAX_SLUG, description="An agent's `slug`; empty: the default agent.")
    ] = ""
    title: Annotated[str, Field(max_length=MAX_TITLE, description="Empty: made from the first message.")] = ""
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=SAID)] | None = None


class Say(Taken):
    """Say something; the agent answers."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=SAID)]
    attachments: Annotated[
        list[UUID], Field(max_length=MAX_ATTACHMENTS, description="Files that were uploaded in the web chat.")
    ] = []


class Stop(Taken):
    """`run` is the run that is meant: a stop that comes late ends no later one."""

    run: UUID | None = None


class Rename(Taken):
    title: Annotated[str, Field(min_length=1, max_length=MAX_TITLE, pattern=SAID)]


class ChangeAgent(Taken):
    """The slug of an agent that is switched on (`GET /agents`)."""

    agent: Annotated[str, Field(min_length=1, max_length=MAX_SLUG)]


class Decide(Taken):
    """Allow a call that asks, or refuse it. `digest` is that of what you were shown (`approval.digest` of the call)."""

    decision: Literal["approve", "refuse"]
    digest: Annotated[str, Field(max_length=MAX_ID)]
    note: Annotated[str, Field(max_length=MAX_NOTE, description="Why not, for the agent to read.")] = ""


class Settle(Taken):
    """Say what became of a call in doubt."""

    decision: Literal["happened", "did_not_happen", "run_again"]
    result: Annotated[
        str, Field(max_length=MAX_TEXT, description="What the agent is to read as its result.")
    ] = ""


# ---- answered ----


class TokenOut(Schema):
    """The token that was shown, and whose it is."""

    user: str
    name: str
    scopes: list[str]
    expires_at: int
    per_minute: int


class AgentOut(Schema):
    slug: str
    name: str
    description: str


class AgentList(Schema):
    agents: list[AgentOut]


class ConversationOut(Schema):
    id: UUID
    title: str
    agent: str
    #: Where it began: `web`, `api`, `feishu`, …
    entrance: str
    created_at: int
    updated_at: int
    run_status: RunStatus | None


class ConversationPage(Schema):
    """Newest first. `next` is for the parameter `after`; null: these were the last."""

    conversations: list[ConversationOut]
    next: str | None


class PartOut(Schema):
    """Text that streams and is no event yet."""

    step: str
    kind: Literal["text", "reasoning"]
    #: Where `text` goes, in UTF-16 code units.
    offset: int
    text: str


class StateOut(Schema):
    """A conversation as it is now: its newest items (older ones: /items), its run, and where you are (`cursor`)."""

    id: UUID
    title: str
    agent: str
    cursor: str
    run: RunView | None
    items: list[Item]
    part: PartOut | None


class ItemPage(Schema):
    """Items in order, oldest first. `next` is for the parameter `before`; null: there are no older ones."""

    items: list[Item]
    next: int | None


class Begun(Schema):
    """`run` answers the message; null: none was sent. `status`: `duplicate` if this key had begun it before."""

    conversation: UUID
    message: UUID | None
    run: str | None
    status: Literal["applied", "duplicate"]
    cursor: str | None


class Said(Schema):
    """It is in the journal: it will be answered, whatever dies now. `run` is the one that answers it, as far as that
    is known."""

    message: UUID
    run: str | None
    status: Literal["applied", "duplicate"]
    cursor: str | None


class Done(Schema):
    """It is in the journal."""

    status: Literal["applied", "duplicate"]
    cursor: str | None


class RunOut(Schema):
    """What a run has come to. `text` is the answer, empty while it is not over; `ending` says why there is none or why
    it is not whole."""

    id: str
    status: RunStatus
    text: str
    ending: str


class CallOut(Schema):
    """A call whole."""

    id: str
    name: str
    arguments: str
    result: str
    status: CallStatus


class ProblemOut(Schema):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retry: bool
    fields: dict[str, str] | None = None


Json = dict[str, Any]
