"""Triggers in one process: the web's address, workers' services, and a worker that plays a scripted model."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from asgiref.sync import sync_to_async
from django.test import AsyncClient

from agents.spec import AgentSpec
from agents.tools import Toolbox
from chat.commands import CreateBody, SendBody
from chat.entrances.triggers import editing
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.entrances.triggers.service import TriggerService
from chat.inbox import Inbox, Sender
from chat.models import Conversation, Message, Run
from chat.runs.dependencies import RunDependencies
from chat.runs.runner import Runner
from chat.session.sessions import Sessions
from chat.support.clock import now_ms
from chat.support.tasks import end
from tests.support.clocks import HandClock
from tests.support.site import Site
from tests.support.waiting import eventually

SPEC = AgentSpec(slug="assistant", name="A", model="scripted", base_url="http://localhost/v1")


class House:
    """`owner` has triggers; `model` answers. Time is turned by hand (`advance`)."""

    def __init__(self, sessions: Sessions, owner: Any, model: Any, site: Site) -> None:
        self.sessions, self.owner, self.model, self.site = sessions, owner, model, site
        # The web has the clock of the machine; this one is moved by hand.
        self.clock = HandClock(now_ms())
        self.tasks: list[asyncio.Task[Any]] = []
        self.client = AsyncClient()
        self.inbox = Inbox(sessions, self.enqueue)
        #: The services of several workers.
        self.services = [self.service() for _ in range(2)]

        async def agent(slug: str) -> AgentSpec | None:
            return SPEC

        self.kit = RunDependencies(agent=agent, model=lambda spec: self.model, tools=Toolbox([]))
        self.runner = Runner(sessions, self.enqueue, self.kit, worker="w1", lease_ms=60_000, renew_ms=1_000)
        #: Off: runs stay queued.
        self.working = True

    @property
    def now(self) -> int:
        """Milliseconds since the Unix epoch."""
        return self.clock.now()

    def service(self, **options: Any) -> TriggerService:
        # Its looks go back from the clock that is moved by hand, and events have the machine's: so all are whole.
        return TriggerService(
            self.sessions,
            self.enqueue,
            clock=self.clock,
            fetcher=self.site.fetcher(),
            whole_ms=0,
            **options,
        )

    async def enqueue(self, conversation: str, run: str) -> bool:
        if self.working:
            self.tasks.append(asyncio.create_task(self.runner.perform(conversation, run)))
        return True

    def advance(self, seconds: float) -> None:
        self.clock.ms += int(seconds * 1000)

    async def trigger(self, **fields: Any) -> Trigger:
        """A trigger of the owner's."""
        given = {"name": "T", "kind": "webhook", "prompt": "Look.", **fields}
        return (await sync_to_async(editing.create)(self.owner.pk, given, self.now))[0]

    async def change(self, trigger: Trigger, **fields: Any) -> None:
        await sync_to_async(editing.change)(trigger.pk, fields, self.now)

    async def post(self, trigger: Trigger, body: Any = b"", status: int | None = 200, **headers: str) -> Any:
        """A delivery to its secret address; the JSON of the answer. `status` None: what was too much to be kept in time
        (503) is None."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.client.post(trigger.hook, raw, content_type="application/json", headers=named)
        assert answer.status_code in ((200, 202, 503) if status is None else (status,)), (
            answer.status_code,
            answer.content,
        )
        if answer.status_code == 503 and status is None:
            return None
        return json.loads(answer.content or b"null")

    async def conversation(self) -> str:
        """An empty one of the owner's."""
        id = str(uuid.uuid4())
        body = CreateBody(kind="create", agent="assistant", title="A chat")
        await self.inbox.submit(Sender(self.owner.pk), id, str(uuid.uuid4()), body)
        return id

    async def say(self, conversation: str, text: str, name: str = "ann") -> None:
        """A person says something."""
        body = SendBody(kind="send", message=str(uuid.uuid4()), text=text)
        sender = Sender(self.owner.pk, name=name)
        result = await self.inbox.submit(sender, conversation, str(uuid.uuid4()), body)
        assert result.status == "applied", result

    async def round(self, services: int = 2) -> None:
        """What every worker does at the same moment, until its looks are over."""
        chosen = self.services[:services]
        await asyncio.gather(*(one.round() for one in chosen))
        await asyncio.gather(*(task for one in chosen for task in one.looks))

    async def settle(self) -> None:
        """Rounds until nothing is pending, unread or running any more. The clock goes on to what was put off for a
        moment, because there was no room in its conversation yet."""

        async def quiet() -> bool:
            await self.round()
            if await sync_to_async(self._quiet)():
                return True
            self.clock.ms = await sync_to_async(self._put_off)() or self.now
            return False

        await eventually(quiet, 20, "everything to come to rest")

    def _quiet(self) -> bool:
        from agents.events import ACTIVE_RUN
        from chat.entrances.triggers import watching

        pending = TriggerFiring.objects.filter(state="pending", next_at__lte=self.now + 10_000).exists()
        running = Run.objects.filter(status__in=sorted(ACTIVE_RUN)).exists()
        return not pending and not watching.behind() and not (running and self.working)

    def _put_off(self) -> int | None:
        from agents.events import ACTIVE_RUN

        if Run.objects.filter(status__in=sorted(ACTIVE_RUN)).exists() and self.working:
            return None
        soon = TriggerFiring.objects.filter(state="pending", next_at__lte=self.now + 10_000)
        # Those behind it keep their time, which has passed.
        return soon.filter(next_at__gt=self.now).order_by("next_at").values_list("next_at", flat=True).first()

    async def rows(self, trigger: Trigger | None = None, *states: str) -> list[TriggerFiring]:
        found = TriggerFiring.objects.select_related("trigger").order_by("id")
        found = found.filter(trigger=trigger) if trigger is not None else found
        found = found.filter(state__in=states) if states else found
        return [row async for row in found]

    async def outcomes(self, trigger: Trigger) -> list[str]:
        """What came of each thing it saw: `fired`, or the reason."""
        return [row.reason or row.state for row in await self.rows(trigger)]

    async def said(self) -> list[str]:
        """What triggers have said in the owner's conversations."""
        return [row.body["text"] async for row in Message.objects.order_by("id") if _by_trigger(row)]

    async def conversations(self) -> int:
        return await Conversation.objects.acount()

    async def close(self) -> None:
        self.runner.leave()
        await end(self.tasks)


def _by_trigger(row: Message) -> bool:
    return (row.body.get("origin") or {}).get("entrance") == "trigger"
