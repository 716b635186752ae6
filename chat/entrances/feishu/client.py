"""A thin client of Feishu's API for one app: what Holdfast needs of it, and the codes as errors.

The tenant token lies in the shared cache, sealed, for all processes; one asks for a new one while the others wait, or
go on with the old one, which stays valid. A rate limit (`Limited`) holds all requests of this app back, everywhere,
for the time that Feishu names.
"""

import asyncio
import hashlib
import json
import logging
import time
from typing import Any

import httpx
from asgiref.sync import sync_to_async
from django.core.cache import cache

from chat.entrances.feishu.errors import TOKEN, Away, FeishuError, Limited, error_of
from chat.entrances.feishu.models import FeishuApp
from chat.entrances.feishu.sealed import seal, unseal

log = logging.getLogger(__name__)

#: Seconds for one request.
PATIENCE_S = 10.0
#: A token with less than this left is exchanged (seconds); Feishu gives a new one below 30 minutes.
FRESH_S = 25 * 60
#: Seconds that one process gets to fetch a token before another tries.
FLIGHT_S = 10
#: Where a limit comes without its time, and at most (seconds).
PAUSE_S, MOST_PAUSE_S = 1.0, 60.0
#: Sends to one chat: one per slot of this many seconds, so never more than four in any second.
SLOT_S = 1 / 3

Json = dict[str, Any]


