"""What events are made of: closed lists, ids, and the values that several events share.

Times are integers, milliseconds since the Unix epoch. Ids of conversations, messages, runs and commands are
UUIDs as text; a step's id is `<run>.<index>` and a call's id is `call_id(...)`, both deterministic (rule T3).

A closed list is closed for whoever makes an event. Whoever reads one may meet a word of a later release in it; where
nothing is decided by the word (a code, a reason, an entrance) it is kept as it is (rule J2).
"""

import hashlib
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

Effect = Literal["read_only", "idempotent", "effectful"]
CallStatus = Literal[
    "proposed", "awaiting_approval", "queued", "running", "in_doubt", "succeeded", "failed", "cancelled"
]
RunStatus = Literal["queued", "running", "waiting", "recovering", "finished", "failed", "stopped"]
StepStatus = Literal["streaming", "finished", "stopped", "discarded"]

OPEN_CALL: frozenset[str] = frozenset({"proposed", "awaiting_approval", "queued", "running", "in_doubt"})
ACTIVE_RUN: frozenset[str] = frozenset({"queued", "running", "waiting", "recovering"})

#: Why a run ended without a final answer, or with a limit. Closed list; the texts for people are in the UI.
RunCode = Literal[
    "limit_steps",
    "limit_seconds",
    "limit_tokens",
    "model_unreachable",
    "model_auth",
    "model_quota",
    "model_unknown",
    "model_busy",
    "model_rejected",
    "model_error",
    "content_refused",
    "no_answer",
    "transcript_invalid",
    "crashed_too_often",
    "outcome_unknown",
    "agent_missing",
    "internal",
]

#: Why later requests go without what a message says, a picture of it, or what a step's tools gave: the provider's
#: content filter refused it, it could not read the picture, or it refused it without saying why.
LeftOutReason = Literal["content_filter", "image", "refused"]

#: Why a call has the result it has, when that is not simply what the tool returned.
CallCode = Literal[
    "tool_error",
    "timeout",
    "unknown_tool",
    "not_permitted",
    "malformed_arguments",
    "truncated_arguments",
    "invalid_arguments",
    "not_started",
    "cancelled_by_user",
    "interrupted",
    "outcome_unknown",
    "refused",
    "resolved_by_person",
]

#: Why a response that is kept is not all that the model would have said (or is nothing but reasoning). Closed list;
#: nothing is decided by it, people are told.
Incomplete = Literal[
    "length",
    "length_before_answer",
    "content_filter",
    "interrupted",
    "thinking_only",
    "other",
]


#: The validation context of whoever reads stored events.
READING = object()


def _word(value: Any, known: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    try:
        return known(value)
    except ValidationError:
        if info.context is READING and isinstance(value, str):
            return value
        raise


#: Marks a closed list whose words decide nothing: a reader keeps one that it does not know (rule J2).
TOLERANT = WrapValidator(_word)


def call_id(conversation: str, step: str, ordinal: int) -> str:
    """The id of a call: nine alphanumerics that any process can recreate (rules T3, V6).

    >>> call_id("c", "r.1", 0) == call_id("c", "r.1", 0)
    True
    """
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number = int.from_bytes(hashlib.sha256(f"{conversation}\0{step}\0{ordinal}".encode()).digest()[:8], "big")
    out = ""
    for _ in range(9):
        number, digit = divmod(number, 62)
        out += alphabet[digit]
    return out


def approval_digest(name: str, arguments: str) -> str:
    """What a person says yes or no to (rule W8): SHA-256 over the tool's name and arguments, as the model wrote them.

    >>> approval_digest("notes", "{}") == approval_digest("notes", "{ }")
    False
    """
    # Surrogates that stand alone are no UTF-8, and a model may write anything.
    return hashlib.sha256(f"approval\0{name}\0{arguments}".encode("utf-8", "surrogatepass")).hexdigest()


class Fact(BaseModel):
    """What all events and their parts share: frozen, and strict about unknown fields. (A reader keeps them.)"""

    model_config = ConfigDict(frozen=True, extra="forbid")


def plain(part: Fact) -> dict[str, Any]:
    """A part of an event as JSON values, with the fields that this release does not know (rule J2)."""
    return {**part.model_dump(), **(part.model_extra or {})}


class Origin(Fact):
    """Where a message came in: the entrance by its registered name, and who or what spoke there.

    `actor`: who that is, where it is not simply the conversation's owner: `user:<primary key>`, or `guest:<id>` for
    somebody who is no user here (chat/runs/acting.py). It is not written where it says nothing, so that such texts are
    those of the releases before.
    """

    entrance: str = "web"
    name: str = ""
    actor: str = Field(default="", exclude_if=lambda actor: not actor, json_schema_extra={"optional": True})


class CopiedFrom(Fact):
    """Where a conversation was copied from: which one, its title then, and up to which of its items; "": to its end. A
    conversation of another installation has no id here."""

    conversation: str = ""
    title: str = ""
    item: str = ""


class AttachmentRef(Fact):
    """A file that came with a message. The journal names it; its bytes lie in the file storage under `id`.

    `media_type` is what a look at the bytes has found, `size` is in bytes.
    """

    id: str
    name: str
    media_type: str
    size: int

    @property
    def image(self) -> bool:
        """Whether it is a picture; everything else is text."""
        return self.media_type.startswith("image/")


class LeftOutFact(Fact):
    """An item that a request goes without, by its id, or only these files of it."""

    item: str
    files: tuple[str, ...] = ()


class RequestFacts(Fact):
    """What decided how a request was made, beside the history (`agents/recording.py`). `settings` and `digest` are
    digests: of the model, prompt, tools and profile as they were then, and of the address and the body. `form` names
    the changes of its form (rule T5), `window` is in tokens, `since` is the seq from which on the history was held."""

    settings: str
    form: tuple[str, ...] = ()
    window: int
    since: int
    omitted: tuple[LeftOutFact, ...] = ()
    omitted_for: str = ""
    digest: str


class Usage(Fact):
    """Tokens of one model response, as the provider counted them. `cached` is the share of `input` that came from
    the provider's cache; `cost` in billionths of a US dollar, None where the agent has no prices."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cost: int | None = None

    def plus(self, other: "Usage") -> "Usage":
        """Both together. The cost of what has no price is not in the sum."""
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Usage(
            input=self.input + other.input,
            output=self.output + other.output,
            cached=self.cached + other.cached,
            cost=sum(costs) if costs else None,
        )


class ProposedCall(Fact):
    """One tool call as the model asked for it. `arguments` is the model's own text, valid JSON or not."""

    call: str
    ordinal: int
    name: str
    arguments: str
    provider_id: str = ""
    effect: Annotated[Effect, TOLERANT] = "effectful"
    problem: Annotated[CallCode, TOLERANT] | None = None
