"""A thin client of Feishu's API for one app: what Holdfast needs of it, and the codes as errors.

The tenant token lies in the shared cache, sealed, for all processes; one asks for a new one while the others wait, or
go on with the old one, which stays valid. All processes together keep to Feishu's limits (chat/messenger/pacing.py);
where Feishu finds it too much all the same (`Limited`), all requests of this app are held back, everywhere, as long as
it says.
"""

import asyncio
import hashlib
import json
import logging
import time
from typing import Any

import httpx

from chat.entrances.feishu import card_json, documents
from chat.entrances.feishu.content import found
from chat.entrances.feishu.errors import TokenInvalid, error_of
from chat.entrances.feishu.models import FeishuApp
from chat.entrances.feishu.sealed import seal, unseal
from chat.messenger.adapter import Card, Found, Target
from chat.messenger.database import ask
from chat.messenger.errors import Away, Limited, MessageRefused, MessengerError, Unclear
from chat.messenger.pacing import Pace, Rates, Shared
from chat.support.clock import now_ms

log = logging.getLogger(__name__)

#: At most four messages to a chat in any second (Feishu: five, for all bots of a group together); at most 45 requests
#: of an app to one API in any second and 980 in any minute (Feishu: 50 and 1000): any minute touches seven windows of
#: ten seconds. Those that come together go together, as many as that, but not so many that the next ones find nothing.
RATES = Rates(slot_s=1 / 3, spans=((0.25, 20), (1.1, 45)), windows=((10.0, 140),))
#: Seconds for which a new card waits for its turn: somebody has seen nothing yet, and nobody stands behind it.
NEW_CARD_S = 1.2
#: Seconds for one request.
TIMEOUT_S = 10.0
#: A token with less than this left is exchanged (seconds); Feishu gives a new one below 30 minutes.
FRESH_S = 25 * 60
#: Seconds that one process gets to fetch a token before another tries.
FLIGHT_S = 10
#: Tries of a file.
FILE_TRIES = 3
#: Where a limit comes without its time, and at most (seconds).
PAUSE_S, MAX_PAUSE_S = 1.0, 60.0

Json = dict[str, Any]


