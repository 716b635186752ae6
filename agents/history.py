"""What an agent knows of its conversation: the events folded into messages, notes, steps and the run.

A step owns its ordered calls and a call owns its result (rule T2), so a result without its call cannot be
held here, let alone sent. Everything is frozen: `fold` gives a new history and leaves the old one alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from agents import branches as b
from agents import events as e
from agents.lifecycle import CALL, RUN, STEP

_WEB = e.Origin()
_NOTHING = e.Usage()

CallEvent = (
    e.ApprovalAsked | e.ApprovalDecided | e.CallStarted | e.CallSettled | e.CallInDoubt | e.CallRetried
)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class UserMessage:
    """Something a person, a schedule or a trigger said."""

    id: str
    seq: int
    text: str
    origin: e.Origin = _WEB
    attachments: tuple[e.AttachmentRef, ...] = ()
    #: The message itself, while this one stands for it because a provider refuses it (agents/leftout.py).
    original: "UserMessage | None" = None
    #: A provider refused it once, and somebody took it back.
    suspect: bool = False


@dataclass(frozen=True, slots=True, weakref_slot=True)
class HistoryNote:
    """Something the model reads and nobody is asked to answer."""

    id: str
    seq: int
    text: str
    origin: e.Origin = _WEB
    original: "HistoryNote | None" = None
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person was asked about a call, by its digest (rule W8), and their word; None: they have not spoken."""

    digest: str
    decision: Literal["approved", "refused"] | None = None
    by: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call and, once settled, its result. `arguments` is the model's own text, valid or not."""

    id: str
    ordinal: int
    name: str
    arguments: str
    provider_id: str = ""
    effect: e.Effect = "effectful"
    problem: e.CallCode | None = None
    status: e.CallStatus = "proposed"
    #: How often it was started; 0: never.
    attempt: int = 0
    result: str = ""
    code: e.CallCode | None = None
    #: None: nobody was asked.
    approval: Approval | None = None

    @property
    def open(self) -> bool:
        """Whether the call still lacks its outcome."""
        return self.status in e.OPEN_CALL


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Step:
    """One model response. It stands where it was (last) started, before what arrived while it streamed."""

    id: str
    seq: int
    run: str
    status: e.StepStatus = "streaming"
    attempt: int = 1
    text: str = ""
    calls: tuple[Call, ...] = ()
    model: str = ""
    #: Who issued `replay` (reasoning, signatures, item ids); it goes back only there (rule V14).
    issuer: str = ""
    replay: dict[str, Any] | None = None
    original: "Step | None" = None
    suspect: bool = False

    @property
    def index(self) -> int:
        """The step's number in its run, from 1 (a step's id is `<run>.<index>`)."""
        return int(self.id.rpartition(".")[2])

    @property
    def committed(self) -> bool:
        """Whether the step belongs to the transcript (rule R5)."""
        return self.status in ("finished", "stopped")

    @property
    def open_calls(self) -> tuple[Call, ...]:
        return tuple(call for call in self.calls if call.open)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Summary:
    """What stands, for the model, for the items up to `seq`; the items themselves are in the journal."""

    id: str
    seq: int
    text: str
    #: How many items it stands for, those of the summaries before it included.
    items: int


@dataclass(frozen=True, slots=True)
class Run:
    """The active run, or else the latest one."""

    id: str
    cause: str
    status: e.RunStatus = "queued"
    #: How often a worker took it; 2 and above: somebody died or left.
    attempt: int = 0
    #: Milliseconds since the Unix epoch, of the first start; None: not started yet.
    started_at: int | None = None
    stopping: bool = False
    stopped_by: str = ""
    #: Responses completed so far.
    steps: int = 0
    #: The largest step index ever started, whatever became of it.
    last_index: int = 0
    #: Tries of the model that failed since the last completed response.
    failures: int = 0
    #: When the model may be asked again (ms), as its provider or the backoff wants it; None: at once.
    retry_at: int | None = None
    usage: e.Usage = _NOTHING
    #: Milliseconds of work before the present owner; waiting for a person or for a new owner does not count.
    spent: int = 0
    #: Since when the present owner works (ms), None: nobody does. And the time of the run's latest event.
    since: int | None = None
    last_at: int = 0

    @property
    def active(self) -> bool:
        return self.status in e.ACTIVE_RUN

    def worked(self, now: int) -> int:
        """Milliseconds of work on this run so far (rule R8)."""
        return self.spent + (max(0, now - self.since) if self.since is not None else 0)


Item = UserMessage | HistoryNote | Step | Summary

