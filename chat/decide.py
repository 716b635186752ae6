"""What a command comes to: pure functions from a session's state to the events that carry it out.

Each looks at the state (`chat/session/state.py`) that the append will be compared with, so it may be called
again after a conflict with a newer one. It returns the events, none if nothing needs to change, or raises
`Rejected` with a code of the closed list. No clock, no Redis, no SQL: `chat/inbox.py` is the shell.
"""

from typing import Literal
from uuid import UUID, uuid5

from agents import closing
from agents import events as e
from agents.history import Call, Step
from agents.lifecycle import BEGINNINGS, CALL, RUN
from agents.results import refused_by_person
from agents.tools.definition import PREVIEW_CHARS
from agents.tools.texts import fit
from chat.session import paths
from chat.session.errors import Rejected
from chat.session.state import info_of, items, run_of, steps
from chat.session.views import UNSENT, CallView, Item, MessageItem, RunView, State, StepItem

#: Messages that may wait behind a run (rule R6). Beyond it somebody is typing against a wall, or a script is.
MAX_WAITING = 20
#: Characters of a title that is made from a message.
TITLE_CHARS = 60

Decision = Literal["happened", "did_not_happen", "run_again"]
#: What a run may wait for people with, the more urgent first.
WAITED_FOR: dict[str, Literal["in_doubt", "approval"]] = {
    "in_doubt": "in_doubt",
    "awaiting_approval": "approval",
}

DID_NOT_HAPPEN = "This call was interrupted. A person has checked: its effect did not happen."


def run_id(conversation: str, cause: str) -> str:
    """The id of the run that answers message `cause`; anybody can recreate it."""
    return str(uuid5(UUID(conversation), cause))


def begun(state: State, *, run: str, cause: str, branch: str, now: int) -> list[e.Event]:
    """A run is queued; where there are branches it is said which one it goes on with."""
    if paths.view_of(state) is None:
        return [e.RunQueued(at=now, run=run, cause=cause)]
    return of_branch(run, cause, branch, "", now)


def active_run(state: State) -> RunView | None:
    """The run that is not over yet, or None."""
    run = run_of(state)
    return run if run is not None and run["status"] in RUN.open else None


def decide_send(
    state: State,
    *,
    conversation: str,
    message: str,
    text: str,
    origin: e.Origin,
    now: int,
    attachments: tuple[e.AttachmentRef, ...] = (),
    branch: str | None = None,
) -> list[e.Event]:
    """A message joins, gives an unnamed conversation its title, and starts a run unless one is active (R2, R6). It
    belongs to the `branch` that its author looked at, which is shown from then on."""
    shown = items(state)
    if any(item["kind"] == "message" and item["id"] == message for item in shown):
        return []
    running = active_run(state)
    if running is not None and len(waiting(state)) >= MAX_WAITING:
        raise Rejected("too_many_waiting")
    said = e.MessageAdded(at=now, message=message, text=text, origin=origin, attachments=attachments)
    shows = paths.shown(state) if branch is None else branch
    decided: list[e.Event] = [*decide_choose(state, branch=shows, by=origin.name, now=now), said]
    info = info_of(state)
    if info is None or not info["title"]:
        titled = text if text.strip() or not attachments else attachments[0].name
        decided.append(e.ConversationRenamed(at=now, title=title_from(titled)))
    if running is None:
        run = run_id(conversation, message)
        decided += begun(state, run=run, cause=message, branch=shows, now=now)
    return decided


def decide_choose(state: State, *, branch: str, by: str, now: int) -> list[e.Event]:
    """A branch is shown from now on; the one that is changes nothing."""
    if not paths.branches_of(paths.view_of(state)).knows(branch):
        raise Rejected("unknown_branch")
    return [] if branch == paths.shown(state) else [e.BranchChosen(at=now, branch=branch, by=by)]


def of_branch(run: str, cause: str, branch: str, agent: str, now: int) -> list[e.Event]:
    """A run is queued and goes on with a branch; `agent` answers, if not the conversation's (rule B4)."""
    return [
        e.RunQueued(at=now, run=run, cause=cause),
        e.BranchContinued(at=now, run=run, branch=branch, agent=agent),
    ]


def decide_note(*, message: str, text: str, origin: e.Origin, now: int) -> list[e.Event]:
    """Something from elsewhere is told to the conversation; nobody is asked to answer."""
    return [e.NoteAdded(at=now, message=message, text=text, origin=origin)]


