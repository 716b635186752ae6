"""Writing titles: a side task of the worker process, beside its runs and never in their way.

    look for conversations that were answered ─► take some ─► ask the model ─► append, by the command of that one title

Any number of workers look; one has a title by a claim. One that was killed leaves it to the next, and should two have
it all the same, the journal takes the command of one. What fails is tried again a few times and then left: the
conversation keeps the title that it has.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from uuid import UUID, uuid5

from agents import context
from agents import events as e
from agents.dialects.assembler import Response
from agents.dialects.base import Model
from agents.dialects.opening import chosen
from agents.errors import ModelError
from agents.history import History, UserMessage
from agents.learned.store import LearnedRules
from agents.recording import Rendered, RequestSettings, render_again
from agents.spec import AgentSpec
from agents.transcript.windows import window_for
from chat.replay.asking import ask
from chat.runs.dependencies import find_agent, model_of
from chat.session.contract import Command
from chat.session.errors import NoConversation
from chat.session.sessions import Sessions, SessionView
from chat.set_aside import OUTAGES
from chat.support.clock import MACHINE, Clock
from chat.support.database import Database
from chat.support.looking import keep_looking
from chat.titles import store
from chat.titles.decide import SYSTEM, Beginning, decide_title, need, pause, question, title_of

log = logging.getLogger(__name__)

#: Seconds between two looks, and after a failure or while there is no agent.
POLL_S = 2.0
ERROR_DELAY_S = 10.0
#: Seconds that a model has for a title, and titles that one worker has written at the same time.
REQUEST_S = 45.0
AT_ONCE = 4
#: After a store was away (milliseconds).
OUTAGE_MS = 5_000


class AnswerLost(Exception):
    """A model was asked, and a store was away when its answer had come: that counts as a try."""


class Titles:
    """The titles that one worker writes. `agent`: the slug of the one whose model is asked."""

    def __init__(
        self,
        sessions: Sessions,
        database: Database,
        worker: str,
        agent: str,
        *,
        model: Callable[[AgentSpec], Model] = model_of,
        clock: Clock = MACHINE,
    ) -> None:
        self._sessions = sessions
        self._database = database
        self._worker = f"{worker}/titles"
        self._agent = agent
        self._model = model
        self._clock = clock
        self._missing = False

    async def run(self, poll_s: float = POLL_S) -> None:
        """Look until cancelled. Survives outages."""

        async def look() -> float:
            if await self.round():
                return 0
            return (ERROR_DELAY_S if self._missing else poll_s) * random.uniform(0.8, 1.2)

        await keep_looking("Titles", look, after_failure_s=ERROR_DELAY_S, away=OUTAGES, log=log, patient=True)

    async def round(self) -> int:
        """Write what is due now; how many were tried."""
        spec = await find_agent(self._database, self._agent)
        if spec is None:
            if not self._missing:
                log.error("No titles are written: HOLDFAST_TITLE_AGENT names no agent that is enabled.")
            self._missing = True
            return 0
        self._missing = False
        now, using = self._clock.now(), self._database.using
        await self._database.run(store.note, now, using)
        taken = await self._database.run(store.take, self._worker, now, AT_ONCE, using)
        # A group waits for all of them when it is cancelled, and so for what they give back.
        async with asyncio.TaskGroup() as group:
            for one in taken:
                group.create_task(self._try(one, spec))
        return len(taken)

    async def _try(self, taken: store.Taken, spec: AgentSpec) -> None:
        """Write one title, and note what came of it."""
        using, outage, why = self._database.using, False, ""
        problem: Exception | None = None
        try:
            with context.at_work_on(str(taken.conversation)):
                why = await self._write(taken, spec)
        except asyncio.CancelledError:
            # The worker leaves: another one may have it at once.
            await asyncio.shield(self._database.run(store.give_back, taken, self._worker, 0, using))
            raise
        except OUTAGES:
            outage = True
        except Exception as failed:
            problem, why = failed, f"{type(failed).__name__}: {failed}"
            why = failed.detail if isinstance(failed, ModelError) else why
        now, again = self._clock.now(), None if problem is None else pause(taken.tries)
        if isinstance(problem, ModelError):
            again = again if problem.retry else None
            log.warning("No title was written: %s", problem.detail)
        elif problem is not None:
            log.warning("No title was written.", exc_info=problem)
        # What cannot be noted now is somebody's again when the claim has run out.
        with contextlib.suppress(*OUTAGES):
            if outage:
                until = now + OUTAGE_MS
                await self._database.run(store.give_back, taken, self._worker, until, using)
            elif again is None:
                await self._database.run(store.end, taken, self._worker, why, using)
            else:
                await self._database.run(store.later, taken, self._worker, now + again, why, using)

    async def _write(self, taken: store.Taken, spec: AgentSpec) -> str:
        """Ask for a title and append it; in a word, what became of it. Raises ModelError, AnswerLost, and whatever
        stores raise before anything was asked."""
        conversation, using = taken.conversation, self._database.using
        try:
            # Nobody is asked while the answer could not be kept.
            await self._sessions.ensure_archived(str(conversation))
        except NoConversation:
            return "deleted"
        began = await self._database.run(store.beginning, conversation, using)
        if need(began) != "wanted":
            return "named"
        if await self._database.run(store.spent, conversation, self._clock.now(), using):
            return "spent"
        made = await self._request(conversation, spec, began)
        if made.violations:
            return f"gate: {made.violations[0]}"
        got, _ = await ask(self._model(spec), made.body, REQUEST_S)
        if isinstance(got, ModelError):
            raise got
        try:
            return await self._keep(conversation, spec, got)
        except OUTAGES as away:
            raise AnswerLost(f"A title had come and could not be kept: {away}") from away

    async def _keep(self, conversation: UUID, spec: AgentSpec, got: Response) -> str:
        """Append what the model has answered, unless somebody has named the conversation meanwhile."""
        title = "" if got.calls else title_of(got.text)
        usage = got.usage
        if spec.prices is not None:
            usage = usage.model_copy(update={"cost": spec.prices.cost(usage)})
        known = await self._database.run(store.beginning, conversation, self._database.using)

        def decided(view: SessionView) -> list[e.Event]:
            now = self._clock.now()
            return decide_title(view.state, of=known, title=title, model=spec.model, usage=usage, now=now)

        try:
            await self._sessions.append(str(conversation), decided, command=_command(conversation))
        except NoConversation:
            return "deleted"
        return "written" if title else "no title"

    async def _request(self, conversation: UUID, spec: AgentSpec, began: Beginning) -> Rendered:
        """The request, in the form that is known of this model."""
        learned = LearnedRules(self._database.run, self._database.using)
        form = await learned.known(spec.base_url, spec.model, self._clock.now())
        account = spec.endpoint.account
        asked = RequestSettings(spec.base_url, chosen(spec), spec.model, SYSTEM, (), account)
        window = window_for(spec.model, spec.limits.window_tokens, spec.context_window)
        facts = e.RequestFacts(settings="", form=form.names, window=window, since=0, digest="")
        history = History(str(conversation), (UserMessage("title", 1, question(began)),))
        return render_again(history, asked, facts, {})


def _command(conversation: UUID) -> Command:
    """By which a conversation's title is written once, whoever writes it and whatever it is."""
    return Command(str(uuid5(conversation, "holdfast.title")), "title", '{"status": "applied"}')


async def keep_titles(sessions: Sessions, database: Database, worker: str, agent: str) -> None:
    """What a worker runs."""
    await Titles(sessions, database, worker, agent).run()