class FeishuClient:
    """The API for one app. Close it with `aclose`; belongs to one event loop."""

    def __init__(self, app: FeishuApp) -> None:
        self._app = app
        self.app_id = app.app_id
        self._secret = app.usable_secret
        self._http = httpx.AsyncClient(
            base_url=app.base_url.rstrip("/"), timeout=TIMEOUT_S, trust_env=False, follow_redirects=False
        )
        # Another secret or another address is another token.
        mark = hashlib.sha256(f"{app.app_id}\0{app.base_url}\0{app.secret}".encode()).hexdigest()[:16]
        self._shared = Shared(f"feishu:{mark}")
        self.pace = Pace(self._shared, RATES)
        #: The token as this process knows it, and when it runs out (seconds since the epoch).
        self._fresh = ("", 0.0)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    # ---- messages ----

    async def send(self, to: Target, kind: str, content: str, uuid: str) -> str:
        """Send a message; its message id. The same uuid within an hour is the same message."""
        if to.reply_to:
            return await self._reply(to.reply_to, kind, content, uuid, thread=to.thread)
        return await self._send(to.chat, kind, content, uuid)

    async def _send(self, chat: str, kind: str, content: str, uuid: str) -> str:
        body = {"receive_id": chat, "msg_type": kind, "content": content, "uuid": uuid}
        found = await self._ask("POST", "/open-apis/im/v1/messages?receive_id_type=chat_id", body)
        return str(found.get("message_id", ""))

    async def _reply(self, message: str, kind: str, content: str, uuid: str, *, thread: bool) -> str:
        body = {"msg_type": kind, "content": content, "uuid": uuid, "reply_in_thread": thread}
        found = await self._ask("POST", f"/open-apis/im/v1/messages/{message}/reply", body)
        return str(found.get("message_id", ""))

    async def file(self, message: str, key: str, kind: str, max_bytes: int) -> bytes:
        """The bytes of an image or file in a message (`kind`: image or file), or the text of a document of one of
        `documents.KINDS`; ValueError if there are more. What nobody can say more of after a few tries is refused."""
        problem: Unclear | None = None
        for _ in range(FILE_TRIES):
            limited: Limited | None = None
            try:
                if kind in documents.KINDS:
                    data = await documents.read(self._ask, kind, key)
                    refuse_large(len(data), max_bytes)
                    return data
                return await self._download(message, key, kind, max_bytes)
            except Limited as found:
                limited = found
            except Unclear as unclear:
                problem = unclear
            if limited is not None:
                await self.pace.hold("", limited.after)
                raise limited
            if isinstance(problem, TokenInvalid):  # it may have run out while the file was fetched
                await self._drop_token()
        raise MessageRefused(str(problem), problem.code if problem else 0)

    async def _download(self, message: str, key: str, kind: str, max_bytes: int) -> bytes:
        path = f"/open-apis/im/v1/messages/{message}/resources/{key}"
        headers = {"Authorization": f"Bearer {await self._token()}"}
        read = bytearray()
        try:
            async with self._http.stream("GET", path, params={"type": kind}, headers=headers) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    raise _error(answer)
                async for piece in answer.aiter_bytes():
                    read += piece
                    refuse_large(len(read), max_bytes)
        except httpx.HTTPError as problem:
            raise Away(f"Feishu cannot be reached ({type(problem).__name__}).") from None
        return bytes(read)

    async def message(self, message: str) -> list[Found]:
        """A message, and those that were forwarded within it."""
        items = (await self._ask("GET", f"/open-apis/im/v1/messages/{message}")).get("items")
        return found(items, self.app_id) if isinstance(items, list) else []

    async def bot_id(self) -> str:
        """The bot's own open id, kept with the app once it is known."""
        if not self._app.bot_open_id:
            self._app.bot_open_id = await self._asked_bot_id()
            await ask(self._app.save, update_fields=["bot_open_id"])
        return self._app.bot_open_id

    async def _asked_bot_id(self) -> str:
        answer = await self._answer("GET", "/open-apis/bot/v3/info")
        return str(answer.get("bot", {}).get("open_id", ""))

    # ---- cards ----

    async def make_card(self, card: Card) -> str:
        """Make a card (JSON 2.0); its id. It is seen once it is sent."""
        body = {"type": "card_json", "data": _text_of(card)}
        found = await self._ask("POST", "/open-apis/cardkit/v1/cards", body)
        return str(found.get("card_id", ""))

    async def send_card(self, to: Target, card: str, uuid: str) -> str:
        """Send a card that was made; its message id."""
        content = json.dumps({"type": "card", "data": {"card_id": card}})
        return await self.send(to, "interactive", content, uuid)

    async def stream(self, card: str, text: str, shown: str, sequence: int) -> None:
        """Show the whole of `shown` in an element of a streaming card."""
        path = f"/open-apis/cardkit/v1/cards/{card}/elements/{text}/content"
        await self._ask("PUT", path, {"content": shown, "sequence": sequence})

    async def settle(self, card: str, shown: Card, sequence: int) -> None:
        """End the card's streaming and show this instead. Takes `sequence` and the one after it."""
        settings = json.dumps({"config": {"streaming_mode": False}})
        path = f"/open-apis/cardkit/v1/cards/{card}"
        await self._ask("PATCH", f"{path}/settings", {"settings": settings, "sequence": sequence})
        data = {"type": "card_json", "data": _text_of(shown)}
        await self._ask("PUT", path, {"card": data, "sequence": sequence + 1})

    # ---- one request ----

    async def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        found = (await self._answer(method, path, body)).get("data")
        return found if isinstance(found, dict) else {}

    async def _answer(self, method: str, path: str, body: Json | None = None) -> Json:
        token = await self._token()
        await self._in_turn(method, path)
        limited: Limited | None = None
        try:
            return await self._once(method, path, body, token)
        except TokenInvalid:
            pass
        except Limited as problem:
            limited = problem
        if limited is not None:
            if not limited.chat_only:
                await self.pace.hold("", limited.after)
            raise limited
        await self._drop_token()
        return await self._once(method, path, body, await self._token())

    async def _in_turn(self, method: str, path: str) -> None:
        """Wait for a turn at this API; with a card, which will show something newer then, raise Limited instead:
        answers must not stand behind it. A new card waits a little."""
        api = ":".join((method, *path.split("?")[0].split("/")[2:5]))
        if not path.startswith("/open-apis/cardkit"):
            await self.pace.wait(api)
        elif wait := await self.pace.wait_for(api, NEW_CARD_S if method == "POST" else 0.0):
            raise Limited("Feishu would find this too fast.", 0, wait)

    async def _once(self, method: str, path: str, body: Json | None, token: str | None) -> Json:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = await self._http.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as problem:
            raise Away(f"Feishu cannot be reached ({type(problem).__name__}).") from None
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict) or answer.status_code != 200 or found.get("code", 0) != 0:
            raise _error(answer)
        return found

    # ---- the token ----

    async def _drop_token(self) -> None:
        """Feishu refuses it."""
        self._fresh = ("", 0.0)
        await self._shared.drop("token")

    async def _token(self) -> str:
        """A tenant token. One caller of all processes fetches it; the others wait, or use the old one."""
        token, expires = self._fresh
        if token and expires - now_ms() / 1000 > FRESH_S:
            return token
        until = time.monotonic() + FLIGHT_S
        while True:
            kept = await self._shared.get("token")
            token, expires = (unseal(kept[0]), kept[1]) if kept else ("", 0.0)
            if token and expires - now_ms() / 1000 > FRESH_S:
                self._fresh = (token, expires)
                return token
            if await self._shared.add("flight", 1, FLIGHT_S):
                try:
                    # Between our look and our turn somebody else may have fetched one.
                    if (newer := await self._shared.get("token")) and newer != kept:
                        continue
                    return await self._fetch_token()
                except Away:
                    if token and expires > now_ms() / 1000 + 10:
                        return token
                    raise
                finally:
                    await self._shared.drop("flight")
            if token and expires > now_ms() / 1000 + 10:
                return token
            if time.monotonic() > until:
                raise Away("No token of Feishu in time.")
            await asyncio.sleep(0.05)

    async def _fetch_token(self) -> str:
        if not self._secret:
            # It is not there, cannot be opened, or was entered for another address, which alone may see it.
            raise MessageRefused(
                "The app's secret has to be entered again in the admin, for its address of now."
            )
        body = {"app_id": self.app_id, "app_secret": self._secret}
        path = "/open-apis/auth/v3/tenant_access_token/internal"
        found = await self._once("POST", path, body, None)
        token, lasts = str(found.get("tenant_access_token", "")), int(found.get("expire", 0))
        await self._shared.put("token", (seal(token), now_ms() / 1000 + lasts), max(lasts, 1))
        return token


def refuse_large(size: int, max_bytes: int) -> None:
    """ValueError for a file of more bytes than are taken."""
    if size > max_bytes:
        raise ValueError("The file is too large.")


def _text_of(card: Card) -> str:
    return json.dumps(card_json.card(card), ensure_ascii=False)


def _error(answer: httpx.Response) -> MessengerError:
    try:
        found = answer.json()
        code, text = int(found.get("code", 0)), str(found.get("msg", ""))
    except (ValueError, AttributeError, TypeError):
        code, text = 0, "no JSON"
    try:
        after = float(answer.headers.get("x-ogw-ratelimit-reset") or PAUSE_S)
    except ValueError:
        after = PAUSE_S
    return error_of(answer.status_code, code, text, min(max(after, 0.1), MAX_PAUSE_S))
