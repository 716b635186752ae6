"""One socket of the browser, decided without a socket (rules W1–W4, W9–W11).

`Connection` knows neither asyncio nor Redis nor Django. In go a client's frames (`receive`), what the feed has
read (`show`, `follow`, `lose`) and what the shell has found out (`result`, `heartbeat`, `gone` …); out come actions,
in order. The shell performs each action before it feeds in anything more: frames go to the outlet, effects to
the feed and the inbox. The clock, in milliseconds, is given.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from agents.borders import json_text
from chat.commands import ResultCode
from chat.entrances.web import frames
from chat.entrances.web import protocol as p
from chat.entrances.web.outlet import Chunk, Control, Outgoing, QueuedFrame
from chat.http.limits import Bucket, RateLimits
from chat.session.contract import Batch, Loaded, LogPart

# Close codes. Autobahn, under Daphne, lets an application use 1000 and 3000–4999 only, so these are named after
# 1008, 1011 and 1012. To a client all but the last mean: connect again.
CLOSE_POLICY = 4008
CLOSE_INTERNAL = 4011
CLOSE_RESTART = 4012
#: The user has as many sockets as one may have; named after 1013, "try again later".
CLOSE_CROWDED = 4013
#: Not logged in (any more): connecting again will not help.
CLOSE_LOGGED_OUT = 4401


_GOODBYES: dict[p.GoawayReason, int] = {
    "restart": CLOSE_RESTART,
    "crowded": CLOSE_CROWDED,
    "protocol": CLOSE_POLICY,
    "token": CLOSE_POLICY,
    "logged_out": CLOSE_LOGGED_OUT,
}

_COMMAND = re.compile(r'\{"type": ?"command", ?"id": ?"([0-9a-f-]{36})"')

# ---- actions ----


@dataclass(frozen=True, slots=True)
class Send:
    """Put `item` into the outlet."""

    item: Outgoing


@dataclass(frozen=True, slots=True)
class OpenConversation:
    """Check that it is the user's, watch it, and answer with `show` or `gone`, quoting `attempt`."""

    conversation: str
    attempt: int


@dataclass(frozen=True, slots=True)
class CloseConversation:
    """Stop watching, and drop what waits of it in the outlet."""

    conversation: str


@dataclass(frozen=True, slots=True)
class SubmitCommand:
    """Submit to the inbox, and answer with `result`. Answer even if it fails: the client waits for it."""

    command: p.Command


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """Write what waits, then close with `code`. Feed in nothing more."""

    code: int


Action = Send | OpenConversation | CloseConversation | SubmitCommand | CloseSocket


# ---- what is shown ----


@dataclass(frozen=True, slots=True)
class Opening:
    """The client asked to see it and says it is at `cursor`; the shell has not answered yet."""

    attempt: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class LiveConversation:
    """The client has, or has on its way, everything up to this place."""

    attempt: int
    epoch: str
    seq: int
    tag: str


