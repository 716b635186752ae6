"""The installation that is carried over, as people and machines at its far side use it. They log in once, before the
switch, and go on with the same cookies."""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
import urllib.error
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.recovery.chaos import tools
from tests.recovery.chaos.model import Model, answer
from tests.recovery.doors import House
from tests.support.feishu_bot import Bot
from tests.support.feishu_server import FeishuServer
from tests.support.processes import Process, Stack
from tests.support.provider import Json, Reply, completion, json_reply
from tests.support.tab import log_in
from tests.support.wire import Wire, new_id

#: Conversations of which nothing is looked at but that they go on.
CROWD = 50
#: Runs that are at work at the switch, and fill a worker of the release before.
AT_WORK = 10 + CROWD
#: Calls that nothing changes any more.
OVER = ("succeeded", "failed", "cancelled")
RESEARCH = "research whales"
#: The model's provider refuses to answer this.
NO_CREDIT = "no credit"
_BUSY = re.compile(r"busy until (\d+)")


def plays(path: str, body: Json) -> Reply:
    """As the model of a chaos run. It knows the research that the release before gave to every new agent, and it
    refuses to answer, or for a while, where it is told to."""
    messages = [message | {"content": _unfiled(message["content"])} for message in body["messages"]]
    said = messages[-1]["content"] if messages[-1]["role"] == "user" else ""
    if said == NO_CREDIT:
        return json_reply(429, {"error": {"message": "No credit.", "code": "insufficient_quota"}})
    if (busy := _BUSY.match(said)) and (wait := int(busy[1]) / 1_000 - time.time()) > 0:
        return json_reply(503, {"error": {"message": "Busy."}}, Retry_After=str(math.ceil(wait)))
    if said == RESEARCH:
        arguments = '{"topic": "whales", "seconds": 25}'
        called = {"name": "slow_research", "arguments": arguments}
        return completion("I look.", [{"index": 0, "id": "call_r", "type": "function", "function": called}])
    return answer(path, body | {"messages": messages})


def _unfiled(content: Any) -> Any:
    """What was said, without the brackets around files, which are no steps of a plan."""
    if isinstance(content, list):
        content = " ".join(part.get("text", "") for part in content)
    return re.sub(r"\[[^\]]*file[^\]]*\]", "", content) if isinstance(content, str) else content


class PatientWire(Wire):
    """A socket that waits where the release before allows only so many pages a second."""

    async def __aenter__(self) -> PatientWire:
        for _ in range(10):
            try:
                await super().__aenter__()
                break
            except urllib.error.HTTPError as refused:
                if refused.code != 429:
                    raise
            await self.__aexit__()
            await asyncio.sleep(1)
        return self