#: What stands for what a provider refuses, for the model to read.
LEFT_OUT: dict[str, str] = {
    "content_filter": "the provider of the model refused it (content filter)",
    "image": "the provider of the model could not read it",
}


def leave_out(item: Item, files: Sequence[str], reason: str) -> Item:
    """What stands for an item of which a provider refuses these files, or all that it says: of a step, what its tools
    gave. Its place and its calls stay, so that no result is ever without its call."""
    why = LEFT_OUT.get(reason, "the provider of the model refused it")
    match item:
        case UserMessage():
            original = item.original or item
            if not files:
                gone = f"[A message of the user stood here. It is left out: {why}.]"
                return replace(original, text=gone, attachments=(), original=original)
            stay = tuple(file for file in item.attachments if file.id not in files)
            names = [" ".join(file.name.split()) for file in item.attachments if file.id in files]
            lines = [f"[Attached image: {name}. It is left out: {why}.]" for name in names]
            text = "\n\n".join(part for part in (item.text, *lines) if part.strip())
            return replace(item, text=text, attachments=stay, original=original)
        case HistoryNote():
            return replace(item, text=f"[It is left out: {why}.]", original=item.original or item)
        case Step():
            original_step = item.original or item
            calls = tuple(
                replace(call, result=f"[The result is left out: {why}.]") for call in original_step.calls
            )
            return replace(original_step, calls=calls, original=original_step)
    return item


def take_back(item: Item) -> Item:
    """The item as it was before it was left out, remembered as refused once."""
    if isinstance(item, Summary) or item.original is None:
        return item
    return replace(item.original, suspect=True)


@dataclass(frozen=True, slots=True)
class History:
    """A conversation as its agent sees it, on one branch; `items` are in transcript order, which is the order of `seq`.
    What other branches have is not in it."""

    conversation: str = ""
    items: tuple[Item, ...] = ()
    #: The path that is followed, and the branches as of the last event.
    path: b.Path = b.WHOLE
    branches: b.Branches = b.NONE
    run: Run | None = None
    #: Seq of the latest summary, or try of one; 0: none is held.
    summary_tried: int = 0
    #: What this release could not read since the run before was over: its first event, or None. A run must not go on
    #: without it (rule J4).
    unread: e.UnknownEvent | None = None
    #: The place of every step in `items`, so that an event finds its step without a search.
    places: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    def steps(self) -> Iterator[Step]:
        """All steps held, oldest first."""
        return (item for item in self.items if isinstance(item, Step))

    def step(self, id: str) -> Step | None:
        """The step of this id, or None if it is not held."""
        place = self.places.get(id)
        found = self.items[place] if place is not None else None
        return found if isinstance(found, Step) else None


EMPTY = History()
#: What happens to a conversation without its run's doing.
_FROM_OUTSIDE = (
    e.MessageAdded,
    e.NoteAdded,
    e.MessageTakenBack,
    e.MessageEdited,
    e.MessageWithdrawn,
    e.BranchOpened,
    e.BranchChosen,
    e.AgentChanged,
)


def before(history: History, step: str) -> History:
    """What stands before this step, which is what its request may say; all of it if the step is not held."""
    place = history.places.get(step)
    return history if place is None else replace(history, items=history.items[:place])


def beside(history: History, step: str) -> History:
    """All of it but this step: what a request for it says that is made before it begins, be it for the first time or
    once more."""
    return _without(history, step)


def empty(conversation: str, path: b.Path | None = None, branches: b.Branches = b.NONE) -> History:
    """The history of a conversation in which nothing has happened; on the path of a branch, if it has any. `branches`
    are those of before the first event that will be folded."""
    return History(conversation=conversation, path=path or b.WHOLE, branches=branches)


def fold(history: History, event: e.Event, seq: int) -> History:
    """The history after `event`, which was appended as `seq`.

    Pure and total: an event of a step or a run that is not held (it left the window), or that does not fit its state
    (agents/lifecycle.py), changes nothing of it, and an event that was folded already may be folded again only by a
    caller who starts over.
    """
    after = _folded(_branched(history, event, seq), event, seq)
    if after.run is not None and after.run.active and not isinstance(event, _FROM_OUTSIDE):
        return replace(after, run=replace(after.run, last_at=max(after.run.last_at, event.at)))
    return after


def _branched(history: History, event: e.Event, seq: int) -> History:
    branches = b.fold(history.branches, event, seq)
    return history if branches is history.branches else replace(history, branches=branches)


