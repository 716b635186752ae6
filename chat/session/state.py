"""The state of a session and the pure reducer that moves it (rules S3, S4).

A state is a flat dict of fields, each a JSON value, because that is how it lies in Redis (one hash, one
field each) and so an event costs only the fields it touches:

    info            {title, agent, created_at, usage}
    run             null, or the active (else the latest) run
    branches, seen  only of a conversation with branches: which is shown, what was read (chat/session/paths.py)
    i:<seq>         one transcript item; <seq> is where it stands, and the order of items is the order of <seq>

Items are `message`, `note`, `step` and `notice` (see `docs/protocol.md`). The state holds the newest `WINDOW`
items of the branch that is shown, plus every other step that still has open calls and every message that waits on
another branch, so a snapshot is bounded and never hides work in flight. What shows another branch cannot be reduced
from a state, which has not its items: it sets `moved`, and the state is read anew (chat/session/sessions.py).
`reduce` has a twin in `frontend/src/sync/reducer.ts`; both are held by the vectors in `tests/wire/`.
"""

from typing import Literal, cast

from agents import events as e
from agents.lifecycle import CALL, NEW, RUN, STEP
from chat.session import paths
from chat.session.views import (
    UNSENT,
    AgentItem,
    ApprovalView,
    AttachmentView,
    CallView,
    CopiedView,
    EditedView,
    InfoView,
    Item,
    LeftOutView,
    MessageItem,
    NoteItem,
    NoticeItem,
    OriginView,
    Patch,
    RunView,
    State,
    StepItem,
    UsageView,
)

#: Items that a snapshot shows at most, open steps aside. 50 items fill several screens; older ones page over HTTP.
WINDOW = 50

EMPTY: State = {}
CallEvent = (
    e.ApprovalAsked
    | e.ApprovalDecided
    | e.CallStarted
    | e.CallProgress
    | e.CallSettled
    | e.CallInDoubt
    | e.CallRetried
)
#: No tokens yet.
NOTHING: UsageView = {"input": 0, "output": 0, "cached": 0, "cost": None}


def item_key(seq: int) -> str:
    """The field of the item that stands at `seq`."""
    return f"i:{seq}"


def info_of(state: State) -> InfoView | None:
    """What a state says of its conversation; None before its first event."""
    return cast(InfoView | None, state.get("info"))


def run_of(state: State) -> RunView | None:
    """The active run, else the latest one; None if there was none."""
    return cast(RunView | None, state.get("run"))


def item_at(state: State, key: str) -> Item:
    """The item in a field that `item_key` names and the state holds."""
    return cast(Item, state[key])


def items(state: State) -> list[Item]:
    """The items of a state in transcript order; those of other branches, too, of which something is open or waits."""
    return [item_at(state, key) for key in sorted((k for k in state if k.startswith("i:")), key=_seq_of)]


def steps(state: State) -> list[StepItem]:
    """The steps among the items, in transcript order."""
    return [item for item in items(state) if item["kind"] == "step"]


def merge(state: State, patch: Patch) -> Patch:
    """The state after a patch; neither argument is changed."""
    merged = {**state, **patch}
    return {key: value for key, value in merged.items() if value is not None or key == "run"}


def reduce(state: State, event: e.Event, seq: int) -> Patch:
    """What `event`, appended as `seq`, changes in `state`.

    Pure and total: an event that names something the state does not hold (it left the window), or that does not fit
    the state it is in (agents/lifecycle.py), changes nothing of it. Values in `state` are never mutated.
    """
    patch = change(state, event, seq)
    return patch | evicted(state, patch)


def is_open(item: Item) -> bool:
    """Whether an item must stay in the state however old it is: a step in flight, or with an open call."""
    return item["kind"] == "step" and (
        item["status"] == "streaming" or any(call["status"] in e.OPEN_CALL for call in item["calls"])
    )


