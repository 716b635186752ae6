"""A whole messenger in one process: its people, a service, and a worker that plays a scripted model.

`House` is what all messengers have in common, with the words in which the suite of this folder speaks; `PagerHouse` is
the pager's (tests/support/pager/), Feishu's is in tests/chat/entrances/feishu/house.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model

from agents import events as e
from agents.models import ensure_default_agent
from agents.spec import AgentSpec
from agents.tools import Toolbox, ToolContext, tool
from chat.messenger.adapter import Messenger
from chat.messenger.models import PRESS, Lane
from chat.messenger.service import MessengerService
from chat.runs.dependencies import RunDependencies
from chat.runs.pool import Pool
from chat.runs.runner import Runner
from chat.session.sessions import Sessions
from chat.support.clock import now_ms
from chat.support.tasks import end
from tests.support.pager.adapter import Pager
from tests.support.pager.models import PagerApp, PagerMessage
from tests.support.pager.tower import ERRORS, Shown, Tower
from tests.support.waiting import eventually

SPEC = AgentSpec(slug="assistant", name="A", model="scripted", base_url="http://localhost/v1")


@dataclass
class Seen:
    """A card as people see it: all its text, with the labels of its buttons."""

    text: str
    buttons: list[str]
    streaming: bool


class House:
    """`speak` is what a person writes; `model` answers."""

    def __init__(self, sessions: Sessions, messenger: Messenger, model: Any) -> None:
        self.sessions, self.messenger, self.model = sessions, messenger, model
        self.tasks: list[asyncio.Task[Any]] = []
        self.ahead_ms = 0
        self.asks_before: tuple[str, ...] = ()
        self.gate = asyncio.Event()
        self.busy = asyncio.Event()
        self.services: list[MessengerService] = []

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

        @tool(effect="effectful")
        async def note(context: ToolContext, text: str) -> str:
            """Note something."""
            return "noted"

        async def agent(slug: str) -> AgentSpec | None:
            return replace(SPEC, tools=("look", "act", "note"), approval_tools=self.asks_before)

        self.kit = RunDependencies(
            agent=agent, model=lambda spec: self.model, tools=Toolbox([look, act, note])
        )
        self.runner = self.worker("w1")

    def worker(self, name: str) -> Runner:
        # It performs what may have taken its worker down, too: there is no process but this one.
        runner = Runner(
            self.sessions,
            self.enqueue,
            self.kit,
            worker=name,
            lease_ms=60_000,
            renew_ms=1_000,
            isolated=True,
        )
        self.pool = Pool(runner, 64, self.suspect)
        self.tasks.append(asyncio.create_task(runner.watch(20)))
        return runner

    def suspect(self, conversation: str, run: str) -> None:
        raise AssertionError("This worker performs suspects itself.")

    async def enqueue(self, conversation: str, run: str) -> bool:
        self.tasks.append(asyncio.create_task(self.pool.perform(conversation, run)))
        return True

    def serve(self, name: str = "one", messenger: Messenger | None = None) -> asyncio.Task[Any]:
        """Start a service, as each worker process has one."""
        service = MessengerService(
            messenger or self.messenger,
            self.sessions,
            self.enqueue,
            worker=name,
            clock=lambda: now_ms() + self.ahead_ms,
            idle_poll_s=0.1,
        )
        self.services.append(service)
        task = asyncio.create_task(service.run())
        self.tasks.append(task)
        return task

    async def die(self, service: asyncio.Task[Any], lease_ms: int = 500) -> None:
        """A service is gone as if its process had been killed: its leases stand until they run out."""
        held = [lane async for lane in self.messenger.tables.lanes.filter(claimed_until__gt=now_ms())]
        service.cancel()
        await asyncio.gather(service, return_exceptions=True)
        self.services.clear()
        rows = self.messenger.tables.lanes.filter(pk__in=[lane.pk for lane in held])
        await rows.aupdate(claimed_by="the dead", claimed_until=now_ms() + lease_ms)

    # ---- what each messenger does in its own way ----

    async def speak(self, text: str = "", chat: str = "oc_a", **more: Any) -> str:
        """A person writes; the message's id. `sender`; `group`, `to_bot`; `at_ms`; `file`: (name, bytes)."""
        raise NotImplementedError

    async def press(self, label: str, chat: str = "oc_a", sender: str = "ou_alice") -> Any:
        """A person presses the newest button with this label."""
        raise NotImplementedError

    def replies(self, chat: str = "oc_a") -> list[tuple[str, str]]:
        """The messages of a chat that are no cards: (text, what they reply to)."""
        raise NotImplementedError

    def cards(self, chat: str = "oc_a") -> list[Seen]:
        """The cards of a chat, oldest first."""
        raise NotImplementedError

    def fail(self, what: str, how: str, times: int = 1, done: bool = False) -> None:
        """The next requests of a kind (send, make, stream, settle) fail: away, limited, refused, closed."""
        raise NotImplementedError

    def pass_time(self, seconds: float) -> None:
        """Time passes for the messenger and for us."""
        self.ahead_ms += int(seconds * 1000)

    @property
    def gone(self) -> set[str]:
        """Chats and messages that are not there any more."""
        raise NotImplementedError

    # ---- the same for all ----

    async def until(self, condition: Callable[[], Any], what: str, seconds: float = 20) -> Any:
        try:
            return await eventually(condition, seconds, what)
        except AssertionError as failure:
            rows = await sync_to_async(self.told)()
            raise AssertionError(f"{failure}\n{rows}") from None

    def told(self) -> str:
        tables = self.messenger.tables
        rows: list[Any] = [
            list(tables.messages.values_list("message_id", "state", "reason", "run", "answered_at")),
            list(tables.deliveries.values_list("id", "state", "attempts", "error", "content")),
            list(tables.lanes.values()),
            list(tables.turns.values()),
            *self.cards(),
        ]
        return "\n".join(map(str, rows))

    async def answered(self, text: str, chat: str = "oc_a", times: int = 1) -> None:
        """Wait until this text stands in the chat, so many times."""

        def there() -> bool:
            return sum(text in answer for answer, _ in self.replies(chat)) >= times

        await self.until(there, f"{text!r} in {chat}")

    async def quiet(self) -> None:
        """Wait until no lane is kept: everything is delivered."""
        await self.until(lambda: not any(one._keepers for one in self.services), "the lanes to be given back")

    async def events(self, lane: Lane) -> list[e.Event]:
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


