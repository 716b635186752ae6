"""Plausible conversations with branches, made from a source of randomness, with a witness that knows no paths.

People say things, have answers made again, say things anew, change and take back what waits, go to other branches while
calls run, and workers answer, die, summarise and are stopped. The events are what `chat/decide.py` makes of that.

The witness copies: of each branch it keeps the list of items that it has, made from its parent's list when it opened.
No path is made there, and no number compared but the place at which a branch departs.
"""

from __future__ import annotations

import uuid
from random import Random
from typing import Any

from agents import branches as b
from agents import events as e
from agents.history import History, empty, fold
from chat import decide, rewriting
from chat.session import paths
from chat.session.errors import Rejected
from chat.session.state import WINDOW, change, evicted, is_open, merge
from tests.support.histories import START

#: What people may be told in a conversation that goes well.
REFUSALS = ("run_active", "already_read", "too_many_waiting", "too_many_branches")


class Branching:
    """One conversation. `step` does something; `state` is what is shown after it."""

    def __init__(self, random: Random, conversation: str = "", window: int = WINDOW) -> None:
        self.random = random
        self.ids = 0
        self.conversation = conversation or self._uuid()
        self.window = window
        self.now = START
        self.events: list[e.Event] = []
        self.appends: list[list[e.Event]] = []
        self.state: Any = {}
        #: Every item that there is, by its place.
        self.items: dict[int, Any] = {}
        #: The witness: by branch the ids of what it has; and which branch each run is on.
        self.lists: dict[str, list[str]] = {b.MAIN: []}
        self.runs: dict[str, str] = {}
        self.shown = b.MAIN
        self.index = 0
        self.append([e.ConversationCreated(at=self.now, title="T", agent="assistant")])

    # ---- what happens ----

    def step(self) -> None:
        """One thing that people or a worker do. What is refused did not happen."""
        run = decide.active_run(self.state)
        people = [self.say, self.say, self.edit, self.withdraw, self.choose, self.note]
        if run is None:
            people += [self.try_again] * 3 + [self.rewrite] * 2
        try:
            if run is not None and self._chance(70):
                self.work(run)
            else:
                self.random.choice(people)()
        except Rejected as refused:
            if refused.code not in REFUSALS:
                raise

    def say(self) -> None:
        branch = self.shown if self._chance(80) else self.random.choice(list(self.lists))
        self.append(
            decide.decide_send(
                self.state,
                conversation=self.conversation,
                message=self._uuid(),
                text=f"said {len(self.events)}",
                origin=e.Origin(),
                now=self._at(),
                branch=branch,
            )
        )

    def note(self) -> None:
        self.append([e.NoteAdded(at=self._at(), message=self._uuid(), text="note")])

    def edit(self) -> None:
        if messages := self._of("message"):
            item = self.random.choice(messages)
            text = f"edited {len(self.events)}"
            self.append(
                rewriting.decide_edit(
                    self.state,
                    message=item["id"],
                    text=text,
                    attachments=(),
                    by="alice",
                    now=self._at(),
                    elsewhere=True,
                )
            )

    def withdraw(self) -> None:
        if waiting := decide.waiting(self.state):
            message = self.random.choice(waiting)["id"]
            self.append(rewriting.decide_withdraw(self.state, message=message, by="alice", now=self._at()))

    def choose(self) -> None:
        branch = self.random.choice(list(self.lists))
        self.append(decide.decide_choose(self.state, branch=branch, by="alice", now=self._at()))

    def try_again(self) -> None:
        answers = [*self._of("step"), *self._of("notice")]
        if not answers:
            return
        item = self.random.choice(answers)
        branch = paths.branch_of(item)
        path = b.path(self.branches, branch)
        on = [one for seq, one in sorted(self.items.items()) if path.holds(paths.branch_of(one), seq)]
        said = [one for one in on if one["kind"] == "message" and one["seq"] < item["seq"]]
        if not said:
            return
        cause = said[-1]
        place = next(
            one["seq"] for one in on if one["seq"] > cause["seq"] and one["kind"] in ("step", "notice")
        )
        self._open(branch, place, cause["id"])

    def rewrite(self) -> None:
        if messages := self._of("message"):
            item, message = self.random.choice(messages), self._uuid()
            said = e.MessageAdded(at=self._at(), message=message, text=f"anew {len(self.events)}")
            self._open(paths.branch_of(item), item["seq"], message, said)

    def work(self, run: Any) -> None:
        """A worker does the next thing of the active run."""
        id, steps = run["id"], [step for step in decide.steps(self.state) if step["run"] == run["id"]]
        streaming = next((step for step in steps if step["status"] == "streaming"), None)
        calls = [(step, call) for step in steps for call in step["calls"] if call["status"] in e.OPEN_CALL]
        if run["status"] in ("queued", "recovering"):
            told = e.RunStarted(at=self._at(), run=id, attempt=run["attempt"] + 1, fence=1, worker="w")
            return self.append([told])
        if self._chance(5):
            return self.append([e.RunRecovering(at=self._at(), run=id, reason="lease_lost")])
        if self._chance(8):
            stop = [e.RunStopping(at=self._at(), run=id, by="alice")]
            return self._end([*stop, *decide.close_run(self.state, by="alice", now=self._at())])
        if self._chance(4):
            return self._end(decide.fail_run(self.state, code="model_error", detail="", now=self._at()))
        if streaming is not None:
            if self._chance(10):  # its owner died: the step is begun again, further down
                again = streaming["attempt"] + 1
                return self.append(
                    [e.StepStarted(at=self._at(), run=id, step=streaming["id"], attempt=again)]
                )
            return self._finish_step(id, streaming["id"])
        if calls:
            step, call = self.random.choice(calls)
            told_ = {"at": self._at(), "step": step["id"], "call": call["id"], "attempt": 1}
            if call["status"] == "proposed":
                return self.append([e.CallStarted(**told_, fence=1, worker="w")])
            text = f"result of {call['id']}"
            return self.append(
                [e.CallSettled(**told_, status="succeeded", result=text, preview=text, size=len(text))]
            )
        done = steps and not steps[-1]["calls"] and not decide.waiting(self.state)
        if done or (self.index and self._chance(25)):
            return self._end([e.RunFinished(at=self._at(), run=id)])
        if self._chance(10) and (upto := self._summable(id)):
            return self.append(
                [e.HistoryCompacted(at=self._at(), run=id, upto=upto, summary=f"sum to {upto}")]
            )
        self.index += 1
        return self.append([e.StepStarted(at=self._at(), run=id, step=f"{id}.{self.index}")])

    # ---- how it is told ----

    @property
    def branches(self) -> b.Branches:
        """The branches as the events tell them."""
        told = b.NONE
        for seq, event in enumerate(self.events, start=1):
            told = b.fold(told, event, seq)
        return told

    def append(self, events: list[e.Event]) -> None:
        """Append, and show what is to be shown, as a session does it: read anew where another branch is shown."""
        if events:
            self.appends.append(events)
        for event in events:
            self._append(event)
        if "moved" in self.state:
            self.state = self.snapshot()

    def _append(self, event: e.Event) -> None:
        self.events.append(event)
        seq = len(self.events)
        changed = change({**self.state, **self._all()}, event, seq)
        own = change(self.state, event, seq)
        self.state = merge(self.state, own | evicted(self.state, own))
        for key, value in changed.items():
            if key.startswith("i:") and value is None:
                self.items.pop(int(key[2:]), None)
            elif key.startswith("i:"):
                self.items[int(key[2:])] = value
        self._witness(event, seq)

    def _all(self) -> dict[str, Any]:
        return {f"i:{seq}": item for seq, item in self.items.items()}

    def _witness(self, event: e.Event, seq: int) -> None:
        match event:
            case e.BranchOpened():
                have = self.lists[event.parent]
                below = {item["id"] for at, item in self.items.items() if at < event.before}
                self.lists[event.branch] = [id for id in have if id in below]
                self.shown = event.branch
            case e.BranchChosen():
                self.shown = event.branch
            case e.BranchContinued():
                self.runs[event.run] = event.branch
                self.index = 0
            case e.RunQueued():
                self.runs.setdefault(event.run, self.shown)
                self.index = 0
            case e.MessageAdded() | e.NoteAdded():
                self.lists[self.shown].append(event.message)
            case e.StepStarted():
                self._gone(event.step)
                self.lists[self.runs[event.run]].append(event.step)
            case e.StepDiscarded():
                self._gone(event.step)
            case e.MessageWithdrawn():
                self._gone(event.message)
            case e.RunStopped() | e.RunFailed():
                self.lists[self.runs[event.run]].append(f"notice-{seq}")

    def _gone(self, id: str) -> None:
        for have in self.lists.values():
            if id in have:
                have.remove(id)

    def snapshot(self) -> Any:
        """What a snapshot shows, by the witness: the newest items of its list, and what is open or waits anywhere."""
        have = set(self.lists[self.shown])
        on = sorted(seq for seq, item in self.items.items() if item["id"] in have)
        settled = {key: value for key, value in self.state.items() if not key.startswith("i:")}
        settled.pop("moved", None)
        keep = {
            seq
            for seq, item in self.items.items()
            if is_open(item)
            or ("seen" in settled and item["id"] not in have and paths.waits(self.state, item))
        }
        shown = sorted({*on[-WINDOW:], *keep})
        return {**settled, **{f"i:{seq}": self.items[seq] for seq in shown}}

    def history(self, branch: str) -> History:
        """The conversation as an agent on this branch sees it, from all events."""
        history = empty(self.conversation, b.path(self.branches, branch))
        for seq, event in enumerate(self.events, start=1):
            history = fold(history, event, seq)
        return history

    # ---- small parts ----

    def _open(self, branch: str, before: int, cause: str, said: e.MessageAdded | None = None) -> None:
        def has_items(of: str, below: int) -> bool:
            return any(paths.branch_of(one) == of and seq < below for seq, one in self.items.items())

        parent, place = b.departure(self.branches, branch, before, has_items)
        self.append(
            rewriting.decide_branch(
                self.state,
                conversation=self.conversation,
                branch=self._uuid(),
                parent=parent,
                before=place,
                cause=cause,
                by="alice",
                now=self._at(),
                said=said,
            )
        )

    def _end(self, events: list[e.Event]) -> None:
        seen = decide.seen(self.state)
        told = {"conversation": self.conversation, "seen": seen, "now": self._at()}
        self.append(decide.with_next_run(self.state, events, **told))

    def _finish_step(self, run: str, step: str) -> None:
        calls = tuple(
            e.ProposedCall(
                call=f"{step}/{n}",
                ordinal=n,
                name="look",
                arguments="{}",
                provider_id=f"p{n}",
                effect="read_only",
            )
            for n in range(self.random.choice((0, 0, 1, 2)))
        )
        told = {"run": run, "step": step, "text": f"text of {step}", "calls": calls}
        self.append([e.StepFinished(at=self._at(), **told, finish="tool_calls" if calls else "stop")])

    def _summable(self, run: str) -> int:
        """Up to where a summary of the run's branch may go: below its newest settled items; 0: nowhere."""
        path = b.path(self.branches, self.runs[run])
        on = [seq for seq, one in sorted(self.items.items()) if path.holds(paths.branch_of(one), seq)]
        return self.random.choice(on[:-2]) if len(on) > 4 else 0

    def _of(self, kind: str) -> list[Any]:
        return [item for item in self.items.values() if item["kind"] == kind]

    def _uuid(self) -> str:
        self.ids += 1
        return str(uuid.UUID(int=self.random.getrandbits(96) << 32 | self.ids))

    def _chance(self, percent: int) -> bool:
        return self.random.randint(1, 100) <= percent

    def _at(self) -> int:
        self.now += 1
        return self.now