def change(state: State, event: e.Event, seq: int) -> Patch:
    """What `event` changes of itself, before anything leaves the window because of it: what the journal keeps.

    None here means that an item is no more, not that it has become too old to be shown.
    """
    match event:
        case e.ConversationCreated():
            made: InfoView = {
                "title": event.title,
                "agent": event.agent,
                "created_at": event.at,
                "usage": NOTHING,
            }
            if event.copied_from is not None:
                made["copied_from"] = cast(CopiedView, e.plain(event.copied_from))
            return {"info": made, "run": None}
        case e.ConversationRenamed():
            return _renamed(state, event)
        case e.AgentChanged():
            info = info_of(state)
            if info is None or info["agent"] == event.agent:
                return {}
            told = paths.marked(_agent(event, seq), paths.shown(state))
            return {"info": {**info, "agent": event.agent}, item_key(seq): told}
        case e.MessageAdded():
            return {item_key(seq): paths.marked(_message(event, seq), paths.shown(state))}
        case e.NoteAdded():
            return {item_key(seq): paths.marked(_note(event, seq), paths.shown(state))}
        case e.BranchOpened() | e.BranchChosen() | e.BranchContinued():
            return paths.branched(state, event, seq)
        case e.MessageLeftOut():
            return _left_out(state, event)
        case e.MessageTakenBack():
            return _taken_back(state, event)
        case e.MessageEdited():
            return _edited(state, event)
        case e.MessageWithdrawn():
            found = _find_message(state, event.message)
            return {} if found is None else {found: None}
        case e.RunQueued():
            run = run_of(state)
            if run is not None and run["id"] == event.run:
                return {}
            # Its branch is said behind it, in the same append; that of a release which knows none is shown.
            return paths.queued(state, _queued(event))
        case e.UnknownEvent():
            return {}
        case e.StepStarted():
            return _step_started(state, event, seq)
        case e.StepFinished():
            ended = _step_ended(state, event)
            return {**ended, **_used(state, event)} if ended else {}
        case e.StepStopped() | e.StepDiscarded():
            return _step_ended(state, event)
        case e.HistoryCompacted():
            return _used(state, event)
        case (
            e.ApprovalAsked()
            | e.ApprovalDecided()
            | e.CallStarted()
            | e.CallProgress()
            | e.CallSettled()
            | e.CallInDoubt()
            | e.CallRetried()
        ):
            return _call_changed(state, event)
        case _:
            return _run_changed(state, event, seq)


def _message(event: e.MessageAdded, seq: int) -> MessageItem:
    return {
        "kind": "message",
        "seq": seq,
        "id": event.message,
        "text": event.text,
        "at": event.at,
        "origin": cast(OriginView, e.plain(event.origin)),
        "attachments": [cast(AttachmentView, e.plain(file)) for file in event.attachments],
        "left_out": None,
    }


def _agent(event: e.AgentChanged, seq: int) -> AgentItem:
    return {
        "kind": "agent",
        "seq": seq,
        "id": f"agent-{seq}",
        "at": event.at,
        "agent": event.agent,
        "before": event.before,
        "by": event.by,
    }


def _note(event: e.NoteAdded, seq: int) -> NoteItem:
    return {
        "kind": "note",
        "seq": seq,
        "id": event.message,
        "text": event.text,
        "at": event.at,
        "origin": cast(OriginView, e.plain(event.origin)),
        "left_out": None,
    }


def left_out(held: LeftOutView | None, event: e.MessageLeftOut) -> LeftOutView:
    """What an item says of being left out, after an event; `held` is what it said before. Files come to files, and all
    of an item is more than some of its files."""
    before = list(held["files"]) if held is not None else []
    some = bool(event.files) and (held is None or bool(before))
    return {
        "reason": event.reason,
        "detail": event.detail,
        "files": list(dict.fromkeys([*before, *event.files])) if some else [],
        "model": event.model,
        "at": event.at,
    }


def _left_out(state: State, event: e.MessageLeftOut) -> Patch:
    found = _find(state, event.message)
    if found is None or (item := item_at(state, found))["kind"] in UNSENT:
        return {}
    held = cast(LeftOutView | None, item.get("left_out"))
    return {found: cast(Item, {**item, "left_out": left_out(held, event)})}


def _taken_back(state: State, event: e.MessageTakenBack) -> Patch:
    found = _find(state, event.message)
    if found is None or (item := item_at(state, found))["kind"] in UNSENT or item.get("left_out") is None:
        return {}
    return {found: cast(Item, {**item, "left_out": None})}


def _edited(state: State, event: e.MessageEdited) -> Patch:
    found = _find_message(state, event.message)
    return {} if found is None else {found: edited(cast(MessageItem, state[found]), event)}


def edited(item: MessageItem, event: e.MessageEdited) -> MessageItem:
    """A message with other words and files; nobody has refused these yet."""
    known = item.get("edited")
    first: EditedView = {
        "at": event.at,
        "by": event.by,
        "text": item["text"] if known is None else known["text"],
    }
    files = [cast(AttachmentView, e.plain(file)) for file in event.attachments]
    return {**item, "text": event.text, "attachments": files, "left_out": None, "edited": first}


def _find_message(state: State, id: str) -> str | None:
    found = _find(state, id)
    return found if found is not None and item_at(state, found)["kind"] == "message" else None