class PagerHouse(House):
    """People with pagers."""

    def __init__(self, sessions: Sessions, app: PagerApp, model: Any) -> None:
        self.tower = Tower()
        super().__init__(sessions, Pager(self.tower), model)
        self.app = app
        self._number = 0

    async def speak(self, text: str = "", chat: str = "oc_a", **more: Any) -> str:
        event: dict[str, Any] = {"text": text}
        if "file" in more:
            name, data = more["file"]
            event["files"] = [name]
            if data is not None:
                self.tower.files[name] = data
        if more.get("group"):
            event |= {"group": True, "to_bot": more.get("to_bot", True)}
        return await self._arrive(f"p{self._next()}", chat, event, **more)

    async def press(self, label: str, chat: str = "oc_a", sender: str = "ou_alice") -> Any:
        buttons = [button for card in self._shown(chat) for button in card.buttons if button.label == label]
        assert buttons, f"No button {label!r} in {chat}."
        await self._arrive(f"{PRESS}{self._next()}", chat, {"value": dict(buttons[-1].value)}, sender=sender)

    def replies(self, chat: str = "oc_a") -> list[tuple[str, str]]:
        return [
            (page.text, page.reply_to) for page in self.tower.pages if page.chat == chat and not page.card
        ]

    def cards(self, chat: str = "oc_a") -> list[Seen]:
        return [
            Seen(card.text, [button.label for button in card.buttons], card.streaming)
            for card in self._shown(chat)
        ]

    def fail(self, what: str, how: str, times: int = 1, done: bool = False) -> None:
        self.tower.fail(what, ERRORS[how](), times, done)

    def pass_time(self, seconds: float) -> None:
        super().pass_time(seconds)
        self.tower.ahead += seconds

    @property
    def gone(self) -> set[str]:
        return self.tower.gone

    def _shown(self, chat: str) -> list[Shown]:
        return [self.tower.cards[one.card] for one in self.tower.pages if one.chat == chat and one.card]

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _arrive(self, id: str, chat: str, event: dict[str, Any], **more: Any) -> str:
        now = now_ms()
        await PagerMessage.objects.acreate(
            app=self.app,
            message_id=id,
            chat_id=chat,
            thread_id=more.get("thread", ""),
            sender=more.get("sender", "ou_alice"),
            event=event,
            sent_at=more.get("at_ms", now),
            received_at=now,
        )
        return id


async def make_pager_app(**fields: Any) -> PagerApp:
    """A bot, owned by a service user."""
    owner, _ = await get_user_model().objects.aget_or_create(username="pager-bot")
    return await PagerApp.objects.acreate(owner=owner, **{"trusts_strangers": True, **fields})


async def prepare() -> None:
    await sync_to_async(ensure_default_agent)()
