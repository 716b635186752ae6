"""The calls of a step: stored before they start, run side by side, each settled on its own (rules R3, R9)."""

import asyncio
import hashlib
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Literal

from agents import context as known
from agents import events as e
from agents.acting import NOT_PERMITTED, Acting
from agents.asking import visits_of
from agents.history import Call
from agents.results import refusal
from agents.steps import AskApproval, RunCalls
from agents.tools import Progress, ToolContext, ToolResult
from agents.tools.visits import NOWHERE
from agents.work import StopOrDeadline, Work, ending

log = logging.getLogger(__name__)

#: Seconds between two progress events of one call; what comes faster is conflated to the latest.
PROGRESS_INTERVAL = 0.5
#: Seconds that cancelled tools get to end; a stop must be through within one (rule R7).
GRACE = 0.7

#: Seconds between two looks at what people have allowed meanwhile, while other calls of the step run.
POLL_INTERVAL_S = 0.2

#: Tools that ignored their cancellation. Held so that they are not collected while they still run.
_abandoned: set["asyncio.Task[ToolResult]"] = set()


def idempotency_key(conversation: str, step: str, ordinal: int) -> str:
    """The key of a call's effect (rule T3): the same for every attempt, by whoever makes it."""
    return hashlib.sha256(f"effect\0{conversation}\0{step}\0{ordinal}".encode()).hexdigest()[:32]


async def run_calls(
    work: Work, halt: StopOrDeadline, decision: RunCalls, begun: Sequence[Call] = ()
) -> AsyncGenerator[list[e.Event], None]:
    """Run the calls of one decision to their ends. Yields batches; the caller must store each before it
    resumes. If the work must end, the last batch closes everything and ends the run (rule R7). `begun` are those whose
    CallStarted is stored already."""
    desk = _Desk(work, decision.step)
    waiting = deque(decision.calls[len(begun) :])
    taken = {call.id for call in decision.calls}
    try:
        for call in begun:
            desk.start(call)
        while not halt.reason and (waiting or desk.running):
            waiting.extend(_let_go(work, decision.step, taken))
            batch: list[e.Event] = [*desk.settled(), *desk.progressed()]
            starting: list[Call] = []
            while waiting and len(desk.running) + len(starting) < work.agent.limits.parallel:
                starting.append(waiting.popleft())
            batch += [desk.started(call) for call in starting]
            if batch:
                yield batch
            for call in starting:
                desk.start(call)
            if desk.running and not any(task.done() for task in desk.running):
                await halt.wait({*desk.running, desk.news()}, timeout=desk.next_look())
        if halt.reason:
            await desk.cancel()
            yield ending(work, halt.reason, settled=desk.settled())
    finally:
        await desk.cancel()


def beginning(work: Work, decision: RunCalls) -> tuple[Sequence[Call], list[e.Event]]:
    """The calls with which `run_calls` begins, and the events to be stored before it is given them as `begun`."""
    first, desk = decision.calls[: work.agent.limits.parallel], _Desk(work, decision.step)
    return first, [desk.started(call) for call in first]


async def ask(work: Work, decision: AskApproval) -> list[e.Event]:
    """Put calls to a person (rule W8). One that could not run whatever they say gets its refusal instead: nobody is
    asked about it."""
    acting = await work.acts(_seq(work, decision.step))
    now, events = work.clock.now(), list[e.Event]()
    for call in decision.calls:
        forbidden = _forbidden(work, acting, call) or _nobody_to_ask(work, acting, call)
        if unfit := forbidden or work.tools.check(call.name, call.arguments):
            events.append(_settled(now, decision.step, call, call.attempt, unfit))
        else:
            digest = e.approval_digest(call.name, call.arguments)
            events.append(e.ApprovalAsked(at=now, step=decision.step, call=call.id, digest=digest))
    return events


def _seq(work: Work, step: str) -> int | None:
    held = work.history().step(step)
    return None if held is None else held.seq