def _elsewhere(history: History, event: e.Event, seq: int) -> bool:
    """Whether the event is about an item of another branch. Those of calls find their step, or do not."""
    branches = history.branches
    if not branches and history.path is b.WHOLE:
        return False
    match event:
        case e.MessageAdded() | e.NoteAdded():
            return not history.path.holds(branches.shown, seq)
        case e.StepStarted():
            return not history.path.holds(branches.of_run(event.run), seq)
        case e.HistoryCompacted():
            made = b.path(branches, branches.of_run(event.run))
            return not b.covers(made, event.upto, history.path)
    return False


def _folded(history: History, event: e.Event, seq: int) -> History:
    if _elsewhere(history, event, seq):
        # A step that is begun again may stand behind the place at which the path departs, and did not before.
        left = _without(history, event.step) if isinstance(event, e.StepStarted) else history
        return replace(left, run=_run_after(history.run, event))
    match event:
        case e.MessageAdded():
            said = UserMessage(event.message, seq, event.text, event.origin, event.attachments)
            return _added(history, said)
        case e.NoteAdded():
            return _added(history, HistoryNote(event.message, seq, event.text, event.origin))
        case e.MessageLeftOut():
            return changed(history, event.message, lambda item: leave_out(item, event.files, event.reason))
        case e.MessageTakenBack():
            return changed(history, event.message, take_back)
        case e.MessageEdited():
            return changed(history, event.message, lambda item: _edited(item, event))
        case e.MessageWithdrawn():
            return _withdrawn(history, event.message)
        case e.RunQueued():
            known = history.run is not None and history.run.id == event.run
            return history if known else replace(history, run=Run(event.run, event.cause))
        case e.UnknownEvent():
            if event.ignorable or history.unread is not None:
                return history
            return replace(history, unread=event)
        case e.StepStarted() | e.StepFinished() | e.StepStopped() | e.StepDiscarded() if not _fits(
            history, event
        ):
            return history
        case e.StepStarted():
            started = Step(event.step, seq, event.run, attempt=event.attempt, model=event.model)
            moved = _added(_without(history, event.step), started)
            return replace(moved, run=_run_after(moved.run, event))
        case e.StepFinished():
            calls = tuple(_proposed(call) for call in event.calls)
            finished: dict[str, Any] = {"status": "finished", "text": event.text, "calls": calls}
            kept = {"issuer": event.issuer, "replay": event.replay}
            return replace(_with(history, event.step, finished | kept), run=_run_after(history.run, event))
        case e.StepStopped():
            return _with(history, event.step, {"status": "stopped", "text": event.text})
        case e.StepDiscarded():
            return _without(history, event.step)
        case e.HistoryCompacted():
            summarised = history if event.problem else _compacted(history, event)
            return replace(summarised, run=_run_after(history.run, event), summary_tried=seq)
        case (
            e.ApprovalAsked()
            | e.ApprovalDecided()
            | e.CallStarted()
            | e.CallSettled()
            | e.CallInDoubt()
            | e.CallRetried()
        ):
            step = history.step(event.step)
            if step is None:
                return history
            calls = tuple(_moved(call, event) if call.id == event.call else call for call in step.calls)
            return _with(history, event.step, {"calls": calls})
        case e.BranchOpened() | e.BranchChosen() | e.BranchContinued() | e.AgentChanged():
            return history
        case _:
            run = _run_after(history.run, event)
            over = run is not history.run and run is not None and not run.active
            return replace(history, run=run, unread=None if over else history.unread)


def _fits(history: History, event: e.StepStarted | e.StepFinished | e.StepStopped | e.StepDiscarded) -> bool:
    """Whether the step is in a state after which the event may come. One that is not held may be in any."""
    held = history.step(event.step)
    return held is None or STEP.after(held.status, event) is not None


def _proposed(call: e.ProposedCall) -> Call:
    return Call(
        call.call, call.ordinal, call.name, call.arguments, call.provider_id, call.effect, call.problem
    )


def _moved(call: Call, event: CallEvent) -> Call:
    status = CALL.after(call.status, event)
    if status is None:
        return call
    match event:
        case e.ApprovalAsked():
            return replace(call, status=status, approval=Approval(event.digest))
        case e.ApprovalDecided():
            # Compare and set (rule W8): a late word, or one about something else, changes nothing.
            if call.approval != Approval(event.digest):
                return call
            said = Approval(event.digest, event.decision, event.by, event.note)
            return replace(call, status=status, approval=said)
        case e.CallStarted():
            return replace(call, status=status, attempt=event.attempt)
        case e.CallSettled():
            return replace(call, status=status, result=event.result, code=event.code)
        case _:
            return replace(call, status=status)


