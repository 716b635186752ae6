"""The facts of calls: what people were asked about them, how they ran, and what came of them."""

from typing import Annotated, Literal

from pydantic import Field

from agents.events.facts import Event
from agents.events.parts import TOLERANT, CallCode


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
    code: Annotated[CallCode, TOLERANT] | None = None
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
