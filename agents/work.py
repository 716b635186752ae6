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
from agents.learned import LearnedForms, NothingLearned
from agents.leftout import Omission
from agents.providers.base import Profile
from agents.recording import NoRequestLog, RequestLog
from agents.responses import NoResponseLog, ResponseLog
from agents.spec import AgentSpec
from agents.steps import Finish, out_of_time
from agents.tools import Storage, Toolbox
from agents.transcript.forms import PROPER, RequestForm


class StopSignal(Protocol):
    """Set as soon as somebody has asked for a stop (an `asyncio.Event` is one)."""

    def is_set(self) -> bool: ...

    async def wait(self) -> Any: ...


#: Behind a step's id: the name of its reasoning.
THINKING = "/thinking"


def thinking_of(step: str) -> str:
    """By which name the reasoning of a step streams, beside its text (rule W4). Who knows only steps passes it by."""
    return f"{step}{THINKING}"


@dataclass(frozen=True, slots=True)
class PartText:
    """A piece of the answer that streams now, or of its reasoning (`thinking_of`): not an event. `offset` in UTF-16
    units, of each by itself (rule W4)."""

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
    #: Who is asked when the model cannot answer: the models of `fallbacks_of(agent)` that were not asked yet.
    fallbacks: Sequence[Model] = ()
    files: FileReader | None = None
    #: What was read of them, so that each is read once; None: it is gone.
    contents: dict[str, FileContent | None] = field(default_factory=dict)
    #: What was learned of models; the form in which this one takes requests, as far as that is known; and the change
    #: that the words of its latest refusal ask for (T5).
    learned: LearnedForms = field(default_factory=NothingLearned)
    form: RequestForm = PROPER
    hint: RequestForm = PROPER
    #: Whether a refused request is asked again in other forms, and without what may be refused of it (T5).
    rescue: bool = True
    #: What the next request goes without because the provider refuses it, why, and what is tried after that; None: no
    #: content was refused in this step.
    omission: Omission = ()
    omitted_for: e.LeftOutReason = "content_filter"
    omissions: list[Omission] | None = None
    #: It has answered with a 500 that says nothing as often as anybody waits for it; other forms are tried.
    wordless: bool = False
    #: Tokens that a request may have after the provider found one too long, and how often it did.
    window: int | None = None
    shortened: int = 0
    #: Where refused requests are kept; the digests of those that were (also by owners before this one); and the
    #: digest of the one whose outcome is awaited.
    faults: FaultLog = field(default_factory=NoFaultLog)
    refused: set[str] = field(default_factory=set)
    fault: str = ""
    #: Where the settings of requests are kept, and the digests of those that this owner has kept already.
    requests: RequestLog = field(default_factory=NoRequestLog)
    recorded: set[str] = field(default_factory=set)
    #: Where what providers have answered is kept.
    responses: ResponseLog = field(default_factory=NoResponseLog)
    #: The digests that this owner has kept, and the latest refusal: its words, its kind and status.
    told: set[str] = field(default_factory=set)
    refusal: str = ""
    refused_as: tuple[str, int] = ("", 0)
    #: Failed tries that count no more, because they were the other model's.
    forgiven: int = 0
    #: The step whose response came without its end already; empty: none did.
    cut: str = ""
    #: Calls in doubt whose tool was asked already what happened.
    probed: frozenset[str] = frozenset()
    #: Entrances whose messages may repeat what agents have said.
    quoting: Collection[str] = ()
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

    async def look_up(self) -> None:
        """Ask what was learned of the model that speaks."""
        self.form = await self.learned.known(self.agent.base_url, self.agent.model, self.clock.now())

    async def stand_in(self) -> bool:
        """Go on with the next fallback, if there is one that was not asked yet. Tools are not touched: what is
        stored stays, only the next request goes elsewhere."""
        agent = fallback_of(self.agent)
        if agent is None or not self.fallbacks:
            return False
        self.agent, self.profile = agent, chosen(agent)
        self.model, *self.fallbacks = self.fallbacks
        self.hint, self.window, self.shortened = PROPER, None, 0
        self.omission, self.omissions, self.wordless = (), None, False
        self.forgiven = self.run.failures + 1
        await self.look_up()
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
        self._work = work
        self._signal = work.stop
        self._stop = asyncio.ensure_future(work.stop.wait())
        self._deadline = asyncio.ensure_future(self._until_due())

    async def _until_due(self) -> None:
        """Sleep until the run has worked as long as it may. It does not work while it waits for its provider, so what
        is left may be as much afterwards as before."""
        work = self._work
        while (left := work.agent.limits.seconds - work.run.worked(work.clock.now()) / 1000) > 0:
            await work.clock.sleep(left)

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
    work: Work,
    why: Literal["stopped", "limit"],
    settled: Sequence[e.CallSettled] = (),
    text: str = "",
    reasoning: str = "",
    first_at: int | None = None,
) -> list[e.Event]:
    """All that ends the run now, to be appended as one batch (rule R7). `settled` are outcomes that came just in time;
    `text` and `reasoning` are what has streamed of the present step since `first_at`, and are kept."""
    run, now, steps = work.run, work.clock.now(), tuple(work.history().steps())
    streaming = next((step.id for step in steps if step.run == run.id and step.status == "streaming"), "")
    streamed = closing.Streamed(streaming, text, reasoning, first_at)
    if why == "stopped":
        by = run.stopped_by
        return closing.stopped(run.id, steps, now, by=by, settled=settled, streamed=streamed)
    over = out_of_time(work.agent.limits)
    return closing.finished(
        run.id, steps, now, limit=over.limit, detail=over.detail, settled=settled, streamed=streamed
    )


def finishing(work: Work, decision: Finish, known: History | None = None) -> list[e.Event]:
    """All that ends the run with its answer or a limit; `known`: if that is not what is stored yet."""
    steps, now = (known or work.history()).steps(), work.clock.now()
    return closing.finished(work.run.id, steps, now, limit=decision.limit, detail=decision.detail)


def failing(work: Work, code: e.RunCode, detail: str, by: str = "") -> list[e.Event]:
    """All that ends the run as failed."""
    steps, now = work.history().steps(), work.clock.now()
    return closing.failed(work.run.id, steps, now, code=code, detail=detail, by=by)
