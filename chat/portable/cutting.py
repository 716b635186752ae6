"""The events of one way through a conversation, up to a place, as those of a conversation without branches. Pure.

    all events ─► those of the items that are kept, of their runs and calls ─► numbered anew ─► Document

What an item became later is kept with it: the outcome of a call, other words, the end of its run. A run of which only
the first steps are kept ends before the others. What it took to make the answers is told where they were made.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from agents import events as e
from chat.portable.reading import StoredEvent

_RUN = (
    e.RunQueued | e.RunStarted | e.RunRecovering | e.RunWaiting | e.RunResumed | e.RunRetrying
    | e.RunStopping | e.RunFinished | e.RunFailed | e.RunStopped
)  # fmt: skip
_STEP = e.StepStarted | e.StepFinished | e.StepStopped | e.StepDiscarded
_CALL = (
    e.ApprovalAsked | e.ApprovalDecided | e.CallStarted | e.CallProgress | e.CallSettled | e.CallInDoubt
    | e.CallRetried
)  # fmt: skip
_OF_MESSAGE = e.MessageAdded | e.NoteAdded | e.MessageEdited | e.MessageLeftOut | e.MessageTakenBack


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays. `items`: the ids of messages, notes and steps; `notices`: the places at which the end of a run is
    told; `before`: the place of the first item of the path that does not stay, None: all of it does; `covers(run,
    upto)`: whether a summary that this run made, of what stands up to a place, stands for kept items only."""

    items: frozenset[str]
    notices: frozenset[int]
    before: int | None
    covers: Callable[[str, int], bool]


def cut(events: Iterable[tuple[int, StoredEvent]], kept: Kept) -> Iterator[StoredEvent]:
    """The events behind `conversation.created` that tell of what is kept, and of nothing else."""
    told = list(events)
    runs, ends = _runs(told, kept), _cuts(told, kept)
    places: list[int] = []
    for seq, stored in told:
        event = stored.event
        if isinstance(event, e.StepStarted) and ends.get(event.run) == seq and event.run in runs:
            over = e.RunFinished(at=event.at, run=event.run)
            places.append(seq)
            yield StoredEvent(over.model_dump(), over)
        elif _stays(event, seq, kept, runs, ends):
            places.append(seq)
            yield StoredEvent(_told_anew(stored.raw, event, places), event)


def _runs(told: list[tuple[int, StoredEvent]], kept: Kept) -> frozenset[str]:
    """The runs of which an item is kept."""
    found = set()
    for seq, stored in told:
        event = stored.event
        if isinstance(event, e.StepStarted) and event.step in kept.items:
            found.add(event.run)
        elif seq in kept.notices and isinstance(event, _RUN):
            found.add(event.run)
    return frozenset(found)


def _cuts(told: list[tuple[int, StoredEvent]], kept: Kept) -> dict[str, int]:
    """By run the place of its first step that is there and not kept."""
    first: dict[str, tuple[str, int]] = {}
    for seq, stored in told:
        event = stored.event
        if isinstance(event, e.StepStarted) and event.step not in kept.items:
            first.setdefault(event.step, (event.run, seq))
        elif isinstance(event, e.StepDiscarded):
            first.pop(event.step, None)
    cuts: dict[str, int] = {}
    for run, seq in first.values():
        cuts[run] = min(seq, cuts.get(run, seq))
    return cuts


def _stays(event: e.Event, seq: int, kept: Kept, runs: frozenset[str], ends: dict[str, int]) -> bool:
    if isinstance(event, _STEP | _CALL):
        return event.step in kept.items
    if isinstance(event, _OF_MESSAGE):
        return event.message in kept.items
    if isinstance(event, _RUN):
        return event.run in runs and seq < ends.get(event.run, seq + 1)
    if kept.before is not None and seq >= kept.before:
        return False
    if isinstance(event, e.HistoryCompacted):
        return not event.problem and kept.covers(event.run, event.upto)
    # The agent is the conversation's, whatever branch was shown when it was changed.
    return isinstance(event, e.AgentChanged)


def _told_anew(raw: dict[str, Any], event: e.Event, places: list[int]) -> dict[str, Any]:
    """An event with the places it names as they are now. What its answer took is counted once, where it was made."""
    match event:
        case e.StepFinished():
            return {name: value for name, value in raw.items() if name != "usage"}
        case e.HistoryCompacted():
            left = {name: value for name, value in raw.items() if name != "usage"}
            return {**left, "upto": 1 + bisect_right(places, event.upto)}
        case e.StepStarted() if event.request is not None:
            since = 1 if event.request.since <= 1 else 2 + bisect_left(places, event.request.since)
            return {**raw, "request": {**raw["request"], "since": since}}
    return raw
