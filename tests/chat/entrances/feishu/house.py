"""A whole Feishu entrance in one process: the fake server, a service, and a worker that plays a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from asgiref.sync import sync_to_async
from django.test import AsyncClient

from agents import events as e
from agents.models import ensure_default_agent
from agents.spec import AgentSpec
from agents.tools import Toolbox, ToolContext, tool
from chat.entrances.feishu.models import FeishuApp, FeishuDelivery, FeishuLane, FeishuMessage
from chat.entrances.feishu.service import FeishuService
from chat.runs.dependencies import Kit
from chat.runs.pool import Pool
from chat.runs.runner import Runner
from chat.session.sessions import Sessions
from chat.support.tasks import end
from tests.support.feishu_events import action_event, message_event, signed
from tests.support.feishu_server import FeishuServer
from tests.support.waiting import eventually

SPEC = AgentSpec(slug="assistant", name="A", model="scripted", base_url="http://localhost/v1")


class House:
    """`say` is what a person writes in Feishu; `model` answers."""

    def __init__(self, sessions: Sessions, feishu: FeishuServer, app: FeishuApp, model: Any) -> None:
        self.sessions, self.feishu, self.app, self.model = sessions, feishu, app, model
        self.tasks: list[asyncio.Task[Any]] = []
        self.ahead_ms = 0
        self.asks_before: tuple[str, ...] = ()
        self.gate = asyncio.Event()
        self.busy = asyncio.Event()
        self.client = AsyncClient()
        self.services: list[FeishuService] = []

        @tool(effect="read_only")
        async def look(context: ToolContext) -> str:
            """Look at something."""
            return "seen"

        @tool(effect="effectful")
        async def act(context: ToolContext) -> str:
            """Do something, slowly."""
            self.busy.set()
            await self.gate.wait()
            return "acted"

        async def agent(slug: str) -> AgentSpec | None:
            return replace(SPEC, tools=("look", "act"), approval_tools=self.asks_before)

        self.kit = Kit(agent=agent, model=lambda spec: self.model, tools=Toolbox([look, act]))
        self.runner = self.worker("w1")

    def worker(self, name: str) -> Runner:
        runner = Runner(self.sessions, self.enqueue, self.kit, worker=name, lease_ms=60_000, renew_ms=1_000)
        self.pool = Pool(runner, 64, self.suspect)
        self.tasks.append(asyncio.create_task(runner.watch(20)))
        return runner

    def suspect(self, conversation: str, run: str) -> None:
        raise AssertionError("No worker dies here, so no run is suspect.")

    async def enqueue(self, conversation: str, run: str) -> bool:
        self.tasks.append(asyncio.create_task(self.pool.perform(conversation, run)))
        return True

    def serve(self, name: str = "one") -> asyncio.Task[Any]:
        """Start a service, as each worker process has one."""
        from chat.entrances.feishu.lanes import now_ms

        service = FeishuService(
            self.sessions, self.enqueue, worker=name, clock=lambda: now_ms() + self.ahead_ms, asleep_s=0.1
        )
        self.services.append(service)
        task = asyncio.create_task(service.run())
        self.tasks.append(task)
        return task

    def advance(self, seconds: float) -> None:
        """Time passes for Feishu and for us."""
        self.feishu.advance(seconds)
        self.ahead_ms += int(seconds * 1000)

    async def post(self, event: dict[str, Any], status: int = 200) -> Any:
        """What Feishu sends to the webhook, up to four times more when it is told 503."""
        raw, headers = signed(event, self.app.encrypt_key)
        for _ in range(5):
            answer = await self.client.post(
                f"/feishu/{self.app.slug}/events", raw, content_type="application/json", headers=headers
            )
            if answer.status_code != 503:
                break
        assert answer.status_code == status, answer.content
        return answer

    async def say(self, text: str | None = None, chat: str = "oc_a", **more: Any) -> str:
        """A person writes; the message's id."""
        event = message_event(text, chat=chat, **more)
        message = event["event"]["message"]["message_id"]
        self.feishu.receive(chat, message)
        await self.post(event)
        return message

    async def press(self, label: str, chat: str = "oc_a") -> dict[str, Any]:
        """A person presses a button on the newest card that has it."""
        value = self.feishu.button(chat, label)
        return (await self.post(action_event(value, chat=chat))).json()

    async def until(self, condition: Callable[[], Any], what: str, seconds: float = 20) -> Any:
        try:
            return await eventually(condition, seconds, what)
        except AssertionError as failure:
            rows = await sync_to_async(self.told)()
            raise AssertionError(f"{failure}\n{rows}") from None

    def told(self) -> str:
        rows: list[Any] = [
            list(FeishuMessage.objects.values_list("message_id", "state", "reason", "run", "answered_at")),
            list(FeishuDelivery.objects.values_list("id", "state", "attempts", "error", "content")),
            list(FeishuLane.objects.values()),
            self.feishu.refused,
            [card.text() for card in self.feishu.cards.values()],
        ]
        return "\n".join(map(str, rows))

    async def answered(self, text: str, chat: str = "oc_a", times: int = 1) -> None:
        """Wait until this text stands in the chat, so many times."""

        def there() -> bool:
            return sum(text in answer for answer in self.feishu.answers(chat)) >= times

        await self.until(there, f"{text!r} in {chat}")

    async def quiet(self) -> None:
        """Wait until no lane is kept: everything is delivered."""
        await self.until(lambda: not any(one._keepers for one in self.services), "the lanes to be given back")

    async def events(self, lane: FeishuLane) -> list[e.Event]:
        from chat.models import Event

        texts = (
            Event.objects.filter(conversation_id=lane.conversation)
            .order_by("seq")
            .values_list("text", flat=True)
        )
        return [e.from_json(text) async for text in texts]

    async def close(self) -> None:
        await self.pool.leave()
        await end(self.tasks)


async def prepare() -> None:
    await sync_to_async(ensure_default_agent)()
