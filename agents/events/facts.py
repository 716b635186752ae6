"""The facts of conversations, runs and steps; those of calls are in `calls.py`.

An event is immutable and says what has been decided, never what should be tried. It has no number of its
own: `seq` is given to it when it is appended (rule S2). Unknown fields are refused, so that a typo fails when
the event is made and not when somebody reads it; `reading.py` is tolerant.

How to add a field or an event is told in docs/upgrading.md.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from agents.events.parts import (
    TOLERANT,
    AttachmentRef,
    CopiedFrom,
    Fact,
    Incomplete,
    LeftOutReason,
    Origin,
    ProposedCall,
    RequestFacts,
    RunCode,
    Usage,
)


class Event(Fact):
    """Base of all events; `at` is when it was decided, by the clock of the process that decided it."""

    at: int


def _optional(default: Any) -> Any:
    """A field that is not written where it says nothing, so that such texts are those of the releases before."""
    return Field(
        default=default, exclude_if=lambda value: value == default, json_schema_extra={"optional": True}
    )


class ConversationCreated(Event):
    """`copied_from`: what follows was told in another conversation, up to where this one went its own way."""

    type: Literal["conversation.created"] = "conversation.created"
    title: str
    agent: str
    copied_from: CopiedFrom | None = _optional(None)


class ConversationRenamed(Event):
    """It has another title: one that a person has chosen, or the beginning of its first message. With a `model`, that
    one has written it unasked from how the conversation began, at the price of `usage` (chat/titles/); with a `problem`
    it has written in vain, and `title` is what it was."""

    type: Literal["conversation.renamed"] = "conversation.renamed"
    title: str
    model: str = _optional("")
    problem: str = _optional("")
    usage: Usage | None = _optional(None)


class AgentChanged(Event):
    """Another agent answers from here on, and no more the one of `before`. Not ignorable: a release that does not know
    it would have the wrong agent answer."""

    type: Literal["conversation.agent_changed"] = "conversation.agent_changed"
    agent: str
    before: str = ""
    by: str = ""


class MessageAdded(Event):
    """A person (or a schedule, or a trigger) said something. It joins the transcript at this place (rule R6)."""

    type: Literal["message.added"] = "message.added"
    message: str
    text: str
    origin: Origin = Origin()
    attachments: tuple[AttachmentRef, ...] = ()


class MessageLeftOut(Event):
    """The provider refuses requests with this: what a message or note says, or what a step's tools gave (`message` is
    the id of any of them), or only these `files` of a message. Later requests go without, until it is taken back.
    `model` is who refused it, in the words of `detail`."""

    type: Literal["message.left_out"] = "message.left_out"
    message: str
    reason: Annotated[LeftOutReason, TOLERANT]
    files: tuple[str, ...] = ()
    detail: str = ""
    model: str = ""
    ignorable: Literal[True] = True


class MessageTakenBack(Event):
    """Somebody wants what was left out to be sent again."""

    type: Literal["message.taken_back"] = "message.taken_back"
    message: str
    by: str = ""
    ignorable: Literal[True] = True


class MessageEdited(Event):
    """A message says something else from now on, with these files, where it stands. What the model has answered stays;
    later requests have the new words. What it said first is in the journal."""

    type: Literal["message.edited"] = "message.edited"
    message: str
    text: str
    attachments: tuple[AttachmentRef, ...] = ()
    by: str = ""


class MessageWithdrawn(Event):
    """A message that no request has had yet was taken back: it leaves the transcript and is not answered."""

    type: Literal["message.withdrawn"] = "message.withdrawn"
    message: str
    by: str = ""


class NoteAdded(Event):
    """Something was told to the conversation from elsewhere; the model reads it, nobody is asked to answer."""

    type: Literal["note.added"] = "note.added"
    message: str
    text: str
    origin: Origin = Origin()


class BranchOpened(Event):
    """From here on another way is gone: a branch that has what `parent`'s path has before seq `before`, and then its
    own. It is the one that is shown, and what people say belongs to it (agents/branches.py)."""

    type: Literal["branch.opened"] = "branch.opened"
    branch: str
    parent: str = ""
    before: int
    by: str = ""


class BranchChosen(Event):
    """Another branch is the one that is shown, in every tab, and what people say belongs to it."""

    type: Literal["branch.chosen"] = "branch.chosen"
    branch: str
    by: str = ""


class BranchContinued(Event):
    """A run goes on with this branch: its steps, results and summaries belong there, whatever is shown. It stands
    behind the `run.queued` of every run in a conversation that has branches, so that a release which knows none leaves
    the run to others (rule J4). `agent`: who answers, where that is not the conversation's agent."""

    type: Literal["branch.continued"] = "branch.continued"
    run: str
    branch: str
    agent: str = ""


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
    """The run's owner was lost; somebody will take over. `crashed`: its process, which performed nothing but suspects,
    was seen to die; no other reason proves that one of its runs was the cause. `crowd`: how many runs were lost with
    this owner, itself included; 0: nobody counted (which with `crashed` means that it was alone, as in 0.1.0)."""

    type: Literal["run.recovering"] = "run.recovering"
    run: str
    reason: Annotated[
        Literal["lease_lost", "handed_over", "store_lost", "crashed", "internal_error"], TOLERANT
    ]
    crowd: int = _optional(0)


