"""Counts what this process has committed: called once for what one transaction of the journal has written, after it."""

from collections.abc import Callable, Sequence

from agents import events as e
from agents.extensions import tools
from chat.journal.committed import Committed
from chat.session.state import run_of
from chat.session.views import StepItem
from chat.telemetry import metrics

_models = metrics.Bounded()
#: Who else is told, if anybody wants traces (`traces.py`). They return at once and never raise.
tracers: list[Callable[[str, Sequence[Committed]], None]] = []


def committed(conversation: str, written: Sequence[Committed]) -> None:
    """Count these events of a conversation, and have runs that begin or end with them traced. In whatever thread has
    committed them. Never raises for what an event may say."""
    for tracer in tracers:
        tracer(conversation, written)
    for each in written:
        event = each.event
        if isinstance(event, e.UnknownEvent):
            metrics.EVENTS.labels("unknown").inc()
            continue
        metrics.EVENTS.labels(event.type).inc()  # type: ignore[attr-defined]  # each event of the vocabulary has one
        match event:
            case e.RunStarted() if event.attempt == 1:
                _run_started(each, event)
            case e.RunFinished() | e.RunFailed() | e.RunStopped():
                _run_ended(each, event.at)
            case e.StepFinished():
                _step_finished(each, event)
            case e.CallSettled():
                _call_settled(each, event)


def _run_started(each: Committed, event: e.RunStarted) -> None:
    if (run := run_of(each.change)) is not None:
        metrics.QUEUE_WAIT.observe(_seconds(run["queued_at"], event.at))


def _run_ended(each: Committed, at: int) -> None:
    run = run_of(each.change)
    if run is not None and run["started_at"] is not None:
        metrics.RUN_TIME.labels(run["status"]).observe(_seconds(run["started_at"], at))


def _step_finished(each: Committed, event: e.StepFinished) -> None:
    if (item := _step(each, event.step)) is None:
        return
    model = _models(item["model"])
    metrics.RESPONSE_TIME.labels(model).observe(_seconds(item["at"], event.at))
    if event.first_at is not None:
        metrics.FIRST_TOKEN.labels(model).observe(_seconds(item["at"], event.first_at))
    for direction in ("input", "output", "cached"):
        if tokens := getattr(event.usage, direction):
            metrics.TOKENS.labels(model, direction).inc(tokens)


def _call_settled(each: Committed, event: e.CallSettled) -> None:
    for call in (_step(each, event.step) or {"calls": []})["calls"]:
        if call["id"] == event.call and call["started_at"] is not None:
            # A model may name what no tool is called.
            tool = metrics.among(call["name"], tools)
            metrics.CALL_TIME.labels(tool, event.status).observe(_seconds(call["started_at"], event.at))


def _step(each: Committed, step: str) -> StepItem | None:
    for item in each.change.values():
        if isinstance(item, dict) and item.get("kind") == "step" and item.get("id") == step:
            return item  # type: ignore[return-value]  # an item of the change of a state
    return None


def _seconds(since: int, until: int) -> float:
    """Clocks of processes differ."""
    return max(0, until - since) / 1000
