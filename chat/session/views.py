"""What a snapshot shows, typed: the JSON values that `chat/session/state.py` makes, field by field (rule S3).

They are plain dicts at run time, because that is how they lie in Redis and in SQL; the types cost nothing. The web's
frames derive from them, and so do the TypeScript types. A field that is `NotRequired` was added later: what was stored
before lacks it.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, NotRequired, TypeAlias

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from agents.events import (
    CallCode,
    CallStatus,
    Effect,
    Incomplete,
    LeftOutReason,
    RunCode,
    RunStatus,
    StepStatus,
)

STRICT = with_config(ConfigDict(extra="forbid"))


@STRICT
class OriginView(TypedDict):
    """Where a message came in: the entrance, and who or what spoke there."""

    entrance: str
    name: str
    #: Who that is, where it is not simply the conversation's owner (`agents.events.Origin`).
    actor: NotRequired[Annotated[str, Field(json_schema_extra={"optional": True})]]


@STRICT
class AttachmentView(TypedDict):
    """A file that came with a message; `size` is in bytes."""

    id: str
    name: str
    media_type: str
    size: int


@STRICT
class UsageView(TypedDict):
    """Tokens; `cost` is in billionths of a US dollar, null where no price was known."""

    input: int
    output: int
    cached: int
    cost: int | None


@STRICT
class ApprovalView(TypedDict):
    """That a person was asked whether the call may run, and what they said; `decision` null: nothing yet (rule W8)."""

    digest: str
    asked_at: int
    decision: Literal["approved", "refused"] | None
    by: str
    note: str
    decided_at: int | None


@STRICT
class ProgressView(TypedDict):
    fraction: float | None
    note: str


@STRICT
class CallView(TypedDict):
    """`approval` null: nobody was asked. Calls stored before there were approvals lack that field."""

    id: str
    ordinal: int
    name: str
    arguments: str
    effect: Effect
    status: CallStatus
    attempt: int
    worker: str
    progress: ProgressView | None
    preview: str
    size: int
    code: CallCode | None
    by: str
    approval: NotRequired[ApprovalView | None]
    started_at: int | None
    ended_at: int | None


@STRICT
class LeftOutView(TypedDict):
    """That later requests go without this item, or without these `files` of it (none named: all of it); `detail` is in
    the words of whoever refused it, `model`."""

    reason: LeftOutReason
    detail: str
    files: list[str]
    model: str
    at: int


@STRICT
class EditedView(TypedDict):
    """That a message says something else than when it was sent: when and by whom it was last changed, and what it said
    at first."""

    at: int
    by: str
    text: str


@STRICT
class MessageItem(TypedDict):
    """What a person said. Items stored before there were attachments lack that field; `left_out` null, or not there:
    the model gets it whole; `edited` not there: it says what was sent."""

    kind: Literal["message"]
    seq: int
    id: str
    text: str
    at: int
    origin: OriginView
    attachments: NotRequired[list[AttachmentView]]
    left_out: NotRequired[LeftOutView | None]
    branch: NotRequired[Annotated[str, Field(json_schema_extra={"optional": True})]]
    edited: NotRequired[Annotated[EditedView, Field(json_schema_extra={"optional": True})]]


@STRICT
class NoteItem(TypedDict):
    kind: Literal["note"]
    seq: int
    id: str
    text: str
    at: int
    origin: OriginView
    left_out: NotRequired[LeftOutView | None]
    branch: NotRequired[Annotated[str, Field(json_schema_extra={"optional": True})]]


@STRICT
class StepItem(TypedDict):
    """`reasoning`: what the model said to itself. `incomplete`: why a finished one is not a whole answer (rule R14).
    Those stored before these were noted lack the fields."""

    kind: Literal["step"]
    seq: int
    id: str
    run: str
    status: StepStatus
    attempt: int
    survived: bool
    model: str
    text: str
    reasoning: NotRequired[str]
    calls: list[CallView]
    usage: UsageView | None
    incomplete: NotRequired[Incomplete | None]
    at: int
    ended_at: int | None
    left_out: NotRequired[LeftOutView | None]
    branch: NotRequired[Annotated[str, Field(json_schema_extra={"optional": True})]]
    #: Who answers, by its slug.
    agent: NotRequired[Annotated[str, Field(json_schema_extra={"optional": True})]]


@STRICT
class NoticeItem(TypedDict):
    kind: Literal["notice"]
    seq: int
    id: str
    at: int
    code: RunCode | Literal["stopped"]
    detail: str
    branch: NotRequired[Annotated[str, Field(json_schema_extra={"optional": True})]]


@STRICT
class AgentItem(TypedDict):
    """From here on another agent answers, and no more the one of `before`."""

    kind: Literal["agent"]
    seq: int
    id: str
    at: int
    agent: str
    before: str
    by: str
    branch: NotRequired[Annotated[str, Field(json_schema_extra={"optional": True})]]


Item: TypeAlias = Annotated[
    MessageItem | NoteItem | StepItem | NoticeItem | AgentItem, Field(discriminator="kind")
]


#: Kinds of items that no request says to a model.
UNSENT = ("notice", "agent")


@STRICT
class CopiedView(TypedDict):
    """Where a conversation was copied from (`agents.events.CopiedFrom`)."""

    conversation: str
    title: str
    item: str


@STRICT
class InfoView(TypedDict):
    title: str
    agent: str
    created_at: int
    usage: NotRequired[UsageView]
    copied_from: NotRequired[Annotated[CopiedView, Field(json_schema_extra={"optional": True})]]


@STRICT
class RunView(TypedDict):
    """`branch`: where it goes on, if not on the first one. `agent`: who answers, if not the conversation's agent."""

    id: str
    cause: str
    status: RunStatus
    #: Since when it has this status; of an attempt that runs, its start. None: it began before this was noted.
    since: NotRequired[int | None]
    attempt: int
    worker: str
    queued_at: int
    started_at: int | None
    ended_at: int | None
    stopping: bool
    reason: str | None
    code: RunCode | None
    detail: str
    retry_at: int | None
    usage: NotRequired[UsageView]
    branch: NotRequired[Annotated[str, Field(json_schema_extra={"optional": True})]]
    agent: NotRequired[Annotated[str, Field(json_schema_extra={"optional": True})]]


