"""What to do next in a run: a pure function of what has happened (rules R3 to R8).

There is no other state. A worker that starts, one that goes on after its own step and one that takes over
from a dead owner all ask the same question of the same history, so recovery is not a special path.

    the newest step          what comes next
    ───────────────────────  ─────────────────────────────────────────────────────────────────────────
    (unread events)          Leave: a worker that can read them goes on (rule J4)
    none for this message    CallModel, the next index
    streaming                CallModel again, same index: its owner died and nothing of it is kept (R5)
    finished, open calls     Reconcile what a dead owner left running (R4), then Settle what cannot run, then
                             AskApproval for what needs a person's yes (W8), then RunCalls, then Wait for people
    finished, all settled    CallModel, the next index
    final text               Finish, or CallModel if messages arrived meanwhile (R6)
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from agents import events as e
from agents.closing import close, settle
from agents.history import Call, History, Run, Step, UserMessage
from agents.lifecycle import CALL, STEP
from agents.results import UNKNOWN, refusal, refused_by_person
from agents.spec import RunLimits, Unattended

#: Effects of tools that may be run again after a crash. An effect of a later release is none of them.
REPEATABLE: frozenset[str] = frozenset({"read_only", "idempotent"})
#: How often a step may be begun. Each time its owner died (or the model failed) the next one tries again; a model
#: and its fallback fail eight times between them; other forms of the request (a dozen, with what is left out) and dead
#: owners come on top.
MAX_ATTEMPTS = 32


@dataclass(frozen=True, slots=True)
class CallModel:
    """Send the history to the model; the response is `step`, and this is its `attempt`th try."""

    step: str
    attempt: int


@dataclass(frozen=True, slots=True)
class AskApproval:
    """Put these calls of one step to a person: their tools need a yes (rule W8)."""

    step: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class RunCalls:
    """Start these calls of one step; each was journalled as proposed and may run."""

    step: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Settle:
    """Append these events: calls that cannot run get the result that says so."""

    events: tuple[e.CallSettled, ...]


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Append `reconcile(history)`: a dead owner left calls running."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can go on until a person (or the browser) has answered."""

    reason: Literal["approval", "browser", "in_doubt"]


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over: with its final answer, or with a limit (rule R8)."""

    limit: e.RunCode | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Fail:
    """The run cannot go on. `by` is who decided that, if somebody did; its open calls are closed in that name."""

    code: e.RunCode
    detail: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody asked for a stop: close everything that is open and end the run (rule R7)."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The run is to go on elsewhere: something has happened in it that this release cannot read (rule J4)."""

    unread: e.UnknownEvent


@dataclass(frozen=True, slots=True)
class Rest:
    """There is no run to work on."""


Decision = (
    CallModel | AskApproval | RunCalls | Settle | Reconcile | Wait | Finish | Fail | Stop | Leave | Rest
)


def next_step(
    history: History,
    limits: RunLimits,
    now: int,
    tools: tuple[str, ...] = (),
    approvals: Collection[str] = (),
    must_ask: Callable[[Step, Call], bool] | None = None,
) -> Decision:
    """What the owner of the run must do next. `now` in milliseconds; `tools` only words a refusal; `approvals` are the
    tools whose calls need a person's yes, `must_ask` tells the same of single calls (agents/asking.py).

    To be asked when nothing of this owner is in flight: a call that is running then was left by another.
    """
    run = history.run
    if run is None or not run.active:
        return Rest()
    if run.stopping:
        return Stop()
    if history.unread is not None:
        return Leave(history.unread)
    open_steps = [step for step in history.steps() if step.open_calls]
    if any(_abandoned(call) for step in open_steps for call in step.open_calls):
        return Reconcile()
    for step in open_steps:
        refused = [call for call in step.open_calls if _cannot_run(call)]
        if refused:
            return Settle(tuple(_refused(step, call, now, tools) for call in refused))
        unstarted = [call for call in step.open_calls if call.status != "in_doubt"]
        if step.run != run.id and unstarted:
            # An earlier run ended without closing them: its owner's time is over, they are not started now.
            return Settle(tuple(close(step, call, "failed", now) for call in unstarted))
    for step in open_steps:
        if unasked := tuple(c for c in step.open_calls if _needs_word(step, c, approvals, must_ask)):
            return _time_left(run, limits, now) or AskApproval(step.id, unasked)
    for step in open_steps:
        if runnable := tuple(call for call in step.open_calls if _may_start(call)):
            return _time_left(run, limits, now) or RunCalls(step.id, runnable)
    if open_steps:
        statuses = {call.status for step in open_steps for call in step.open_calls}
        return Wait("in_doubt" if "in_doubt" in statuses else "approval")
    if not _unanswered(history, run):
        return Finish()
    return _limit(run, limits, now) or _call_model(history, run)


