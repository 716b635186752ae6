"""What a run did with its time, from its events: for people. Pure.

    queued ─► model ─► calls, approvals ─► model …       each a span with its begin, end and outcome
                 │ the worker was lost
                 ▼
               lost (until somebody took over)           what was at work then is `cut`

Times are of the events, in milliseconds.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from agents import events as e

#: `lost`: nobody owned the run. `waiting`: for a person, or for what `name` says. `retrying`: for the model's provider.
Kind = Literal["queued", "model", "call", "approval", "waiting", "lost", "retrying"]

#: Events that say nothing of time, or too often: a call may tell of its progress a thousand times.
PASSED_OVER = frozenset({"call.progress", "history.compacted", "message.added", "note.added"})


@dataclass(slots=True)
class Span:
    """A stretch of a run. `end` None: it goes on. `attempt`: of the run, of a call its own."""

    kind: Kind
    name: str
    start: int
    end: int | None = None
    attempt: int = 1
    worker: str = ""
    #: How it ended: of a model finished, stopped, discarded; of a call its status; `cut` when its worker was lost.
    outcome: str = ""


class _Spans:
    """Spans in the order in which they began; the open ones by what they are of."""

    def __init__(self) -> None:
        self.all: list[Span] = []
        self._open: dict[str, Span] = {}

    def begin(self, key: str, span: Span) -> None:
        self.end(key, span.start)
        self._open[key] = span
        self.all.append(span)

    def end(self, key: str, at: int, outcome: str = "") -> None:
        if (span := self._open.pop(key, None)) is not None:
            span.end, span.outcome = at, outcome or span.outcome

    def end_all(self, at: int, outcome: str = "") -> None:
        for key in list(self._open):
            self.end(key, at, outcome)


def timeline(events: Iterable[e.Event], run: str) -> list[Span]:
    """The spans of one run, in the order in which they began. `events`: of its conversation, in order; others may be
    among them."""
    spans, steps, names = _Spans(), set[str](), dict[str, str]()
    worker, attempt = "", 0
    for event in events:
        at = event.at
        if getattr(event, "run", run) != run:
            continue
        if isinstance(event, e.StepStarted):
            steps.add(event.step)
        elif (step := getattr(event, "step", None)) is not None and step not in steps:
            continue
        match event:
            case e.RunQueued():
                spans.begin("run", Span("queued", "", at))
            case e.RunStarted():
                worker, attempt = event.worker, event.attempt
                spans.end("run", at)
            case e.RunRecovering():
                spans.end_all(at, "cut")
                spans.begin("run", Span("lost", event.reason, at, attempt=attempt, worker=worker))
            case e.RunWaiting():
                spans.begin("run", Span("waiting", event.reason, at, attempt=attempt))
            case e.RunResumed():
                spans.end("run", at)
            case e.RunRetrying():
                spans.begin("run", Span("retrying", event.code, at, attempt=attempt))
            case e.StepStarted():
                spans.end("run", at)
                spans.begin(event.step, Span("model", event.model, at, attempt=attempt, worker=worker))
            case e.StepFinished():
                names |= {call.call: call.name for call in event.calls}
                spans.end(event.step, at, "incomplete" if event.incomplete else "finished")
            case e.StepStopped():
                spans.end(event.step, at, "stopped")
            case e.StepDiscarded():
                spans.end(event.step, at, "discarded")
            case e.ApprovalAsked():
                spans.begin(f"asked {event.call}", Span("approval", names.get(event.call, ""), at))
            case e.ApprovalDecided():
                spans.end(f"asked {event.call}", at, event.decision)
            case e.CallStarted():
                name = names.get(event.call, "")
                spans.begin(event.call, Span("call", name, at, attempt=event.attempt, worker=event.worker))
            case e.CallSettled():
                spans.end(event.call, at, event.status)
            case e.CallInDoubt():
                spans.end(event.call, at, "in_doubt")
            case e.RunFinished() | e.RunFailed() | e.RunStopped():
                spans.end_all(at)
                break
    return spans.all


def as_json(spans: Iterable[Span]) -> list[dict[str, Any]]:
    """The spans as the page gets them."""
    return [asdict(span) for span in spans]