def decide_stop(
    state: State,
    *,
    by: str,
    owned: bool,
    now: int,
    run: str | None = None,
    streamed: closing.Streamed | None = None,
    withdraw: bool = False,
    conversation: str = "",
) -> list[e.Event]:
    """The active run is to stop (R7). `owned`: a worker holds its lease, and will carry it out.

    `run` is the one that is meant, if the sender named it: when that is over, a later one is left alone. What waits
    behind it is run next, or taken back with `withdraw`.

    A run that waits, for a worker or for a person, and that nobody owns is closed at once. `streamed` is the
    text (step, text) that had come when its owner was lost.
    """
    active = active_run(state)
    if active is None or run not in (None, active["id"]):
        raise Rejected("no_run")
    back = [item["id"] for item in waiting(state)] if withdraw else []
    asked: list[e.Event] = [e.MessageWithdrawn(at=now, message=message, by=by) for message in back]
    if not active["stopping"]:
        asked.append(e.RunStopping(at=now, run=active["id"], by=by))
    if owned or active["status"] not in ("queued", "waiting"):
        return asked
    ended = close_run(state, by=by, now=now, streamed=streamed)
    if not withdraw:
        ended = with_next_run(state, ended, conversation=conversation, seen=seen(state), now=now)
    return [*asked, *ended]


def close_run(state: State, *, by: str, now: int, streamed: closing.Streamed | None = None) -> list[e.Event]:
    """End the active run as stopped: whatever is open of it is closed in the same append (rule R7)."""
    run = active_run(state)
    return [] if run is None else closing.stopped(run["id"], steps_of(state), now, by=by, streamed=streamed)


def fail_run(state: State, *, code: e.RunCode, detail: str, now: int) -> list[e.Event]:
    """End the active run as failed; a call that may have had its effect is closed with a text that says so."""
    run = active_run(state)
    return [] if run is None else closing.failed(run["id"], steps_of(state), now, code=code, detail=detail)


def with_next_run(
    state: State, decided: list[e.Event], *, conversation: str, seen: int, now: int
) -> list[e.Event]:
    """The same events and, if they end the run while a message waits that no step has seen, the next run (R6).

    `seen` is the place of the newest request to the model. However the run ends, what waits behind it is answered; only
    its author takes it back.
    """
    if not any(isinstance(event, e.RunFinished | e.RunFailed | e.RunStopped) for event in decided):
        return decided
    left = _unread(state, seen)
    if not left:
        return decided
    cause, branch = left[0]["id"], paths.branch_of(left[0])
    return [*decided, *begun(state, run=run_id(conversation, cause), cause=cause, branch=branch, now=now)]


def seen(state: State) -> int:
    """The place of the newest request to the model in the active run, or of the message that it is to answer; if the
    state holds neither, of its newest item."""
    run, shown = active_run(state), items(state)
    mine = [item["seq"] for item in shown if run is not None and _concerns(item, run)]
    return max(mine or [item["seq"] for item in shown] or [0])


def waiting(state: State) -> list[MessageItem]:
    """The messages that wait behind the active run, oldest first: no request has had them yet. None if nothing runs."""
    return [] if active_run(state) is None else _unread(state, seen(state))


def _unread(state: State, seen: int) -> list[MessageItem]:
    """The messages that no request has had, oldest first. With branches each has its place, and the state knows it."""
    if paths.view_of(state) is not None:
        return paths.waiting(state)
    return [item for item in items(state) if item["kind"] == "message" and item["seq"] > seen]


def _concerns(item: Item, run: RunView) -> bool:
    return item["id"] == run["cause"] or (item["kind"] == "step" and item["run"] == run["id"])


def crashed(state: State, *, run: str, worker: str, now: int, crowd: int = 1) -> list[e.Event]:
    """A process that did nothing but this run and `crowd - 1` other suspects was seen to die: say so, if the run was
    still its own."""
    active = active_run(state)
    if active is None or (active["id"], active["status"], active["worker"]) != (run, "running", worker):
        return []
    return [e.RunRecovering(at=now, run=run, reason="crashed", crowd=crowd)]


