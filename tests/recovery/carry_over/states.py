"""States that a conversation can be in when the release changes: how the release before gets there, and how this one
goes on. What is said is a plan of tests/recovery/chaos/model.py."""

from __future__ import annotations

import hashlib
import uuid
from typing import ClassVar

from tests.recovery.carry_over.installation import NO_CREDIT, Carried
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

    async def before_back(self) -> None:
        """What is to be at work when the release before comes back."""

    async def back(self) -> str | None:
        """Show that it goes on once more; more about it, for the table. Raises AssertionError."""
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


class Stopped(State):
    """A person has stopped its run, in the middle of a call."""

    name = "over: stopped"

    async def begin(self) -> None:
        self.conversation = await self.house.say("[look 0 20000] say 2")
        await self.house.calls(self.conversation, 1)
        await self.house.command(self.conversation, kind="stop")
        await self.house.run(self.conversation, "stopped")

    async def goes_on(self) -> None:
        await self.house.say("[look 0 0] say 6", self.conversation)
        await self.house.answered(self.conversation, words(6))


class Failed(State):
    """Its run has failed: the model's provider would not be asked."""

    name = "over: failed"

    async def begin(self) -> None:
        self.conversation = await self.house.say(NO_CREDIT)
        await self.house.run(self.conversation, "failed")

    async def goes_on(self) -> None:
        await self.house.say("say 6", self.conversation)
        await self.house.answered(self.conversation, words(6))


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