def in_doubt(
    history: History, policy: Unattended, now: int, unwatched: Collection[str]
) -> Wait | Settle | Fail:
    """What a run does that would wait for somebody to decide its calls in doubt (rule R4). To be asked after their
    tools were probed, so that what can be found out is not given up.

    A run that a person asked for always waits, and so does one in which a person has spoken since. `unwatched` names
    the entrances through which nobody watches what becomes of a run.
    """
    doubts = [(step, call) for step in history.steps() for call in step.calls if call.status == "in_doubt"]
    if policy == "wait" or not doubts or watched(history, unwatched):
        return Wait("in_doubt")
    if policy == "fail":
        names = ", ".join(dict.fromkeys(call.name[:64] for _, call in doubts))
        detail = f"A worker died while {names} ran, and nobody was there to say whether it took effect."
        return Fail("outcome_unknown", detail, by="policy")
    return Settle(
        tuple(
            settle(step.id, call, "cancelled", UNKNOWN, "outcome_unknown", now, by="policy")
            for step, call in doubts
        )
    )


def watched(history: History, unwatched: Collection[str]) -> bool:
    """Whether a person asked for the active run or has spoken during it. Where that cannot be told: yes."""
    spoken = [item for item in history.items if isinstance(item, UserMessage)]
    for message in reversed(spoken):
        if message.origin.entrance not in unwatched:
            return True
        if history.run is not None and message.id == history.run.cause:
            return False
    return not spoken


def reconcile(history: History, now: int) -> list[e.Event]:
    """Events for the calls that a dead owner left running (rule R4): what may run twice is queued again, what
    may have had an effect is in doubt. Nothing is running after them."""
    events: list[e.Event] = []
    for step in history.steps():
        for call in step.open_calls:
            if not _abandoned(call):
                continue
            if call.effect not in REPEATABLE:
                events.append(e.CallInDoubt(at=now, step=step.id, call=call.id, attempt=call.attempt))
            else:
                events.append(e.CallRetried(at=now, step=step.id, call=call.id, by="recovery"))
    return events


def _may_start(call: Call) -> bool:
    return CALL.allows(call.status, e.CallStarted)


def _needs_word(
    step: Step, call: Call, approvals: Collection[str], must_ask: Callable[[Step, Call], bool] | None
) -> bool:
    """Whether a person must be asked about a call before it runs, and was not yet."""
    if not CALL.allows(call.status, e.ApprovalAsked):
        return False
    return call.name in approvals or (must_ask is not None and must_ask(step, call))


def _abandoned(call: Call) -> bool:
    """Whether somebody has begun it and not said how it ended. Asked when nothing of this owner is in flight."""
    return CALL.allows(call.status, e.CallInDoubt)


def _cannot_run(call: Call) -> bool:
    """Whether a call lacks nothing but the result that says why it does not run."""
    if call.status == "awaiting_approval":
        return call.approval is not None and call.approval.decision == "refused"
    return call.problem is not None and _may_start(call)


def _unanswered(history: History, run: Run) -> bool:
    """Whether the model has something to say: a message after its last answer, or results of its calls."""
    for item in reversed(history.items):
        if isinstance(item, UserMessage):
            return True
        if isinstance(item, Step):
            if item.status in STEP.open and item.run != run.id:
                continue  # Left by a run that ended otherwise; nothing of it is kept.
            return item.status in STEP.open or (bool(item.calls) and item.run == run.id)
    return False


def _call_model(history: History, run: Run) -> CallModel | Fail:
    for step in history.steps():
        if step.status in STEP.open and step.run == run.id:
            if step.attempt >= MAX_ATTEMPTS:
                return Fail(
                    "crashed_too_often", f"One answer was begun {step.attempt} times and never ended."
                )
            return CallModel(step.id, step.attempt + 1)
    return CallModel(f"{run.id}.{run.last_index + 1}", 1)


def _limit(run: Run, limits: RunLimits, now: int) -> Finish | None:
    if run.steps >= limits.steps:
        return Finish("limit_steps", f"The run took {limits.steps} steps, as many as this agent may take.")
    used = run.usage.input + run.usage.output
    if limits.tokens is not None and used >= limits.tokens:
        return Finish("limit_tokens", f"The run used {used:,} tokens; this agent may use {limits.tokens:,}.")
    return _time_left(run, limits, now)


def _time_left(run: Run, limits: RunLimits, now: int) -> Finish | None:
    if run.worked(now) < limits.seconds * 1000:
        return None
    return out_of_time(limits)


def out_of_time(limits: RunLimits) -> Finish:
    """The decision when the run has worked as long as its agent may."""
    return Finish("limit_seconds", f"The run took {limits.seconds} seconds, as long as this agent may take.")


def _refused(step: Step, call: Call, now: int, tools: tuple[str, ...]) -> e.CallSettled:
    if (said := call.approval) is not None and said.decision == "refused":
        return settle(step.id, call, "cancelled", refused_by_person(said.note), "refused", now, by=said.by)
    return settle(step.id, call, "failed", refusal(call, tools), call.problem, now)
