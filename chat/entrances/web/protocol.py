"""Every frame of the wire, by direction (rules W1–W11). Commands and what a snapshot shows are the core's
(`chat/commands.py`, `chat/session/views.py`); here they become frames.

This file is the schema: `frontend/src/sync/protocol.gen.ts` is generated from it (`make protocol`), and
`make lint` fails when the two drift apart. A frame from a client that does not fit is answered with `error`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.json_schema import SkipJsonSchema

from agents.events import AnyEvent, CallStatus, RunStatus
from chat.commands import CommandBody, ResultCode, Uuid
from chat.session.views import BranchesView, InfoView, Item, RunView, SeenView

#: Grows when a frame changes its meaning, or a client's frame gets a field: servers refuse fields that they do not
#: know, clients ignore them. A server says `goaway {protocol}` to a client of another version.
PROTOCOL = 3
#: Largest frame a client may send, in bytes (rule W11): a message of MAX_TEXT characters in any language fits.
MAX_FRAME_IN = 128 * 1024
#: Largest frame the server sends, in bytes (rule W10); Daphne refuses to send more than 1 MiB.
MAX_FRAME_OUT = 512 * 1024

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
ResyncReason = Literal["epoch", "gap", "slow", "behind", "store_lost"]
GoawayReason = Literal["restart", "crowded", "protocol", "token", "logged_out"]

Cursor = Annotated[str, Field(max_length=100)]


class Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SessionState(Frame):
    """What one conversation shows: `items` in transcript order (ascending seq). One with branches says which is shown,
    and may hold items of others, of which something is open or waits."""

    info: InfoView
    run: RunView | None
    branches: Annotated[BranchesView | SkipJsonSchema[None], Field(json_schema_extra={"optional": True})] = (
        None
    )
    seen: Annotated[SeenView | SkipJsonSchema[None], Field(json_schema_extra={"optional": True})] = None
    items: list[Item]


# ---- client → server ----


class Hello(Frame):
    """First frame on a socket. `tab` is a random id of the tab, for the log only. `token` is `Boot.hello_token`:
    whoever says it can read what this site says to the login (rule W11)."""

    type: Literal["hello"]
    protocol: int
    tab: Annotated[str, Field(max_length=64)]
    token: Annotated[str, Field(max_length=64)]


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


class Wait(Frame):
    """Many are coming back at once: the turn of this socket is in about `after_ms`. Comes before `welcome`, more than
    once if it takes long. The client stays: one that begins anew goes to the end of the queue (rule W9)."""

    type: Literal["wait"]
    after_ms: int


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
    """Reconnect after `after_ms` (rule W9), unless the reason is `protocol` or `logged_out`. `token`: that of the hello
    is not of this login; fetch the boot data again before."""

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
    | Wait
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
    pinned: bool = False
    archived: bool = False


class ConversationList(Frame):
    conversations: list[ConversationEntry]
    more: bool


class ItemPage(Frame):
    """Older items of a conversation, ascending; `more` if there are still older ones."""

    items: list[Item]
    more: bool


class FoundMark(Frame):
    """A place [start, end) of a snippet, in UTF-16 code units."""

    start: int
    end: int


class SearchHit(Frame):
    """A place in which something was found. `snippet` is plain text with `marks`. `item`, `seq` and `branch` say
    where it stands in its conversation; of a title they say nothing."""

    conversation: str
    title: str
    agent: str
    archived: bool
    kind: Literal["title", "message", "answer", "result"]
    item: str
    seq: int
    branch: str
    at: int
    snippet: str
    marks: list[FoundMark]
    cut_before: bool
    cut_after: bool


class SearchPage(Frame):
    """What was found, newest first; `titles` only on the first page. `next`: from where to go on, null at the end.
    A page may be short, or empty, and still have one."""

    titles: list[SearchHit]
    hits: list[SearchHit]
    next: str | None


class PlaceEntry(Frame):
    """An item in which something was found."""

    seq: int
    item: str
    kind: Literal["message", "answer", "result"]
    branch: str


class PlacePage(Frame):
    """All places of a conversation on one branch, in their order; `elsewhere`: how many there are on others."""

    places: list[PlaceEntry]
    elsewhere: int


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
    #: What the socket's hello has to carry.
    hello_token: str
    admin: bool
    max_text: int
    #: Bytes of one file.
    max_file: int
    #: Bytes of a conversation that is imported.
    max_import: int
    #: By the name of a tool: the address of the JavaScript module that draws its results (docs/renderers.md).
    renderers: dict[str, str] = {}
    #: By the name of an entrance: what people are told that a message came from, for those of installed packages.
    entrances: dict[str, str] = {}


client_frames: TypeAdapter[Any] = TypeAdapter(ClientFrame)
server_frames: TypeAdapter[Any] = TypeAdapter(ServerFrame)
