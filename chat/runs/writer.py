"""What the owner of a run knows of its conversation, and how it adds to it (rules S5–S7, R2, W4).

The writer keeps the history as of the last event stored, so that the loop decides on what is so. It writes
with the owner's fence, and waits: while the store or the journal is away it waits and tries again, and what
may have been stored although the answer was lost is looked up, not stored twice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from agents import events as e
from agents import history as h
from agents.loop import PartText
from agents.work import THINKING
from chat.journal.queries import was_stored
from chat.session.errors import Fenced, NoConversation, PartGap, Unavailable
from chat.session.sessions import AppendOutcome, Sessions, SessionView
from chat.support.backoff import Backoff
from chat.support.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

#: Seconds between two tries of a store that is away, at first and at most.
BACKOFF = Backoff(0.1, 2.0)
#: How often one piece of text is sent: as it is, and with all that came before it.
PART_TRIES = 2
#: Seconds that a write which has begun gets to come to its end when its owner is cancelled.
END_S = 1.0

Decide = Callable[[SessionView], list[e.Event]]
T = TypeVar("T")


class FencedWriter:
    """The history of one conversation, kept by the owner of `run`. `fence` is set when the lease is taken."""

    def __init__(self, sessions: Sessions, conversation: str, run: str) -> None:
        self.sessions = sessions
        self.conversation = conversation
        self.run = run
        self.fence = 0
        self.history = h.empty(conversation)
        #: The session as this owner saw it last; the store refuses an append to it if it has moved.
        self.view: SessionView | None = None
        #: (epoch, seq) up to which `history` goes.
        self.known = ("", 0)
        #: Place of the newest request to the model: no step has seen what came after it.
        self.seen = 0
        #: Set once somebody has asked for a stop.
        self.stop = asyncio.Event()
        #: By its name: all that has streamed of the step, or of its reasoning.
        self._streamed: dict[str, str] = {}
        #: One write or refresh at a time, so that `history` never misses or repeats an event.
        self._lock = asyncio.Lock()

    @property
    def over(self) -> bool:
        """Whether the run is not active any more."""
        run = self.history.run
        return run is None or run.id != self.run or not run.active

    async def append(self, decided: Decide) -> list[e.Event]:
        """Append what `decided` makes of the state and return it; `history` shows it then.

        Once begun it comes to its end even if the caller is cancelled, so that nobody guesses whether it
        happened. Raises Fenced, NoConversation and whatever `decided` raises; waits for all else.
        """
        writing = asyncio.ensure_future(self._append(decided))
        writing.add_done_callback(_seen)  # whoever is cancelled twice waits for it no longer
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait({writing}, timeout=END_S)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            raise

    async def refresh(self) -> None:
        """Load the history anew; others have written, or the session was rebuilt. Patient, too."""
        async with self._lock:
            await self.retry_while_unavailable(self._refresh)

    async def catch_up(self) -> None:
        """`refresh`, if the store's head is not where the history ends. Raises Unavailable."""
        async with self._lock:
            head = await self.sessions.store.head(self.conversation)
            if head is None or (head[0].epoch, head[0].seq) != self.known:
                await self._refresh()

    async def part(self, part: PartText) -> None:
        """Show text that has come. It is no event: losing some costs a moment, and the next piece brings it
        along, so no trouble of a store, and no defect, comes out of here. Raises Fenced and NoConversation."""
        if part.offset == 0:
            step = part.message.removesuffix(THINKING)
            self._streamed = {n: t for n, t in self._streamed.items() if n.removesuffix(THINKING) == step}
            self._streamed[part.message] = ""
        self._streamed[part.message] += part.text
        offset, text = part.offset, part.text
        for _ in range(PART_TRIES):
            try:
                await self.sessions.part(self.conversation, self.fence, part.message, offset, text)
            except PartGap:
                # The store lost what came before. After a second gap the next piece tries again.
                offset, text = 0, self._streamed[part.message]
            except (Fenced, NoConversation):
                raise
            except Unavailable:
                return
            except Exception:
                log.exception("Run %s: text could not be shown; its step will bring it.", self.run)
                return
            else:
                return

    async def _append(self, decided: Decide) -> list[e.Event]:
        tried: list[e.Event] = []

        def once(view: SessionView) -> list[e.Event]:
            nonlocal tried
            tried = self.sessions.as_told(decided(view))
            return tried

        async with self._lock:
            after = self.known[1]
            for pause in BACKOFF:
                try:
                    view, self.view = self.view, None
                    outcome = await self.sessions.append(self.conversation, once, fence=self.fence, kept=view)
                except Unavailable as problem:
                    log.warning("Run %s waits for the store: %s", self.run, problem)
                else:
                    await self._fold(outcome)
                    return outcome.events
                await asyncio.sleep(pause)
                await self.retry_while_unavailable(self._refresh)
                if tried and await self._has(after, tried[0]):
                    return tried
        raise AssertionError("the pauses have no end")

    async def _fold(self, outcome: AppendOutcome) -> None:
        self.view, position = outcome.view, outcome.view.position
        first = position.seq - len(outcome.events)
        if (position.epoch, first) != self.known:
            # Others have written in between, or the session was rebuilt.
            return await self.retry_while_unavailable(lambda: self._read(position.epoch))
        for seq, event in enumerate(outcome.events, start=first + 1):
            self.history = h.fold(self.history, event, seq)
        kept = self.sessions.journal.kept
        kept.went_on(self.conversation, self.history, position.seq, position.tag, outcome.chars)
        self._look(position.epoch, position.seq)
        return None

    async def _refresh(self) -> None:
        self.view = None
        await self._read((await self.sessions.look(self.conversation)).position.epoch)

    async def _read(self, epoch: str) -> None:
        """The history up to where the journal goes now, which is all that the session has, or more."""
        found = await self.sessions.journal.kept_history(self.conversation)
        self.history = found.history
        self._look(epoch, found.seq)

    def _look(self, epoch: str, seq: int) -> None:
        self.known = (epoch, seq)
        run = self.history.run
        if run is None or run.id != self.run:
            return
        steps = [step.seq for step in self.history.steps() if step.run == self.run]
        causes = [item.seq for item in self.history.items if item.id == run.cause]
        self.seen = max([self.seen, *steps, *causes])
        if run.stopping:
            self.stop.set()

    async def _has(self, after: int, event: e.Event) -> bool:
        journal = self.sessions.journal
        return await self.retry_while_unavailable(
            lambda: was_stored(journal, self.conversation, after, event)
        )

    async def retry_while_unavailable(self, act: Callable[[], Awaitable[T]]) -> T:
        """What `act` returns, tried again as often as it raises Unavailable."""
        for pause in BACKOFF:
            try:
                return await act()
            except Unavailable as problem:
                log.warning("Run %s waits for its conversation: %s", self.run, problem)
            raise_if_cancelled()
            await asyncio.sleep(pause)
        raise AssertionError("the pauses have no end")


def _seen(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()
