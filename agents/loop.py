"""The loop of one run: ask `next_step`, do it, say what happened.

It holds no state that matters. What it knows is the history that its caller stored; a worker that dies here
is replaced by one that starts here.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import aclosing

from agents import events as e
from agents.acting import FindActing
from agents.answering import answer
from agents.asking import must_ask
from agents.attachments import FileReader
from agents.calling import ask, beginning, probe, run_calls
from agents.clock import Clock
from agents.compacting import compact
from agents.dialects.base import Model
from agents.dialects.opening import chosen
from agents.faults import FaultLog
from agents.history import Call, History, fold
from agents.learned import LearnedForms
from agents.recording import RequestLog
from agents.responses import ResponseLog
from agents.retrying import rested
from agents.spec import AgentSpec
from agents.steps import (
    AskApproval,
    CallModel,
    Decision,
    Fail,
    Finish,
    Leave,
    Reconcile,
    Rest,
    RunCalls,
    Settle,
    Stop,
    Wait,
    in_doubt,
    next_step,
    reconcile,
)
from agents.tools import Storage, Toolbox
from agents.work import PartText, StopOrDeadline, StopSignal, Work, ending, failing, finishing

__all__ = ["PartText", "StopSignal", "perform"]


async def perform(
    agent: AgentSpec,
    model: Model,
    tools: Toolbox,
    history: Callable[[], History],
    stop: StopSignal,
    clock: Clock,
    fence: int,
    worker: str,
    *,
    owner: str = "",
    storage: Storage | None = None,
    fallbacks: Sequence[Model] = (),
    files: FileReader | None = None,
    faults: FaultLog | None = None,
    requests: RequestLog | None = None,
    responses: ResponseLog | None = None,
    refused: Iterable[str] = (),
    learned: LearnedForms | None = None,
    rescue: bool = True,
    unwatched: Collection[str] = (),
    quoting: Collection[str] = (),
    acting: FindActing | None = None,
) -> AsyncGenerator[list[e.Event] | PartText, None]:
    """Work on the active run until it ends, has to wait for a person, or must be left to another release.

    Yields lists of events, each to be appended as one batch, and pieces of streaming text. The caller must
    store what was yielded, and let `history()` show it, before it resumes the generator: that is what makes
    a call journalled before it starts (rule R3). To give the run up (handed over, fenced off), close the
    generator; tools and streams are cancelled and nothing more is yielded. `agent.model` must be filled in.

    `fallbacks` are the models of `fallbacks_of(agent)`; each is asked from then on in this run when the one before
    cannot answer. Refused requests go to `faults`; none whose digest is in `refused` is sent again (rule T5). What
    requests say beside the history goes to `requests`, once per version (`agents/recording.py`), what providers
    have answered to `responses`. In which form a model takes requests is asked of `learned`, and told there.
    Without `rescue` a refusal ends the run: whoever wants to know what is refused does not want it asked again in
    another form. `unwatched` names the entrances through which nobody watches what becomes of a run (rule R4),
    `quoting` those whose messages may repeat what agents have said. `acting` finds who acts in a step, and so what
    its calls may be; without it that is `owner`.
    """
    profile = chosen(agent)
    work = Work(
        agent, profile, model, tools, history, stop, clock, fence, worker, owner, storage, fallbacks, files
    )
    work.find_acting, work.quoting = acting, quoting
    work.refused, work.faults = set(refused), faults or work.faults
    work.requests = requests or work.requests
    work.responses = responses or work.responses
    work.learned, work.rescue = learned or work.learned, rescue
    known = history()
    if known.run is None or not known.run.active:
        return
    await work.look_up()
    async with StopOrDeadline(work) as halt:
        while True:
            known, now = history(), clock.now()
            decision = _decided(work, known, now)
            if isinstance(decision, Rest | Leave):
                return
            if isinstance(decision, Stop) or halt.reason == "stopped":
                yield ending(work, "stopped")
                return
            assert known.run is not None
            match decision:
                case Reconcile():
                    yield reconcile(known, now)
                case Settle():
                    yield list(decision.events)
                case AskApproval():
                    yield await ask(work, decision)
                case RunCalls():
                    async with aclosing(run_calls(work, halt, decision)) as batches:
                        async for batch in batches:
                            yield batch
                case CallModel() if (known.run.retry_at or 0) > now:
                    await rested(work, halt)
                case CallModel():
                    work.acting = await work.acts(None)
                    if compacted := await compact(work, halt):
                        yield compacted
                        continue
                    after: RunCalls | None = None
                    begun: Sequence[Call] = ()
                    async with aclosing(answer(work, halt, decision)) as pieces:
                        async for piece in pieces:
                            if isinstance(piece, list) and not halt.reason:
                                piece, after, begun = _with_what_follows(work, piece)
                            yield piece
                    if after is not None:
                        async with aclosing(run_calls(work, halt, after, begun)) as batches:
                            async for batch in batches:
                                yield batch
                case Wait():
                    if found := await probe(work):
                        yield found
                        continue
                    if decision.reason == "in_doubt":
                        decision = in_doubt(history(), agent.unattended, clock.now(), unwatched)
                    match decision:
                        case Settle():
                            yield list(decision.events)
                        case Fail():
                            yield failing(work, decision.code, decision.detail, decision.by)
                        case Wait():
                            yield [e.RunWaiting(at=now, run=known.run.id, reason=decision.reason)]
                            return
                case Finish() if decision.limit == "limit_seconds":
                    yield ending(work, "limit")
                case Finish():
                    yield finishing(work, decision)
                case Fail():
                    yield failing(work, decision.code, decision.detail)


def _decided(work: Work, known: History, now: int) -> Decision:
    """What is next, with what this agent's calls are asked about."""
    agent = work.agent
    ask_about = must_ask(known, agent, work.tools, work.quoting)
    return next_step(known, agent.limits, now, agent.tools, agent.approval_tools, ask_about)


def _with_what_follows(
    work: Work, batch: list[e.Event]
) -> tuple[list[e.Event], RunCalls | None, Sequence[Call]]:
    """A batch that finishes a step, with what follows from it for certain, so that both are stored by one append: the
    end of the run, or the beginning of its calls. These calls, and those of them that begin; the caller starts none
    before the batch is stored (rule R3). Any other batch stays as it is."""
    if not batch or not isinstance(batch[-1], e.StepFinished):
        return batch, None, ()
    known = work.history()
    for seq, event in enumerate(batch, start=known.items[-1].seq + 1 if known.items else 1):
        known = fold(known, event, seq)
    match _decided(work, known, work.clock.now()):
        case Finish() as decision if decision.limit != "limit_seconds":
            return [*batch, *finishing(work, decision, known)], None, ()
        case RunCalls() as decision:
            begun, events = beginning(work, decision)
            return [*batch, *events], decision, begun
    return batch, None, ()
