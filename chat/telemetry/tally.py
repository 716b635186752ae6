"""What each event of the journal adds to which total. Pure.

These totals are kept in SQL and counted from the committed journal itself, each event once (`tallies.py`), so they add
up whatever process has died: runs begun are those that ended and those that are active.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from agents import events as e

Increment = tuple[str, tuple[str, ...], int]


@dataclass(frozen=True, slots=True)
class Total:
    """A total. `scale`: what a stored value is divided by to be told."""

    help: str
    labels: tuple[str, ...] = ()
    scale: float = 1.0


TOTALS: dict[str, Total] = {
    "holdfast_messages_total": Total("Messages that came in.", ("entrance",)),
    "holdfast_runs_begun_total": Total("Runs that were queued.", ("entrance",)),
    "holdfast_runs_ended_total": Total(
        "Runs that are over. deleted: their conversation was erased before they were.", ("state",)
    ),
    "holdfast_runs_failed_total": Total("Runs that failed, by reason.", ("code",)),
    "holdfast_run_takeovers_total": Total("Times that an owner went on with what another had begun."),
    "holdfast_run_losses_total": Total(
        "Times that a run lost its owner; handed_over: a worker was told to leave.", ("reason",)
    ),
    "holdfast_run_retries_total": Total("Times that a model was to be asked again, by reason.", ("code",)),
    "holdfast_model_requests_total": Total("Requests to models."),
    "holdfast_steps_ended_total": Total("Responses of models, by what became of them.", ("outcome",)),
    "holdfast_tokens_total": Total(
        "Tokens as providers counted them; cached ones are a share of the input.", ("direction",)
    ),
    "holdfast_cost_dollars_total": Total("US dollars, where prices are known.", scale=1e9),
    "holdfast_tool_calls_begun_total": Total("Attempts at calls of tools."),
    "holdfast_tool_calls_ended_total": Total("Calls of tools that are over.", ("outcome", "code")),
    "holdfast_tool_calls_doubted_total": Total("Calls that came to be in doubt."),
    "holdfast_approvals_asked_total": Total("Calls about which people were asked."),
    "holdfast_approvals_decided_total": Total("What people have said to that.", ("decision",)),
}
#: Types of the events that add to one.
COUNTED = (
    *("message.added", "run.queued", "run.started", "run.recovering", "run.retrying"),
    *("run.finished", "run.failed", "run.stopped"),
    *("step.started", "step.finished", "step.stopped", "step.discarded", "history.compacted"),
    "conversation.renamed",
    *("approval.asked", "approval.decided", "call.started", "call.settled", "call.in_doubt"),
)

RUN_CODES: frozenset[str] = frozenset(get_args(e.RunCode))
CALL_CODES: frozenset[str] = frozenset(get_args(e.CallCode))
LOSSES = frozenset({"lease_lost", "handed_over", "store_lost", "crashed", "internal_error"})
OTHER = "other"


def increments(event: e.Event, entrance: str, entrances: frozenset[str]) -> Iterator[Increment]:
    """(total, values of its labels, how much) for one event. `entrance`: of `run.queued`, where its run was asked for;
    `entrances`: all that there are. An event that this release cannot read adds nothing."""
    match event:
        case e.MessageAdded():
            yield "holdfast_messages_total", (_known(event.origin.entrance, entrances),), 1
        case e.RunQueued():
            yield "holdfast_runs_begun_total", (_known(entrance, entrances),), 1
        case e.RunStarted() if event.attempt > 1:
            yield "holdfast_run_takeovers_total", (), 1
        case e.RunRecovering():
            yield "holdfast_run_losses_total", (_known(event.reason, LOSSES),), 1
        case e.RunRetrying():
            yield "holdfast_run_retries_total", (_known(event.code, RUN_CODES),), 1
        case e.RunFinished():
            yield "holdfast_runs_ended_total", ("finished",), 1
        case e.RunStopped():
            yield "holdfast_runs_ended_total", ("stopped",), 1
        case e.RunFailed():
            yield "holdfast_runs_ended_total", ("failed",), 1
            yield "holdfast_runs_failed_total", (_known(event.code, RUN_CODES),), 1
        case e.StepStarted():
            yield "holdfast_model_requests_total", (), 1
        case e.StepFinished():
            yield "holdfast_steps_ended_total", ("incomplete" if event.incomplete else "finished",), 1
            yield from _used(event.usage)
        case e.StepStopped():
            yield "holdfast_steps_ended_total", ("stopped",), 1
        case e.StepDiscarded():
            yield "holdfast_steps_ended_total", ("discarded",), 1
        case e.HistoryCompacted():
            yield from _used(event.usage)
        case e.ConversationRenamed() if event.usage is not None:
            yield from _used(event.usage)
        case e.ApprovalAsked():
            yield "holdfast_approvals_asked_total", (), 1
        case e.ApprovalDecided():
            yield "holdfast_approvals_decided_total", (event.decision,), 1
        case e.CallStarted():
            yield "holdfast_tool_calls_begun_total", (), 1
        case e.CallSettled():
            code = _known(event.code, CALL_CODES) if event.code else ""
            yield "holdfast_tool_calls_ended_total", (event.status, code), 1
        case e.CallInDoubt():
            yield "holdfast_tool_calls_doubted_total", (), 1


def _used(usage: e.Usage) -> Iterator[Increment]:
    for direction in ("input", "output", "cached"):
        if tokens := int(getattr(usage, direction)):
            yield "holdfast_tokens_total", (direction,), tokens
    if usage.cost:
        yield "holdfast_cost_dollars_total", (), int(usage.cost)


def _known(word: str, words: frozenset[str]) -> str:
    """A later release may say what this one does not know."""
    return word if word in words else OTHER
