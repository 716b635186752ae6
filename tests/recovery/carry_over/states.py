"""States that a conversation can be in when the release changes: how the release before gets there, and how this one
goes on. What is said is a plan of tests/recovery/chaos/model.py."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from typing import ClassVar

from tests.recovery.carry_over.installation import RESEARCH, Carried
from tests.recovery.doors import words


class State:
    """One of them. `begin` under the release before, `meanwhile` during the switch, `goes_on` under this one, `back`
    under the release before again."""

    name: ClassVar[str]

    def __init__(self, house: Carried) -> None:
        self.house = house
        self.conversation = ""

    async def begin(self) -> None:
        """Get there, and wait until it is so."""
        raise NotImplementedError

    def stands(self) -> bool:
        """Whether it is still so when the switch begins."""
        return True

    async def meanwhile(self) -> None:
        """What happens to it while no worker is there (or workers of both releases are)."""

    async def goes_on(self) -> None:
        """Show that it goes on. Raises AssertionError."""
        raise NotImplementedError

    async def back(self) -> None:
        """Show that it goes on once more. Raises AssertionError."""
        raise NotImplementedError

    def newest(self, status: str) -> bool:
        """Whether the newest run has this status now."""
        rows = self.house.rows(
            "SELECT status FROM chat_run WHERE conversation_id = ? ORDER BY seq", self.conversation
        )
        return bool(rows) and rows[-1][0] == status


class Idle(State):
    """A run with results of tools is over, and the next one is asked for after the switch."""

    name = "idle, with results of tools"

    async def begin(self) -> None:
        self.conversation = await self.house.say("[look 50 50, put 50 50] say 7")
        await self.house.answered(self.conversation, words(7))

    async def goes_on(self) -> None:
        await self.house.say("[look 0 0] say 3", self.conversation)
        await self.house.answered(self.conversation, words(3))
        assert len(self.house.effects(self.conversation)) == 1

    async def back(self) -> None:
        await self.house.say("[look 0 0, put 0 0] say 9", self.conversation)
        await self.house.answered(self.conversation, words(9))


class WithFile(State):
    """A message with a file."""

    name = "with an attachment"
    FILE = "Wale sind Säugetiere.\n".encode() * 200

    async def begin(self) -> None:
        self.file = str(uuid.uuid4())
        form = {"data": {"id": self.file}, "files": {"file": ("whales.txt", self.FILE)}}
        kept = await self.house.http("POST", "/api/attachments", **form)
        assert kept.status_code == 201, kept.text
        self.conversation = await self.house.say("say 4", attachments=[self.file])
        await self.house.answered(self.conversation, words(4))

    async def goes_on(self) -> None:
        read = await self.house.http("GET", f"/api/attachments/{self.file}")
        assert hashlib.sha256(read.content).digest() == hashlib.sha256(self.FILE).digest(), read.status_code
        await self.house.say("say 6", self.conversation)
        await self.house.answered(self.conversation, words(6))


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


class Behind(AtWork):
    """People have said more while the run was at work."""

    name = "messages wait behind a run"
    plan, end = "[look 0 20000] say 2", words(4)

    async def begin(self) -> None:
        await super().begin()
        await self.house.say("say 3", self.conversation)
        await self.house.say("say 4", self.conversation)

    async def goes_on(self) -> None:
        await super().goes_on()
        said = [
            item["text"] for item in await self.house.items(self.conversation) if item["kind"] == "message"
        ]
        assert said == [self.plan, "say 3", "say 4"], said


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


class InDoubt(State):
    """Its worker was killed during an effect, and a person is asked what became of it."""

    name = "in doubt"

    async def begin(self) -> None:
        self.conversation = await self.house.say("[pay 100 20000] say 3")
        await self.house.until(lambda: self.house.effects(self.conversation), "the effect")
        self.house.worker_of(self.conversation).kill()
        self.house.start_worker_of_before("worker2")
        await self.house.call(self.conversation, "in_doubt")

    def stands(self) -> bool:
        return self.newest("waiting")

    async def goes_on(self) -> None:
        call = await self.house.call(self.conversation, "in_doubt")
        body = {"kind": "settle", "call": call["id"], "decision": "happened", "result": "it is paid"}
        await self.house.command(self.conversation, **body)
        await self.house.answered(self.conversation, words(3))
        assert len(self.house.effects(self.conversation)) == 1


class Asked(State):
    """A person is asked for a yes."""

    name = "waits for approval: allowed"
    decision, effects = "approve", 1

    async def begin(self) -> None:
        self.conversation = await self.house.say("[post 0 50] say 4", agent="careful")
        await self.house.call(self.conversation, "awaiting_approval")

    def stands(self) -> bool:
        return self.newest("waiting")

    async def goes_on(self) -> None:
        call = await self.house.call(self.conversation, "awaiting_approval")
        body = {"kind": "approve", "call": call["id"], "digest": call["approval"]["digest"]}
        await self.house.command(self.conversation, **body, decision=self.decision)
        await self.house.answered(self.conversation, words(4))
        assert len(self.house.effects(self.conversation)) == self.effects


class Refused(Asked):
    name = "waits for approval: refused"
    decision, effects = "refuse", 0
