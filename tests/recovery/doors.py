"""The doors of Holdfast, as somebody on their far side uses them: one small driver each.

    house = House(bot, model)                       # real processes, a strict model, a fake Feishu
    async with DOORS["web"](house) as door:
        conversation = await door.say("[look 50 50, put 50 50] say 7")
        assert await door.answer() == words(7)

To add a door: write a class with `say` and `answer`, and put it into DOORS. To add a way to
stop: a class with `stop`, and put it into STOPS; a class may be both. What is said is a plan of
tests/recovery/chaos/model.py.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Protocol, Self

import httpx
import openai
from httpx_sse import aconnect_sse

from tests.recovery.chaos.model import Model
from tests.support.api_tokens import make_token
from tests.support.feishu_bot import Bot
from tests.support.tab import Tab, log_in
from tests.support.waiting import eventually

#: Seconds for an answer, with a worker killed on a machine that is busy.
TIMEOUT_S = 60


def words(count: int) -> str:
    """What the model says to `say count`."""
    return " ".join(f"word{number}" for number in range(count))


class House:
    """Everything that stands behind the doors. `conversation` ids are in the dashed form."""

    def __init__(self, bot: Bot, model: Model) -> None:
        self.bot, self.stack, self.feishu, self.model = bot, bot.stack, bot.feishu, model

    def key(self, conversation: str) -> str:
        """A conversation's id as this database writes it."""
        return conversation.replace("-", "") if self.stack.database.startswith("sqlite") else conversation

    def rows(self, query: str, conversation: str) -> list[Any]:
        """Rows of a query with one placeholder, the conversation."""
        return self.stack.sql(query, self.key(conversation))

    async def until(self, condition: Callable[[], Any], what: str, seconds: float = TIMEOUT_S) -> Any:
        """Wait; a failure tells what the processes wrote."""
        try:
            return await eventually(condition, seconds, what)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.stack.outputs()}") from None

    async def run(self, conversation: str, *status: str) -> None:
        """Wait until the newest run of a conversation is in one of these states."""
        query = "SELECT status FROM chat_run WHERE conversation_id = ? ORDER BY seq DESC LIMIT 1"
        await self.until(
            lambda: [row for (row,) in self.rows(query, conversation)] in [[one] for one in status],
            f"a run that is {status}",
        )

    async def calls(self, conversation: str, count: int) -> None:
        """Wait until so many calls run at the same time."""
        query = "SELECT call FROM chat_call WHERE conversation_id = ? AND status = 'running'"
        await self.until(lambda: len(self.rows(query, conversation)) == count, f"{count} running calls")


class Door(Protocol):
    """One way in. An async context manager; every instance is a person, a chat or a rule of its own."""

    def __init__(self, house: House) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def say(self, text: str, conversation: str = "") -> str:
        """Have the agent asked this, in a conversation of Alice's or in a new one; the conversation's id."""
        ...

    async def answer(self) -> str:
        """The answer to what was said last, as this door shows it, once it is complete."""
        ...


class Stop(Protocol):
    """One way to stop what runs in a conversation, whoever began it. An async context manager, too."""

    def __init__(self, house: House) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def stop(self, conversation: str) -> None:
        """Ask for it; returns when that is acknowledged."""
        ...


class Web:
    """The web chat: Alice's tab, which is told of everything."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._stack = AsyncExitStack()
        self._since = 0

    async def __aenter__(self) -> Self:
        cookies = await log_in(self._house.stack, "alice")
        self._tab = await self._stack.enter_async_context(Tab(self._house.stack, cookies))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def say(self, text: str, conversation: str = "") -> str:
        conversation = conversation or await self._tab.create()
        await self.watch(conversation)
        result = await self._tab.message(conversation, text)
        assert result["status"] == "applied", result
        return conversation

    async def answer(self) -> str:
        await self._house.until(lambda: self.told("run.finished"), "the run to finish in the web chat")
        return str(self.told("step.finished")[-1]["text"])

    async def stop(self, conversation: str) -> None:
        result = await self._tab.command(conversation, kind="stop")
        assert result["status"] == "applied", result

    async def watch(self, conversation: str) -> None:
        """Open a conversation; from now on this tab is told of it."""
        await self._tab.open(conversation)
        self._since = len(self._tab.frames)

    def told(self, type: str) -> list[dict[str, Any]]:
        """The events of a type that this tab was told since it opened or said something."""
        events = [frame["event"] for frame in self._tab.frames[self._since :] if frame["type"] == "event"]
        return [event for event in events if event["type"] == type]


class Feishu:
    """A private chat with the bot, whose conversations are Alice's. Every event is delivered twice."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.chat = f"oc_{uuid.uuid4().hex[:12]}"
        self._had = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def say(self, text: str, conversation: str = "") -> str:
        self._had = len(self._house.bot.answers(self.chat))
        message = await asyncio.to_thread(self._house.bot.say, text, self.chat, times=2)
        found = await self._house.until(
            lambda: self._house.bot.conversation(self.chat), "the chat's conversation", 20
        )
        assert conversation in ("", found), "This chat is another conversation."
        taken = "SELECT 1 FROM chat_feishumessage WHERE message_id = ? AND state != 'received'"
        await self._house.until(lambda: self._house.stack.sql(taken, message), "the message to be taken", 20)
        return found

    async def answer(self) -> str:
        return str((await self._house.until(self._new, "an answer in Feishu"))[-1])

    async def stop(self, conversation: str) -> None:
        await asyncio.to_thread(self._house.bot.say, "/stop", self.chat_of(conversation))

    def chat_of(self, conversation: str) -> str:
        """The chat that a conversation is."""
        query = "SELECT chat_id FROM chat_feishulane WHERE conversation = ?"
        return str(self._house.rows(query, conversation)[0][0])

    def _new(self) -> list[str]:
        return self._house.bot.answers(self.chat)[self._had :]