def _queued(event: e.RunQueued) -> RunView:
    return {
        "id": event.run,
        "cause": event.cause,
        "status": "queued",
        "since": event.at,
        "attempt": 0,
        "worker": "",
        "queued_at": event.at,
        "started_at": None,
        "ended_at": None,
        "stopping": False,
        "reason": None,
        "code": None,
        "detail": "",
        "retry_at": None,
        "usage": NOTHING,
    }


def _renamed(state: State, event: e.ConversationRenamed) -> Patch:
    """Another title; what a model took to write it counts with the latest run."""
    info, run = info_of(state), run_of(state)
    if info is None:
        return {}
    named: InfoView = {**info, "title": event.title}
    if event.usage is None:
        return {"info": named}
    counted: InfoView = {**named, "usage": _sum(info, event.usage)}
    return {"info": counted, **({} if run is None else {"run": {**run, "usage": _sum(run, event.usage)}})}


def _used(state: State, event: e.StepFinished | e.HistoryCompacted) -> Patch:
    """The totals of the run and of the conversation with what this event took."""
    info, run = info_of(state), run_of(state)
    if info is None or run is None or run["id"] != event.run:
        return {}
    return {
        "info": {**info, "usage": _sum(info, event.usage)},
        "run": {**run, "usage": _sum(run, event.usage)},
    }


def _sum(held: InfoView | RunView, usage: e.Usage) -> UsageView:
    before = e.Usage.model_validate(held.get("usage", NOTHING), extra="ignore")
    return cast(UsageView, before.plus(usage).model_dump())


def _run_changed(state: State, event: e.Event, seq: int) -> Patch:
    run = run_of(state)
    if run is None or run["id"] != getattr(event, "run", None):
        return {}
    status = RUN.after(run["status"], event)
    if status is None:
        return {}
    run = {**run, "status": status}
    calm: RunView = {**run, "reason": None, "code": None, "detail": "", "retry_at": None}
    moved: RunView = {**calm, "since": event.at}
    ended: RunView = {**moved, "stopping": False, "ended_at": event.at}
    match event:
        case e.RunStarted():
            started = run["started_at"] if run["started_at"] is not None else event.at
            return {"run": {**moved, "attempt": event.attempt, "worker": event.worker, "started_at": started}}
        case e.RunRecovering():
            return {"run": {**moved, "reason": event.reason}}
        case e.RunWaiting():
            return {"run": {**moved, "reason": event.reason}}
        case e.RunResumed():
            return {"run": moved}
        case e.RunRetrying():
            return {"run": {**calm, "code": event.code, "detail": event.detail, "retry_at": event.retry_at}}
        case e.RunStopping():
            return {"run": {**run, "stopping": True}}
        case e.RunFinished():
            patch: Patch = {"run": {**ended, "code": event.limit, "detail": event.detail}}
            return (
                patch if event.limit is None else patch | _notice(run, event, seq, event.limit, event.detail)
            )
        case e.RunFailed():
            failed: Patch = {"run": {**ended, "code": event.code, "detail": event.detail}}
            return failed | _notice(run, event, seq, event.code, event.detail)
        case e.RunStopped():
            stopped: Patch = {"run": ended}
            return stopped | _notice(run, event, seq, "stopped", event.by)
    return {}


def _notice(
    run: RunView, event: e.Event, seq: int, code: e.RunCode | Literal["stopped"], detail: str
) -> Patch:
    notice: NoticeItem = {
        "kind": "notice",
        "seq": seq,
        "id": f"notice-{seq}",
        "at": event.at,
        "code": code,
        "detail": detail,
    }
    return {item_key(seq): paths.marked(notice, run.get("branch", paths.MAIN))}


def _step_started(state: State, event: e.StepStarted, seq: int) -> Patch:
    run = run_of(state)
    patch: Patch = {}
    found = _find_step(state, event.step)
    status = STEP.after(NEW if found is None else _step(state, found)["status"], event)
    if status is None:
        return {}
    if found is not None:
        patch[found] = None
    started: StepItem = {
        "kind": "step",
        "seq": seq,
        "id": event.step,
        "run": event.run,
        "status": status,
        "attempt": event.attempt,
        "survived": run is not None and run["id"] == event.run and run["attempt"] > 1,
        "model": event.model,
        "text": "",
        "reasoning": "",
        "calls": [],
        "usage": None,
        "incomplete": None,
        "at": event.at,
        "ended_at": None,
        "left_out": None,
    }
    if event.agent:
        started["agent"] = event.agent
    branch = run.get("branch", paths.MAIN) if run is not None and run["id"] == event.run else paths.MAIN
    patch[item_key(seq)] = paths.marked(started, branch)
    patch |= paths.read_up_to(state, branch, seq)
    if run is not None and run["id"] == event.run and run["retry_at"] is not None:
        patch["run"] = {**run, "code": None, "detail": "", "retry_at": None}
    return patch


