"""The vocabulary of the journal: every fact that can happen in a conversation.

An event is immutable and says what has been decided, never what should be tried. It has no number of its
own: `seq` is given to it when it is appended (rule S2). Unknown fields are refused, so that a typo fails when
the event is made and not when somebody reads it.

Times are integers, milliseconds since the Unix epoch. Ids of conversations, messages, runs and commands are
UUIDs as text; a step's id is `<run>.<index>` and a call's id is `call_id(...)`, both deterministic (rule T3).
"""

import hashlib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

VERSION = 1

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
    "transcript_invalid",
    "crashed_too_often",
    "outcome_unknown",
    "agent_missing",
    "internal",
]

#: Why a call has the result it has, when that is not simply what the tool returned.
CallCode = Literal[
    "tool_error",
    "timeout",
    "unknown_tool",
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
    """What all events and their parts share: frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Origin(Fact):
    """Where a message came in: the entrance, and who or what spoke there."""

    entrance: Literal["web", "feishu", "schedule", "trigger", "api"] = "web"
    name: str = ""


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
    effect: Effect = "effectful"
    problem: CallCode | None = None


class Event(Fact):
    """Base of all events; `at` is when it was decided, by the clock of the process that decided it."""

    at: int


class ConversationCreated(Event):
    type: Literal["conversation.created"] = "conversation.created"
    title: str
    agent: str


class ConversationRenamed(Event):
    type: Literal["conversation.renamed"] = "conversation.renamed"
    title: str


class MessageAdded(Event):
    """A person (or a schedule, or a trigger) said something. It joins the transcript at this place (rule R6)."""

    type: Literal["message.added"] = "message.added"
    message: str
    text: str
    origin: Origin = Origin()
    attachments: tuple[AttachmentRef, ...] = ()


class NoteAdded(Event):
    """Something was told to the conversation from elsewhere; the model reads it, nobody is asked to answer."""

    type: Literal["note.added"] = "note.added"
    message: str
    text: str
    origin: Origin = Origin()


class RunQueued(Event):
    type: Literal["run.queued"] = "run.queued"
    run: str
    cause: str


class RunStarted(Event):
    """A worker owns the run now. `attempt` 2 and above: it took over from a dead or leaving owner (rule R4)."""

    type: Literal["run.started"] = "run.started"
    run: str
    attempt: int
    fence: int
    worker: str


class RunRecovering(Event):
    """The run's owner was lost; somebody will take over. `crashed`: it was alone in its process, which was seen to
    die; no other reason proves that the run itself was the cause."""

    type: Literal["run.recovering"] = "run.recovering"
    run: str
    reason: Literal["lease_lost", "handed_over", "store_lost", "crashed"]


class RunWaiting(Event):
    type: Literal["run.waiting"] = "run.waiting"
    run: str
    reason: Literal["approval", "browser", "in_doubt"]


class RunResumed(Event):
    """What the run waited for has come; it may be queued for a worker again."""

    type: Literal["run.resumed"] = "run.resumed"
    run: str


class RunRetrying(Event):
    """The model could not answer; the next try is at `retry_at`."""

    type: Literal["run.retrying"] = "run.retrying"
    run: str
    code: RunCode
    detail: str = ""
    retry_at: int


class RunStopping(Event):
    """Somebody asked for a stop; whoever owns the run carries it out (rule R7)."""

    type: Literal["run.stopping"] = "run.stopping"
    run: str
    by: str = ""


class RunFinished(Event):
    type: Literal["run.finished"] = "run.finished"
    run: str
    limit: RunCode | None = None
    detail: str = ""


class RunFailed(Event):
    type: Literal["run.failed"] = "run.failed"
    run: str
    code: RunCode
    detail: str = ""


class RunStopped(Event):
    type: Literal["run.stopped"] = "run.stopped"
    run: str
    by: str = ""


class StepStarted(Event):
    """A request goes to the model. The step stands here in the transcript; a retry moves it to its new place."""

    type: Literal["step.started"] = "step.started"
    run: str
    step: str
    attempt: int = 1
    model: str = ""


class StepFinished(Event):
    """The response is complete (rule R5): its text and its ordered calls. `replay` is the issuer's own data
    (reasoning, signatures, item ids), sent back unchanged and only to its issuer (rule V14)."""

    type: Literal["step.finished"] = "step.finished"
    run: str
    step: str
    text: str
    calls: tuple[ProposedCall, ...] = ()
    usage: Usage = Usage()
    finish: str = ""
    issuer: str = ""
    replay: dict[str, Any] | None = None


class StepStopped(Event):
    """A person stopped the response in the middle: what had been streamed is kept, calls are not."""

    type: Literal["step.stopped"] = "step.stopped"
    run: str
    step: str
    text: str


class StepDiscarded(Event):
    """The response was cut and will not be completed in this place; nothing of it is kept."""

    type: Literal["step.discarded"] = "step.discarded"
    run: str
    step: str
    reason: str = ""


class HistoryCompacted(Event):
    """For the model, `summary` stands from now on for the items up to seq `upto` (rule T2). For people nothing
    changes. `items` were replaced, of about `before` tokens; `model` wrote the summary at the price of `usage`.
    With a `problem` there is no summary and nothing is replaced: it was asked for in vain."""

    type: Literal["history.compacted"] = "history.compacted"
    run: str
    upto: int
    summary: str
    items: int = 0
    before: int = 0
    model: str = ""
    problem: str = ""
    usage: Usage = Usage()


class ApprovalAsked(Event):
    """The call runs only if a person allows it. `digest` is `approval_digest` of what they are shown (rule W8)."""

    type: Literal["approval.asked"] = "approval.asked"
    step: str
    call: str
    digest: str


class ApprovalDecided(Event):
    """Somebody allowed the call or refused it; the first word stands, and only about what was asked (rule W8). A
    refusal is followed, in the same append, by the call's outcome. `note`: their reason, for the model too."""

    type: Literal["approval.decided"] = "approval.decided"
    step: str
    call: str
    digest: str
    decision: Literal["approved", "refused"]
    by: str = ""
    note: str = ""


class CallStarted(Event):
    """Stored before the tool runs (rule R3)."""

    type: Literal["call.started"] = "call.started"
    step: str
    call: str
    attempt: int
    fence: int
    worker: str


class CallProgress(Event):
    type: Literal["call.progress"] = "call.progress"
    step: str
    call: str
    fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    note: str = ""


class CallSettled(Event):
    """The call's outcome, once and for all. `result` is what the model reads; `preview` is what a card shows."""

    type: Literal["call.settled"] = "call.settled"
    step: str
    call: str
    attempt: int
    status: Literal["succeeded", "failed", "cancelled"]
    result: str
    preview: str
    size: int
    code: CallCode | None = None
    by: str = ""


class CallInDoubt(Event):
    """The call's worker died while it ran: its effect may or may not have happened (rule R4)."""

    type: Literal["call.in_doubt"] = "call.in_doubt"
    step: str
    call: str
    attempt: int


class CallRetried(Event):
    """A person or a policy decided that the call is to be run again."""

    type: Literal["call.retried"] = "call.retried"
    step: str
    call: str
    by: str = ""


AnyEvent = Annotated[
    ConversationCreated
    | ConversationRenamed
    | MessageAdded
    | NoteAdded
    | RunQueued
    | RunStarted
    | RunRecovering
    | RunWaiting
    | RunResumed
    | RunRetrying
    | RunStopping
    | RunFinished
    | RunFailed
    | RunStopped
    | StepStarted
    | StepFinished
    | StepStopped
    | StepDiscarded
    | HistoryCompacted
    | ApprovalAsked
    | ApprovalDecided
    | CallStarted
    | CallProgress
    | CallSettled
    | CallInDoubt
    | CallRetried,
    Field(discriminator="type"),
]

_adapter: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


def to_json(event: Event) -> str:
    """The event as the one text that is hashed, stored and sent (keys in declared order, no spaces)."""
    return event.model_dump_json()


def from_json(text: str | bytes) -> AnyEvent:
    """The event of a stored text. Raises pydantic.ValidationError if it is not of this vocabulary."""
    return _adapter.validate_json(text)