class RunWaiting(Event):
    type: Literal["run.waiting"] = "run.waiting"
    run: str
    reason: Annotated[Literal["approval", "browser", "in_doubt"], TOLERANT]


class RunResumed(Event):
    """What the run waited for has come; it may be queued for a worker again."""

    type: Literal["run.resumed"] = "run.resumed"
    run: str


class RunRetrying(Event):
    """The model could not answer; the next try is at `retry_at`."""

    type: Literal["run.retrying"] = "run.retrying"
    run: str
    code: Annotated[RunCode, TOLERANT]
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
    limit: Annotated[RunCode, TOLERANT] | None = None
    detail: str = ""


class RunFailed(Event):
    type: Literal["run.failed"] = "run.failed"
    run: str
    code: Annotated[RunCode, TOLERANT]
    detail: str = ""


class RunStopped(Event):
    type: Literal["run.stopped"] = "run.stopped"
    run: str
    by: str = ""


class StepStarted(Event):
    """A request goes to the model. The step stands here in the transcript; a retry moves it to its new place.
    `request` tells how the request was made, `agent` who answers; None and "": an earlier release did not tell."""

    type: Literal["step.started"] = "step.started"
    run: str
    step: str
    attempt: int = 1
    model: str = ""
    request: RequestFacts | None = _optional(None)
    agent: str = _optional("")


class StepFinished(Event):
    """The response is complete (rule R5): its text and its ordered calls. `replay` is the issuer's own data
    (reasoning, signatures, item ids), sent back unchanged and only to its issuer (rule V14). `finish` is the
    provider's word for why it ended; `incomplete` says that, and why, it is not a whole answer (rule R14)."""

    type: Literal["step.finished"] = "step.finished"
    run: str
    step: str
    text: str
    calls: tuple[ProposedCall, ...] = ()
    usage: Usage = Usage()
    finish: str = ""
    #: What the model said to itself, for people (and in `replay` for its issuer). Never sent as its words.
    reasoning: str = _optional("")
    incomplete: Annotated[Incomplete, TOLERANT] | None = _optional(None)
    issuer: str = ""
    replay: dict[str, Any] | None = None
    #: When the first piece of the response came (text, reasoning or a call), by the clock of `at`; None: not told.
    first_at: int | None = _optional(None)
    #: Digest of the request that was answered, if it is another than `step.started` tells: somebody spoke in between.
    sent: str = _optional("")


class StepStopped(Event):
    """A person stopped the response in the middle: what had been streamed is kept, calls are not."""

    type: Literal["step.stopped"] = "step.stopped"
    run: str
    step: str
    text: str
    reasoning: str = _optional("")
    first_at: int | None = _optional(None)


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
