"""Plausible histories of conversations, made from a source of randomness.

`tell(random)` gives a list of appends, each a list of events that are stored together. The same seed gives
the same history; hypothesis drives it with `st.randoms()`, the vectors in `tests/wire/` with fixed seeds.
What is told is what an honest worker and several people could do: runs with parallel calls, stops, dead
workers, calls in doubt, calls that wait for a yes and get it, or a no, or nothing, notes and messages in the
middle, renames, and now and then a late event of something long gone.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from random import Random

from agents import events as e

TEXTS = (
    "Hello",
    "What time is it in Lisbon?",
    "你好，世界",
    "naïve café ✓",
    "🙂👩‍👩‍👧 emoji",
    "two\nlines",
    '"quoted" \\ back',
    "\u0000 nul",
    "",
)
TOOLS: tuple[tuple[str, e.Effect], ...] = (
    ("current_time", "read_only"),
    ("calculator", "read_only"),
    ("fetch_url", "idempotent"),
    ("save_note", "effectful"),
)
#: The clock of every story starts here, so that vectors do not change from day to day.
START = 1_790_000_000_000


def tell(random: Random, *, runs: int | None = None, steps: int = 4) -> list[list[e.Event]]:
    """A conversation of up to `runs` runs of at most `steps` steps each."""
    return Story(random).tell(random.randint(0, 4) if runs is None else runs, steps)


def flat(appends: list[list[e.Event]]) -> list[e.Event]:
    """The events of a history, in the order of their seq (the first has seq 1)."""
    return [event for append in appends for event in append]


class Story:
    """Tells one history. Each method appends what one part of it would have stored."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.ids = 0
        self.conversation = self._uuid()
        self.appends: list[list[e.Event]] = []
        self.now = START
        self.fence = 0
        self.run = ""
        self.attempt = 0
        self.runs_told = 0

    def tell(self, runs: int, steps: int) -> list[list[e.Event]]:
        self._append(e.ConversationCreated(at=self._at(), title=self._text(), agent="assistant"))
        for _ in range(runs):
            self._between()
            self._run(steps)
        self._between()
        return self.appends

    # ---- small parts ----

    def _uuid(self) -> str:
        self.ids += 1  # unique also when hypothesis makes all bits zero
        return str(uuid.UUID(int=self.random.getrandbits(96) << 32 | self.ids))

    def _text(self) -> str:
        return self.random.choice(TEXTS)

    def _chance(self, percent: int) -> bool:
        return self.random.randint(1, 100) <= percent

    def _at(self) -> int:
        self.now += self.random.randint(0, 5_000)
        return self.now

    def _append(self, *events: e.Event) -> None:
        self.appends.append(list(events))

    def _message(self) -> e.MessageAdded:
        return e.MessageAdded(at=self._at(), message=self._uuid(), text=self._text())

    def _between(self) -> None:
        """What happens beside runs, and in the middle of them."""
        if (roll := self.random.randint(1, 100)) <= 15:
            usage = e.Usage(input=40 + roll, output=5, cost=700 * roll)
            written = {"model": "small", "usage": usage} if roll <= 5 else {}
            self._append(e.ConversationRenamed(at=self._at(), title=self._text(), **written))
        if self._chance(25):
            origin = e.Origin(entrance=self.random.choice(("schedule", "trigger")), name="daily")
            note = e.NoteAdded(at=self._at(), message=self._uuid(), text=self._text(), origin=origin)
            self._append(note)
        if self._chance(5):
            gone = e.CallProgress(at=self._at(), step="gone.1", call="gone", fraction=0.5, note="late")
            self._append(gone)
        if self._chance(5):
            self._append(e.RunRecovering(at=self._at(), run="gone", reason="lease_lost"))

    # ---- runs ----

    def _run(self, steps: int) -> None:
        message = self._message()
        self.run = str(uuid.uuid5(uuid.UUID(self.conversation), message.message))
        self.attempt = 0
        self._append(message, e.RunQueued(at=self._at(), run=self.run, cause=message.message))
        if self._chance(5):
            self._append(e.RunStopped(at=self._at(), run=self.run, by="alice"))
            return
        self._take()
        for index in range(1, steps + 1):
            if not self._step(f"{self.run}.{index}", index == steps):
                return
        self._append(e.RunFinished(at=self._at(), run=self.run, limit="limit_steps", detail=str(steps)))

    def _take(self) -> None:
        """A worker takes the run, anew after another died."""
        self.fence += 1
        self.attempt += 1
        worker = f"worker-{self.fence}"
        self._append(
            e.RunStarted(at=self._at(), run=self.run, attempt=self.attempt, fence=self.fence, worker=worker)
        )

    def _die(self) -> None:
        reason = self.random.choice(("lease_lost", "handed_over", "store_lost"))
        self._append(e.RunRecovering(at=self._at(), run=self.run, reason=reason))

    def _started(self, step: str, attempt: int) -> e.StepStarted:
        return e.StepStarted(at=self._at(), run=self.run, step=step, attempt=attempt, model="demo")

    def _step(self, step: str, last: bool) -> bool:
        """One response and its calls; False when the run is over."""
        attempt = 1
        if self._chance(10):
            upto = self.random.randint(1, len(flat(self.appends)))
            summary = {"upto": upto, "summary": self._text(), "usage": self._usage()}
            self._append(e.HistoryCompacted(at=self._at(), run=self.run, **summary))
        self._append(self._started(step, attempt))
        while self._chance(15):
            if self._chance(40):
                self._append(self._message())
            attempt += 1
            if self._chance(50):
                self._die()
                self._take()
            elif self._chance(50):
                dropped = e.StepDiscarded(at=self._at(), run=self.run, step=step, reason="cut")
                retry = e.RunRetrying(
                    at=self._at(), run=self.run, code="model_busy", detail="429", retry_at=self.now + 1_000
                )
                self._append(dropped, retry)
            if self._chance(5):
                code = self.random.choice(("model_unreachable", "crashed_too_often"))
                self._append(
                    e.StepDiscarded(at=self._at(), run=self.run, step=step, reason="given up"),
                    e.RunFailed(at=self._at(), run=self.run, code=code, detail="tried 3 times"),
                )
                return False
            self._append(self._started(step, attempt))
        if self._chance(40):
            self._between()
        if self._chance(20):
            self._append(self._message())
        if self._chance(7):
            self._append(e.RunStopping(at=self._at(), run=self.run, by="alice"))
            cut = e.StepStopped(at=self._at(), run=self.run, step=step, text=self._text())
            self._append(cut, e.RunStopped(at=self._at(), run=self.run, by="alice"))
            return False
        calls = () if last and self._chance(70) else self._calls(step)
        usage = self._usage()
        finish = "tool_calls" if calls else "stop"
        done = e.StepFinished(
            at=self._at(), run=self.run, step=step, text=self._text(), calls=calls, usage=usage, finish=finish
        )
        if not calls:
            self._append(done, e.RunFinished(at=self._at(), run=self.run))
            return False
        self._append(done)
        return self._perform(step, calls)

    def _usage(self) -> e.Usage:
        tokens = self.random.randint(1, 900)
        cost = self.random.choice((None, 7 * tokens))
        return e.Usage(input=tokens, output=self.random.randint(1, 90), cached=tokens // 3, cost=cost)

    # ---- calls ----

    def _calls(self, step: str) -> tuple[e.ProposedCall, ...]:
        return tuple(self._call(step, ordinal) for ordinal in range(self.random.choice((0, 1, 1, 2, 3))))

    def _call(self, step: str, ordinal: int) -> e.ProposedCall:
        name, effect = self.random.choice(TOOLS)
        problem: e.CallCode | None = "malformed_arguments" if self._chance(10) else None
        return e.ProposedCall(
            call=e.call_id(self.conversation, step, ordinal),
            ordinal=ordinal,
            name=name,
            arguments='{"x": ' if problem else '{"x": "é"}',
            provider_id=f"call_{ordinal}",
            effect=effect,
            problem=problem,
        )

    def _perform(self, step: str, calls: tuple[e.ProposedCall, ...]) -> bool:
        """Run the calls side by side; False when the run was stopped among them."""
        fit = [call for call in calls if call.problem is None]
        asked = [call for call in fit if call.effect == "effectful" and self._chance(60)]
        waiting = [call for call in fit if call not in asked]
        broken = [call for call in calls if call.problem is not None]
        for call in broken:
            self._append(self._settled(step, call, 0, "failed", call.problem))
        attempts = dict.fromkeys((call.call for call in fit), 0)
        running: list[e.ProposedCall] = []
        if asked:
            self._append(*(self._asked(step, call) for call in asked))
        while waiting or running or asked:
            moves: list[Callable[[], None]] = []
            if asked and not waiting and not running:
                if not self._wait_for_approval(step, waiting, asked, attempts):
                    return False
                continue
            if asked:
                moves += [lambda: self._decide(step, self.random.choice(asked), waiting, asked, attempts)]
            if waiting:
                moves += [lambda: self._start(step, waiting, running, attempts)] * 3
            if running:
                moves += [lambda: self._settle(step, running, attempts)] * 3
                moves += [lambda: self._progress(step, running)] * 2
            if self._chance(4):
                self._stop(step, [*waiting, *running, *asked], attempts)
                return False
            if self._chance(6):
                self._crash(step, waiting, running, attempts)
                continue
            if self._chance(8):
                self._append(self._message())
            self.random.choice(moves)()
        return True

    # ---- approvals ----

    def _asked(self, step: str, call: e.ProposedCall) -> e.ApprovalAsked:
        digest = e.approval_digest(call.name, call.arguments)
        return e.ApprovalAsked(at=self._at(), step=step, call=call.call, digest=digest)

    def _word(self, step: str, call: e.ProposedCall, decision: str, digest: str = "") -> e.ApprovalDecided:
        digest = digest or e.approval_digest(call.name, call.arguments)
        return e.ApprovalDecided(
            at=self._at(),
            step=step,
            call=call.call,
            digest=digest,
            decision=decision,
            by=self.random.choice(("alice", "bob")),
            note=self._text(),
        )

    def _decide(
        self,
        step: str,
        call: e.ProposedCall,
        waiting: list[e.ProposedCall],
        asked: list[e.ProposedCall],
        attempts: dict[str, int],
    ) -> None:
        """Somebody allows a call or refuses it; words about something else, and later ones, change nothing (W8)."""
        if self._chance(10):
            self._append(self._word(step, call, "approved", digest="of something else"))
        asked.remove(call)
        if self._chance(60):
            self._append(self._word(step, call, "approved"))
            waiting.append(call)
        else:
            refused = self._settled(step, call, attempts[call.call], "cancelled", "refused", "bob")
            self._append(self._word(step, call, "refused"), refused)
        if self._chance(15):
            self._append(self._word(step, call, self.random.choice(("approved", "refused"))))

    def _wait_for_approval(
        self,
        step: str,
        waiting: list[e.ProposedCall],
        asked: list[e.ProposedCall],
        attempts: dict[str, int],
    ) -> bool:
        """Nothing else is left to do: the run waits, without an owner, until somebody lets a call run or none is left
        to be asked about. False when it was stopped instead."""
        self._append(e.RunWaiting(at=self._at(), run=self.run, reason="approval"))
        if self._chance(30):
            self._append(self._message())
        if self._chance(10):
            self._stop(step, asked, attempts)
            return False
        while asked and not waiting:
            self._decide(step, asked[0], waiting, asked, attempts)
        self._append(e.RunResumed(at=self._at(), run=self.run))
        self._take()
        return True

    def _start(
        self,
        step: str,
        waiting: list[e.ProposedCall],
        running: list[e.ProposedCall],
        attempts: dict[str, int],
    ) -> None:
        """Start one call, or all that wait, in one append."""
        taken = list(waiting) if self._chance(50) else [waiting[0]]
        events: list[e.Event] = []
        for call in taken:
            attempts[call.call] += 1
            events.append(
                e.CallStarted(
                    at=self._at(),
                    step=step,
                    call=call.call,
                    attempt=attempts[call.call],
                    fence=self.fence,
                    worker=f"worker-{self.fence}",
                )
            )
            waiting.remove(call)
            running.append(call)
        self._append(*events)

    def _progress(self, step: str, running: list[e.ProposedCall]) -> None:
        call = self.random.choice(running)
        fraction = self.random.choice((None, 0.0, 0.25, 1.0))
        self._append(
            e.CallProgress(at=self._at(), step=step, call=call.call, fraction=fraction, note=self._text())
        )

    def _settle(self, step: str, running: list[e.ProposedCall], attempts: dict[str, int]) -> None:
        call = self.random.choice(running)
        running.remove(call)
        good = self._chance(80)
        code: e.CallCode | None = None if good else self.random.choice(("tool_error", "timeout"))
        status = "succeeded" if good else "failed"
        self._append(self._settled(step, call, attempts[call.call], status, code))

    def _settled(
        self,
        step: str,
        call: e.ProposedCall,
        attempt: int,
        status: str,
        code: e.CallCode | None,
        by: str = "",
    ) -> e.CallSettled:
        text = self._text()
        return e.CallSettled(
            at=self._at(),
            step=step,
            call=call.call,
            attempt=attempt,
            status=status,
            result=text * 3,
            preview=text,
            size=len(text * 3),
            code=code,
            by=by,
        )

    def _stop(self, step: str, calls: list[e.ProposedCall], attempts: dict[str, int]) -> None:
        self._append(e.RunStopping(at=self._at(), run=self.run, by="alice"))
        closed = [
            self._settled(step, call, attempts[call.call], "cancelled", "cancelled_by_user", "alice")
            for call in calls
        ]
        self._append(*closed, e.RunStopped(at=self._at(), run=self.run, by="alice"))

    def _crash(
        self,
        step: str,
        waiting: list[e.ProposedCall],
        running: list[e.ProposedCall],
        attempts: dict[str, int],
    ) -> None:
        """The worker dies: what may be repeated is started again, what may not waits for a person (R4)."""
        self._die()
        self._take()
        doubtful = [call for call in running if call.effect == "effectful"]
        for call in list(running):
            running.remove(call)
            if call not in doubtful:
                again = e.CallRetried(at=self._at(), step=step, call=call.call, by="recovery")
                self._append(again)
                waiting.append(call)
        if not doubtful:
            return
        self._append(
            *(
                e.CallInDoubt(at=self._at(), step=step, call=call.call, attempt=attempts[call.call])
                for call in doubtful
            )
        )
        self._append(e.RunWaiting(at=self._at(), run=self.run, reason="in_doubt"))
        if self._chance(30):
            self._append(self._message())
        for call in doubtful:
            if self._chance(40):
                self._append(e.CallRetried(at=self._at(), step=step, call=call.call, by="alice"))
                waiting.append(call)
            else:
                settled = self._settled(
                    step, call, attempts[call.call], "succeeded", "resolved_by_person", "alice"
                )
                self._append(settled)
        self._append(e.RunResumed(at=self._at(), run=self.run))
        self._take()