@STRICT
class BranchView(TypedDict):
    """One branch: it has what `parent` has below seq `before`, and then its own (`agents/branches.py`)."""

    id: str
    parent: str
    before: int
    shown_at: int


@STRICT
class ForkView(TypedDict):
    """A place on what is shown from which there is more than one way on: which branch each way shows, and which of them
    is taken. It is told at the first item at or after `before`."""

    before: int
    ways: list[str]
    at: int


@STRICT
class SegmentView(TypedDict):
    """Of `branch`, what stands below `below`; null: all of it."""

    branch: str
    below: int | None


@STRICT
class BranchesView(TypedDict):
    """The branches of a conversation that has any: the one that is shown ("" is the first), the items that it has, and
    its forks."""

    shown: str
    path: list[SegmentView]
    forks: list[ForkView]
    all: list[BranchView]
    main_shown_at: int


@STRICT
class SeenView(TypedDict):
    """Of each branch the seq of what a request has had last: a message behind it waits."""

    seen: dict[str, int]


#: A state, field by field as it lies in Redis: `info`, `run`, and `i:<seq>` for each item.
#: Of a conversation with branches also `branches` and `seen`; and `moved` from the event that shows another branch
#: until the window has been read anew.
StateField: TypeAlias = InfoView | RunView | Item | BranchesView | SeenView | int | None
State: TypeAlias = Mapping[str, StateField]
#: What an event changes: field → its new value, or None for a field that leaves the state.
Patch: TypeAlias = dict[str, StateField]
