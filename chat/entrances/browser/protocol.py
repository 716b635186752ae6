"""Every frame of the wire, by direction, and every code (rules W1–W11).

This file is the schema: `frontend/src/sync/protocol.gen.ts` is generated from it (`make protocol`), and
`make lint` fails when the two drift apart. A frame from a client that does not fit is answered with `error`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from agents.events import (
    AnyEvent,
    AttachmentRef,
    CallCode,
    CallStatus,
    Effect,
    Origin,
    RunCode,
    RunStatus,
    StepStatus,
    Usage,
)

#: Grows when a frame changes its meaning, or a client's frame gets a field: servers refuse fields that they do not
#: know, clients ignore them. A server says `goaway {protocol}` to a client of another version.
PROTOCOL = 1
#: Largest frame a client may send, in bytes (rule W11).
MAX_FRAME_IN = 64 * 1024
#: Largest frame the server sends, in bytes (rule W10); Daphne refuses to send more than 1 MiB.
MAX_FRAME_OUT = 512 * 1024
#: Longest text of one message, in characters; it fits MAX_FRAME_IN in any language.
MAX_TEXT = 16_000
#: Longest reason of a refusal, in characters.
MAX_NOTE = 1_000
#: Files that one message may carry.
MAX_ATTACHMENTS = 5

ErrorCode = Literal[
    "bad_frame",
    "too_large",
    "too_fast",
    "not_found",
    "too_many_open",
    "hello_first",
    "protocol",
    "unavailable",
]
ResultCode = Literal[
    "not_found",
    "bad_command",
    "id_reused",
    "no_run",
    "unknown_call",
    "already_settled",
    "already_decided",
    "wrong_digest",
    "too_many_waiting",
    "agent_missing",
    "unknown_attachment",
    "unavailable",
]
ResyncReason = Literal["epoch", "gap", "slow", "behind", "store_lost"]
GoawayReason = Literal["restart", "crowded", "protocol", "logged_out"]

Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
Cursor = Annotated[str, Field(max_length=100)]


class Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# ---- what a snapshot shows (the shapes that chat/session/state.py makes) ----


class ApprovalView(Frame):
    """That a person was asked whether the call may run, and what they said; `decision` null: nothing yet (rule W8)."""

    digest: str
    asked_at: int
    decision: Literal["approved", "refused"] | None
    by: str
    note: str
    decided_at: int | None


class CallView(Frame):
    """`approval` null: nobody was asked. Calls stored before there were approvals lack that field."""

    id: str
    ordinal: int
    name: str
    arguments: str
    effect: Effect
    status: CallStatus
    attempt: int
    worker: str
    progress: "Progress | None"
    preview: str
    size: int
    code: CallCode | None
    by: str
    approval: ApprovalView | None = None
    started_at: int | None
    ended_at: int | None


class Progress(Frame):
    fraction: float | None
    note: str


class MessageItem(Frame):
    """What a person said. Items stored before there were attachments lack that field."""

    kind: Literal["message"]
    seq: int
    id: str
    text: str
    at: int
    origin: Origin
    attachments: list[AttachmentRef] = []


class NoteItem(Frame):
    kind: Literal["note"]
    seq: int
    id: str
    text: str
    at: int
    origin: Origin


class StepItem(Frame):
    kind: Literal["step"]
    seq: int
    id: str
    run: str
    status: StepStatus
    attempt: int
    survived: bool
    model: str
    text: str
    calls: list[CallView]
    usage: Usage | None
    at: int
    ended_at: int | None


class NoticeItem(Frame):
    kind: Literal["notice"]
    seq: int
    id: str
    at: int
    code: RunCode | Literal["stopped"]
    detail: str


Item = Annotated[MessageItem | NoteItem | StepItem | NoticeItem, Field(discriminator="kind")]


class Info(Frame):
    title: str
    agent: str
    created_at: int
    usage: Usage = Usage()


class RunView(Frame):
    id: str
    cause: str
    status: RunStatus
    #: Since when it has this status; of an attempt that runs, its start. None: it began before this was noted.
    since: int | None = None
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
    usage: Usage = Usage()


class SessionState(Frame):
    """What one conversation shows: `items` in transcript order (ascending seq)."""

    info: Info
    run: RunView | None
    items: list[Item]


# ---- client → server ----


class Hello(Frame):
    """First frame on a socket. `tab` is a random id of the tab, for the log only."""

    type: Literal["hello"]
    protocol: int
    tab: Annotated[str, Field(max_length=64)]


class Greeting(BaseModel):
    """What a hello says in every release, past and to come. It is read before `Hello`, so that a tab of another release
    is told to reload, whatever else its hello holds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["hello"]
    protocol: int


