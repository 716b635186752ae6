"""Runs that are at work when the release changes, and what waits behind them."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from tests.recovery.carry_over.installation import RESEARCH
from tests.recovery.carry_over.states import State
from tests.recovery.doors import words


class AtWork(State):
    """A run is at work. `plan` takes long enough for that."""

    plan: ClassVar[str]
    end: ClassVar[str]
    #: Tools that run at the same time; 0: the model speaks.
    calls: ClassVar[int] = 1

    async def begin(self) -> None:
        self.conversation = await self.house.say(self.plan)
        await self.house.run(self.conversation, "running")
        if self.calls:
            await self.house.calls(self.conversation, self.calls)
        else:
            query = "SELECT 1 FROM chat_step WHERE conversation_id = ? AND status = 'streaming'"
            await self.house.until(lambda: self.house.rows(query, self.conversation), "the text to begin")

    def stands(self) -> bool:
        return self.newest("running")

    async def goes_on(self) -> None:
        await self.house.answered(self.conversation, self.end)


class Streaming(AtWork):
    name = "a text is streaming"
    plan, end, calls = "say 1000", words(1000), 0


class Reading(AtWork):
    name = "in a tool that only reads"
    plan, end = "[look 0 20000] say 5", words(5)

    async def goes_on(self) -> None:
        await super().goes_on()
        assert self.house.outcomes(self.conversation) == [("look", "succeeded")]


class Repeatable(AtWork):
    name = "in a tool that may be repeated"
    plan, end = "[put 100 20000] say 5", words(5)

    async def goes_on(self) -> None:
        await super().goes_on()
        assert len(set(self.house.effects(self.conversation))) == 1


class Probed(AtWork):
    """Its effect has happened, and its tool can look that up."""

    name = "in an effectful tool that can look"
    plan, end = "[post 100 20000] say 5", words(5)

    async def goes_on(self) -> None:
        await super().goes_on()
        assert self.house.outcomes(self.conversation) == [("post", "succeeded")]
        assert len(self.house.effects(self.conversation)) == 1


class Effectful(AtWork):
    """Nobody can know what became of it: a person has it run again."""

    name = "in an effectful tool"
    plan, end = "[pay 20000 0] say 5", words(5)

    async def goes_on(self) -> None:
        call = await self.house.call(self.conversation, "in_doubt")
        assert self.house.effects(self.conversation) == []
        await self.house.command(self.conversation, kind="settle", call=call["id"], decision="run_again")
        await super().goes_on()
        assert len(self.house.effects(self.conversation)) == 1


class Removed(AtWork):
    """With a model of one's own this release has no demo, whose tools the release before gave to every agent."""

    name = "in a tool that is installed no more"
    plan, end = RESEARCH, words(3)

    async def goes_on(self) -> None:
        await super().goes_on()
        await self.house.say("say 2", self.conversation)
        await self.house.answered(self.conversation, words(2))


class Retrying(AtWork):
    """The model's provider is busy, and says until when: the next try is put off."""

    name = "the model is to be asked again"
    end, calls = words(5), 0
    BUSY_S = 20

    async def begin(self) -> None:
        self.until = time.time_ns() // 1_000_000 + self.BUSY_S * 1_000
        self.conversation = await self.house.say(f"busy until {self.until} say 5")
        query = "SELECT 1 FROM chat_event WHERE conversation_id = ? AND type = 'run.retrying'"
        await self.house.until(lambda: self.house.rows(query, self.conversation), "a try that is put off")

    def stands(self) -> bool:
        return super().stands() and time.time_ns() // 1_000_000 < self.until


class Stopping(AtWork):
    """A person asks for the stop during the switch."""

    name = "a stop is asked for during the switch"
    plan = "[look 0 20000] say 2"

    async def meanwhile(self) -> None:
        await self.house.command(self.conversation, kind="stop")

    async def goes_on(self) -> None:
        await self.house.run(self.conversation, "stopped")
        await self.house.say("say 3", self.conversation)
        await self.house.answered(self.conversation, words(3))


class Behind(AtWork):
    """People have said more while the run was at work."""

    name = "messages wait behind a run"
    plan, end = "[look 0 20000] say 2", words(4)

    async def begin(self) -> None:
        await super().begin()
        # Both may be one message of the request, in which the model looks for a plan.
        await self.house.say("One more thing.", self.conversation)
        await self.house.say("say 4", self.conversation)

    async def goes_on(self) -> None:
        await super().goes_on()
        said = [
            item["text"] for item in await self.house.items(self.conversation) if item["kind"] == "message"
        ]
        assert said == [self.plan, "One more thing.", "say 4"], said


class Queued(State):
    """All places of the worker are taken."""

    name = "queued behind a full worker"

    async def begin(self) -> None:
        self.conversation = await self.house.say("say 8")
        await asyncio.sleep(1)  # a worker that had room would have begun
        await self.house.run(self.conversation, "queued")

    def stands(self) -> bool:
        return self.newest("queued")

    async def goes_on(self) -> None:
        await self.house.answered(self.conversation, words(8))
