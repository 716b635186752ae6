"""One conversation of the lab: its log in memory, and the loop that answers in it."""

import asyncio
from base64 import b64decode
from collections.abc import Sequence
from contextlib import aclosing

from agents import closing
from agents import events as e
from agents.attachments import FileContent
from agents.clock import SystemClock
from agents.dialects.base import Model
from agents.faults import Outcome, RefusedRequest
from agents.history import History, Run, Step, empty, fold
from agents.learned import LearnedForm
from agents.loop import PartText, perform
from agents.spec import AgentSpec
from agents.tools import Toolbox, tool
from agents.transcript.forms import PROPER, RequestForm

#: A small red picture, as PNG.
RED = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAGklEQVR42mO8IyfHQApgYiARjGoY1TB0NAAAjEsBOPY5fDQAAAAASUVORK5CYII="
)
NOTED = e.Origin(entrance="lab", name="lab")


@tool(effect="read_only")
async def look_up(word: str) -> str:
    """Look up a word. Use it whenever you are asked to.

    Args:
        word: The word to look up.
    """
    return f"{word}: a word of {len(word)} letters"


TOOLS = Toolbox([look_up])


class KeptRefusals:
    """A fault log that keeps what was refused, for the report."""

    def __init__(self) -> None:
        self.kept: list[RefusedRequest] = []
        self.outcomes: list[Outcome] = []

    async def refused(self, fault: RefusedRequest) -> None:
        self.kept.append(fault)

    async def followed(self, digest: str, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


class KeptForm:
    """What is learned of the one model of a trial: the form in which it takes what it has refused."""

    def __init__(self) -> None:
        self.form = PROPER

    async def known(self, address: str, model: str, now: int) -> RequestForm:
        return self.form

    async def learn(self, learned: LearnedForm) -> None:
        self.form = learned.form


class RedPicture:
    """The only file of these conversations."""

    async def read(self, id: str) -> FileContent | None:
        return FileContent("image/png", RED)


class Ended(Exception):
    """A run failed: the conversation is at its end, and `event` says why."""

    def __init__(self, event: e.RunFailed) -> None:
        super().__init__(event.detail)
        self.event = event


class Talk:
    """A conversation with one model. What people and tools do is told by its methods; what the model says is live.
    With `rescue`, what is refused is asked again in other forms, and what helps is kept there; else it ends the run."""

    def __init__(self, agent: AgentSpec, model: Model, rescue: KeptForm | None = None) -> None:
        self.agent, self.model, self.rescue = agent, model, rescue
        self.history: History = empty("lab")
        self.log: list[e.Event] = []
        self.refusals = KeptRefusals()
        #: Whether each call of this conversation was the model's own, and none had to be invented.
        self.own_calls = True
        self._clock = SystemClock()
        self._seq = self._ids = 0

    # ---- what people do ----

    def say(self, text: str, *, picture: bool = False) -> None:
        """A person says something; a run is queued unless one is active."""
        attached: tuple[e.AttachmentRef, ...] = ()
        if picture:
            attached = (e.AttachmentRef(id="red", name="red.png", media_type="image/png", size=len(RED)),)
        message = self._id("m")
        self.store(e.MessageAdded(at=self._now(), message=message, text=text, attachments=attached))
        if self.history.run is None or not self.history.run.active:
            self.store(e.RunQueued(at=self._now(), run=self._id("r"), cause=message))

    def note(self, text: str) -> None:
        """The conversation is told something from elsewhere."""
        self.store(e.NoteAdded(at=self._now(), message=self._id("n"), text=text, origin=NOTED))

    # ---- how runs end before their time ----

    def stop(self) -> None:
        """Somebody stops the run."""
        self.store(*closing.stopped(self._run.id, self._steps, self._now(), by="lab"))

    def limit(self) -> None:
        """The run comes to a limit."""
        self.store(
            *closing.finished(self._run.id, self._steps, self._now(), limit="limit_steps", detail="lab")
        )

    def fail(self) -> None:
        """The run fails."""
        ended = closing.failed(self._run.id, self._steps, self._now(), code="model_error", detail="lab")
        self.store(*ended)

    def settle(self, *, failed: bool = False) -> None:
        """The tool returns for every open call, or fails."""
        for step in self._steps:
            for call in step.open_calls:
                now = self._now()
                if failed:
                    text = "The word could not be looked up."
                    self.store(closing.settle(step.id, call, "failed", text, "tool_error", now))
                else:
                    self.store(closing.settle(step.id, call, "succeeded", "a word", None, now))

    def half_an_answer(self, text: str) -> None:
        """An answer that was stopped while it streamed. Needs a run that was queued."""
        step = self._begin()
        self.store(
            *closing.stopped(
                self._run.id, self._steps, self._now(), by="lab", streamed=closing.Streamed(step, text)
            )
        )

    def told(self, question: str, answer: str, *words: str) -> None:
        """A whole run of the past, with a call for each of these words if there are any: nobody is asked."""
        self.say(question)
        if words:
            self.invent(*words)
            self.settle()
        step = self._begin(first=not words)
        self.store(e.StepFinished(at=self._now(), run=self._run.id, step=step, text=answer))
        self.store(e.RunFinished(at=self._now(), run=self._run.id))

    # ---- what the model does ----

    async def answer(self) -> None:
        """Have the run performed to its end. Raises Ended if it fails."""
        await self._perform(until_call=False)
        ended = self.log[-1]
        if isinstance(ended, e.RunFailed):
            raise Ended(ended)

    async def call(self, *words: str) -> None:
        """Have the model call the tool for each of these words, and leave it in the middle of that. One that does not
        call has the calls invented for it. Raises Ended."""
        together = " In one answer, with parallel calls." if len(words) > 1 else ""
        self.say(f"Call the tool look_up for {' and for '.join(repr(word) for word in words)} now.{together}")
        await self._perform(until_call=True)
        if isinstance(ended := self.log[-1], e.RunFailed):
            raise Ended(ended)
        open_calls = [call for step in self._steps for call in step.open_calls]
        if len(open_calls) >= len(words):
            return
        self.own_calls = False
        if self._run.active:
            self.stop()
        self.say(f"Please look up {', '.join(words)}.")
        self.invent(*words)

    def invent(self, *words: str, arguments: str = "") -> None:
        """A step that asks for these words, as if the model had said so, with its calls under way."""
        step = self._begin()
        calls = [
            e.ProposedCall(
                call=f"{step}:{ordinal}",
                ordinal=ordinal,
                name="look_up",
                arguments=arguments or f'{{"word": "{word}"}}',
                provider_id=f"call_{step}_{ordinal}",
                effect="read_only",
                problem="malformed_arguments" if arguments else None,
            )
            for ordinal, word in enumerate(words)
        ]
        self.store(e.StepFinished(at=self._now(), run=self._run.id, step=step, text="", calls=tuple(calls)))
        for call in calls if not arguments else ():
            started = e.CallStarted(
                at=self._now(), step=step, call=call.call, attempt=1, fence=1, worker="lab"
            )
            self.store(started)

    # ---- inside ----

    def store(self, *events: e.Event) -> None:
        """Append what has happened."""
        for event in events:
            self._seq += 1
            self.history = fold(self.history, event, self._seq)
            self.log.append(event)

    async def _perform(self, *, until_call: bool) -> None:
        self._start()
        loop = perform(
            self.agent,
            self.model,
            TOOLS,
            lambda: self.history,
            asyncio.Event(),
            self._clock,
            1,
            "lab",
            files=RedPicture(),
            faults=self.refusals,
            refused=[fault.digest for fault in self.refusals.kept],
            learned=self.rescue,
            rescue=self.rescue is not None,
        )
        async with aclosing(loop) as yielded:
            async for batch in yielded:
                if isinstance(batch, PartText):
                    continue
                self.store(*batch)
                if until_call and any(isinstance(event, e.CallStarted) for event in batch):
                    return

    def _begin(self, *, first: bool = True) -> str:
        """Start a step of the run that is queued or active; its id."""
        self._start()
        step = f"{self._run.id}.{self._run.last_index + 1}"
        self.store(e.StepStarted(at=self._now(), run=self._run.id, step=step, model=self.agent.model))
        return step

    def _start(self) -> None:
        if self._run.status == "queued":
            self.store(e.RunStarted(at=self._now(), run=self._run.id, attempt=1, fence=1, worker="lab"))

    @property
    def _run(self) -> Run:
        assert self.history.run is not None
        return self.history.run

    @property
    def _steps(self) -> Sequence[Step]:
        return tuple(self.history.steps())

    def _id(self, kind: str) -> str:
        self._ids += 1
        return f"{kind}{self._ids}"

    def _now(self) -> int:
        return self._clock.now()
