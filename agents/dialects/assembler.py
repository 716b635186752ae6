"""Puts a streamed response together, by rules A1 to A9 and against quirks Q1 to Q30.

No provider's stream is trusted to have indexes, ids, whole names or whole arguments. A call is final only
when the stream has ended (A7), and one whose arguments are not a JSON object is marked, never repaired.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agents.dialects.base import (
    CallDelta,
    Delta,
    FinishDelta,
    ReasoningDelta,
    ReplayItem,
    TextDelta,
    UsageDelta,
    WholeMessage,
)
from agents.dialects.finishing import kind_of
from agents.dialects.tags import apart
from agents.events import Usage

#: Bytes of text, reasoning and arguments that one response may hold. More is no answer but a runaway, and a
#: frame to a browser must stay under 512 KiB (rule W10).
MAX_BYTES = 256 * 1024
#: Calls in one response; the most seen in practice is about 30.
MAX_CALLS = 128

Arguments = Literal["ok", "empty", "malformed", "truncated"]

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class AssembledCall:
    """A call as the model asked for it; `arguments` is executable only in the states ok and empty."""

    name: str
    arguments: str
    state: Arguments
    #: The provider's id: data, never a key (rule T3). Empty if it was missing or repeated in this response.
    provider_id: str = ""
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What came. `finish` is the provider's reason, empty if it gave none; `ended`: it said that it was over, with or
    without a reason. Without that, what came may be half of it."""

    text: str
    calls: tuple[AssembledCall, ...] = ()
    reasoning: str = ""
    replay: tuple[Mapping[str, Any], ...] = ()
    usage: Usage = field(default_factory=Usage)
    finish: str = ""
    ended: bool = False