def _forbidden(work: Work, acting: Acting, call: Call) -> ToolResult | None:
    """The failed result of a call that whoever acts may not have, or None if they may. A tool may change something now
    that only read when the call was proposed, and the other way round: the more careful word holds."""
    if acting.may_use(work.tools.effect(call.name)) and acting.may_use(call.effect):
        return None
    text = acting.refusal()
    return ToolResult(text, text, len(text), ok=False, code="not_permitted")


def _nobody_to_ask(work: Work, acting: Acting, call: Call) -> ToolResult | None:
    """The failed result of a call to an address of the model's own where nobody who speaks may allow it; None where
    somebody may, or where it is asked about for the tool's sake."""
    if acting.changes or call.name in work.agent.approval_tools or not work.tools.visits(call.name):
        return None
    text = NOT_PERMITTED.format(
        why="this address was not given by anybody here, and it may hold words of the conversation. Ask them to write "
        "out the whole address."
    )
    return ToolResult(text, text, len(text), ok=False, code="not_permitted")


def _let_go(work: Work, step: str, taken: set[str]) -> list[Call]:
    """The calls of the step that people have let run since its others were started; they become `taken`."""
    held = work.history().step(step)
    found = [call for call in held.calls if call.status == "queued" and call.id not in taken] if held else []
    taken.update(call.id for call in found)
    return found


async def probe(work: Work) -> list[e.Event]:
    """Ask the tools of calls in doubt what happened (rule R4); what none of them knows is left to a person."""
    events: list[e.Event] = []
    for step in work.history().steps():
        for call in step.open_calls:
            if call.status != "in_doubt" or call.id in work.probed:
                continue
            work.probed |= {call.id}
            acting = await work.acts(step.seq)
            context = _context(work, step.id, call, None, acting)
            found = await work.tools.probe(call.name, call.arguments, context)
            now = work.clock.now()
            if found.state == "not_happened":
                events.append(e.CallRetried(at=now, step=step.id, call=call.id, by="probe"))
            elif found.state == "happened":
                result = ToolResult(found.text, found.text[:2_000], len(found.text), ok=True)
                events.append(_settled(now, step.id, call, call.attempt, result, by="probe"))
    return events


