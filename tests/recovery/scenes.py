"""What the tests of single failures share: a scene with people in it, and a person who writes while it is broken."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.recovery.chaos.clients import Clients
from tests.recovery.chaos.nemesis import Fault
from tests.recovery.chaos.run import Report, Scene
from tests.support.waiting import eventually, wait_until
from tests.support.wire import Wire, login, new_id

#: A tool that may be repeated and takes seconds, and one that must not happen twice and cannot be looked up.
SLOW_RUN = "[put 2000 300, pay 2000 300] say 5"


@contextlib.contextmanager
def people(scene: Scene, conversations: int = 2) -> Iterator[Clients]:
    """People at work: each has a conversation with something in it when this begins."""
    clients = scene.people(conversations)

    def all_are_heard() -> bool:
        results = [
            line for line in clients.lines() if line["what"] == "result" and line["status"] == "applied"
        ]
        return len(results) >= 2 * conversations

    try:
        wait_until(all_are_heard, 40, "everybody to have said something")
        yield clients
    finally:
        clients.end()  # those of a test that failed must not go on in the next one


async def assert_whole(scene: Scene, clients: Clients, *faults: Fault) -> Report:
    """Everybody came to rest by themselves, and nothing that is promised is broken."""
    report = await asyncio.to_thread(scene.report, clients, list(faults))
    assert report.violations == [], "\n".join([*report.violations, report.outputs[-8000:]])
    return report


@dataclass
class Asked:
    """A command that somebody sends until it is done."""

    conversation: str
    body: dict[str, Any]
    id: str = field(default_factory=new_id)
    #: What was answered, in order.
    results: list[dict[str, Any]] = field(default_factory=list)

    @property
    def message(self) -> str:
        return str(self.body["message"])


class Writer:
    """Alice, who keeps one socket and writes while something is broken. The socket outlives what breaks behind it."""

    def __init__(self, scene: Scene, wire: Wire, conversation: str) -> None:
        self.scene = scene
        self.wire = wire
        self.conversation = conversation

    def asks(self, text: str) -> Asked:
        """A message that was not sent yet."""
        return Asked(self.conversation, {"kind": "send", "message": new_id(), "text": text})

    async def sends(self, asked: Asked, seconds: float = 20) -> dict[str, Any]:
        """Send it, and wait for its result."""
        result = await self.wire.command(asked.conversation, asked.body, asked.id, seconds)
        asked.results.append(result)
        return result

    async def gets_through(self, asked: Asked, seconds: float = 40) -> None:
        """Send it again, with its id, until it is acknowledged; every refusal says that this is right (W5)."""

        async def acknowledged() -> bool:
            result = await self.sends(asked, seconds)
            if result["status"] == "rejected":
                assert (result["code"], result["retry"]) == ("unavailable", True), result
            return result["status"] in ("applied", "duplicate")

        await eventually(acknowledged, seconds, f"{asked.body} to be acknowledged", every=0.25)

    async def is_refused(self, asked: Asked, seconds: float = 20) -> None:
        """Send it; it is refused, with a word that says to try again."""
        result = await self.sends(asked, seconds)
        assert (result["status"], result["code"], result["retry"]) == ("rejected", "unavailable", True)

    def events(self) -> list[dict[str, Any]]:
        """The journal of the conversation. Reads the database by a way of its own."""
        key = self.conversation
        if self.scene.postgres is None:
            key = key.replace("-", "")
        rows = self.scene.system.sql(
            "SELECT text FROM chat_event WHERE conversation_id = ? ORDER BY seq", key
        )
        return [json.loads(text) for (text,) in rows]

    async def sees_a_run_work(self) -> None:
        """Say something that takes seconds, and wait until its tools run."""
        before = self.started()
        await self.gets_through(self.asks(SLOW_RUN))
        await eventually(lambda: self.started() >= before + 2, 30, "the tools to run")

    def started(self) -> int:
        """How often a tool was started."""
        return len([event for event in self.events() if event["type"] == "call.started"])

    async def ends_well(self, *asked: Asked) -> None:
        """What was asked stands once, and every run has ended. A call in doubt is answered by a person: it happened."""
        await self.settle_doubts()
        events = self.events()
        said = [event["message"] for event in events if event["type"] == "message.added"]
        for one in asked:
            assert said.count(one.message) == 1, f"{one} stands {said.count(one.message)} times"

    async def settle_doubts(self) -> None:
        done = ("run.finished", "run.failed", "run.stopped")

        async def over() -> bool:
            status: dict[str, str] = {}
            doubtful: dict[str, bool] = {}
            for event in self.events():
                if event["type"].startswith("run."):
                    status[event["run"]] = event["type"]
                if event["type"].startswith("call."):
                    doubtful[event["call"]] = event["type"] == "call.in_doubt"
            for call in [call for call, doubt in doubtful.items() if doubt]:
                body = {"kind": "settle", "call": call, "decision": "happened", "result": "looked"}
                await self.wire.command(self.conversation, body)
            return bool(status) and all(last in done for last in status.values())

        await eventually(over, 60, "every run to end", every=0.2)


@contextlib.asynccontextmanager
async def writer(scene: Scene) -> AsyncIterator[Writer]:
    """Alice with a conversation of her own, at the first web server."""
    async with Wire(scene.address, login(scene.address, "alice", "alice-password")) as wire:
        yield Writer(scene, wire, await wire.begin())


def locked(scene: Scene) -> sqlite3.Connection:
    """Take the only write lock of the SQLite file, as a backup or another program does. Roll back to give it back."""
    lock = sqlite3.connect(scene.system.data / "holdfast.sqlite3", timeout=20, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    return lock
