"""How long things took in a chaos run, from the same records that are checked."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tests.recovery.chaos.checker import Record
from tests.recovery.chaos.nemesis import Fault

CRASHES = ("kill_worker", "die_at")
LEFT = ("term_worker", "term_to_doom")
#: A worker takes so long to start on a machine that is busy.
START_MS = 4_000


@dataclass
class Figures:
    """Counts, and durations in milliseconds."""

    counts: dict[str, int] = field(default_factory=dict)
    #: By name; `alone` in a name: no other fault at the same time.
    durations: dict[str, list[int]] = field(default_factory=dict)

    def rows(self) -> list[str]:
        """Lines for people."""
        lines = [f"{name:<42}{count:>8}" for name, count in self.counts.items()]
        lines.append(f"{'milliseconds':<42}{'n':>8}{'median':>8}{'p99':>8}{'most':>8}")
        for name, values in self.durations.items():
            if values:
                lines.append(
                    f"{name:<42}{len(values):>8}{median(values):>8.0f}{p99(values):>8}{max(values):>8}"
                )
            else:
                lines.append(f"{name:<42}{0:>8}")
        return lines

    def in_leases(self, lease_ms: int) -> list[str]:
        """What a crash has to wait for, as multiples of the lease."""
        return [
            f"{name}, in leases of {lease_ms} ms: {median(values) / lease_ms:.2f} (p99 {p99(values) / lease_ms:.2f})"
            for name, values in self.durations.items()
            if name.startswith("crash") and values
        ]


def p99(values: list[int]) -> int:
    """The value that 99 of 100 do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def figures(record: Record, faults: list[Fault], *, requests: int) -> Figures:
    """All figures of a run."""
    events = {conversation: record.events(conversation) for conversation in record.journal}
    every = [event for one in events.values() for event in one]
    kinds = Counter(event["type"] for event in every)
    reasons = Counter(event["reason"] for event in every if event["type"] == "run.recovering")
    counts = {
        "conversations": len(events),
        "pages in Chromium": len(record.pages),
        "events": len(every),
        "messages acknowledged": sum(
            line["what"] == "result" and line["status"] == "applied" for line in record.clients
        ),
        "requests to the model": requests,
        "effects": len(record.ledger),
        "faults": len(faults),
        "takeovers of dead owners": reasons["lease_lost"],
        "hand-overs": reasons["handed_over"],
        "calls in doubt": kinds["call.in_doubt"],
        "branches opened": kinds["branch.opened"],
        "branches chosen": kinds["branch.chosen"],
        "messages corrected": kinds["message.edited"],
        "messages taken back": kinds["message.withdrawn"],
        "answers about figures": record.figures_asked,
        "spans": len(record.spans or ()),
        "runs traced with a takeover": _taken_over(record),
        **{f"  fault {name}": n for name, n in sorted(Counter(fault.action for fault in faults).items())},
    }
    seen = [line for line in record.clients if line["what"] == "seen"]
    durations: dict[str, list[int]] = {
        "crash to visible as recovering": [],
        "crash to visible as recovering, alone": [],
        "crash to running again": [],
        "crash to running again, alone": [],
        "SIGTERM to running again": [],
        "SIGTERM to running again, alone": [],
        "reconnect to synced": [line["ms"] for line in record.clients if line["what"] == "synced"],
    }
    for fault in faults:
        if fault.action not in (*CRASHES, *LEFT):
            continue
        what = "crash" if fault.action in CRASHES else "SIGTERM"
        for conversation, run in _owned(events, fault):
            again = _next(events[conversation], run, fault.at)
            if again is None:
                continue
            alone = _alone(fault, faults, again)
            names = [f"{what} to running again"] + ([f"{what} to running again, alone"] if alone else [])
            for name in names:
                durations[name].append(again - fault.at)
            if what == "SIGTERM":
                continue
            shown = [
                line["at"]
                for line in seen
                if (line["run"], line["type"]) == (run, "run.recovering") and line["at"] >= fault.at
            ]
            if shown and min(shown) <= again + 1_000:
                durations["crash to visible as recovering"].append(min(shown) - fault.at)
                if alone:
                    durations["crash to visible as recovering, alone"].append(min(shown) - fault.at)
    return Figures(counts, durations)


def _taken_over(record: Record) -> int:
    """Runs of which the traces know more than one worker."""
    workers = defaultdict[str, set[str]](set)
    for span in record.spans or ():
        if worker := span["attributes"].get("holdfast.worker"):
            workers[span["trace"]].add(worker)
    return sum(len(one) > 1 for one in workers.values())


def _owned(events: dict[str, list[Any]], fault: Fault) -> list[tuple[str, str]]:
    """(conversation, run) of what the process owned when it was hit."""
    found = []
    for conversation, one in events.items():
        owner: tuple[str, str] | None = None
        for event in one:
            if event["at"] > fault.at:
                break
            if event["type"] == "run.started":
                owner = (event["run"], event["worker"])
            elif event["type"] in (
                "run.finished", "run.failed", "run.stopped", "run.waiting", "run.recovering", "run.queued",
            ):  # fmt: skip
                owner = None
        if owner is not None and f"-{fault.pid}-" in owner[1]:
            found.append((conversation, owner[0]))
    return found


def _next(events: list[Any], run: str, after: int) -> int | None:
    """When the run was started again. None if it ended before, by a stop."""
    for event in events:
        if event["at"] < after or event.get("run") != run:
            continue
        if event["type"] == "run.started":
            return int(event["at"])
        if event["type"] in ("run.finished", "run.failed", "run.stopped"):
            return None
    return None


def _alone(fault: Fault, faults: list[Fault], until: int) -> bool:
    """Whether nothing else that runs depend on was broken meanwhile. A worker that was started is not there at once."""
    return not any(
        other is not fault
        and (other.target.startswith("worker") or other.target in ("store", "database"))
        and other.at <= until
        and (other.until or until) >= fault.at - (START_MS if other.target.startswith("worker") else 1_000)
        for other in faults
    )
