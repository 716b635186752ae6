"""The trace of a run, from its journal. Pure, and knows no OpenTelemetry.

    command ─► run ─► queued ─► model ─► call, call ─► lost ─► model …

Ids come from the run's own: so whoever tells a part of a run tells it of the same trace, before and after a takeover,
in whatever process, and nothing has to be carried through inbox, Redis and journal.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agents import events as e
from chat.journal.timeline import Span as Stretch
from chat.journal.timeline import timeline

Value = str | int | float | bool

#: How a stretch is called in a trace; `{}` is its model or tool. After OpenTelemetry's conventions for generative AI.
NAMES = {
    "queued": "queued",
    "model": "chat {}",
    "call": "execute_tool {}",
    "approval": "approval {}",
    "waiting": "waiting {}",
    "lost": "lost",
    "retrying": "retrying",
}
#: Ends that an operator should see marked.
FAILED = frozenset({"failed", "cut", "in_doubt", "discarded"})


@dataclass(frozen=True, slots=True)
class TraceSpan:
    """One span. Times in milliseconds; `parent` 0: it is the trace's first."""

    id: int
    parent: int
    name: str
    start: int
    end: int
    attributes: Mapping[str, Value] = field(default_factory=dict)
    failed: bool = False


def trace_id(run: str) -> int:
    """128 bits, not 0."""
    return int.from_bytes(hashlib.sha256(f"trace\0{run}".encode()).digest()[:16]) or 1


def span_id(run: str, part: str) -> int:
    """64 bits, not 0."""
    return int.from_bytes(hashlib.sha256(f"span\0{run}\0{part}".encode()).digest()[:8]) or 1


def is_sampled(run: str, percent: int) -> bool:
    """Whether a run is among so many of a hundred: the same in every process."""
    return trace_id(run) % 100 < percent


def command_span(
    conversation: str, run: str, entrance: str, asked: int, stored: int, command: str = ""
) -> TraceSpan:
    """The first span of a run's trace: from what somebody asked for, to its run being in the journal."""
    attributes: dict[str, Value] = {
        "holdfast.conversation": conversation,
        "holdfast.run": run,
        "holdfast.entrance": entrance,
    }
    if command:
        attributes["holdfast.command"] = command
    return TraceSpan(span_id(run, "command"), 0, "command", asked, max(asked, stored), attributes)


def run_spans(conversation: str, run: str, events: Iterable[e.Event]) -> list[TraceSpan]:
    """All other spans of a run that is over: itself, and what it did with its time. `events`: of its conversation."""
    known = list(events)
    stretches = timeline(known, run)
    ended = next((one for one in known if _ends(one, run)), None)
    if not stretches or ended is None:
        return []
    mine = span_id(run, "run")
    told: dict[str, Value] = {"holdfast.conversation": conversation, "holdfast.run": run}
    told["holdfast.state"] = str(getattr(ended, "type", "")).removeprefix("run.")
    if code := getattr(ended, "code", None):
        told["error.type"] = str(code)
    whole = TraceSpan(
        mine,
        span_id(run, "command"),
        "run",
        stretches[0].start,
        max(stretches[0].start, ended.at),
        told,
        isinstance(ended, e.RunFailed),
    )
    usage = _usage(known, run)
    return [whole, *(_part(run, mine, number, one, usage) for number, one in enumerate(stretches))]


def _ends(event: e.Event, run: str) -> bool:
    return isinstance(event, e.RunFinished | e.RunFailed | e.RunStopped) and event.run == run


def _usage(events: Iterable[e.Event], run: str) -> dict[int, e.Usage]:
    """What responses took, by when they ended."""
    return {one.at: one.usage for one in events if isinstance(one, e.StepFinished) and one.run == run}


def _part(run: str, parent: int, number: int, one: Stretch, usage: Mapping[int, e.Usage]) -> TraceSpan:
    attributes: dict[str, Value] = {"holdfast.run": run, "holdfast.attempt": one.attempt}
    if one.worker:
        attributes["holdfast.worker"] = one.worker
    if one.outcome:
        attributes["holdfast.outcome"] = one.outcome
    if one.kind == "model":
        attributes |= {"gen_ai.operation.name": "chat", "gen_ai.request.model": one.name}
        if one.end is not None and (used := usage.get(one.end)) is not None:
            attributes |= {"gen_ai.usage.input_tokens": used.input, "gen_ai.usage.output_tokens": used.output}
    elif one.kind == "call":
        attributes |= {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": one.name}
    elif one.name:
        attributes["holdfast.reason"] = one.name
    end = one.start if one.end is None else one.end
    name = NAMES[one.kind].format(one.name).strip()
    return TraceSpan(
        span_id(run, f"{number} {one.kind}"),
        parent,
        name,
        one.start,
        max(one.start, end),
        attributes,
        one.outcome in FAILED,
    )
