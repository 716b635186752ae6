"""What the traces of a chaos run say otherwise than its journal.

A process that is killed takes what it has not told yet with it, so traces may lack parts. What they have must be of one
trace for each run, from the command through its workers to the requests, and nothing in it may be of another moment
than the journal has. What began and ended after everything was repaired must be there.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

Line = dict[str, Any]
ENDS = ("run.finished", "run.failed", "run.stopped")


def trace_of(run: str) -> str:
    """The id of a run's trace, as docs/metrics.md has it: made from the run's, by whoever tells a part."""
    return hashlib.sha256(f"trace\0{run}".encode()).hexdigest()[:32]


def span_of(run: str, part: str) -> str:
    """The id of a named part of it."""
    return hashlib.sha256(f"span\0{run}\0{part}".encode()).hexdigest()[:16]


def untold(spans: Iterable[Line], journal: Iterable[list[Line]], since: int) -> list[str]:
    """What began, or ended, after this moment (ms) and was not told: one line for each."""
    told = {(span["trace"], span["id"]) for span in spans}
    found = []
    for events in journal:
        for event in events:
            part = {"run.queued": "command"} | dict.fromkeys(ENDS, "run")
            if event["at"] >= since and (name := part.get(event["type"])) is not None:
                run = event["run"]
                if (trace_of(run), span_of(run, name)) not in told:
                    found.append(f"run {run}: its {name} was not traced, {event['type']} at {event['at']}")
    return found


def against(spans: Iterable[Line], journal: Iterable[list[Line]]) -> Iterator[str]:
    """A line for everything that traces have and the journal has otherwise. `journal`: the events of each conversation,
    in order."""
    traces: dict[str, list[Line]] = defaultdict(list)
    for span in spans:
        traces[span["trace"]].append(span)
    for events in journal:
        runs = [event["run"] for event in events if event["type"] == "run.queued"]
        for run in dict.fromkeys(runs):
            if (mine := traces.pop(trace_of(run), None)) is not None:
                yield from (f"run {run}: {line}" for line in _of_run(run, mine, events))
    yield from (f"trace {trace} is of no run" for trace in traces)


def _of_run(run: str, spans: list[Line], events: list[Line]) -> Iterator[str]:
    times = Counter(span["id"] for span in spans)
    yield from (f"span {id} was told {count} times" for id, count in times.items() if count > 1)
    command, whole = span_of(run, "command"), span_of(run, "run")
    for span in spans:
        parent = {command: "", whole: command}.get(span["id"], whole)
        if span["parent"] != parent:
            yield f"{span['name']} hangs on {span['parent'] or 'nothing'} and not on {parent or 'nothing'}"
    parts = [span for span in spans if span["id"] not in (command, whole)]
    if (told := next((span for span in spans if span["id"] == whole), None)) is None:
        if parts:
            yield f"{len(parts)} parts, without the run itself"
        return
    ended = next((event for event in events if event["type"] in ENDS and event["run"] == run), None)
    if ended is None:
        yield "its trace has an end, and the journal has none"
        return
    if _ms(told["end"]) != ended["at"]:
        yield f"its trace ends at {_ms(told['end'])}, and the journal at {ended['at']}"
    if told["attributes"]["holdfast.state"] != ended["type"].removeprefix("run."):
        yield f"its trace says {told['attributes']['holdfast.state']}, and the journal {ended['type']}"
    yield from _parts(parts, _mine(run, events, ended))


def _mine(run: str, events: list[Line], ended: Line) -> list[Line]:
    """The events of a run up to its end."""
    until = events[: events.index(ended) + 1]
    steps = {event["step"] for event in until if event["type"] == "step.started" and event["run"] == run}
    return [one for one in until if one.get("run") == run or one.get("step") in steps]


def _parts(parts: list[Line], events: list[Line]) -> Iterator[str]:
    moments = {event["at"] for event in events} | {event.get("retry_at") for event in events}
    for span in parts:
        for edge in ("start", "end"):
            if _ms(span[edge]) not in moments:
                yield f"{span['name']} has its {edge} at {_ms(span[edge])}, when the journal has nothing of it"
    kinds = Counter(event["type"] for event in events)
    for kind, begun in (
        ("chat", "step.started"),
        ("execute_tool", "call.started"),
        ("lost", "run.recovering"),
    ):
        many = sum(span["name"].split(" ")[0] == kind for span in parts)
        if many != kinds[begun]:
            yield f"{many} spans of {kind}, and {kinds[begun]} {begun} in the journal"
    workers = {event["worker"] for event in events if event["type"] == "run.started"}
    told = {span["attributes"].get("holdfast.worker", "") for span in parts} - {""}
    yield from (f"{worker} is in its trace and never owned it" for worker in sorted(told - workers))
    asked, owner = set[str](), ""
    for event in events:
        owner = event["worker"] if event["type"] == "run.started" else owner
        if event["type"] == "step.started":
            asked.add(owner)
    yield from (f"{worker} has asked the model and is not in its trace" for worker in sorted(asked - told))


def _ms(nanoseconds: int) -> int:
    return nanoseconds // 1_000_000