class Carried(House):
    """Alice's side of it. `before` has the code of the release before."""

    def __init__(self, stack: Stack, model: Model, feishu: FeishuServer, before: Path) -> None:
        bot = Bot.__new__(Bot)  # Its own makes the app with the code of this release.
        bot.stack, bot.feishu, bot.ports = stack, feishu, [stack.web_port]
        super().__init__(bot, model)
        self.before = before
        self.cookies: dict[str, dict[str, str]] = {}

    async def people_log_in(self) -> None:
        """Alice, and Dave, who is staff by what his group may."""
        for person in ("alice", "dave"):
            self.cookies[person] = await log_in(self.stack, person)

    def start_worker_of_before(self, label: str) -> None:
        """A worker of the release before, with as many places as runs are at work at the switch."""
        places = {"HOLDFAST_WORKER_CONCURRENCY": str(AT_WORK)}
        self.stack.start("worker", label, folder=self.before, **places)

    def serve_at(self, port: int) -> None:
        """From now on everybody asks the web server at this port."""
        self.stack.web_port = port
        self.bot.ports = [port]

    async def http(self, method: str, path: str, *, person: str = "alice", **how: Any) -> httpx.Response:
        """A request by somebody who is logged in, or by a stranger (person "")."""
        cookies = self.cookies.get(person, {})
        headers = {"X-CSRFToken": cookies["csrftoken"]} if cookies else {}
        headers |= how.pop("headers", {})
        async with httpx.AsyncClient(base_url=self.stack.address, cookies=cookies, timeout=20) as client:
            for _ in range(10):
                found = await client.request(method, path, headers=headers, **how)
                if found.status_code != 429:
                    break
                await asyncio.sleep(1)  # 0.1.0 allows only so many a second, and asks to wait for one
            return found

    def wire(self) -> Wire:
        """A socket of Alice's."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies["alice"].items())
        return PatientWire(self.stack.address, cookie)

    async def command(self, conversation: str, **body: Any) -> None:
        """A command of Alice's that is carried out."""
        async with self.wire() as wire:
            result = await wire.command(conversation, body)
        assert result["status"] == "applied", result

    async def say(self, text: str, conversation: str = "", *, agent: str = "", **more: Any) -> str:
        """Alice says it, in a new conversation if none is named; its id."""
        if not conversation:
            conversation = new_id()
            await self.command(conversation, kind="create", agent=agent, title="")
        await self.command(conversation, kind="send", message=new_id(), text=text, **more)
        return conversation

    async def items(self, conversation: str) -> list[dict[str, Any]]:
        """The transcript, over HTTP."""
        page = await self.http("GET", f"/api/conversations/{conversation}/items", params={"limit": 100})
        assert page.status_code == 200, page.text
        return list(page.json()["items"])

    async def snapshot(self, conversation: str) -> list[dict[str, Any]]:
        """The transcript as a tab gets it that opens the conversation."""
        async with self.wire() as wire:
            frames = await wire.open(conversation)
        pieces = [frame["state"]["items"] for frame in frames if frame["type"] == "snapshot"]
        return [item for piece in pieces for item in piece]

    async def answered(self, conversation: str, text: str) -> None:
        """Wait until the newest run has finished; its last words must be these."""
        await self.run(conversation, "finished")
        steps = [item for item in await self.items(conversation) if item["kind"] == "step"]
        assert steps[-1]["text"] == text, (
            f"the last words are {steps[-1]['text'][:200]!r}, not {text[:200]!r}"
        )

    async def call(self, conversation: str, status: str) -> dict[str, Any]:
        """The one call of a conversation that has this status, once there is one."""
        query = "SELECT call FROM chat_call WHERE conversation_id = ? AND status = ?"
        key = self.key(conversation)
        found = await self.until(lambda: self.stack.sql(query, key, status), f"a call that is {status}")
        items = await self.items(conversation)
        calls = [call for item in items if item["kind"] == "step" for call in item["calls"]]
        return next(call for call in calls if call["id"] == found[0][0])

    def outcomes(self, conversation: str) -> list[tuple[str, str]]:
        """(name, status) of the calls of a conversation."""
        query = "SELECT name, status FROM chat_call WHERE conversation_id = ? ORDER BY id"
        return list(self.rows(query, conversation))

    def effects(self, conversation: str) -> list[str]:
        """The keys of the effects that a conversation has had."""
        found = tools.entries(self.stack.data / tools.NAME)
        return [str(line["key"]) for line in found if line["conversation"] == conversation]

    async def deliver(self, address: str, plan: str, delivery: str) -> dict[str, Any]:
        """A stranger's delivery to a webhook, and what they are told."""
        path, headers = urlsplit(address).path, {"X-Delivery-Id": delivery}
        posted = await self.http("POST", path, person="", json={"plan": plan}, headers=headers)
        assert posted.status_code in (200, 202), f"{posted.status_code} {posted.text}"
        return dict(posted.json())

    def worker_of(self, conversation: str) -> Process:
        """The process that has its run."""
        name = self.rows("SELECT worker FROM chat_run WHERE conversation_id = ?", conversation)[-1][0]
        return next(p for p in self.stack.processes.values() if f"-{p.pid}-" in name)

    def journal(self) -> dict[tuple[str, int], str]:
        """Every event, by conversation and number."""
        rows = self.stack.sql("SELECT conversation_id, seq, text FROM chat_event")
        return {(str(uuid.UUID(str(id))), seq): text for id, seq, text in rows}

    async def transcripts(self) -> dict[str, list[dict[str, Any]]]:
        """The transcript of every conversation of Alice's."""
        ids = sorted({conversation for conversation, _ in self.journal()})
        return {id: await self.items(id) for id in ids}


def settled(items: list[dict[str, Any]]) -> dict[int, str]:
    """The items that nothing changes any more, by number: what was said, and steps whose calls are over."""
    return {item["seq"]: json.dumps(item, sort_keys=True) for item in items if _settled(item)}


def _settled(item: dict[str, Any]) -> bool:
    if item["kind"] != "step":
        return True
    return item["status"] in ("finished", "stopped") and all(call["status"] in OVER for call in item["calls"])
