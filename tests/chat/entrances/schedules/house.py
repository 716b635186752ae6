"""Schedules in one process: a clock that is moved by hand, services that look when told, and a worker that plays a
scripted model."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

from asgiref.sync import sync_to_async

from agents.models import ensure_default_agent
from agents.spec import AgentSpec
from agents.tools import Toolbox
from chat import models as m
from chat.entrances.schedules import editing
from chat.entrances.schedules.models import Schedule, ScheduleFiring
from chat.entrances.schedules.service import ScheduleService
from chat.entrances.schedules.validation import Draft
from chat.inbox import Inbox, SendBody, Sender
from chat.runs.dependencies import RunDependencies
from chat.runs.runner import Runner
from chat.session.sessions import Sessions
from chat.support.tasks import end
from tests.support.scripted import ScriptedModel, says
from tests.support.waiting import eventually

SPEC = AgentSpec(slug="assistant", name="A", model="scripted", base_url="http://localhost/v1")
MINUTE, HOUR = 60_000, 3_600_000
HOURLY = Draft(name="Weather", prompt="How is the weather?", kind="interval", every_s=3600)


class House:
    """`clock_file` is what HOLDFAST_TEST_CLOCK names. `gate`: no run begins before it is set."""

    def __init__(self, sessions: Sessions, owner: Any, clock_file: Any) -> None:
        self.sessions, self.owner = sessions, owner
        self.model: Any = ScriptedModel(says("It is sunny."))
        self.gate = asyncio.Event()
        self.gate.set()
        self._clock_file = clock_file
        self._tasks: list[asyncio.Task[Any]] = []

        async def agent(slug: str) -> AgentSpec | None:
            return replace(SPEC)

        kit = RunDependencies(agent=agent, model=lambda spec: self.model, tools=Toolbox([]))
        self.runner = Runner(sessions, self.enqueue, kit, worker="w", lease_ms=60_000, renew_ms=1_000)
        self.inbox = Inbox(sessions, self.enqueue)

    async def enqueue(self, conversation: str, run: str) -> bool:
        async def perform() -> None:
            await self.gate.wait()
            await self.runner.perform(conversation, run)

        self._tasks.append(asyncio.create_task(perform()))
        return True

    def advance(self, ms: int) -> None:
        """Time passes for schedules."""
        ahead = int(self._clock_file.read_text() or 0)
        self._clock_file.write_text(str(ahead + ms))

    async def make(self, draft: Draft = HOURLY, **changes: Any) -> Schedule:
        row, new = await sync_to_async(editing.create)(self.owner, draft.model_copy(update=changes))
        assert new
        return row

    def service(self, **options: Any) -> ScheduleService:
        """What one worker process has."""
        return ScheduleService(self.sessions, self.enqueue, **options)

    async def look(self) -> int:
        """One worker looks once."""
        return await self.service().look()

    async def firings(self, row: Schedule, *states: str) -> list[ScheduleFiring]:
        """Its firings, oldest first."""
        rows = ScheduleFiring.objects.filter(schedule=row).order_by("due")
        return [one async for one in (rows.filter(state__in=states) if states else rows)]

    async def until_over(self, row: Schedule, count: int = 1, seconds: float = 20) -> list[ScheduleFiring]:
        """Look until so many of its firings are over."""

        async def enough() -> Any:
            await self.look()
            found = await self.firings(row, "over")
            return found if len(found) >= count else None

        return await eventually(enough, seconds, f"{count} results of {row}")

    async def say(self, conversation: Any, text: str = "hello") -> None:
        """The owner writes into a conversation."""
        body = SendBody(kind="send", message=str(uuid4()), text=text)
        result = await self.inbox.submit(Sender(self.owner.pk), str(conversation), str(uuid4()), body)
        assert result.status == "applied", result

    async def texts(self, conversation: Any) -> list[str]:
        rows = m.Message.objects.filter(conversation=conversation, kind="message").order_by("seq")
        return [row.body["text"] async for row in rows]

    async def close(self) -> None:
        self.gate.set()
        self.runner.leave()
        await end(self._tasks)


async def prepare() -> None:
    await sync_to_async(ensure_default_agent)()
