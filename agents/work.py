"""What the parts of the loop share while one owner works on one run, and what ends their waiting."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol

from agents import closing
from agents import events as e
from agents.acting import Acting, FindActing
from agents.attachments import FileContent, FileReader
from agents.clock import Clock
from agents.dialects.base import Model
from agents.dialects.opening import chosen, fallback_of
from agents.faults import FaultLog, NoFaultLog
from agents.history import History, Run
from agents.providers.base import Profile
from agents.spec import AgentSpec
from agents.steps import Finish, out_of_time
from agents.tools import Storage, Toolbox


class StopSignal(Protocol):
    """Set as soon as somebody has asked for a stop (an `asyncio.Event` is one)."""

    def is_set(self) -> bool: ...

    async def wait(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class PartText:
    """A piece of the answer that streams now: not an event. `offset` in UTF-16 units (rule W4)."""

    message: str
    offset: int
    text: str


@dataclass
class Work:
    """One owner's work on one run. What changes is only how the next request is made, and to whom."""

    agent: AgentSpec
    profile: Profile
    model: Model
    tools: Toolbox
    #: The conversation as of the last event stored; the shell keeps it fresh.
    history: Callable[[], History]
    stop: StopSignal
    clock: Clock
    fence: int
    worker: str
    owner: str
    storage: Storage | None
    #: Who is asked when the model cannot answer; None: nobody, or that happened already.
    fallback: Model | None = None
    files: FileReader | None = None
    #: What was read of them, so that each is read once; None: it is gone.
    contents: dict[str, FileContent | None] = field(default_factory=dict)
    #: The provider refused the form, or our own gate did: the next request goes without tool messages (T5).
    text_only: bool = False
    #: Tokens that a request may have after the provider found one too long, and how often it did.
    window: int | None = None
    shortened: int = 0
    #: Where refused requests are kept; the digests of those that were (also by owners before this one); and the
    #: digest of the one whose outcome is awaited.
    faults: FaultLog = field(default_factory=NoFaultLog)
    refused: set[str] = field(default_factory=set)
    fault: str = ""
    #: The words of the latest refusal.
    refusal: str = ""
    #: Failed tries that count no more, because they were the other model's.
    forgiven: int = 0
    #: Calls in doubt whose tool was asked already what happened.
    probed: frozenset[str] = frozenset()
    #: Who acts, as it is found anew for every step; and who does in the step that is asked for now.
    find_acting: FindActing | None = None
    acting: Acting = field(default_factory=Acting)

    async def acts(self, before: int | None) -> Acting:
        """Who acts in the calls of a step that was started at seq `before`; None: of the step to come."""
        if self.find_acting is None:
            return Acting(self.owner)
        return await self.find_acting(before)

    @property
    def offered(self) -> tuple[str, ...]:
        """The agent's tools that whoever acts now may have it use; the model is told of no others."""
        tools = self.agent.tools
        return tuple(name for name in tools if self.acting.may_use(self.tools.effect(name)))

    @property
    def run(self) -> Run:
        run = self.history().run
        assert run is not None
        return run

    def stand_in(self) -> bool:
        """Go on with the fallback model, if there is one that was not asked yet. Tools are not touched: what is
        stored stays, only the next request goes elsewhere."""
        agent = fallback_of(self.agent)
        if agent is None or self.fallback is None:
            return False
        self.agent, self.profile = agent, chosen(agent)
        self.model, self.fallback = self.fallback, None
        self.text_only, self.window, self.shortened = False, None, 0
        self.forgiven = self.run.failures + 1
        return True

    def priced(self, usage: e.Usage) -> e.Usage:
        """A response's usage with what it cost, if the prices of who is asked are known."""
        prices = self.agent.prices
        return usage if prices is None else usage.model_copy(update={"cost": prices.cost(usage)})


class StopOrDeadline:
    """Ends any waiting of the loop within a moment: a stop was asked for, or the run's time is up.

    Use it as an async context manager; leaving it cancels its timers.
    """

    def __init__(self, work: Work) -> None:
        left = work.agent.limits.seconds - work.run.worked(work.clock.now()) / 1000
        self._signal = work.stop
        self._stop = asyncio.ensure_future(work.stop.wait())
        self._deadline = asyncio.ensure_future(work.clock.sleep(max(0.0, left)))

    @property
    def reason(self) -> Literal["stopped", "limit"] | None:
        """Why the work must end, or None if it may go on."""
        if self._signal.is_set() or self._stop.done():
            return "stopped"
        return "limit" if self._deadline.done() else None

    async def wait(self, futures: Collection["asyncio.Future[Any]"], timeout: float | None = None) -> None:
        """Return when one of `futures` is done, the work must end, or `timeout` seconds are over."""
        ends = {self._stop, self._deadline}
        await asyncio.wait({*futures, *ends}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    async def __aenter__(self) -> "StopOrDeadline":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.cancel()
        self._deadline.cancel()


def ending(
    work: Work, why: Literal["stopped", "limit"], settled: Sequence[e.CallSettled] = (), text: str = ""
) -> list[e.Event]:
    """All that ends the run now, to be appended as one batch (rule R7). `settled` are outcomes that came just in time;
    `text` is what has streamed of the present step, and is kept."""
    run, now, steps = work.run, work.clock.now(), tuple(work.history().steps())
    streaming = next((step.id for step in steps if step.run == run.id and step.status == "streaming"), "")
    streamed = (streaming, text)
    if why == "stopped":
        by = run.stopped_by
        return closing.stopped(run.id, steps, now, by=by, settled=settled, streamed=streamed)
    over = out_of_time(work.agent.limits)
    return closing.finished(
        run.id, steps, now, limit=over.limit, detail=over.detail, settled=settled, streamed=streamed
    )


def finishing(work: Work, decision: Finish) -> list[e.Event]:
    """All that ends the run with its answer or a limit."""
    steps, now = work.history().steps(), work.clock.now()
    return closing.finished(work.run.id, steps, now, limit=decision.limit, detail=decision.detail)


def failing(work: Work, code: e.RunCode, detail: str, by: str = "") -> list[e.Event]:
    """All that ends the run as failed."""
    steps, now = work.history().steps(), work.clock.now()
    return closing.failed(work.run.id, steps, now, code=code, detail=detail, by=by)
