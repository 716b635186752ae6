"""Fifty conversations that are at work at the same time when the release changes, and again when it is changed back."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from tests.recovery.carry_over.installation import CROWD, Carried
from tests.recovery.carry_over.states import State
from tests.recovery.doors import TIMEOUT_S, words

#: What is said, and the last words of the answer. Tools take longer than the switch lets them, and a fifth streams.
PLANS = (
    ("say 1000", words(1000)),
    ("[look 0 28000] say 5", words(5)),
    ("[put 100 28000] say 6", words(6)),
    ("[post 100 28000] say 7", words(7)),
    ("[look 0 28000, put 100 28000] say 8", words(8)),
)
#: Conversations that are begun at a time; a release before takes its time for a login.
AT_ONCE = 10
#: Seconds: a run is offered again after two.
RESTING_S = 5


@dataclass(frozen=True)
class Run:
    """One of them."""

    conversation: str
    plan: str
    end: str


class Crowd(State):
    """No run fails or is lost, and nothing happens twice."""

    name = f"{CROWD} conversations at work"

    def __init__(self, house: Carried) -> None:
        super().__init__(house)
        self.runs: list[Run] = []
        self.resting_since = 0.0

    async def begin(self) -> None:
        self.runs = []
        for first in range(0, CROWD, AT_ONCE):
            plans = [PLANS[number % len(PLANS)] for number in range(first, first + AT_ONCE)]
            said = await asyncio.gather(*(self.house.say(plan) for plan, _ in plans))
            self.runs += [Run(one, plan, end) for one, (plan, end) in zip(said, plans, strict=True)]
        await self.house.until(self.stands, f"{CROWD} conversations at work: {self.statuses()}")

    def statuses(self) -> Counter[str]:
        """How many of the crowd's runs are in which state."""
        rows = self.house.stack.sql("SELECT conversation_id, status FROM chat_run")
        mine = {self.house.key(run.conversation) for run in self.runs}
        return Counter(status for conversation, status in rows if str(conversation) in mine)

    def stands(self) -> bool:
        return self.statuses() == {"running": CROWD}

    def rests(self) -> bool:
        """Whether for some seconds every run has been over, or waited for a worker."""
        if not set(self.statuses()) <= {"finished", "queued", "recovering"}:
            self.resting_since = time.monotonic()
        return time.monotonic() - self.resting_since > RESTING_S

    async def goes_on(self) -> None:
        for run in self.runs:
            await self.house.answered(run.conversation, run.end)
            effects = self.house.effects(run.conversation)
            if "post" in run.plan:
                assert len(effects) == 1, f"{run}: {effects}"
            elif "put" in run.plan:
                assert len(set(effects)) == 1, f"{run}: {effects}"
        assert self.statuses() == {"finished": CROWD}, self.statuses()

    async def before_back(self) -> None:
        await self.begin()

    async def back(self) -> str:
        """What this release has begun and the one before cannot read waits, unharmed, for a worker that can. Where it
        was told so that the one before can read it, nothing waits."""
        self.resting_since = time.monotonic()
        await self.house.until(self.rests, f"runs that end or wait: {self.statuses()}", 2 * TIMEOUT_S)
        waited = CROWD - self.statuses()["finished"]
        assert not (waited and self.house.stack.env.get("HOLDFAST_COMPATIBILITY_VERSION")), self.statuses()
        await asyncio.to_thread(self.house.stack.start, "worker", "late-worker")
        await self.goes_on()
        return f"goes on; {waited} of them when a worker of the later release was there"