class Open(Frame):
    """Show me this conversation, live. `cursor`: where I am, if I have it; a snapshot comes unless it is the head."""

    type: Literal["open"]
    conversation: Uuid
    cursor: Cursor | None = None


class Close(Frame):
    type: Literal["close"]
    conversation: Uuid


class CreateBody(Frame):
    kind: Literal["create"]
    agent: Annotated[str, Field(max_length=100)] = ""
    title: Annotated[str, Field(max_length=200)] = ""


class SendBody(Frame):
    """`message` is the client-made id of the message, so that the outbox can recognise it in the state.

    `attachments` are ids of files that were uploaded before. With at least one the text may be empty.
    """

    kind: Literal["send"]
    message: Uuid
    text: Annotated[str, Field(max_length=MAX_TEXT)]
    attachments: Annotated[tuple[Uuid, ...], Field(max_length=MAX_ATTACHMENTS)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> "SendBody":
        if not self.text and not self.attachments:
            raise ValueError("text is empty, and there is no attachment")
        return self


class StopBody(Frame):
    """`run` is the run that is meant: a stop that comes late, after a long outage, must not end a later one."""

    kind: Literal["stop"]
    run: Uuid | None = None


class RenameBody(Frame):
    kind: Literal["rename"]
    title: Annotated[str, Field(min_length=1, max_length=200)]


class DeleteBody(Frame):
    kind: Literal["delete"]


class SettleBody(Frame):
    """What a person says of a call that is in doubt (rule R4); `call` must name it (rule W7)."""

    kind: Literal["settle"]
    call: Annotated[str, Field(max_length=64)]
    decision: Literal["happened", "did_not_happen", "run_again"]
    result: Annotated[str, Field(max_length=MAX_TEXT)] = ""


class ApproveBody(Frame):
    """A person allows a call that awaits their yes, or refuses it. `digest` is that of what they were shown, so that
    nobody allows what they have not seen (rule W8); `note` is the reason of a refusal, for the model to read."""

    kind: Literal["approve"]
    call: Annotated[str, Field(max_length=64)]
    digest: Annotated[str, Field(max_length=64)]
    decision: Literal["approve", "refuse"]
    note: Annotated[str, Field(max_length=MAX_NOTE)] = ""


CommandBody = Annotated[
    CreateBody | SendBody | StopBody | RenameBody | DeleteBody | SettleBody | ApproveBody,
    Field(discriminator="kind"),
]


class Command(Frame):
    """A request to change a conversation; `id` is a UUIDv7 made by the client (rule W5)."""

    type: Literal["command"]
    id: Uuid
    conversation: Uuid
    body: CommandBody


class Ping(Frame):
    type: Literal["ping"]


ClientFrame = Annotated[Hello | Open | Close | Command | Ping, Field(discriminator="type")]


# ---- server → client ----


class Welcome(Frame):
    """`now` is the server's clock in ms, so that elapsed times are right on a client whose clock is not."""

    type: Literal["welcome"]
    protocol: int
    user: str
    now: int
    heartbeat_ms: int


class Part(Frame):
    """Streaming text of the step `message`: `text` goes at `offset` (in UTF-16 code units). Not an event (rule W4)."""

    type: Literal["part"]
    conversation: str
    message: str
    offset: int
    text: str


class SnapshotPart(Frame):
    message: str
    text: str


class Snapshot(Frame):
    """The whole state at `cursor`. Sent in `pieces` when it is large: the items of all pieces, in order, make
    the state, and it is applied when the last one is there (rule W10). `piece` counts from 1 to `pieces`; info,
    run and part are in every piece, the same."""

    type: Literal["snapshot"]
    conversation: str
    cursor: str
    piece: int
    pieces: int
    state: SessionState
    part: SnapshotPart | None


class EventFrame(Frame):
    """`prev` is the cursor before this event, `cursor` the one after it, `seq` its number (rule W2)."""

    type: Literal["event"]
    conversation: str
    prev: str
    cursor: str
    seq: int
    event: AnyEvent


class Synced(Frame):
    """The client has all that there is up to `cursor`."""

    type: Literal["synced"]
    conversation: str
    cursor: str


class Result(Frame):
    """What became of a command. `applied` and `duplicate` mean that it is committed (rule S5)."""

    type: Literal["result"]
    id: str
    conversation: str
    status: Literal["applied", "duplicate", "rejected"]
    code: ResultCode | None
    cursor: str | None
    retry: bool


class Heartbeat(Frame):
    """The head cursor of each open conversation (rule W3)."""

    type: Literal["heartbeat"]
    heads: dict[str, str]
    now: int


class Resync(Frame):
    """What you have of this conversation cannot be continued: open it again."""

    type: Literal["resync"]
    conversation: str
    reason: ResyncReason


class ListChanged(Frame):
    """The user's list of conversations changed; fetch it over HTTP. Carries no data, like any bell."""

    type: Literal["list"]


class Gone(Frame):
    """The conversation does not exist for this user (never did, or was deleted)."""

    type: Literal["gone"]
    conversation: str


class Goaway(Frame):
    """Reconnect after `after_ms` (rule W9), unless the reason is `protocol` or `logged_out`."""

    type: Literal["goaway"]
    after_ms: int
    reason: GoawayReason


class Error(Frame):
    """Something could not be done. `command`: the id of the command that was refused unread, where it can be told."""

    type: Literal["error"]
    code: ErrorCode
    detail: str
    retry: bool
    conversation: str | None = None
    command: str | None = None


class Pong(Frame):
    type: Literal["pong"]
    now: int


ServerFrame = Annotated[
    Welcome
    | Snapshot
    | EventFrame
    | Part
    | Synced
    | Result
    | Heartbeat
    | Resync
    | ListChanged
    | Gone
    | Goaway
    | Error
    | Pong,
    Field(discriminator="type"),
]


# ---- HTTP (JSON, same login, CSRF on writes) ----


class ConversationEntry(Frame):
    """One row of the conversation list."""

    id: str
    title: str
    agent: str
    created_at: int
    updated_at: int
    run_status: RunStatus | None


class ConversationList(Frame):
    conversations: list[ConversationEntry]
    more: bool


class ItemPage(Frame):
    """Older items of a conversation, ascending; `more` if there are still older ones."""

    items: list[Item]
    more: bool


class AgentEntry(Frame):
    slug: str
    name: str
    description: str


class CallDetail(Frame):
    """A call whole: the card shows a preview, this has all of it."""

    id: str
    name: str
    arguments: str
    result: str
    status: CallStatus


class Boot(Frame):
    """What the page needs before the socket: who, which agents, limits."""

    user: str
    agents: list[AgentEntry]
    csrf: str
    admin: bool
    max_text: int
    #: Bytes of one file.
    max_file: int
    #: By the name of a tool: the address of the JavaScript module that draws its results (docs/renderers.md).
    renderers: dict[str, str] = {}


client_frames: TypeAdapter[Any] = TypeAdapter(ClientFrame)
server_frames: TypeAdapter[Any] = TypeAdapter(ServerFrame)