def _run_after(run: Run | None, event: e.Event) -> Run | None:
    if run is None or run.id != getattr(event, "run", None):
        return run
    match event:
        case e.StepStarted():
            index = int(event.step.rpartition(".")[2])
            return replace(run, last_index=max(run.last_index, index), retry_at=None)
        case e.StepFinished():
            return replace(run, steps=run.steps + 1, failures=0, usage=run.usage.plus(event.usage))
        case e.HistoryCompacted():
            return replace(run, usage=run.usage.plus(event.usage))
    status = RUN.after(run.status, event)
    if status is None:
        return run
    run = replace(run, status=status)
    match event:
        case e.RunStarted():
            # A former owner worked until its last sign of life; nobody knows better when it died.
            run = _rested(run, run.last_at)
            started = run.started_at if run.started_at is not None else event.at
            since = max(event.at, run.retry_at or 0)
            return replace(run, attempt=event.attempt, started_at=started, since=since)
        case e.RunRecovering():
            return _rested(run, run.last_at)
        case e.RunWaiting():
            return _rested(run, event.at)
        case e.RunResumed():
            return _rested(run, run.last_at)
        case e.RunRetrying():
            # To wait until the provider is ready again is no work (rule R8).
            waits = replace(run, failures=run.failures + 1, retry_at=event.retry_at)
            if run.since is None or event.retry_at <= event.at:
                return waits
            return replace(_rested(waits, event.at), since=event.retry_at)
        case e.RunStopping():
            return replace(run, stopping=True, stopped_by=event.by)
        case e.RunFinished() | e.RunFailed() | e.RunStopped():
            return replace(run, stopping=False)
    return run


def _rested(run: Run, at: int) -> Run:
    if run.since is None:
        return run
    return replace(run, spent=run.spent + max(0, at - run.since), since=None)


def _compacted(history: History, event: e.HistoryCompacted) -> History:
    """The summary in the place of whole items, never of one that is open. The first message, the newest one and
    the newest step stay whatever the event says: what comes next hangs on them."""
    items = history.items
    stay = lasting(items)
    gone = {item.id for item in items if item.seq <= event.upto and item.id not in stay and settled(item)}
    replaced = sum(item.items if isinstance(item, Summary) else 1 for item in items if item.id in gone)
    summary = Summary(f"summary-{event.upto}", event.upto, event.summary, max(replaced, event.items))
    before = [item for item in items if item.seq <= event.upto and item.id not in gone]
    after = [item for item in items if item.seq > event.upto]
    return _placed(history, (*before, summary, *after))


def lasting(items: tuple[Item, ...]) -> frozenset[str]:
    """The ids of what no summary ever stands for: the first message, the newest message, the newest step."""
    ends = (_first(items, UserMessage), _first(items[::-1], UserMessage), _first(items[::-1], Step))
    return frozenset(ends)


def _first(items: tuple[Item, ...], kind: type[Item]) -> str:
    return next((item.id for item in items if isinstance(item, kind)), "")


def settled(item: Item) -> bool:
    """Whether nothing more will become of an item: no step in flight, no call without its outcome."""
    return not isinstance(item, Step) or (item.committed and not item.open_calls)


def changed(history: History, id: str, change: Callable[[Item], Item]) -> History:
    """The history with one item changed; the same one if it does not hold it."""
    for place in range(len(history.items) - 1, -1, -1):
        if history.items[place].id == id:
            item = change(history.items[place])
            return replace(history, items=(*history.items[:place], item, *history.items[place + 1 :]))
    return history


def _edited(item: Item, event: e.MessageEdited) -> Item:
    """The message with other words; it is no more the one that a provider may have refused."""
    if not isinstance(item, UserMessage):
        return item
    return UserMessage(item.id, item.seq, event.text, item.origin, event.attachments)


def _withdrawn(history: History, message: str) -> History:
    stay = tuple(item for item in history.items if not isinstance(item, UserMessage) or item.id != message)
    return history if len(stay) == len(history.items) else _placed(history, stay)


def _added(history: History, item: Item) -> History:
    places = history.places
    if isinstance(item, Step):
        places = {**places, item.id: len(history.items)}
    return replace(history, items=(*history.items, item), places=places)


def _with(history: History, step: str, changes: dict[str, Any]) -> History:
    held = history.step(step)
    if held is None:
        return history
    place = history.places[step]
    items = (*history.items[:place], replace(held, **changes), *history.items[place + 1 :])
    return replace(history, items=items)


def _without(history: History, step: str) -> History:
    if history.step(step) is None:
        return history
    return _placed(history, tuple(item for item in history.items if item.id != step))


def _placed(history: History, items: tuple[Item, ...]) -> History:
    places = {item.id: place for place, item in enumerate(items) if isinstance(item, Step)}
    return replace(history, items=items, places=places)