def fitting(state: State, events: list[e.Event]) -> list[e.Event]:
    """What of the loop's events still fits the state they are appended to, all of it if there was no news.

    Nothing is begun once a stop was asked for (R7), and a run neither waits for a decision nor fails for the want of
    one that was made while it was about to. A run does not end together with its last step if somebody has spoken
    meanwhile: it goes on with that (R6).
    """
    run = active_run(state)
    unfit: tuple[type[e.Event], ...] = ()
    if run is not None and run["stopping"]:
        unfit = BEGINNINGS
    elif _spoken_since(state, events):
        unfit = (e.RunFinished,)
    statuses = {call["status"] for step in steps(state) for call in step["calls"]}
    # What was let go of while the run was about to wait for it runs now; it is not waited with.
    waits = bool(statuses & WAITED_FOR.keys()) and "queued" not in statuses
    if "in_doubt" not in statuses and any(
        isinstance(event, e.RunFailed) and event.code == "outcome_unknown" for event in events
    ):
        return []
    return [
        event
        for event in events
        if not isinstance(event, unfit)
        and not _decided_already(state, event)
        and (waits or not isinstance(event, e.RunWaiting) or event.reason == "browser")
    ]


def _spoken_since(state: State, events: list[e.Event]) -> bool:
    """Whether these events end a run with the answer of a step since whose beginning somebody has spoken."""
    answered = {event.step for event in events if isinstance(event, e.StepFinished)}
    if not answered or not any(isinstance(event, e.RunFinished) and not event.limit for event in events):
        return False
    begun = min((item["seq"] for item in steps(state) if item["id"] in answered), default=0)
    return any(item["kind"] == "message" and item["seq"] > begun for item in items(state))


def _decided_already(state: State, event: e.Event) -> bool:
    """Whether a call in doubt was decided by a person while its probe, a policy or a take-over was about to: the first
    word stands (W7), and what was settled is never run again."""
    if not isinstance(event, e.CallRetried | e.CallInDoubt | e.CallSettled):
        return False
    _, call = find_call(state, event.call)
    if call is None:
        return True  # every open call is in the state
    if isinstance(event, e.CallSettled):
        if event.code == "outcome_unknown" or event.by == "probe":
            return call["status"] != "in_doubt"
    return not CALL.allows(call["status"], type(event))


def decide_take_back(
    state: State, *, message: str, by: str, now: int, elsewhere: bool | None = None
) -> list[e.Event]:
    """A person wants what was left out to be sent again; what is not left out changes nothing. `elsewhere` says of an
    item that the state does not hold whether it is left out; None: there is none of this id."""
    for item in items(state):
        if item["id"] == message and item["kind"] not in UNSENT:
            elsewhere = item.get("left_out") is not None
    if elsewhere is None:
        raise Rejected("unknown_message")
    return [e.MessageTakenBack(at=now, message=message, by=by)] if elsewhere else []


def decide_rename(state: State, *, title: str, now: int) -> list[e.Event]:
    """Another title; the same one changes nothing."""
    info = info_of(state)
    return [] if info is not None and info["title"] == title else [e.ConversationRenamed(at=now, title=title)]


def decide_change_agent(state: State, *, agent: str, by: str, now: int) -> list[e.Event]:
    """Another agent answers from here on. Only while nothing runs: a run that is taken over keeps its agent. The agent
    that answers already changes nothing."""
    info = info_of(state)
    if info is not None and info["agent"] == agent:
        return []
    if active_run(state) is not None:
        raise Rejected("run_active")
    before = info["agent"] if info is not None else ""
    return [e.AgentChanged(at=now, agent=agent, before=before, by=by)]


def decide_settle(
    state: State, *, call: str, decision: Decision, result: str, by: str, now: int
) -> list[e.Event]:
    """A person says what became of a call in doubt (R4, W7); when no doubt is left, the run goes on.

    The caller must have resolved an alias to `call`. Unknown to the state: `unknown_call`; the caller, who can
    ask the journal, tells a call that has left the window from one that never was. Somebody has had it run again, and
    it does: `already_decided`.
    """
    step, found = find_call(state, call)
    if step is None or found is None:
        raise Rejected("unknown_call")
    if found["status"] not in CALL.open:
        raise Rejected("already_settled")
    if found["status"] != "in_doubt":
        again = found["attempt"] >= (2 if found["status"] == "running" else 1)
        raise Rejected("already_decided" if again else "bad_command")
    decided: list[e.Event] = [_settled(step, found, decision, result, by, now)]
    return [*decided, *_going_on(state, call, now)]


