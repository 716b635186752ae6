"""What begins by itself or comes from outside: schedules and triggers."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.recovery.carry_over.states import State
from tests.recovery.doors import words
from tests.support.ports import claim_port

#: One look at an address, as the worker's service takes note of it: nothing on this machine may be looked at.
LOOK = """
import time
from uuid import UUID
from chat.entrances.triggers.polling import Found, observe
observe(UUID({id!r}), {number}, Found({value!r}), time.time_ns() // 1_000_000)
"""
FIRINGS = "SELECT key, state, conversation, run FROM chat_triggerfiring WHERE trigger_id = ? ORDER BY id"
DUE = "SELECT due, state, conversation, run FROM chat_schedulefiring WHERE schedule_id = ? ORDER BY due"


class Rule(State):
    """A schedule or a trigger of Alice's."""

    api = ""
    query = ""

    async def make(self, **fields: Any) -> None:
        made = await self.house.http("POST", self.api, json=fields)
        assert made.status_code == 201, made.text
        self.rule: dict[str, Any] = made.json()

    def fired(self) -> list[tuple[Any, ...]]:
        """What it has begun."""
        rows = self.house.rows(self.query, self.rule["id"])
        return [row for row in rows if row[1] not in ("skipped", "pending", "received")]

    async def came_to(self, count: int, text: str) -> None:
        """Wait for so many firings; each must have said its prompt once and been answered."""
        await self.house.until(lambda: len(self.fired()) >= count, f"firing {count} of {self.name}")
        for _, state, conversation, _run in self.fired():
            assert state in ("fired", "over"), f"a firing is {state}"
            place = str(conversation) if "-" in str(conversation) else _dashed(str(conversation))
            await self.house.answered(place, text)
            items = await self.house.items(place)
            assert len([item for item in items if item["kind"] == "message"]) == 1, items
        assert len(self.fired()) == count, f"it fired {len(self.fired())} times"


class Due(Rule):
    """Made last before the switch, and due when it has begun."""

    name = "a schedule that falls due"
    api, query = "/api/schedules", DUE

    async def begin(self) -> None:
        at = time.time_ns() // 1_000_000 + 4_000
        await self.make(name="Due", prompt="say 4", kind="once", at=at, place="new")

    def stands(self) -> bool:
        return not self.fired()

    async def goes_on(self) -> None:
        await self.came_to(1, words(4))


class Paused(Rule):
    name = "a schedule that is paused"
    api, query = "/api/schedules", DUE

    async def begin(self) -> None:
        every = {"kind": "interval", "every_s": 3_600, "at": time.time_ns() // 1_000_000 + 1_000}
        await self.make(name="Paused", prompt="say 2", place="new", **every)
        await self.set("paused")

    async def set(self, state: str) -> None:
        changed = await self.house.http("PATCH", f"{self.api}/{self.rule['id']}", json={"state": state})
        assert changed.status_code == 200 and changed.json()["state"] == state, changed.text

    async def goes_on(self) -> None:
        shown = (await self.house.http("GET", f"{self.api}/{self.rule['id']}")).json()
        assert (shown["state"], shown["prompt"], self.fired()) == ("paused", "say 2", [])
        await self.set("active")
        run = await self.house.http("POST", f"{self.api}/{self.rule['id']}/run", json={})
        assert run.status_code == 201, run.text
        await self.came_to(1, words(2))


class Regular(Rule):
    """Due all the time, also in the middle of the switch. It is made up for as many as a schedule may have (100, five
    minutes): a slow machine is away for longer than the ten that a schedule has unless it says otherwise."""

    name = "a schedule that is due every 3 s"
    api, query = "/api/schedules", DUE
    EVERY_MS = 3_000

    async def begin(self) -> None:
        at = time.time_ns() // 1_000_000 + 500
        fields = {
            "kind": "interval",
            "every_s": self.EVERY_MS // 1_000,
            "at": at,
            "place": "new",
            "missed": "all",
            "most": 100,
        }
        await self.make(name="Regular", prompt="say 2", **fields)
        await self.house.until(self.fired, "the first of many")

    async def goes_on(self) -> None:
        had = len(self.fired())
        await self.house.until(lambda: len(self.fired()) >= had + 2, "it to go on")
        changed = await self.house.http("PATCH", f"{self.api}/{self.rule['id']}", json={"state": "paused"})
        assert changed.status_code == 200, changed.text
        rows = self.house.rows(DUE, self.rule["id"])
        moments = [due for due, *_ in rows]
        # Every moment is there, once: nothing was missed and nothing ran twice.
        lost = sorted({*range(moments[0], moments[-1] + 1, self.EVERY_MS)} - {*moments})
        assert not lost and len({*moments}) == len(moments), f"lost: {lost}; had: {moments}"
        await self.came_to(len(rows), words(2))


class Webhook(Rule):
    """One delivery came before, one is journalled and not carried out yet, and what follows it is waited for."""

    name = "a webhook, and a trigger on its runs"
    api, query = "/api/triggers", FIRINGS

    async def begin(self) -> None:
        await self.make(name="Hook", kind="webhook", prompt="{{ payload.plan }}")
        self.hook = self.rule
        await self.make(name="After", kind="run", prompt="say 5", after_trigger=self.hook["id"])
        self.after, self.rule = self.rule, self.hook
        self.first = await self.house.deliver(self.hook["address"], "say 3", "before")
        await self.came_to(1, words(3))

    async def meanwhile(self) -> None:
        """A web server of the release before that dies between the journal and the conversation."""
        port, stack = claim_port(), self.house.stack
        die = {"HOLDFAST_PORT": str(port), "HOLDFAST_DIE_AT": "trigger.journalled"}
        server = stack.start("web", "web-dies", folder=self.house.before, **die)
        # `start` waits for the stack's own web server only.
        path = urlsplit(self.hook["address"]).path
        address = f"http://127.0.0.1:{port}{path}"
        await self.house.until(lambda: self._dies(address, server), "a web server that dies")

    def _dies(self, address: str, server: Any) -> bool:
        try:
            httpx.post(address, json={"plan": "say 3"}, headers={"X-Delivery-Id": "pending"}, timeout=10)
        except httpx.HTTPError:
            return not server.alive
        return False

    async def goes_on(self) -> None:
        await self.came_to(2, words(3))
        again = await self.house.deliver(self.hook["address"], "say 3", "before")
        assert again["firing"] == self.first["firing"], "a delivery that came again is known no more"
        await self.house.deliver(self.hook["address"], "say 3", "after")
        await self.came_to(3, words(3))
        self.rule = self.after
        await self.came_to(3, words(5))
        self.rule = self.hook

    async def back(self) -> None:
        await self.house.deliver(self.hook["address"], "say 3", "after")
        await self.house.deliver(self.hook["address"], "say 3", "back")
        await self.came_to(4, words(3))


class Poll(Rule):
    """What an address says was seen, and has changed once."""

    name = "a trigger on an address"
    api, query = "/api/triggers", FIRINGS

    async def begin(self) -> None:
        fields = {"url": "https://status.invalid/", "interval_s": 86_400}
        await self.make(name="Poll", kind="poll", prompt="say 6", **fields)
        await self.look("one", "two", before=True)
        await self.came_to(1, words(6))

    async def look(self, *values: str, before: bool = False) -> None:
        """Looks that find these values."""
        query = "SELECT observation FROM chat_trigger WHERE id = ?"
        number = self.house.rows(query, self.rule["id"])[0][0]
        code = "".join(
            LOOK.format(id=self.rule["id"], number=number + place, value=value)
            for place, value in enumerate(values)
        )
        folder = {"folder": self.house.before} if before else {}
        await asyncio.to_thread(self.house.stack.manage, "shell", "-v", "0", "-c", code, **folder)

    async def goes_on(self) -> None:
        await self.look("two", "three")
        await self.came_to(2, words(6))


def _dashed(id: str) -> str:
    return f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}"
