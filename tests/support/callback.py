"""The other side of a chat webhook: a real HTTP server that is posted to, and what signs by Standard Webhooks.

The library `standardwebhooks` verifies what came in, and signs what is sent: none of ours has a part in that.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

Json = dict[str, Any]


@dataclass(frozen=True)
class Posted:
    """One request to the callback."""

    headers: dict[str, str]
    body: str
    status: int

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Json:
        found: Json = json.loads(self.body)
        return found


class Callback:
    """The server; `with Callback() as callback`. `answers`: the statuses of the next posts of messages; then 204."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.answers: deque[int] = deque()
        callback = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                is_message = json.loads(body)["type"] == "message.created"
                status = callback.answers.popleft() if is_message and callback.answers else 204
                headers = {name.lower(): value for name, value in self.headers.items()}
                callback.posted.append(Posted(headers, body, status))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/said"

    def __enter__(self) -> Callback:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def messages(self, chat: str, status: int = 204) -> list[Posted]:
        """The answers to a chat that were answered so, in their order."""
        return [
            one
            for one in list(self.posted)
            if one.event["type"] == "message.created"
            and one.event["data"]["chat"] == chat
            and one.status == status
        ]


def signed(secret: str, body: str, id: str = "", late: timedelta = timedelta()) -> dict[str, str]:
    """Headers by which a body is sent, `late` after they were made."""
    id, at = id or f"msg_{uuid.uuid4()}", datetime.now(UTC) - late
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id, at, body),
    }


def post(url: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
    """Status and text of the answer."""
    request = urllib.request.Request(url, body.encode(), {"content-type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read().decode()


def said(chat: str, text: str, sender: str = "Ann") -> str:
    """The body of a message."""
    return json.dumps({"type": "message.created", "data": {"chat": chat, "sender": sender, "text": text}})
