"""The way out: events posted to the callback address, signed, and its answers as the messenger's errors."""

import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx

from chat.messenger.adapter import Button, Card, CardText, Target
from chat.messenger.errors import Away, Limited, MessageRefused
from chat.messenger.pacing import Pace, Rates, Shared
from holdfast_example.webhook.signature import headers

#: Seconds for one request, and the longest pause that a callback may ask for.
TIMEOUT_S, MAX_PAUSE_S = 10.0, 300.0
#: Four messages to a chat in a second, fifty requests to a callback in a second.
RATES = Rates(slot_s=0.25, windows=((1.0, 50),))
#: Client errors that may pass by themselves; all others never will.
PASSING = (408, 425)


class WebhookClient:
    """The callback of one webhook. Belongs to one event loop."""

    def __init__(self, callback: str, secret: str) -> None:
        self._callback = callback
        self._secret = secret
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False)
        #: Cards that were made and not sent yet: the callback hears of them when they are seen.
        self._made: dict[str, dict[str, Any]] = {}
        self.pace = Pace(Shared(f"chat_webhook:{callback}"), RATES)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def bot_id(self) -> str:
        """All messages are for us, so nobody asks."""
        return ""

    async def send(self, to: Target, kind: str, content: str, uuid: str) -> str:
        """Post an answer under its uuid, which tells the callback what it knows already."""
        data = {"chat": to.chat, "reply_to": to.reply_to, "text": content}
        await self._post("message.created", uuid, data)
        return uuid

    async def file(self, message: str, key: str, kind: str, max_bytes: int) -> bytes:
        """Messages carry no files."""
        raise MessageRefused("Messages of this webhook carry no files.")

    async def make_card(self, card: Card) -> str:
        """A card's id; nobody sees it yet."""
        id = str(uuid4())
        self._made[id] = _shown(card)
        return id

    async def send_card(self, to: Target, card: str, uuid: str) -> str:
        """Show it. One that another worker had made is empty until it changes."""
        shown = self._made.get(card, {"parts": [], "streaming": True})
        await self._post(
            "card.created", uuid, {"chat": to.chat, "reply_to": to.reply_to, "card": card, **shown}
        )
        self._made.pop(card, None)
        return uuid

    async def stream(self, card: str, text: str, shown: str, sequence: int) -> None:
        """Another text on a card at work. A later `sequence` is newer; so is a card that does not stream any more."""
        parts = [{"id": text, "text": shown}]
        await self._post("card.updated", f"{card}.{sequence}", _change(card, sequence, parts, streaming=True))

    async def settle(self, card: str, shown: Card, sequence: int) -> None:
        """A card at rest: these are all of its parts."""
        self._made.pop(card, None)
        parts = _shown(shown)["parts"]
        await self._post(
            "card.updated", f"{card}.{sequence}", _change(card, sequence, parts, streaming=False)
        )

    async def _post(self, kind: str, id: str, data: Mapping[str, Any]) -> None:
        now_s = int(time.time())
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))
        body = json.dumps({"type": kind, "timestamp": stamp, "data": data}, ensure_ascii=False).encode()
        try:
            signed = headers(self._secret, id, now_s, body)
        except ValueError:
            raise MessageRefused(
                "The webhook's secret cannot be read; enter it again in the admin."
            ) from None
        try:
            answer = await self._http.post(
                self._callback, content=body, headers={"content-type": "application/json", **signed}
            )
        except httpx.HTTPError as problem:
            raise Away(f"The callback cannot be reached ({type(problem).__name__}).") from None
        status = answer.status_code
        told = f"The callback answered {status}."
        if answer.is_success:
            return
        if status == 429:
            raise Limited(told, status, _pause(answer.headers.get("retry-after", "")))
        if status in PASSING or status >= 500:
            raise Away(told, status)
        raise MessageRefused(told, status)


def _shown(card: Card) -> dict[str, Any]:
    return {"summary": card.summary, "streaming": card.streaming, "parts": [_part(one) for one in card.parts]}


def _part(one: CardText | Button) -> dict[str, Any]:
    if isinstance(one, CardText):
        return {"id": one.id, "text": one.markdown}
    return {"button": one.label, "look": one.look, "value": dict(one.value)}


def _change(card: str, sequence: int, parts: list[dict[str, Any]], *, streaming: bool) -> dict[str, Any]:
    return {"card": card, "sequence": sequence, "parts": parts, "streaming": streaming}


def _pause(text: str) -> float:
    return min(MAX_PAUSE_S, float(text)) if text.isascii() and text.isdigit() and text != "0" else 1.0