class Connection:
    """The state of one socket; see the module's docstring for how to drive it."""

    def __init__(
        self,
        user: str,
        clock: Callable[[], int],
        *,
        is_token: Callable[[str], bool],
        limits: RateLimits | None = None,
        heartbeat_ms: int = 10_000,
    ) -> None:
        #: The person's name; may be set later, but before anything is received.
        self.user = user
        #: Whether a hello's token is that of this socket's login.
        self._is_token = is_token
        self.limits = limits or RateLimits()
        self._clock = clock
        self._heartbeat_ms = heartbeat_ms
        self._bucket = Bucket(self.limits, clock())
        #: Which of hello-wait, talking and over the socket is in.
        self.phase: Literal["hello", "talking", "over"] = "hello"
        #: Set once hello came: the client's name of its tab, for the log.
        self.tab = ""
        #: What this socket shows, by conversation.
        self._shown: dict[str, Opening | LiveConversation] = {}
        #: Numbers the openings, so that a late answer to an earlier one is known as such.
        self._attempts = 0

    # ---- the client speaks ----

    def receive(self, data: str | bytes) -> list[Action]:
        """A frame came. After calling this method: perform the actions."""
        if self.phase == "over":
            return []
        match self._bucket.take(self._clock()):
            case "flood":
                self.phase = "over"
                return [
                    _error("too_fast", "Too many frames; the socket is closed.", retry=True),
                    CloseSocket(CLOSE_POLICY),
                ]
            case "refused":
                return [_error("too_fast", "Too many frames. Wait a second and send it again.", retry=True)]
            case "ok":
                pass
        if not isinstance(data, str):
            return [_error("bad_frame", "Frames are JSON text, not binary.")]
        if frames.size(data) > p.MAX_FRAME_IN:
            detail = f"A frame may have {p.MAX_FRAME_IN} bytes at most."
            return [_error("too_large", detail, command=_command(data))]
        if self.phase == "hello" and _speaks_another_protocol(data):
            self.phase = "over"
            return [_control("goaway", after_ms=0, reason="protocol"), CloseSocket(_GOODBYES["protocol"])]
        data = json_text(data)
        try:
            frame = p.client_frames.validate_json(data)
        except (ValidationError, RecursionError) as problem:
            return [_error("bad_frame", _where(problem), command=_command(data))]
        return self._hello(frame) if self.phase == "hello" else self._handle(frame)

    def _hello(self, frame: Any) -> list[Action]:
        if not isinstance(frame, p.Hello):
            return [_error("hello_first", "Say hello before anything else.", retry=True)]
        if not self._is_token(frame.token):
            return self.go_away("token")
        self.phase = "talking"
        self.tab = frame.tab
        return [
            _control(
                "welcome",
                protocol=p.PROTOCOL,
                user=self.user,
                now=self._clock(),
                heartbeat_ms=self._heartbeat_ms,
            )
        ]

    def _handle(self, frame: Any) -> list[Action]:
        match frame:
            case p.Hello(protocol=p.PROTOCOL, tab=self.tab):
                return []  # the same once more: a bad link may repeat what it carries
            case p.Hello():
                return [_error("bad_frame", "Hello was said already.")]
            case p.Ping():
                return [_control("pong", slot="pong", now=self._clock())]
            case p.Open():
                return self._open(frame.conversation, frame.cursor)
            case p.Close():
                known = self._shown.pop(frame.conversation, None)
                return [] if known is None else [CloseConversation(frame.conversation)]
            case p.Command():
                return [SubmitCommand(frame)]
        raise AssertionError(f"unhandled frame {frame!r}")

    def _open(self, conversation: str, cursor: str | None) -> list[Action]:
        actions: list[Action] = []
        if conversation in self._shown:
            actions.append(CloseConversation(conversation))
        elif len(self._shown) >= self.limits.open:
            detail = f"One socket shows {self.limits.open} conversations at most. Close one first."
            return [_error("too_many_open", detail, conversation=conversation)]
        self._attempts += 1
        self._shown[conversation] = Opening(self._attempts, cursor)
        return [*actions, OpenConversation(conversation, self._attempts)]

    # ---- the shell answers an opening ----

    def awaits(self, conversation: str, attempt: int) -> bool:
        """Whether the answer to this opening is still wanted; ask before you read a snapshot for it."""
        shown = self._shown.get(conversation)
        return isinstance(shown, Opening) and shown.attempt == attempt and self.phase == "talking"

    def show(self, conversation: str, attempt: int, loaded: Loaded) -> list[Action]:
        """The session as it is. A client that is there already gets only the text that streams, and `synced`
        (rule W1).

        After calling this method: perform the actions, then `follow` with what the log has beyond `loaded`.
        """
        shown = self._shown.get(conversation)
        if not isinstance(shown, Opening) or not self.awaits(conversation, attempt):
            return []
        position = loaded.position
        cursor = position.cursor
        self._shown[conversation] = LiveConversation(attempt, position.epoch, position.seq, position.tag)
        message = loaded.part.message if loaded.part else None
        slices = list(frames.sliced(loaded.part.text)) if loaded.part else []
        actions: list[Action] = []
        if shown.cursor != cursor:
            said = slices.pop(0)[1] if slices else ""
            for text in frames.snapshot(conversation, cursor, loaded.fields, message, said):
                actions.append(Send(QueuedFrame(conversation, text, snapshot=True)))
        if message is not None:
            actions += [Send(Chunk(conversation, message, at, text)) for at, text in slices]
        synced = frames.frame("synced", conversation=conversation, cursor=cursor)
        return [*actions, Send(QueuedFrame(conversation, synced))]

    def gone(self, conversation: str) -> list[Action]:
        """It does not exist for this user, or no more (rule W11)."""
        if self._shown.pop(conversation, None) is None:
            return []
        return [CloseConversation(conversation), _control("gone", conversation=conversation)]

    # ---- the feed has read ----

    def follow(self, conversation: str, batch: Batch) -> list[Action]:
        """What the log says next. Events the client has already are dropped; a hole, or another epoch, ends
        the showing with a `resync` (rule W2)."""
        shown = self._shown.get(conversation)
        if not isinstance(shown, LiveConversation) or self.phase == "over":
            return []
        if batch.epoch != shown.epoch:
            return self.lose(conversation, "epoch")
        epoch, seq, tag = shown.epoch, shown.seq, shown.tag
        actions: list[Action] = []
        for entry in batch.entries:
            if isinstance(entry, LogPart):
                actions.append(Send(Chunk(conversation, entry.message, entry.offset, entry.text)))
                continue
            if entry.seq <= seq:
                continue
            if entry.seq != seq + 1 or entry.prev != tag:
                return actions + self.lose(conversation, "gap")
            prev, cursor = f"{epoch}:{seq}:{tag}", f"{epoch}:{entry.seq}:{entry.tag}"
            text = frames.event(conversation, prev, cursor, entry.seq, entry.text)
            if frames.size(text) > p.MAX_FRAME_OUT:
                return actions + self.lose(conversation, "behind")
            actions.append(Send(QueuedFrame(conversation, text)))
            seq, tag = entry.seq, entry.tag
        self._shown[conversation] = LiveConversation(shown.attempt, epoch, seq, tag)
        return actions

    def lose(self, conversation: str, reason: p.ResyncReason) -> list[Action]:
        """What the client has of it cannot be continued; it will open it again."""
        if self._shown.pop(conversation, None) is None:
            return []
        resync = _control("resync", conversation=conversation, reason=reason)
        return [CloseConversation(conversation), resync]

    # ---- the shell tells ----

    def shows(self, conversation: str) -> bool:
        """Whether the client is being shown it; what is sent of it otherwise would be of no use."""
        return isinstance(self._shown.get(conversation), LiveConversation)

    def open_conversations(self) -> list[str]:
        """The conversations whose heads belong into a heartbeat: those that are live."""
        return [key for key, shown in self._shown.items() if isinstance(shown, LiveConversation)]

    def wait(self, after_ms: int) -> list[Action]:
        """Many are coming back: it will be this one's turn in about so many milliseconds (rule W9)."""
        return [] if self.phase == "over" else [_control("wait", slot="wait", after_ms=after_ms)]

    def heartbeat(self, heads: Mapping[str, str]) -> list[Action]:
        """The head cursors of the open conversations, as they are in the store (rule W3)."""
        if self.phase != "talking":
            return []
        live = {key: heads[key] for key in self.open_conversations() if key in heads}
        return [_control("heartbeat", slot="heartbeat", heads=live, now=self._clock())]

    def result(
        self,
        command: p.Command,
        status: Literal["applied", "duplicate", "rejected"],
        *,
        code: ResultCode | None = None,
        cursor: str | None = None,
        retry: bool = False,
    ) -> list[Action]:
        """What became of a command (rule W5)."""
        if self.phase == "over":
            return []
        fields = {"id": command.id, "conversation": command.conversation, "status": status}
        return [_control("result", **fields, code=code, cursor=cursor, retry=retry)]

    def unavailable(self, conversation: str) -> list[Action]:
        """It cannot be shown now, because what holds it does not answer; the client tries again later."""
        if self._shown.pop(conversation, None) is None:
            return []
        detail = "This conversation cannot be read at the moment. Try again."
        return [
            CloseConversation(conversation),
            _error("unavailable", detail, retry=True, conversation=conversation),
        ]

    def list_changed(self) -> list[Action]:
        """The user's list of conversations changed."""
        return [_control("list", slot="list")] if self.phase == "talking" else []

    def hello_overdue(self) -> list[Action]:
        """The time to say hello is over; call it once, `limits.hello_ms` after the socket was accepted."""
        if self.phase != "hello":
            return []
        self.phase = "over"
        return [_error("hello_first", "No hello came."), CloseSocket(CLOSE_POLICY)]

    def go_away(self, reason: p.GoawayReason, after_ms: int = 0) -> list[Action]:
        """End the socket in order: the client connects again after `after_ms` (rule W9), or, when the user
        is logged out, shows the login."""
        if self.phase == "over":
            return []
        self.phase = "over"
        return [_control("goaway", after_ms=after_ms, reason=reason), CloseSocket(_GOODBYES[reason])]


def _control(type: str, slot: str = "", **fields: Any) -> Send:
    return Send(Control(frames.frame(type, **fields), slot))


def _error(
    code: p.ErrorCode,
    detail: str,
    *,
    retry: bool = False,
    conversation: str | None = None,
    command: str | None = None,
) -> Send:
    return _control(
        "error", code=code, detail=detail, retry=retry, conversation=conversation, command=command
    )


def _speaks_another_protocol(data: str) -> bool:
    """Whether this is the hello of a tab of another release, older or newer."""
    try:
        return p.Greeting.model_validate_json(data).protocol != p.PROTOCOL
    except (ValidationError, RecursionError):
        return False


def _command(data: str) -> str | None:
    """The id of a command that cannot be read whole, if it begins as our client writes them."""
    found = _COMMAND.match(data)
    return found and found[1]


def _where(problem: ValidationError | RecursionError) -> str:
    """Which field is wrong and how, without repeating what the client sent."""
    if not isinstance(problem, ValidationError):
        return "The frame is nested too deeply."
    first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    return f"{place}: {first['msg']}"[:300] if place else first["msg"][:300]