def decide_approval(
    state: State,
    *,
    call: str,
    digest: str,
    decision: Literal["approve", "refuse"],
    note: str,
    by: str,
    now: int,
) -> list[e.Event]:
    """A person allows a call or refuses it: compare-and-set on the call and what it asks for (W8). One word wins;
    whoever comes later is told `already_decided`, and the state says who decided. What is allowed runs at once,
    whatever else of the run is still waited for.

    Rejects with `unknown_call` like `decide_settle`; with `already_settled` when the call was closed, as by a stop;
    with `wrong_digest` when it is not what the person was shown.
    """
    step, found = find_call(state, call)
    if step is None or found is None:
        raise Rejected("unknown_call")
    asked = found.get("approval")
    if asked is not None and asked["decision"] is not None:
        raise Rejected("already_decided")
    if found["status"] not in CALL.open:
        raise Rejected("already_settled")
    if asked is None or found["status"] != "awaiting_approval":
        raise Rejected("bad_command")
    if asked["digest"] != digest:
        raise Rejected("wrong_digest")
    said: Literal["approved", "refused"] = "approved" if decision == "approve" else "refused"
    decided = e.ApprovalDecided(
        at=now, step=step["id"], call=call, by=by, digest=digest, decision=said, note=note
    )
    if said == "approved":
        return [decided, *_going_on(state, call, now, runs=True)]
    text = refused_by_person(note)
    settled = closing.settle(
        step["id"], _call(found), "cancelled", text, "refused", now, by=by, preview=fit(text, PREVIEW_CHARS)
    )
    return [decided, settled, *_going_on(state, call, now)]


def _going_on(state: State, call: str, now: int, *, runs: bool = False) -> list[e.Event]:
    """What a decision on `call` means for a run that waits: it goes on if the call `runs` now or nothing is left to be
    waited for; otherwise it may wait for something else."""
    run = active_run(state)
    if run is None or run["status"] != "waiting":
        return []
    left = {
        other["status"]
        for step in steps(state)
        if step["run"] == run["id"]
        for other in step["calls"]
        if other["id"] != call
    }
    reason = next((WAITED_FOR[status] for status in WAITED_FOR if status in left), None)
    if runs or reason is None:
        return [e.RunResumed(at=now, run=run["id"])]
    return [] if reason == run["reason"] else [e.RunWaiting(at=now, run=run["id"], reason=reason)]


def find_call(state: State, call: str) -> tuple[StepItem, CallView] | tuple[None, None]:
    """(step, call) of a call's id, or (None, None) if the state does not hold it."""
    for step in reversed(steps(state)):
        for one in step["calls"]:
            if one["id"] == call:
                return step, one
    return None, None


def title_from(text: str) -> str:
    """A title from what somebody wrote first: its first line, cut between words where there are any."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "").strip()
    if len(line) <= TITLE_CHARS:
        return line
    cut = line[: TITLE_CHARS - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > TITLE_CHARS // 2 else cut).rstrip() + "…"


def _settled(step: StepItem, call: CallView, decision: Decision, result: str, by: str, now: int) -> e.Event:
    if decision == "run_again":
        return e.CallRetried(at=now, step=step["id"], call=call["id"], by=by)
    happened = decision == "happened"
    text = result if happened else (result or DID_NOT_HAPPEN)
    status: Literal["succeeded", "failed"] = "succeeded" if happened else "failed"
    preview = fit(text, PREVIEW_CHARS)
    return closing.settle(
        step["id"], _call(call), status, text, "resolved_by_person", now, by=by, preview=preview
    )


def steps_of(state: State) -> list[Step]:
    """The steps that a state holds, as an agent's history knows them, as far as it takes to end a run."""
    return [
        Step(
            step["id"],
            step["seq"],
            step["run"],
            step["status"],
            calls=tuple(_call(call) for call in step["calls"]),
        )
        for step in steps(state)
    ]


def _call(call: CallView) -> Call:
    return Call(
        id=call["id"],
        ordinal=call["ordinal"],
        name=call["name"],
        arguments=call["arguments"],
        effect=call["effect"],
        status=call["status"],
        attempt=call["attempt"],
    )