class FeishuButton(Feishu):
    """Stopping by the button on the run's card."""

    async def stop(self, conversation: str) -> None:
        chat = self.chat_of(conversation)
        query = "SELECT run FROM chat_run WHERE conversation_id = ? ORDER BY seq DESC LIMIT 1"
        run = self._house.rows(query, conversation)[0][0]
        await self._house.until(lambda: self._has_button(chat, run), "the run's card with its button", 20)
        posted = await asyncio.to_thread(self._house.bot.press, "Stop", chat)
        assert posted.status == 200, posted

    def _has_button(self, chat: str, run: str) -> bool:
        """Whether the newest button is of this run, and not of the run before, whose card is about to rest."""
        cards = [card.text() for card in self._house.feishu.cards_of(chat) if '"act": "stop"' in card.text()]
        return bool(cards) and run in cards[-1]


class Operator:
    """Stopping by staff in the admin, with the page's form."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __aenter__(self) -> Self:
        cookies = await log_in(self._house.stack, "charlie")
        self._client = httpx.AsyncClient(base_url=self._house.stack.address, cookies=cookies)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def stop(self, conversation: str) -> None:
        query = "SELECT id FROM chat_run WHERE conversation_id = ? ORDER BY seq DESC LIMIT 1"
        page = f"/admin/chat/run/{self._house.rows(query, conversation)[0][0]}/stop/"
        form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', (await self._client.get(page)).text))
        posted = await self._client.post(page, data=form)
        assert posted.status_code == 302, posted.text


class Rule:
    """What schedules and triggers have in common: Alice makes one for each thing that is to be said. Its history leads
    to the conversation and the run, whose answer is read there."""

    #: The API's address, and the name of the list in its history.
    api = ""

    def __init__(self, house: House) -> None:
        self._house = house
        self._conversation = self._run = ""

    async def __aenter__(self) -> Self:
        cookies = await log_in(self._house.stack, "alice")
        headers = {"X-CSRFToken": cookies["csrftoken"]}
        self._client = httpx.AsyncClient(
            base_url=self._house.stack.address, cookies=cookies, headers=headers, timeout=20
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def say(self, text: str, conversation: str = "") -> str:
        made = await self._client.post(self.api, json=self.rule(text, conversation))
        assert made.status_code == 201, made.text
        await self.set_off(made.json(), text)
        fired = await self._house.until(lambda: self._fired(made.json()["id"]), f"a run by {self.api}")
        self._conversation, self._run = fired["conversation"], fired["run"]
        assert conversation in ("", self._conversation)
        return self._conversation

    def rule(self, text: str, conversation: str) -> dict[str, Any]:
        """The schedule or trigger that says this."""
        raise NotImplementedError

    async def set_off(self, rule: dict[str, Any], text: str) -> None:
        """Have happen what it waits for."""

    async def answer(self) -> str:
        query = "SELECT status FROM chat_run WHERE conversation_id = ? AND run = ?"
        key = self._house.key(self._conversation)
        await self._house.until(
            lambda: self._house.stack.sql(query, key, self._run) == [("finished",)], "the run to finish"
        )
        page = await self._client.get(f"/api/conversations/{self._conversation}/items")
        items = [item for item in page.json()["items"] if item.get("run") == self._run]
        return str(items[-1]["text"])

    async def _fired(self, rule: str) -> dict[str, Any] | None:
        page = await self._client.get(f"{self.api}/{rule}/history")
        if page.status_code == 429:
            await asyncio.sleep(int(page.headers["Retry-After"]))
            return None
        return next((one for one in page.json()["firings"] if one["conversation"] and one["run"]), None)


class Schedule(Rule):
    """A schedule that is due once, in a second."""

    api = "/api/schedules"

    def rule(self, text: str, conversation: str) -> dict[str, Any]:
        due = time.time_ns() // 1_000_000 + 1_000
        place = {"place": "same", "conversation": conversation} if conversation else {"place": "new"}
        return {"name": "Door", "prompt": text, "kind": "once", "at": due, **place}


class Trigger(Rule):
    """A webhook; its delivery is sent twice."""

    api = "/api/triggers"

    def rule(self, text: str, conversation: str) -> dict[str, Any]:
        return {
            "name": "Door",
            "kind": "webhook",
            "prompt": "{{ payload.plan }}",
            "conversation": conversation or None,
        }

    async def set_off(self, rule: dict[str, Any], text: str) -> None:
        async with httpx.AsyncClient(timeout=20) as stranger:
            sent = [
                await stranger.post(rule["address"], json={"plan": text}, headers={"X-Delivery-Id": "1"})
                for _ in range(2)
            ]
        assert len({answer.json()["firing"] for answer in sent}) == 1, [answer.text for answer in sent]


class Api:
    """A program of Alice's with a token. It says everything twice under one key, and follows by server-sent events,
    coming back from the last one that it has seen whenever the link ends."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._place = self._run = self._cursor = ""

    async def __aenter__(self) -> Self:
        token = await make_token(self._house.stack, "alice")
        self._client = httpx.AsyncClient(
            base_url=f"{self._house.stack.address}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=20,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def say(self, text: str, conversation: str = "") -> str:
        path = f"/conversations/{conversation}/messages" if conversation else "/conversations"
        key = {"Idempotency-Key": str(uuid.uuid4())}
        answers = [await self._client.post(path, json={"text": text}, headers=key) for _ in range(2)]
        assert [one.status_code for one in answers] == [201, 201], [one.text for one in answers]
        first, again = (one.json() for one in answers)
        assert first["message"] == again["message"] and first["run"] == again["run"]
        self._place = conversation or first["conversation"]
        self._run, self._cursor = first["run"], first["cursor"]
        return self._place

    async def answer(self) -> str:
        text = ""
        path = f"/conversations/{self._place}/events"
        while True:
            here = {"Last-Event-ID": self._cursor}
            try:
                async with aconnect_sse(self._client, "GET", path, headers=here, timeout=TIMEOUT_S) as source:
                    async for told in source.aiter_sse():
                        self._cursor = told.id or self._cursor
                        event = told.json().get("event") or {} if told.event == "event" else {}
                        if event.get("run") == self._run and event.get("type") == "step.finished":
                            text = str(event["text"])
                        if event.get("run") == self._run and event.get("type") == "run.finished":
                            return text
            except httpx.TransportError:
                await asyncio.sleep(0.2)

    async def stop(self, conversation: str) -> None:
        stopped = await self._client.post(f"/conversations/{conversation}/stop", json={})
        assert stopped.status_code == 200, stopped.text


class OpenAI:
    """OpenAI's own Python SDK, streaming. What is cut off is asked again under the same key."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._asked: dict[str, Any] = {}
        self._stream: Any = None

    async def __aenter__(self) -> Self:
        token = await make_token(self._house.stack, "alice", "read", "write")
        self._client = openai.AsyncOpenAI(
            base_url=f"{self._house.stack.address}/v1", api_key=token, max_retries=0, timeout=TIMEOUT_S
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leave()
        await self._client.close()

    async def say(self, text: str, conversation: str = "") -> str:
        await self._leave()
        place = {"Holdfast-Conversation": conversation} if conversation else {}
        self._asked = {
            "model": "assistant",
            "messages": [{"role": "user", "content": text}],
            "stream": True,
            "extra_headers": {"Idempotency-Key": str(uuid.uuid4()), **place},
        }
        return await self._begin()

    async def answer(self) -> str:
        while True:
            try:
                pieces = [
                    chunk.choices[0].delta.content or "" async for chunk in self._stream if chunk.choices
                ]
                # What the agent said before its tools ran comes first, and is not what this is about.
                return "".join(pieces).rpartition("\n\n")[2]
            except (httpx.TransportError, openai.APIConnectionError):
                await asyncio.sleep(0.2)
            except openai.APIError as problem:
                if problem.code != "stream_restarted":
                    raise
            await self._leave()
            await self._begin()

    async def _begin(self) -> str:
        raw = await self._client.chat.completions.with_raw_response.create(**self._asked)
        self._stream = raw.parse()
        return str(raw.headers["holdfast-conversation"])

    async def _leave(self) -> None:
        if self._stream is not None:
            await self._stream.close()
            self._stream = None


DOORS: dict[str, type[Door]] = {
    "web": Web,
    "feishu": Feishu,
    "schedule": Schedule,
    "trigger": Trigger,
    "api": Api,
    "openai": OpenAI,
}
STOPS: dict[str, type[Stop]] = {
    "web": Web,
    "feishu": Feishu,
    "feishu-button": FeishuButton,
    "operator": Operator,
    "api": Api,
}