class TextPieces:
    """Text in pieces: joins surrogate pairs split between two pieces, replaces what no store can hold."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._half = ""
        self.size = 0

    def add(self, piece: str) -> str:
        """Take a piece and return what of it is whole now."""
        piece = self._half + piece
        self._half = ""
        if _SURROGATE.search(piece):
            if "\ud800" <= piece[-1] <= "\udbff":
                piece, self._half = piece[:-1], piece[-1]
            piece = piece.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if _CONTROL.search(piece):
            piece = _CONTROL.sub("\ufffd", piece)
        if piece:
            self._pieces.append(piece)
            self.size += len(piece) if piece.isascii() else len(piece.encode())
        return piece

    def __str__(self) -> str:
        return "".join(self._pieces)


class _Call:
    """A call under construction. `whole`: its arguments are one complete JSON object."""

    def __init__(self, id: str, name: str) -> None:
        self.id = id
        self.name = name
        self.arguments = ""
        self.whole = False
        self.extra: dict[str, Any] = {}
        #: What the dialect's own events say: all of it has come, or not; None: they say nothing.
        self.complete: bool | None = None
        #: The call that this one may only repeat: it was opened because another object followed (A6).
        self.repeats: _Call | None = None
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def append(self, piece: str) -> str:
        """Add to the arguments; return what follows the closing brace of a complete object."""
        if not self.arguments:
            piece = piece.lstrip()
        if not (self.arguments or piece).startswith("{"):
            self.arguments += piece
            return ""
        for place, char in enumerate(piece):
            if self._in_string:
                if self._escaped:
                    self._escaped = False
                elif char == "\\":
                    self._escaped = True
                elif char == '"':
                    self._in_string = False
            elif char == '"':
                self._in_string = True
            elif char == "{":
                self._depth += 1
            elif char == "}":
                self._depth -= 1
                if self._depth == 0:
                    self.arguments += piece[: place + 1]
                    self.whole = True
                    return piece[place + 1 :]
        self.arguments += piece
        return ""

    def empty_again(self) -> None:
        self.arguments = ""
        self.whole = False

    def take_over(self, before: "_Call | None") -> None:
        """Keep of the same call, as it came in pieces, what this one lacks."""
        if before is None:
            return
        self.id = self.id or before.id
        self.extra = before.extra | self.extra
        if before.whole and not self.whole:
            self.arguments, self.whole = before.arguments, True

    def held(self) -> Any:
        """The arguments as an object, or None if they are not one."""
        value = _parse(self.arguments)
        return value if isinstance(value, dict) else None


class Assembler:
    """One response. Feed it every delta, then take `response()`."""

    def __init__(self) -> None:
        self._text = TextPieces()
        self._reasoning = TextPieces()
        #: Reasoning that came since somebody asked for it.
        self._fresh: list[str] = []
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._argument_bytes = 0
        self._replay: list[Mapping[str, Any]] = []
        self._usage = Usage()
        self._finish = ""
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether the provider has said that the response is over."""
        return self._ended

    @property
    def too_large(self) -> bool:
        """Whether the response has outgrown what a step may hold; the caller must stop reading."""
        size = self._text.size + self._reasoning.size + self._argument_bytes
        return size > MAX_BYTES or len(self._calls) > MAX_CALLS

    def feed(self, delta: Delta) -> str:
        """Take one delta; returns the answer text that it brought (whole characters)."""
        match delta:
            case TextDelta():
                return self._text.add(delta.text)
            case ReasoningDelta():
                self._fresh.append(self._reasoning.add(delta.text))
            case CallDelta():
                self._feed_call(delta)
            case WholeMessage():
                return self._feed_whole(delta)
            case ReplayItem():
                self._replay.append(delta.item)
            case UsageDelta():
                self._usage = delta.usage
            case FinishDelta():
                self._finish = delta.reason or self._finish
                self._ended = True
        return ""

    def fresh_reasoning(self) -> str:
        """The reasoning that has come since this was asked last (whole characters)."""
        text = "".join(self._fresh)
        self._fresh.clear()
        return text

    def response(self) -> Response:
        """What has come so far (A8); complete only if it `ended`."""
        named = [call for call in self._calls if call.name and not _only_repeats(call)]
        cut = not self._ended or kind_of(self._finish) in ("length", "content_filter", "interrupted")
        seen: set[str] = set()
        calls = []
        for place, call in enumerate(named):
            fresh = call.id if call.id not in seen else ""
            seen.add(call.id)
            arguments, state = _judge(clean(call.arguments))
            if call.complete is None:
                # Nobody vouches for an empty text where no reason was given, or where the end is missing.
                doubtful = state == "empty" and (cut or not self._finish)
                whole = not doubtful and not (cut and place == len(named) - 1)
            else:
                whole = call.complete
            calls.append(
                AssembledCall(
                    call.name, arguments, state if whole else "truncated", fresh, call.extra or None
                )
            )
        text, reasoning = str(self._text), str(self._reasoning)
        if not reasoning:
            reasoning, text = apart(text)
        replay = tuple(self._replay)
        return Response(text, tuple(calls), reasoning, replay, self._usage, self._finish, self._ended)

    def _feed_whole(self, whole: WholeMessage) -> str:
        """A9: what the whole message has beyond its pieces; its calls, none of which is final yet, replace theirs."""
        if whole.reasoning and not self._reasoning.size:
            self._fresh.append(self._reasoning.add(whole.reasoning))
        if whole.calls:
            again = Assembler()
            for delta in whole.calls:
                again._feed_call(delta)
            for place, call in enumerate(again._calls):
                call.take_over(self._same_call(place, call))
            self._calls, self._by_index = again._calls, again._by_index
            self._argument_bytes = max(self._argument_bytes, again._argument_bytes)
        came = str(self._text)
        return self._text.add(whole.text[len(came) :]) if whole.text.startswith(came) else ""

    def _same_call(self, place: int, call: _Call) -> _Call | None:
        if call.id and (found := next((one for one in self._calls if one.id == call.id), None)) is not None:
            return found
        there = self._calls[place] if place < len(self._calls) else None
        return there if there is not None and there.name == call.name else None

    def _feed_call(self, delta: CallDelta) -> None:
        id = _plain(delta.id)  # A1: an empty id or name counts as absent
        name = _plain(delta.name)
        arguments = delta.arguments
        if arguments is None:
            arguments = ""
        elif not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        self._argument_bytes += len(arguments)
        call = self._find(delta.index, id, name)
        if call.id == "":
            call.id = id
        if name and name != call.name:  # A5
            if not call.name:
                call.name = name
            elif not call.arguments:
                call.name += name
            else:
                call = self._open(delta.index, id if id != call.id else "", name)
        if delta.extra:
            call.extra.update(delta.extra)
        if delta.complete is not None:
            call.complete = delta.complete
        self._append(delta.index, call, arguments)

    def _find(self, index: int | None, id: str, name: str) -> _Call:
        last = self._calls[-1] if self._calls else None
        if index is not None:
            known = self._by_index.get(index)
            if known is not None:  # A2
                return known if not id or not known.id or known.id == id else self._open(index, id, name)
            if last is not None and not id and not name:  # A3: a stray fragment
                self._by_index[index] = last
                return last
            return self._open(index, id, name)
        if id:  # A4
            found = next((call for call in reversed(self._calls) if call.id == id), None)
            if found is not None:
                return found
            if last is not None and not last.id and not name:
                return last
            return self._open(None, id, name)
        if last is None or (name and (name != last.name or last.whole)):
            return self._open(None, "", name)
        return last

    def _open(self, index: int | None, id: str, name: str) -> _Call:
        call = _Call(id, name)
        self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    def _append(self, index: int | None, call: _Call, piece: str) -> None:
        """A6: one complete object per call. Each turn of the loop closes at most one object."""
        # White space between objects says nothing; within one it may stand in a string.
        while piece.strip() or (piece and call.arguments and not call.whole):
            if call.whole:
                following = _parse(piece)
                if isinstance(following, dict) and following == call.held():
                    return
                if not piece.lstrip().startswith("{"):
                    # No second object: the arguments are broken, and stay visible as such.
                    call.arguments += piece
                    return
                if call.held() == {}:
                    call.empty_again()
                else:
                    before = call
                    call = self._open(index, "", before.name)
                    call.repeats = before
            piece = call.append(piece)
            if len(self._calls) > MAX_CALLS:
                return


def clean(text: str) -> str:
    """Text that any store can hold: lone surrogates and control characters replaced."""
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _CONTROL.sub("\ufffd", text) if _CONTROL.search(text) else text


def _plain(value: str | None) -> str:
    return clean(value) if isinstance(value, str) else ""


def _only_repeats(call: _Call) -> bool:
    """Whether a call without an id of its own says again what the one before it said (Q21 in fragments)."""
    first = call.repeats
    return first is not None and not call.id and first.name == call.name and first.held() == call.held()


def _judge(arguments: str) -> tuple[str, Arguments]:
    if arguments.strip() in ("", "null"):
        return "{}", "empty"
    value = _parse(arguments)
    if isinstance(value, str) and isinstance(_parse(value), dict):
        return value, "ok"  # The object was written as a JSON string within JSON.
    return arguments, "ok" if isinstance(value, dict) else "malformed"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _parse(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
