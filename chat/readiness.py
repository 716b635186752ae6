"""Whether people can be served: everything that a message needs, tried by doing it.

    database   the journal is written, with room to spare                     here, and by the worker that answers
    redis      a session is made, added to, read and deleted                  here
    queue      an entry is taken by the queue                                 here ──► queue
    doorbell   a bell that is rung is heard                                   here ──► here
    worker     a worker takes the entry, writes to its journal and answers    queue ──► worker ──► here

All of it takes LIMIT_S at most, whatever hangs. Askers share what was found for FRESH_S, so that several load balancers
may ask every second. Why something is missing goes to the log, once for as long as it lasts, and not to the asker.
"""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass, field
from secrets import token_hex

from chat.journal.probe import JournalProbe
from chat.notify.doorbell import Ear, listen_anew, ring_conversation
from chat.runs.clock_difference import differences, this_server
from chat.runs.presence import ANSWERING, FULL, PRESENCE
from chat.runs.probe import NO_JOURNAL, PROBE, answer_name, group_name
from chat.runtime import Runtime
from chat.session.errors import SessionError
from chat.session.exercise import exercise
from chat.start import evicts
from chat.support.reasons import reason
from chat.support.tasks import end

log = logging.getLogger(__name__)

PARTS = ("database", "redis", "queue", "doorbell", "worker")

#: Seconds after which what has not shown itself is missing.
LIMIT_S = 2.5
#: Seconds within which a bell must be heard.
HEARD_S = 1.5
#: Seconds for which an answer is good.
FRESH_S = 1.0
#: Seconds after which an entry that no worker has answered is given up, and another one put in. Until then none is:
#: they would pile up while there is no worker.
UNANSWERED_S = 10.0
#: Seconds between two looks for an answer, should its bell be lost.
POLL_S = 0.25


@dataclass
class Report:
    """What was found. `problems`: what is missing, with the reason; `warnings`: what should be seen to."""

    problems: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether nothing is missing."""
        return not self.problems

    @property
    def parts(self) -> dict[str, bool]:
        """For each part whether it is there."""
        return {part: part not in self.problems for part in PARTS}


class Readiness:
    """For one event loop and its runtime. `close` it before the runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._store = runtime.sessions.store
        self._journal = JournalProbe(runtime.database)
        self._name = token_hex(8)
        self._ear = Ear(group_name(self._name))
        self._looking: asyncio.Task[Report] | None = None
        self._found: tuple[Report, float] | None = None
        #: The entry that no worker has answered yet, when it was put in, and whether the queue took it.
        self._sent: tuple[str, float, bool] | None = None
        self._told: dict[str, str] = {}

    async def look(self) -> Report:
        """What is there: found now, or within the last FRESH_S seconds."""
        if self._found is not None and self._now() - self._found[1] < FRESH_S:
            return self._found[0]
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="readiness")
        return await asyncio.shield(self._looking)  # an asker that leaves takes nobody's answer along

    async def close(self) -> None:
        """End what is under way."""
        if self._looking is not None:
            await end([self._looking])
        await self._ear.close()

    async def _look(self) -> Report:
        report = Report()
        until = self._now() + LIMIT_S
        await asyncio.gather(
            self._try(report, "database", self._journal.look(LIMIT_S)),
            self._try(report, "redis", self._redis(report)),
            self._try(report, "doorbell", self._doorbell()),
            self._travel(report, until),
        )
        self._tell(report)
        self._found = report, self._now()
        return report

    async def _try(self, report: Report, part: str, trying: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(LIMIT_S):
                await trying
        except TimeoutError:
            report.problems.setdefault(part, f"no answer within {LIMIT_S} s")
        except Exception as problem:
            report.problems.setdefault(part, _why(problem))

    async def _redis(self, report: Report) -> None:
        if told := evicts(await self._store.examine()):
            report.warnings["redis_evicts"] = told
        if wrong := await differences(self._runtime.sessions, this_server()):
            report.warnings["clocks"] = " ".join(wrong)
        await exercise(self._store, f"probe.{self._name}")

    async def _doorbell(self) -> None:
        if not await self._ear.open():
            return  # there is none; whoever waits for news looks from time to time
        before = self._ear.rings
        if not await ring_conversation(group_name(self._name)):
            raise RuntimeError("it cannot be rung")
        if not await self._ear.beyond(before, HEARD_S):
            await listen_anew()
            raise RuntimeError("a bell that was rung is not heard")

    async def _travel(self, report: Report, until: float) -> None:
        """The queue, and the worker behind it."""
        token, taken = await self._send()
        if not taken:
            report.problems["queue"] = "it takes no entries"
        try:
            async with asyncio.timeout_at(until):
                await self._worker(report, token)
        except TimeoutError:
            report.problems.setdefault("worker", f"no answer within {LIMIT_S} s")
        except Exception as problem:
            report.problems.setdefault("worker", f"it cannot be known: {_why(problem)}")

    async def _send(self) -> tuple[str, bool]:
        """The token of an entry that is on its way, and whether the queue took it."""
        if self._sent is not None and self._sent[2] and self._now() - self._sent[1] < UNANSWERED_S:
            return self._sent[0], True
        token = f"{self._name}.{token_hex(8)}"
        taken = await self._runtime.queue.put(PROBE, token)
        self._sent = token, self._now(), taken
        return token, taken

    async def _worker(self, report: Report, token: str) -> None:
        signs = [sign for sign in (PRESENCE, ANSWERING, FULL) if await self._store.lease(sign) is not None]
        if PRESENCE not in signs:
            report.problems["worker"] = "none has shown itself lately"
            return
        if ANSWERING not in signs:
            self._sent = None
            return  # workers of the release before; they show themselves, and no more
        end_at = self._now() + (LIMIT_S if FULL not in signs else POLL_S)
        while True:
            rings = self._ear.rings
            answer = await self._store.lease(answer_name(token))
            if answer is not None:
                self._sent = None
                if answer == NO_JOURNAL:
                    report.problems.setdefault("database", "a worker cannot write to it")
                return
            if FULL in signs and self._now() >= end_at:
                # The entry waits behind runs, as any other does.
                report.warnings["workers_full"] = "Workers have no room for more runs; new ones wait."
                return
            await self._ear.beyond(rings, POLL_S)

    def _tell(self, report: Report) -> None:
        """Log what has changed since the last look."""
        now = report.problems | report.warnings
        for part, why in now.items():
            if self._told.get(part) != why:
                log.warning("%s: %s.", f"Not ready, {part}" if part in PARTS else part, why.rstrip("."))
        for part in self._told.keys() - now.keys():
            log.info("%s is well again.", part)
        self._told = now

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _why(problem: Exception) -> str:
    return str(problem) if isinstance(problem, SessionError) else reason(problem)
