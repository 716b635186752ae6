"""The smallest shell around `perform`: it stores what is yielded, in order, and shows the history that follows.

It is what chat/runs/worker.py does with Redis and SQL, without them: a log of batches, folded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing

from agents import events as e
from agents.attachments import FileReader
from agents.clock import Clock
from agents.dialects.base import Model
from agents.faults import Outcome, RefusedRequest
from agents.history import Call, History, Step, empty, fold
from agents.loop import PartText, perform
from agents.spec import AgentSpec
from agents.tools import Toolbox
from tests.support.adversary import Memory


class QuickClock:
    """A clock that runs in real time but sleeps a hundred times faster, so that backoff is not waited for."""

    def __init__(self, speed: float = 100.0) -> None:
        self._speed = speed
        self._skipped = 0.0
        self.slept: list[float] = []

    def now(self) -> int:
        return int((asyncio.get_running_loop().time() + self._skipped) * 1000)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(seconds / self._speed)
        self._skipped += seconds * (1 - 1 / self._speed)


class FastClock:
    """A clock that is `speed` times as fast as the real one, for whoever waits and for whoever looks."""

    def __init__(self, speed: float) -> None:
        self._speed = speed

    def now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000 * self._speed)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


class KeptFaults:
    """A fault log in memory."""

    def __init__(self) -> None:
        self.kept: list[RefusedRequest] = []
        self.outcomes: dict[str, Outcome] = {}

    async def refused(self, fault: RefusedRequest) -> None:
        assert fault.digest not in {other.digest for other in self.kept}, "the same body was sent twice"
        self.kept.append(fault)

    async def followed(self, digest: str, outcome: Outcome) -> None:
        self.outcomes[digest] = outcome


class KeptRequests:
    """What requests say beside the history, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def keep(self, digest: str, text: str) -> None:
        assert self.kept.setdefault(digest, text) == text
        self.kept[digest] = text


class Shell:
    """One conversation with its log."""

    def __init__(self, conversation: str = "conv", clock: Clock | None = None) -> None:
        self.history: History = empty(conversation)
        self.log: list[e.Event] = []
        self.batches: list[list[e.Event]] = []
        self.parts: list[PartText] = []
        self.clock: Clock = clock or QuickClock()
        self.stop = asyncio.Event()
        #: Called before a batch is stored: what it says slips in between what the loop saw and its own batch.
        self.before_store: Callable[[list[e.Event]], None] = lambda batch: None
        #: The files of the conversation, if it has any.
        self.files: FileReader | None = None
        self.faults = KeptFaults()
        self.requests = KeptRequests()
        self.learned = Memory()
        self._fence = 0
        self._runs = 0

    def store(self, *events: e.Event) -> None:
        """Append a batch, as one command or one yield of the loop does."""
        for event in events:
            assert e.from_json(e.to_json(event)) == event
            self.log.append(event)
            self.history = fold(self.history, event, len(self.log))
        self.batches.append(list(events))

    def say(self, text: str, *attachments: e.AttachmentRef) -> None:
        """A person says something; a run is queued unless one is active (rule R6)."""
        at, message = self.clock.now(), f"m{len(self.log)}"
        self.store(e.MessageAdded(at=at, message=message, text=text, attachments=attachments))
        if self.history.run is None or not self.history.run.active:
            self._runs += 1
            self.store(e.RunQueued(at=at, run=f"run{self._runs}", cause=message))

    def note(self, text: str) -> None:
        origin = e.Origin(entrance="trigger", name="watch")
        self.store(e.NoteAdded(at=self.clock.now(), message=f"n{len(self.log)}", text=text, origin=origin))

    def ask_to_stop(self, by: str = "Alice") -> None:
        run = self.history.run
        assert run is not None
        self.store(e.RunStopping(at=self.clock.now(), run=run.id, by=by))
        self.stop.set()

    async def work(
        self,
        agent: AgentSpec,
        model: Model,
        tools: Toolbox,
        *,
        until: Callable[[list[e.Event] | PartText], bool] | None = None,
        after: Callable[[list[e.Event] | PartText], None] | None = None,
        fallbacks: Sequence[Model] = (),
        rescue: bool = True,
    ) -> None:
        """Own the run until it ends or waits. `until`: give it up, like a worker that dies, as soon as it says
        so of something stored; `after` sees everything once it is stored."""
        run = self.history.run
        assert run is not None
        self._fence += 1
        start = e.RunStarted(
            at=self.clock.now(), run=run.id, attempt=run.attempt + 1, fence=self._fence, worker="w"
        )
        self.store(start)
        loop = perform(
            agent,
            model,
            tools,
            lambda: self.history,
            self.stop,
            self.clock,
            self._fence,
            "w",
            owner="alice",
            fallbacks=fallbacks,
            files=self.files,
            faults=self.faults,
            requests=self.requests,
            refused=[fault.digest for fault in self.faults.kept],
            learned=self.learned,
            rescue=rescue,
            unwatched=("schedule", "trigger"),
            quoting=("trigger",),
        )
        async with aclosing(loop) as yielded:
            async for one in yielded:
                if isinstance(one, PartText):
                    self.parts.append(one)
                else:
                    # A real store takes a while: what was started too early would begin now.
                    for _ in range(5):
                        await asyncio.sleep(0)
                    self.before_store(one)
                    self.store(*one)
                if after is not None:
                    after(one)
                if until is not None and until(one):
                    return

    def kinds(self) -> list[str]:
        """The types of all events, without the frame of runs."""
        return [event.type for event in self.log]  # type: ignore[attr-defined]

    def steps(self) -> list[Step]:
        return list(self.history.steps())

    def calls(self) -> list[Call]:
        return [call for step in self.history.steps() for call in step.calls]

    def last(self) -> e.Event:
        return self.log[-1]