def _step_ended(state: State, event: e.StepFinished | e.StepStopped | e.StepDiscarded) -> Patch:
    found = _find_step(state, event.step)
    if found is None:
        return {}
    step = _step(state, found)
    status = STEP.after(step["status"], event)
    if status is None:
        return {}
    if isinstance(event, e.StepDiscarded):
        return {found: None}
    item: StepItem = {
        **step,
        "status": status,
        "text": event.text,
        "reasoning": event.reasoning,
        "ended_at": event.at,
    }
    if isinstance(event, e.StepStopped):
        return {found: item}
    calls = [_proposed(call, event) for call in event.calls]
    item = {**item, "incomplete": event.incomplete}
    return {found: {**item, "calls": calls, "usage": cast(UsageView, e.plain(event.usage))}}


def _proposed(call: e.ProposedCall, event: e.StepFinished) -> CallView:
    return {
        "id": call.call,
        "ordinal": call.ordinal,
        "name": call.name,
        "arguments": call.arguments,
        "effect": call.effect,
        "status": CALL.after(NEW, event) or "proposed",
        "attempt": 0,
        "worker": "",
        "progress": None,
        "preview": "",
        "size": 0,
        "code": call.problem,
        "by": "",
        "approval": None,
        "started_at": None,
        "ended_at": None,
    }


def _call_changed(state: State, event: CallEvent) -> Patch:
    found = _find_step(state, event.step)
    if found is None:
        return {}
    step = _step(state, found)
    calls = [_moved(call, event) if call["id"] == event.call else call for call in step["calls"]]
    moved = any(after is not before for after, before in zip(calls, step["calls"], strict=True))
    return {found: {**step, "calls": calls}} if moved else {}


def _moved(call: CallView, event: CallEvent) -> CallView:
    """The call after the event; the same object if nothing of it changes."""
    status = CALL.after(call["status"], event)
    if status is None:
        return call
    after: CallView = {**call, "status": status}
    match event:
        case e.ApprovalAsked():
            asked: ApprovalView = {
                "digest": event.digest,
                "asked_at": event.at,
                "decision": None,
                "by": "",
                "note": "",
                "decided_at": None,
            }
            return {**after, "approval": asked}
        case e.ApprovalDecided():
            # Compare and set (rule W8): a late word, or one about something else, changes nothing.
            known = call.get("approval")
            if known is None or known["decision"] is not None or known["digest"] != event.digest:
                return call
            said: ApprovalView = {**known, "decision": event.decision, "by": event.by, "note": event.note}
            return {**after, "approval": {**said, "decided_at": event.at}}
        case e.CallStarted():
            after = {**after, "attempt": event.attempt, "worker": event.worker, "progress": None}
            return {**after, "started_at": event.at, "code": None}
        case e.CallProgress():
            return {**after, "progress": {"fraction": event.fraction, "note": event.note}}
        case e.CallSettled():
            after = {**after, "preview": event.preview, "size": event.size, "code": event.code}
            return {**after, "by": event.by, "ended_at": event.at}
        case e.CallInDoubt():
            return after
        case e.CallRetried():
            return {**after, "by": event.by}


def _find_step(state: State, step: str) -> str | None:
    """The field of a step."""
    return _find(state, step)


def _find(state: State, id: str) -> str | None:
    """The field of an item; searched from the newest, where the live ones are."""
    for key in reversed(list(state)):
        if key.startswith("i:") and state[key] is not None and item_at(state, key)["id"] == id:
            return key
    return None


def _step(state: State, key: str) -> StepItem:
    return cast(StepItem, state[key])


def evicted(state: State, patch: Patch) -> Patch:
    """The fields that leave the window because of this patch: the oldest settled items beyond `WINDOW`."""
    merged = {k: v for k, v in {**state, **patch}.items() if k.startswith("i:") and v is not None}
    gone: Patch = {}
    if "branches" in state or "branches" in patch:
        for key in paths.elsewhere({**state, **patch}, merged):
            item = item_at(merged, key)
            if not is_open(item) and not paths.waits({**state, **patch}, item):
                gone[key] = None
            del merged[key]
    if len(merged) <= WINDOW:
        return gone
    oldest = sorted(merged, key=_seq_of)[: len(merged) - WINDOW]
    return gone | {key: None for key in oldest if not is_open(item_at(merged, key))}


def _seq_of(key: str) -> int:
    return int(key[2:])
