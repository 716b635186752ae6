"""What the loop needs of a model: a stream of deltas, in one vocabulary whatever the dialect on the wire."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from agents.errors import ModelError, TooLong, TranscriptRefused
from agents.events import Usage

__all__ = [
    "CallDelta",
    "Delta",
    "Finish",
    "Model",
    "ModelError",
    "ReasoningDelta",
    "ReplayItem",
    "TextDelta",
    "TooLong",
    "TranscriptRefused",
    "UsageDelta",
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
    """

    index: int | None = None
    id: str | None = None
    name: str | None = None
    arguments: Any = None
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ReplayItem:
    """A whole opaque item that its issuer wants back unchanged (Responses: reasoning items)."""

    item: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UsageDelta:
    """The tokens of the response so far; the last one counts."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Finish:
    """The provider says that the response is over, and why (`stop`, `tool_calls`, `length`, …)."""

    reason: str


Delta = TextDelta | ReasoningDelta | CallDelta | ReplayItem | UsageDelta | Finish


class Model(Protocol):
    """One model at one address."""

    def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        """Send one request and yield the response as it comes. `body` is what `transcript.render` made.

        Raises ModelError. The caller must exhaust or close the generator (or be cancelled in it): that is
        what closes the HTTP response. A stream that ends without `Finish` was cut (rule R5).
        """
        ...
