"""A Feishu of our own: a real HTTP server with its limits, its codes and its forgetfulness, and a movable clock.

    with FeishuServer() as feishu:          # runs in a thread
        feishu.url                          # base address for a FeishuApp
        feishu.shown("oc_chat")             # what people see there, oldest first
        feishu.advance(600)                 # ten minutes pass: streaming modes close, tokens and uuids run out
        feishu.fail("POST /open-apis/im", 99991400, times=3, reset=1)

It keeps to the documented facts: one message per uuid and hour, 5 messages per second and chat (230020), 50 per second
and 1000 per minute and API (99991400 with the reset header), 20 edits of a text, cards of 30 KB with four tables in an
element (230099), strictly growing sequences (300317), streaming mode for ten minutes (then 300309), 10 operations per
second and card.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from tests.support.feishu_reader import read

Json = dict[str, Any]

STREAM_S = 600
UUID_S = 3600
TOKEN_S = 7200
CARD_BYTES = 30_000
TEXT_BYTES = 150_000
#: Tables in one element.
TABLES = 4


@dataclass
class Sent:
    """One message as the chat has it."""

    id: str
    chat: str
    kind: str
    content: Json
    reply_to: str
    thread: bool
    at: float
    edits: int = 0


@dataclass
class Card:
    """One CardKit card: what it shows now, and every text that was streamed into it."""

    id: str
    shown: Json
    streaming: bool
    opened: float
    sequence: int = 0
    streamed: list[tuple[str, str]] = field(default_factory=list)
    operations: deque[float] = field(default_factory=deque)

    def text(self) -> str:
        """All text on it."""
        return json.dumps(self.shown, ensure_ascii=False)


class Answer(Exception):
    """An answer that is not a success."""

    def __init__(self, code: int, text: str = "", status: int = 400, **headers: str) -> None:
        super().__init__(text)
        self.status, self.headers = status, headers
        self.body = {"code": code, "msg": text}


@dataclass
class _Failure:
    route: str
    code: int
    status: int
    times: int
    reset: float | None
    done: bool  # the work is done, and only then the answer is lost


class FeishuServer:
    """The server; `lock` guards everything below it."""

    def __init__(self, app_id: str = "cli_1", secret: str = "the-app-secret") -> None:
        self.app_id, self.secret = app_id, secret
        self.bot = "ou_bot"
        self.lock = threading.RLock()
        self.messages: list[Sent] = []
        self.cards: dict[str, Card] = {}
        self.requests: list[tuple[float, str]] = []
        self.refused: list[tuple[str, int]] = []
        self.files: dict[str, bytes] = {}
        self.documents: dict[str, Any] = {}
        self.gone: set[str] = set()
        self.tokens: dict[str, float] = {}
        self._uuids: dict[str, tuple[float, Sent]] = {}
        self._per_chat: dict[str, deque[float]] = defaultdict(deque)
        self._per_api: dict[str, deque[float]] = defaultdict(deque)
        self._per_minute: dict[str, deque[float]] = defaultdict(deque)
        self._failures: list[_Failure] = []
        self._ahead = 0.0
        self._theirs: dict[str, str] = {}
        #: What the API tells of a message that people wrote: its items.
        self.items: dict[str, list[Json]] = {}
        self._filter: list[tuple[int, str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def _serve(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                raw = self.rfile.read(length)
                status, headers, body = server._serve(
                    self.command, self.path, self.headers.get("authorization", ""), raw
                )
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = _serve

        class Server(ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

        self._http = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> FeishuServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    # ---- for tests ----

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def now(self) -> float:
        return time.monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        """Time passes."""
        with self.lock:
            self._ahead += seconds

    def fail(
        self,
        route: str,
        code: int,
        *,
        status: int = 400,
        times: int = 1,
        reset: float | None = None,
        done: bool = False,
    ) -> None:
        """Answer the next requests whose `METHOD /path` matches this expression so. `done`: do the work first."""
        with self.lock:
            self._failures.append(_Failure(route, code, status, times, reset, done))

    def refuse(self, code: int, *, kind: str = "", words: str = "") -> None:
        """Refuse messages of this kind (`card`: cards as they are made and changed; empty: all) that have these words
        in them, as Feishu's filters do."""
        with self.lock:
            self._filter.append((code, kind, words))

    def shown(self, chat: str) -> list[Sent]:
        """The messages of a chat, oldest first."""
        with self.lock:
            return [message for message in self.messages if message.chat == chat]

    def answers(self, chat: str) -> list[str]:
        """The texts of the messages of a chat that are no streaming cards."""
        return [
            words(message.content) for message in self.shown(chat) if "card_id" not in str(message.content)
        ]

    def cards_of(self, chat: str) -> list[Card]:
        """The streaming cards of a chat, oldest first."""
        ids = [message.content.get("data", {}).get("card_id") for message in self.shown(chat)]
        with self.lock:
            return [self.cards[id] for id in ids if id]

    def button(self, chat: str, label: str) -> Json:
        """The value that the newest button with this label in a chat sends when it is pressed."""
        for card in reversed(self.cards_of(chat)):
            for element in card.shown["body"]["elements"]:
                if element["tag"] == "button" and element["text"]["content"] == label:
                    value: Json = json.loads(json.dumps(element["behaviors"][0]["value"]))
                    return value
        raise AssertionError(f"No button {label!r} in {chat}.")

    def receive(self, chat: str, message_id: str) -> None:
        """A person's message stands in a chat: it can be replied to."""
        with self.lock:
            self._theirs[message_id] = chat

    # ---- the routes ----

    def _serve(self, method: str, path: str, authorization: str, raw: bytes) -> tuple[int, Json, bytes]:
        route = f"{method} {path.split('?')[0]}"
        with self.lock:
            self.requests.append((self.now(), route))
            try:
                failure = next((f for f in self._failures if f.times and re.search(f.route, route)), None)
                if failure is not None:
                    failure.times -= 1
                    if failure.done:
                        self._route(method, path, authorization, json.loads(raw or b"{}"))
                    reset = {} if failure.reset is None else {"x-ogw-ratelimit-reset": str(failure.reset)}
                    raise Answer(failure.code, "as told", failure.status, **reset)
                found = self._route(method, path, authorization, json.loads(raw or b"{}"))
            except Answer as refusal:
                self.refused.append((route, refusal.body["code"]))
                return refusal.status, refusal.headers, json.dumps(refusal.body).encode()
        if isinstance(found, bytes):
            return 200, {}, found
        return (
            200,
            {"content-type": "application/json"},
            json.dumps({"code": 0, "msg": "ok", **found}).encode(),
        )

    def _route(self, method: str, path: str, authorization: str, body: Json) -> Json | bytes:
        parts = path.split("?")[0].strip("/").split("/")
        if parts[1:3] == ["auth", "v3"]:
            if (body.get("app_id"), body.get("app_secret")) != (self.app_id, self.secret):
                raise Answer(10014, "app secret invalid")
            token = f"t-{uuid.uuid4().hex}"
            self.tokens[token] = self.now() + TOKEN_S
            return {"tenant_access_token": token, "expire": TOKEN_S}
        if self.tokens.get(authorization.removeprefix("Bearer "), 0) <= self.now():
            raise Answer(99991663, "token invalid")
        api = f"{method} {'/'.join(parts[1:4])}"
        self._limit(self._per_api[api], 50, 99991400)
        self._limit(self._per_minute[api], 1000, 99991400, seconds=60)
        match method, parts[1:]:
            case "GET", ["bot", "v3", "info"]:
                return {"bot": {"open_id": self.bot, "app_name": "Bot"}}
            case "POST", ["im", "v1", "messages"]:
                return self._send(body["receive_id"], "", False, body)
            case "POST", ["im", "v1", "messages", message, "reply"]:
                return self._send(self._chat_of(message), message, bool(body.get("reply_in_thread")), body)
            case "PUT", ["im", "v1", "messages", message]:
                return self._edit(message, body)
            case "GET", ["im", "v1", "messages", _, "resources", key]:
                if key not in self.files:
                    raise Answer(234003, "file not in message")
                return self.files[key]
            case "GET", ["im", "v1", "messages", message]:
                if message in self.gone or message not in self.items:
                    raise Answer(230110, "the message has been deleted")
                return {"data": {"items": self.items[message]}}
            case "GET", ["docx", "v1", "documents", token, "raw_content"]:
                return {"data": {"content": self._document(token, 1770032)}}
            case "GET", ["wiki", "v2", "spaces", "get_node"]:
                token = path.split("token=")[1]
                return {"data": {"node": self._document(f"wiki {token}", 131006)}}
            case "GET", ["sheets", "v3", "spreadsheets", token, "sheets", "query"]:
                sheets = [
                    {
                        "sheet_id": id,
                        "title": title,
                        "index": n,
                        "hidden": title.startswith("hidden"),
                        "resource_type": "sheet",
                        "grid_properties": {"row_count": 200, "column_count": 20},
                    }
                    for n, (id, title, _) in enumerate(self._document(token, 1310213))
                ]
                return {"data": {"sheets": sheets}}
            case "GET", ["sheets", "v2", "spreadsheets", token, "values", place]:
                rows = {id: rows for id, _, rows in self._document(token, 1310213)}
                named = unquote(place)
                values = rows[named.split("!")[0]]
                return {"data": {"spreadsheetToken": token, "valueRange": {"range": named, "values": values}}}
            case "POST", ["cardkit", "v1", "cards"]:
                return self._create(json.loads(body["data"]))
            case "PUT", ["cardkit", "v1", "cards", card, "elements", element, "content"]:
                return self._stream(self._card(card, body), element, body["content"])
            case "PATCH", ["cardkit", "v1", "cards", card, "settings"]:
                found = self._card(card, body)
                wanted = json.loads(body["settings"])["config"]
                self._set_streaming(found, wanted.get("streaming_mode", found.streaming))
                return {}
            case "PUT", ["cardkit", "v1", "cards", card]:
                found = self._card(card, body)
                found.shown = self._sized(json.loads(body["card"]["data"]))
                self._set_streaming(found, bool(found.shown.get("config", {}).get("streaming_mode")))
                return {}
        raise Answer(99991672, "no such route", 404)

    def _document(self, token: str, forbidden: int) -> Any:
        """What was shared with the app: the text of a document, the sheets (id, title, rows), the node of a wiki."""
        if token not in self.documents:
            raise Answer(forbidden, "forBidden", 403)
        return self.documents[token]

    def _limit(self, seen: deque[float], most: int, code: int, *, seconds: float = 1) -> None:
        now = self.now()
        while seen and seen[0] <= now - seconds:
            seen.popleft()
        if len(seen) >= most:
            reset = max(1, round(seen[0] + seconds - now))
            raise Answer(code, "too fast", **{"x-ogw-ratelimit-reset": str(reset)})
        seen.append(now)

    def _chat_of(self, message: str) -> str:
        if not message.startswith("om_") or message in self.gone:
            raise Answer(230011, "the message was recalled")
        mine = next((one.chat for one in self.messages if one.id == message), None)
        chat = mine or self._theirs.get(message)
        if chat is None:
            raise Answer(230001, "no such message")
        return chat

    def _send(self, chat: str, reply_to: str, thread: bool, body: Json) -> Json:
        if not chat.startswith("oc_"):
            raise Answer(230001, "invalid receive_id")
        if chat in self.gone:
            raise Answer(230002, "the bot is not in the chat")
        key = body.get("uuid", "")
        assert len(key) <= 50, "uuid is too long"
        before = self._uuids.get(key)
        if key and before and before[0] > self.now() - UUID_S:
            return {"data": {"message_id": before[1].id}}
        self._limit(self._per_chat[chat], 5, 230020)
        content = json.loads(body["content"])
        most = TEXT_BYTES if body["msg_type"] == "text" else CARD_BYTES
        if len(body["content"].encode()) > most:
            raise Answer(230025, "the message is too long")
        self._filtered(content, body["msg_type"])
        if body["msg_type"] == "interactive" and content.get("schema"):
            self._sized(content)
        if body["msg_type"] == "interactive" and content.get("type") == "card":
            if content["data"]["card_id"] not in self.cards:
                raise Answer(200005, "no such card")
        sent = Sent(f"om_{uuid.uuid4().hex}", chat, body["msg_type"], content, reply_to, thread, self.now())
        self.messages.append(sent)
        if key:
            self._uuids[key] = (self.now(), sent)
        return {"data": {"message_id": sent.id}}

    def _filtered(self, content: Json, kind: str) -> None:
        for code, refused, some in self._filter:
            if refused in ("", kind) and some in words(content):
                raise Answer(code, f"refused, ext=ErrorValue: {some}")

    def _edit(self, message: str, body: Json) -> Json:
        found = next((one for one in self.messages if one.id == message), None)
        if found is None:
            raise Answer(230001, "no such message")
        if found.edits >= 20:
            raise Answer(230072, "the message was edited too often")
        found.edits += 1
        found.content = json.loads(body["content"])
        return {}

    def _sized(self, card: Json) -> Json:
        if len(json.dumps(card, ensure_ascii=False).encode()) > CARD_BYTES:
            raise Answer(200860, "the card is too large")
        assert card.get("schema") == "2.0", "CardKit takes JSON 2.0"
        for element in card["body"]["elements"]:
            if element["tag"] == "markdown" and len(read(element["content"]).tables) > TABLES:
                limit = "ErrCode: 11310; ErrMsg: card table number over limit; ErrorValue: table; "
                raise Answer(230099, f"Failed to create card content, ext={limit}")
        self._filtered(card, "card")
        ids = [element.get("element_id") for element in card["body"]["elements"] if element.get("element_id")]
        assert len(set(ids)) == len(ids)
        return card

    def _create(self, shown: Json) -> Json:
        id = f"card-{uuid.uuid4().hex}"
        streaming = bool(shown.get("config", {}).get("streaming_mode"))
        self.cards[id] = Card(id, self._sized(shown), streaming, self.now())
        return {"data": {"card_id": id}}

    def _card(self, id: str, body: Json) -> Card:
        card = self.cards.get(id)
        if card is None:
            raise Answer(300305, "no such card")
        self._limit(card.operations, 10, 99991400)
        if not 0 < body["sequence"] < 2**31 or body["sequence"] <= card.sequence:
            raise Answer(300317, "the sequence is not larger than the last one")
        card.sequence = body["sequence"]
        if card.streaming and self.now() - card.opened >= STREAM_S:
            card.streaming = False
        return card

    def _set_streaming(self, card: Card, streaming: bool) -> None:
        if streaming and not card.streaming:
            card.opened = self.now()
        card.streaming = streaming

    def _stream(self, card: Card, element: str, text: str) -> Json:
        if not card.streaming:
            raise Answer(300309, "streaming mode is closed")
        found = next(
            (one for one in card.shown["body"]["elements"] if one.get("element_id") == element), None
        )
        if found is None:
            raise Answer(300313, "no such element")
        found["content"] = text
        self._sized(card.shown)
        card.streamed.append((element, text))
        return {}


def words(content: Json) -> str:
    """All text that a message shows."""
    if "text" in content:
        return str(content["text"])
    return "\n".join(element.get("content", "") for element in content.get("body", {}).get("elements", []))
