"""What a run spent its time with, from the journal's events alone: pure, one span per stretch of time.

    queue     from run.queued to the first owner
    owner     a worker's turn: from run.started until the run is lost, waits or is over
    model     one try of one response, with its first piece
    tool      one try of one call
    approval  a call that a person is asked about
    wait      the run rests for a person (approval, browser, in doubt), and then for a worker
    retry     the model could not answer; until it may be asked again
    gap       an owner was lost: from its last sign of life to the next one
    handover  an owner has left, and the next one has begun
    summary   the history was compacted (no length is known of it)

What is not told is not made up: a span without an end has None, and `seqs` say which events it was made from.
"""

from collections.abc import Iterable

from agents import events as e
from agents.lifecycle import RUN
from chat.inspection.spans import Kind, Span, Waterfall

CallEvent = (
    e.ApprovalAsked | e.ApprovalDecided | e.CallStarted | e.CallSettled | e.CallInDoubt | e.CallRetried
)
#: What is over when a run is.
_ALL: tuple[Kind, ...] = ("owner", "queue", "model", "tool", "approval", "wait", "gap", "handover")


def waterfalls(told: Iterable[tuple[int, e.Event]]) -> list[Waterfall]:
    """The runs among these events, each a (seq, event), in the order in which they were queued. What belongs to a run
    whose run.queued is not among them is passed over."""
    teller = _Teller()
    for seq, event in told:
        teller.tell(seq, event)
    return [each.made for each in teller.runs.values()]


class _Teller:
    """Hands each event to the run that it is about."""

    def __init__(self) -> None:
        self.runs: dict[str, _Run] = {}

    def tell(self, seq: int, event: e.Event) -> None:
        if isinstance(event, e.RunQueued) and event.run not in self.runs:
            self.runs[event.run] = _Run(event, seq)
            return
        run = getattr(event, "run", "") or getattr(event, "step", "").rpartition(".")[0]
        if (known := self.runs.get(run)) is not None:
            known.tell(seq, event)


