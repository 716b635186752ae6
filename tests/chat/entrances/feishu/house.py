"""A whole Feishu entrance in one process: the fake server, the webhook, a service, and a scripted model."""

from __future__ import annotations

import json
from typing import Any

from django.test import AsyncClient

from chat.entrances.feishu.adapter import FEISHU
from chat.entrances.feishu.models import FeishuApp
from chat.session.sessions import Sessions
from tests.chat.messenger.house import House as AnyHouse
from tests.chat.messenger.house import Seen, prepare
from tests.support.feishu_events import action_event, message_event, signed
from tests.support.feishu_server import FeishuServer, words

__all__ = ["House", "prepare"]

BOT = {"key": "@_user_1", "id": {"open_id": "ou_bot"}, "name": "Bot"}
#: What the suite of all messengers calls a request, as a route of Feishu's.
ROUTES = {
    "send": "POST /open-apis/im/v1/messages",
    "make": "POST /open-apis/cardkit/v1/cards",
    "stream": "PUT .*/content",
    "settle": "PATCH .*/settings",
}
#: And how it fails, as a code and a status.
FAILURES: dict[str, dict[str, Any]] = {
    "away": {"code": 0, "status": 502},
    "limited": {"code": 99991400, "reset": 0.5},
    "refused": {"code": 200860},
    "closed": {"code": 300309},
}


class House(AnyHouse):
    """`say` is what a person writes in Feishu; `model` answers."""

    def __init__(self, sessions: Sessions, feishu: FeishuServer, app: FeishuApp, model: Any) -> None:
        super().__init__(sessions, FEISHU, model)
        self.feishu, self.app = feishu, app
        self.client = AsyncClient()

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

    async def press(self, label: str, chat: str = "oc_a", sender: str = "ou_alice") -> dict[str, Any]:
        """A person presses a button on the newest card that has it."""
        value = self.feishu.button(chat, label)
        return (await self.post(action_event(value, chat=chat, operator=sender))).json()

    # ---- the words of the suite for all messengers ----

    async def speak(self, text: str = "", chat: str = "oc_a", **more: Any) -> str:
        if more.pop("group", False):
            more["chat_type"] = "group"
            if more.pop("to_bot", True):
                more["mentions"] = [BOT]
                text = f"@_user_1 {text}"
        if "file" in more:
            name, data = more.pop("file")
            if data is not None:
                self.feishu.files[name] = data
            more |= {"kind": "file", "content": {"file_key": name, "file_name": name}}
        return await self.say(text, chat, **more)

    def replies(self, chat: str = "oc_a") -> list[tuple[str, str]]:
        found = [one for one in self.feishu.shown(chat) if "card_id" not in str(one.content)]
        return [(words(one.content), one.reply_to) for one in found]

    def cards(self, chat: str = "oc_a") -> list[Seen]:
        return [
            Seen(
                card.text(),
                [
                    element["text"]["content"]
                    for element in json.loads(card.text())["body"]["elements"]
                    if element["tag"] == "button"
                ],
                card.streaming,
            )
            for card in self.feishu.cards_of(chat)
        ]

    def fail(self, what: str, how: str, times: int = 1, done: bool = False) -> None:
        self.feishu.fail(ROUTES[what], times=times, done=done, **FAILURES[how])

    def pass_time(self, seconds: float) -> None:
        self.advance(seconds)

    @property
    def gone(self) -> set[str]:
        return self.feishu.gone
