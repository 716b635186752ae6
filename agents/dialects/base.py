"""What every dialect is to the rest: requests that it makes and judges, and a stream of deltas in one vocabulary.

A dialect is one API that models are asked by. Each has a folder here with `request.py` (a history as a body),
`validate.py` (the gate, which shares no code with the former), `stream.py` (what comes back) and, in its
`__init__.py`, `DIALECT`, which ties them together. `agents.extensions` finds them; no dialect knows another.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from agents.dialects.rules import Violation
from agents.errors import ModelError, TooLong, TranscriptRefused
from agents.events import Usage
from agents.history import History
from agents.providers.base import Profile
from agents.transcript.room import ModelSettings

__all__ = [
    "CallDelta",
    "Delta",
    "Dialect",
    "FinishDelta",
    "Model",
    "ModelError",
    "Outgoing",
    "ReasoningDelta",
    "ReplayItem",
    "TextDelta",
    "TooLong",
    "TranscriptRefused",
    "UsageDelta",
    "Violation",
    "WholeMessage",
]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of the model's reasoning; kept for its issuer, never shown as the answer (rule V14)."""

    text: str


@dataclass(frozen=True, slots=True)
class CallDelta:
    """A piece of a tool call, exactly as loose as providers send it (quirks Q1 to Q27).

    `arguments` is text, or already an object at some servers. `extra` is the issuer's own data of this call.
    `complete`: the dialect's own events say that all of the arguments have come (True) or not (False). None: they say
    nothing of it, and the assembler judges by the end of the response (rule A8).
    """

    index: int | None = None
    id: str | None = None
    name: str | None = None
    arguments: Any = None
    extra: Mapping[str, Any] | None = None
    complete: bool | None = None


@dataclass(frozen=True, slots=True)
class WholeMessage:
    """The message once more, whole, after its pieces or instead of them (rule A9). An empty field says nothing: what
    came in pieces stands. `calls` stand in the place of the calls before."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[CallDelta, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplayItem:
    """A whole opaque item that its issuer wants back unchanged (Responses: reasoning items)."""

    item: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UsageDelta:
    """The tokens of the response so far; the last one counts."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class FinishDelta:
    """The provider says that the response is over, and why (`stop`, `tool_calls`, `length`, …). An empty reason: it
    marked the end (`[DONE]`, the end of a JSON body) and did not say why."""

    reason: str


Delta = TextDelta | ReasoningDelta | CallDelta | WholeMessage | ReplayItem | UsageDelta | FinishDelta


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request as it goes out over HTTP: where to, what it says, and what carries the key (None: a bearer token)."""

    base_url: str
    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] | None = None


class Model(Protocol):
    """One model at one address."""

    def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        """Send one request and yield the response as it comes. `body` is what `Dialect.render` made.

        Raises ModelError. The caller must exhaust or close the generator (or be cancelled in it): that is
        what closes the HTTP response. A stream that ends without `FinishDelta` was cut (rule R5).
        """
        ...


@runtime_checkable
class Dialect(Protocol):
    """One API. Holds no state; one object per process is enough."""

    @property
    def name(self) -> str:
        """How profiles name it."""
        ...

    def render(
        self, history: History, profile: Profile, ask: ModelSettings, *, text_only: bool = False
    ) -> dict[str, Any]:
        """The body of a request, without what only the stream needs. Pure: the same history gives the same bytes
        (rule V18). Never raises for what a history holds. `text_only`: without a single tool message (rule T5)."""
        ...

    def validate(self, body: Mapping[str, Any], profile: Profile) -> list[Violation]:
        """All rules that `body` breaks; an empty list means that it may be sent. Never raises."""
        ...

    def open(self, base_url: str, key: str, profile: Profile) -> Model:
        """The model behind an address. Opens no connection yet."""
        ...