class _Run:
    """The fold of one run. `_on` has the spans that go on, by kind and what they are about."""

    def __init__(self, queued: e.RunQueued, seq: int) -> None:
        self.made = Waterfall(queued.run, queued.at, queued.at, "queued")
        self._on: dict[tuple[Kind, str], Span] = {}
        self._calls: dict[str, e.ProposedCall] = {}
        self._attempts: dict[str, int] = {}
        self._worker, self._attempt = "", 0
        self._asked: dict[str, str] = {}
        self._begin(Span("queue", queued.at, seqs=(seq, seq)), "")

    # ---- small parts ----

    def _begin(self, span: Span, key: str) -> Span:
        self.made.spans.append(span)
        self._on[span.kind, key] = span
        return span

    def _end(self, kind: Kind, key: str, at: int, seq: int, outcome: str = "") -> Span | None:
        span = self._on.pop((kind, key), None)
        if span is not None:
            span.end, span.seqs = max(span.start, at), (span.seqs[0], seq)
            span.outcome = outcome or span.outcome
        return span

    def _end_all(self, kinds: Iterable[Kind], at: int, seq: int, outcome: str = "") -> None:
        for kind, key in [on for on in self._on if on[0] in kinds]:
            self._end(kind, key, at, seq, outcome)

    # ---- telling ----

    def tell(self, seq: int, event: e.Event) -> None:
        made, before = self.made, self.made.end
        if made.over and not isinstance(event, e.CallSettled | e.StepDiscarded | e.ApprovalDecided):
            return  # late: it changes nothing (agents/lifecycle.py)
        made.end = max(made.end, event.at) if not made.over else made.end
        status = RUN.after(made.status, event)
        match event:
            case e.RunStarted() if status:
                self._taken(event, seq)
            case e.RunRecovering() if status:
                self._lost(event, seq, before)
            case e.RunWaiting() if status:
                self._end_all(("owner",), event.at, seq, "left")
                if ("wait", "") not in self._on:
                    self._begin(Span("wait", event.at, name=event.reason, seqs=(seq, seq)), "")
            case e.RunResumed() if status:
                self._end("wait", "", event.at, seq, "resumed")
                self._begin(Span("queue", event.at, seqs=(seq, seq)), "")
            case e.RunRetrying() if status:
                self._retrying(event, seq)
            case e.RunFinished() | e.RunFailed() | e.RunStopped() if status:
                self._over(event, seq, status)
            case e.StepStarted() | e.StepFinished() | e.StepStopped() | e.StepDiscarded():
                self._of_step(event, seq)
            case e.HistoryCompacted():
                self.made.spans.append(
                    Span(
                        "summary",
                        event.at,
                        event.at,
                        name=event.model,
                        outcome="failed" if event.problem else "finished",
                        detail=event.problem,
                        worker=self._worker,
                        usage=event.usage,
                        seqs=(seq, seq),
                    )
                )
            case (
                e.ApprovalAsked() | e.ApprovalDecided() | e.CallStarted() | e.CallSettled()
                | e.CallInDoubt() | e.CallRetried()
            ):  # fmt: skip
                self._of_call(event, seq)
        made.status = status or made.status

    def _taken(self, event: e.RunStarted, seq: int) -> None:
        self._end_all(("queue", "gap", "handover", "wait", "owner"), event.at, seq, "taken")
        self._worker, self._attempt = event.worker, event.attempt
        owner = Span("owner", event.at, name=event.worker, worker=event.worker, attempt=event.attempt)
        owner.seqs = (seq, seq)
        self._begin(owner, "")

    def _lost(self, event: e.RunRecovering, seq: int, last: int) -> None:
        """Nobody knows better than by its last event when an owner died; one that has left has said so itself."""
        left = event.reason == "handed_over"
        since = event.at if left else min(last, event.at)
        self._end_all(("model", "tool"), since, seq, "handed over" if left else "lost")
        self._end_all(("owner",), since, seq, "left" if left else "lost")
        span = Span("handover" if left else "gap", since, name=event.reason, worker=self._worker)
        if not left:
            span.detail = f"noticed {(event.at - since) / 1000:.1f} s later"
        span.seqs = (seq, seq)
        self._begin(span, "")

    def _retrying(self, event: e.RunRetrying, seq: int) -> None:
        for kind, key in [on for on in self._on if on[0] == "model"]:
            if (span := self._end(kind, key, event.at, seq, "failed")) is not None:
                span.code, span.detail = event.code, event.detail
        wait = Span("retry", event.at, max(event.at, event.retry_at), name=event.code, code=event.code)
        wait.detail, wait.worker, wait.attempt, wait.seqs = (
            event.detail,
            self._worker,
            self._attempt,
            (seq, seq),
        )
        self.made.spans.append(wait)

    def _over(self, event: e.RunFinished | e.RunFailed | e.RunStopped, seq: int, status: str) -> None:
        self._end_all(_ALL, event.at, seq, status)

    def _of_step(
        self, event: e.StepStarted | e.StepFinished | e.StepStopped | e.StepDiscarded, seq: int
    ) -> None:
        if isinstance(event, e.StepStarted):
            self._end("model", event.step, event.at, seq, "lost")
            for waits in (span for span in self.made.spans[-3:] if span.kind == "retry"):
                waits.end = min(waits.end or event.at, max(waits.start, event.at))
            self._begin(
                Span(
                    "model",
                    event.at,
                    step=event.step,
                    name=event.model,
                    attempt=event.attempt,
                    worker=self._worker,
                    seqs=(seq, seq),
                ),
                event.step,
            )
            return
        outcome = {e.StepFinished: "finished", e.StepStopped: "stopped", e.StepDiscarded: "discarded"}[
            type(event)
        ]
        span = self._end("model", event.step, event.at, seq, outcome)
        if isinstance(event, e.StepFinished):
            self._calls.update({call.call: call for call in event.calls})
        if span is None:
            return
        match event:
            case e.StepFinished():
                span.first, span.usage, span.result = event.first_at, event.usage, event.text
                span.code = event.incomplete or ""
            case e.StepStopped():
                span.first, span.result = event.first_at, event.text
            case e.StepDiscarded():
                span.detail = event.reason

    def _of_call(self, event: CallEvent, seq: int) -> None:
        id, at = event.call, event.at
        match event:
            case e.ApprovalAsked():
                if id not in self._asked:
                    self._asked[id] = event.digest
                    self._begin(self._about(event, Span("approval", at, seqs=(seq, seq))), id)
            case e.ApprovalDecided():
                if self._asked.get(id) == event.digest:
                    span = self._end("approval", id, at, seq, event.decision)
                    if span is not None:
                        span.by, span.detail = event.by, event.note
            case e.CallStarted():
                self._end("tool", id, at, seq, "lost")
                span = self._about(event, Span("tool", at, seqs=(seq, seq)))
                span.attempt, span.worker = event.attempt, event.worker
                self._begin(span, id)
            case e.CallInDoubt():
                self._doubtful(id, seq)
            case e.CallRetried():
                span = self._end("tool", id, at, seq, "lost") or self._last("tool", id)
                if span is not None and span.outcome != "handed over":
                    span.by = event.by
            case e.CallSettled():
                self._settled(event, seq)

    def _doubtful(self, id: str, seq: int) -> None:
        span = self._on.pop(("tool", id), None) or self._last("tool", id)
        if span is not None:
            span.end = span.end if span.end is not None else self.made.end
            span.outcome, span.seqs = "in_doubt", (span.seqs[0], seq)

    def _settled(self, event: e.CallSettled, seq: int) -> None:
        self._end("approval", event.call, event.at, seq, event.status)
        span = self._end("tool", event.call, event.at, seq, event.status) or self._last("tool", event.call)
        if span is None or span.outcome in ("lost", "handed over"):
            # It never ran, or not again: the outcome is told by a span without a length.
            span = self._about(event, Span("tool", event.at, event.at, seqs=(seq, seq)))
            span.attempt = event.attempt
            self.made.spans.append(span)
        if span.outcome != "in_doubt":
            span.outcome = event.status
        span.code, span.by, span.result = event.code or "", event.by, event.result

    def _last(self, kind: Kind, call: str) -> Span | None:
        return next((s for s in reversed(self.made.spans) if s.kind == kind and s.call == call), None)

    def _about(self, event: e.ApprovalAsked | e.CallStarted | e.CallSettled, span: Span) -> Span:
        span.step, span.call = event.step, event.call
        if (known := self._calls.get(event.call)) is not None:
            span.name, span.arguments = known.name, known.arguments
            span.provider_id, span.effect = known.provider_id, known.effect
        return span