class _Desk:
    """The calls of one step that run now: their tasks, and their latest progress."""

    def __init__(self, work: Work, step: str) -> None:
        self._work = work
        self._step = step
        self.running: dict[asyncio.Task[ToolResult], Call] = {}
        self._progress: dict[str, tuple[float | None, str]] = {}
        self._told: dict[str, float] = {}
        self._news = asyncio.Event()
        self._waiter: asyncio.Task[Literal[True]] | None = None

    def started(self, call: Call) -> e.CallStarted:
        work, now = self._work, self._work.clock.now()
        return e.CallStarted(
            at=now,
            step=self._step,
            call=call.id,
            attempt=call.attempt + 1,
            fence=work.fence,
            worker=work.worker,
        )

    def start(self, call: Call) -> None:
        """Start a call whose CallStarted is stored."""

        async def progress(fraction: float | None, note: str = "") -> None:
            self._progress[call.id] = (fraction, note)
            self._news.set()

        work = self._run(call, progress)
        self.running[asyncio.create_task(work, name=f"call {call.name}")] = call

    async def _run(self, call: Call, progress: Progress) -> ToolResult:
        known.begin(call=call.id)
        tools = self._work.agent.tools
        if call.name not in tools:
            # It waited for a person, and the agent has lost the tool meanwhile.
            text = refusal(replace(call, problem="unknown_tool"), tools)
            return ToolResult(text, text, len(text), ok=False, code="unknown_tool")
        acting = await self._work.acts(_seq(self._work, self._step))
        if refused := _forbidden(self._work, acting, call):
            return refused
        context = _context(self._work, self._step, call, progress, acting)
        return await self._work.tools.run(call.name, call.arguments, context)

    def settled(self) -> list[e.CallSettled]:
        """Outcomes of the tasks that have ended; they leave the desk. A cancelled one has no outcome."""
        events = []
        for task in [task for task in self.running if task.done()]:
            call = self.running.pop(task)
            self._progress.pop(call.id, None)
            if task.cancelled():
                continue
            now = self._work.clock.now()
            events.append(_settled(now, self._step, call, call.attempt + 1, _outcome(task, call)))
        return events

    def progressed(self) -> list[e.CallProgress]:
        """The latest progress of each call that may tell some now (two a second at most)."""
        self._news.clear()
        moment, events = time.monotonic(), []
        for id in list(self._progress):
            if moment - self._told.get(id, -PROGRESS_INTERVAL) >= PROGRESS_INTERVAL:
                self._told[id] = moment
                fraction, note = self._progress.pop(id)
                fraction = None if fraction is None else min(1.0, max(0.0, fraction))
                now = self._work.clock.now()
                event = e.CallProgress(at=now, step=self._step, call=id, fraction=fraction, note=note[:500])
                events.append(event)
        return events

    def next_look(self) -> float | None:
        """Seconds until progress that was held back may be told, or until people may have let a call run; None:
        neither is to come."""
        step = self._work.history().step(self._step)
        asked = step is not None and any(
            call.status in ("awaiting_approval", "in_doubt") for call in step.calls
        )
        look = POLL_INTERVAL_S if asked else None
        if not self._progress:
            return look
        due = min(self._told.get(id, 0.0) for id in self._progress) + PROGRESS_INTERVAL
        left = max(0.0, due - time.monotonic())
        return left if look is None else min(left, look)

    def news(self) -> "asyncio.Task[Literal[True]]":
        """Done when a call has told progress that is not held back."""
        if self._waiter is None or self._waiter.done():
            self._waiter = asyncio.create_task(self._news.wait())
        return self._waiter

    async def cancel(self) -> None:
        """Cancel what runs. A tool that ignores it is abandoned: it cannot hold up a stop (rule R7)."""
        if self._waiter is not None:
            self._waiter.cancel()
        for task in self.running:
            task.cancel()
        pending = {task for task in self.running if not task.done()}
        if pending:
            await asyncio.wait(pending, timeout=GRACE)
        for task in [task for task in self.running if not task.done()]:
            log.warning("%s does not end when cancelled and was abandoned", task.get_name())
            _abandoned.add(task)
            task.add_done_callback(_forget)
            self.running.pop(task)


def _forget(task: "asyncio.Task[ToolResult]") -> None:
    _abandoned.discard(task)
    if not task.cancelled():
        task.exception()


def _context(work: Work, step: str, call: Call, progress: Progress | None, acting: Acting) -> ToolContext:
    history = work.history()
    conversation, held = history.conversation, history.step(step)
    told = {"progress": progress} if progress is not None else {}
    where = NOWHERE
    if held is not None:
        where = visits_of(history, work.agent, work.tools, held, call, work.quoting)
    return ToolContext(
        call=call.id,
        key=idempotency_key(conversation, step, call.ordinal),
        conversation=conversation,
        owner=acting.owner,
        reach=acting.reach,
        storage=work.storage,
        visits=where,
        result_chars=work.agent.limits.result_chars,
        **told,
    )


def _outcome(task: "asyncio.Task[ToolResult]", call: Call) -> ToolResult:
    error = task.exception()
    if error is None:
        return task.result()
    # The toolbox catches what tools do wrong; this is our own mistake, and it must not end the run.
    log.error("the toolbox failed at %s", call.name, exc_info=error)
    text = "The tool could not be run because of an internal error."
    return ToolResult(text, text, len(text), ok=False, code="tool_error")


def _settled(
    now: int, step: str, call: Call, attempt: int, result: ToolResult, by: str = ""
) -> e.CallSettled:
    return e.CallSettled(
        at=now,
        step=step,
        call=call.id,
        attempt=attempt,
        status="succeeded" if result.ok else "failed",
        result=result.text,
        preview=result.preview,
        size=result.size,
        code=result.code,
        by=by,
    )
