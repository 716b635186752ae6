"""Holdfast in one process for tests of the APIs that programs call: a scripted model, tools, and tokens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.test import AsyncClient

from agents.models import ensure_default_agent
from agents.spec import AgentSpec
from agents.tools import Toolbox, ToolContext, tool
from chat import runtime
from chat.runs.dependencies import RunDependencies
from chat.runs.pool import Pool
from chat.runs.queue import Queue
from chat.runs.runner import Runner
from chat.session.sessions import Sessions
from chat.support.clock import now_ms
from chat.support.tasks import end
from chat.tokens import store
from chat.tokens.limits import limits
from chat.tokens.scopes import SCOPES
from tests.support.scripted import ScriptedModel, says
from tests.support.worlds import MemoryWorld

SPEC = AgentSpec(slug="assistant", name="A", model="scripted", base_url="http://localhost/v1")


class House:
    """`owner` has tokens; `model` answers; `act` is a tool that waits for `gate`."""

    def __init__(self, sessions: Sessions, owner: Any, model: Any) -> None:
        self.sessions, self.owner, self.model = sessions, owner, model
        self.tasks: list[asyncio.Task[Any]] = []
        self.asks_before: tuple[str, ...] = ()
        self.gate = asyncio.Event()
        self.busy = asyncio.Event()
        self.acted = 0
        #: Off: runs stay queued.
        self.working = True

        @tool(effect="read_only")
        async def look(context: ToolContext) -> str:
            """Look at something."""
            return "seen"

        @tool(effect="effectful")
        async def act(context: ToolContext) -> str:
            """Do something, slowly."""
            self.busy.set()
            await self.gate.wait()
            self.acted += 1
            return "acted"

        async def agent(slug: str) -> AgentSpec | None:
            return replace(SPEC, slug=slug, tools=("look", "act"), approval_tools=self.asks_before)

        self.kit = RunDependencies(agent=agent, model=lambda spec: self.model, tools=Toolbox([look, act]))
        self.pool = self.worker("w1")

    def worker(self, name: str) -> Pool:
        runner = Runner(
            self.sessions,
            self.enqueue,
            self.kit,
            worker=name,
            lease_ms=60_000,
            renew_ms=1_000,
            isolated=True,
        )
        self.tasks.append(asyncio.create_task(runner.watch(20)))
        return Pool(runner, 64, self._suspect)

    def _suspect(self, conversation: str, run: str) -> None:
        raise AssertionError("This worker performs suspects itself.")

    async def enqueue(self, conversation: str, run: str) -> bool:
        if self.working:
            self.tasks.append(asyncio.create_task(self.pool.perform(conversation, run)))
        return True

    async def token(self, *scopes: str, owner: Any = None, per_minute: int = 600, **fields: Any) -> str:
        """A token of the owner's (or of somebody's) with these scopes (all of them if none is named)."""
        given = {"name": "CI", "days": 7, "now": now_ms(), **fields}
        _, text = await sync_to_async(store.make)(
            (owner or self.owner).pk, scopes=scopes or SCOPES, per_minute=per_minute, **given
        )
        return text

    async def close(self) -> None:
        self.gate.set()
        await end(self.tasks)


@asynccontextmanager
async def open_house(journal: Any) -> AsyncIterator[House]:
    """A web process and a worker, and an owner, alice. No token was shown yet."""
    limits.forget()
    await sync_to_async(ensure_default_agent)()
    owner = await get_user_model().objects.acreate(username="alice")
    sessions = Sessions(MemoryWorld.make(600_000).store, journal)
    house = House(sessions, owner, ScriptedModel(says("Hello!")))
    runtime.use(runtime.Runtime(sessions, Workers(house)))
    yield house
    await house.close()
    await runtime.close()


class Workers(Queue):
    """A queue whose workers are those of the house."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self._house = house

    async def put(self, conversation: str, run: str) -> bool:
        return await self._house.enqueue(conversation, run)


class Program:
    """Somebody's program: requests with a token, and what came back as JSON."""

    def __init__(self, token: str, root: str) -> None:
        self._client = AsyncClient()
        self.root = root
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def ask(
        self, method: str, path: str, body: Any = None, status: int = 200, headers: Any = None
    ) -> Any:
        """One request; the JSON of the answer, whose status it must have."""
        answer = await self.raw(method, path, body, headers)
        assert answer.status_code == status, (answer.status_code, answer.content)
        return json.loads(answer.content)

    async def raw(self, method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        sent: Any = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return await self._client.generic(
            method,
            f"{self.root}{path}",
            sent,
            content_type="application/json",
            headers={**self.headers, **(headers or {})},
        )

    @asynccontextmanager
    async def stream(
        self, path: str, body: Any = None, method: str = "GET", headers: Any = None
    ) -> AsyncIterator[Events]:
        """What a route streams."""
        answer = await self.raw(method, path, body, headers)
        assert answer.status_code == 200, answer.content
        assert answer["Content-Type"].startswith("text/event-stream")
        source = aiter(answer)
        try:
            yield Events(source)
        finally:
            await source.aclose()


class Event(dict[str, str]):
    """One event: `event`, `id` and `data` as they were sent."""

    @property
    def json(self) -> Any:
        return json.loads(self["data"])


class Events:
    """Server-sent events, one after the other."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._text = ""
        self.comments: list[str] = []

    async def next(self, seconds: float = 20) -> Event | None:
        """The next event; None at the end of the stream."""
        async with asyncio.timeout(seconds):
            while True:
                while "\n\n" in self._text:
                    block, _, self._text = self._text.partition("\n\n")
                    fields = Event()
                    for line in block.split("\n"):
                        name, _, value = line.partition(": ")
                        if name == "":
                            self.comments.append(value)
                        else:
                            fields[name] = value
                    if "data" in fields:
                        return fields
                try:
                    chunk = await anext(self._source)
                except StopAsyncIteration:
                    return None
                self._text += chunk.decode() if isinstance(chunk, bytes) else chunk

    async def until(self, name: str, type: str = "") -> Event:
        """The next event of a name and, if one is given, of a type of the journal."""
        while True:
            found = await self.next()
            assert found is not None, f"the stream ended before {name} {type}"
            if found.get("event") == name and (not type or found.json["event"]["type"] == type):
                return found

    async def rest(self) -> list[Event]:
        """Everything to the end of the stream."""
        found = []
        while (one := await self.next()) is not None:
            found.append(one)
        return found