class Shared:
    """Django's cache as the processes share it. When it is away, each process goes on by itself."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"feishu:{prefix}:"
        self._own: dict[str, tuple[Any, float]] = {}

    async def get(self, key: str) -> Any:
        return await self._ask("get", key)

    async def put(self, key: str, value: Any, seconds: int) -> None:
        await self._ask("set", key, value, seconds)

    async def add(self, key: str, value: Any, seconds: int) -> bool:
        """Set it unless it is set; whether it was not."""
        return bool(await self._ask("add", key, value, seconds))

    async def drop(self, key: str) -> None:
        await self._ask("delete", key)

    async def _ask(self, what: str, key: str, value: Any = None, seconds: int = 0) -> Any:
        rest = () if what in ("get", "delete") else (value, seconds)
        try:
            return await sync_to_async(getattr(cache, what), thread_sensitive=False)(
                self._prefix + key, *rest
            )
        except Exception as problem:
            log.debug("The cache does not answer: %r", problem)
            return self._alone(what, key, value, seconds)

    def _alone(self, what: str, key: str, value: Any, seconds: int) -> Any:
        now = time.monotonic()
        self._own = {name: kept for name, kept in self._own.items() if kept[1] > now}
        held = self._own.get(key)
        if what == "get":
            return held[0] if held else None
        if what == "delete":
            return self._own.pop(key, None)
        if what == "add" and held:
            return False
        self._own[key] = (value, now + seconds)
        return True


class FeishuClient:
    """The API for one app. Close it with `aclose`; belongs to one event loop."""

    def __init__(self, app: FeishuApp) -> None:
        self.app_id = app.app_id
        self._secret = app.secret
        self._http = httpx.AsyncClient(
            base_url=app.base_url.rstrip("/"), timeout=PATIENCE_S, trust_env=False, follow_redirects=False
        )
        # Another secret or another address is another token.
        mark = hashlib.sha256(f"{app.app_id}\0{app.base_url}\0{app.secret}".encode()).hexdigest()[:16]
        self._shared = Shared(mark)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    # ---- messages ----

    async def send(self, chat: str, kind: str, content: str, uuid: str) -> str:
        """Send a message to a chat; its message id. The same uuid within an hour is the same message."""
        body = {"receive_id": chat, "msg_type": kind, "content": content, "uuid": uuid}
        found = await self._ask("POST", "/open-apis/im/v1/messages?receive_id_type=chat_id", body)
        return str(found.get("message_id", ""))

    async def reply(self, message: str, kind: str, content: str, uuid: str, *, thread: bool) -> str:
        """Reply to a message; `thread`: within its topic."""
        body = {"msg_type": kind, "content": content, "uuid": uuid, "reply_in_thread": thread}
        found = await self._ask("POST", f"/open-apis/im/v1/messages/{message}/reply", body)
        return str(found.get("message_id", ""))

    async def resource(self, message: str, key: str, kind: str, most: int) -> bytes:
        """The bytes of an image or file in a message (`kind`: image or file); ValueError beyond `most` bytes."""
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
                    if len(read) > most:
                        raise ValueError("The file is too large.")
        except httpx.HTTPError as problem:
            raise Away(f"Feishu cannot be reached ({type(problem).__name__}).") from None
        return bytes(read)

    async def bot_open_id(self) -> str:
        """The bot's own id."""
        answer = await self._answer("GET", "/open-apis/bot/v3/info")
        return str(answer.get("bot", {}).get("open_id", ""))

    # ---- cards ----

    async def create_card(self, card: Json) -> str:
        """Make a card (JSON 2.0); its id. It is seen once it is sent."""
        body = {"type": "card_json", "data": json.dumps(card, ensure_ascii=False)}
        found = await self._ask("POST", "/open-apis/cardkit/v1/cards", body)
        return str(found.get("card_id", ""))

    async def stream(self, card: str, element: str, text: str, sequence: int) -> None:
        """Show the whole `text` in an element of a streaming card."""
        path = f"/open-apis/cardkit/v1/cards/{card}/elements/{element}/content"
        await self._ask("PUT", path, {"content": text, "sequence": sequence})

    async def settle_card(self, card: str, shown: Json, sequence: int) -> None:
        """End the card's streaming and show this instead. Takes `sequence` and the one after it."""
        settings = json.dumps({"config": {"streaming_mode": False}})
        path = f"/open-apis/cardkit/v1/cards/{card}"
        await self._ask("PATCH", f"{path}/settings", {"settings": settings, "sequence": sequence})
        data = {"type": "card_json", "data": json.dumps(shown, ensure_ascii=False)}
        await self._ask("PUT", path, {"card": data, "sequence": sequence + 1})

    # ---- one request ----

    async def slot(self, chat: str) -> float:
        """Take a turn to send to this chat. 0: it is ours now; otherwise ask again after so many seconds."""
        now = time.time()
        number = int(now / SLOT_S)
        if await self._shared.add(f"slot:{chat}:{number}", 1, 3):
            return 0.0
        return (number + 1) * SLOT_S - now + 0.005

    async def hold(self, chat: str, seconds: float) -> None:
        """Nobody sends to this chat for a while: Feishu finds that it gets too much."""
        await self._shared.put(f"hold:{chat}", time.time() + seconds, int(seconds) + 1)

    async def held(self, chat: str) -> float:
        """Seconds until this app may send to the chat again."""
        until = [await self._shared.get(key) or 0.0 for key in (f"hold:{chat}", "hold")]
        return max(0.0, max(until) - time.time())

    async def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        found = (await self._answer(method, path, body)).get("data")
        return found if isinstance(found, dict) else {}

    async def _answer(self, method: str, path: str, body: Json | None = None) -> Json:
        token = await self._token()
        try:
            return await self._once(method, path, body, token)
        except FeishuError as problem:
            if problem.code not in TOKEN:
                if isinstance(problem, Limited) and problem.code != 230020:
                    until = time.time() + problem.after
                    await self._shared.put("hold", until, int(problem.after) + 1)
                raise
        await self._shared.drop("token")
        return await self._once(method, path, body, await self._token())

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

    async def _token(self) -> str:
        """A tenant token. One caller of all processes fetches it; the others wait, or use the old one."""
        until = time.monotonic() + FLIGHT_S
        while True:
            kept = await self._shared.get("token")
            token, expires = (unseal(kept[0]), kept[1]) if kept else ("", 0.0)
            if token and expires - time.time() > FRESH_S:
                return token
            if await self._shared.add("flight", 1, FLIGHT_S):
                try:
                    return await self._fetch_token()
                except Away:
                    if token and expires > time.time() + 10:
                        return token
                    raise
                finally:
                    await self._shared.drop("flight")
            if token and expires > time.time() + 10:
                return token
            if time.monotonic() > until:
                raise Away("No token of Feishu in time.")
            await asyncio.sleep(0.05)

    async def _fetch_token(self) -> str:
        body = {"app_id": self.app_id, "app_secret": self._secret}
        path = "/open-apis/auth/v3/tenant_access_token/internal"
        found = await self._once("POST", path, body, None)
        token, lasts = str(found.get("tenant_access_token", "")), int(found.get("expire", 0))
        await self._shared.put("token", (seal(token), time.time() + lasts), max(lasts, 1))
        return token


def _error(answer: httpx.Response) -> FeishuError:
    try:
        found = answer.json()
        code, text = int(found.get("code", 0)), str(found.get("msg", ""))
    except (ValueError, AttributeError, TypeError):
        code, text = 0, "no JSON"
    try:
        after = float(answer.headers.get("x-ogw-ratelimit-reset") or PAUSE_S)
    except ValueError:
        after = PAUSE_S
    return error_of(answer.status_code, code, text, min(max(after, 0.1), MOST_PAUSE_S))
