"""A bot in a whole Holdfast of real processes: any number of web servers and workers, and the Feishu they talk to.

with FeishuServer() as feishu, Stack(template=…) as stack:
    bot = Bot(stack, feishu, webs=2, workers=2)
    bot.say("hello", "oc_a", times=5)
    bot.until(lambda: bot.answers("oc_a"), 20, "the answer")
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from tests.support import template
from tests.support.feishu_events import Json, action_event, message_event, signed
from tests.support.feishu_server import FeishuServer
from tests.support.ports import claim_port
from tests.support.postgres import Postgres
from tests.support.processes import Process, Stack
from tests.support.waiting import wait_until

KEY = "k1"
MAKE_APP = """
from django.contrib.auth import get_user_model
from chat.entrances.feishu.models import FeishuApp
FeishuApp.objects.create(
    slug="bot", name="Bot", app_id="cli_1", secret="the-app-secret", encrypt_key="k1",
    verification_token="token-1", base_url={url!r}, owner=get_user_model().objects.get(username="alice"),
    trusts_strangers=True,
)
"""
#: When Feishu sends an event that was not answered: seconds after the first time (reference, part 3).
RETRIES_S = (0, 15, 15 + 300, 15 + 300 + 3600, 15 + 300 + 3600 + 6 * 3600)


@dataclass(frozen=True)
class Posted:
    """What a web server answered, and after how many seconds."""

    status: int
    body: bytes
    seconds: float


class Bot:
    """An app whose owner is Alice."""

    def __init__(self, stack: Stack, feishu: FeishuServer, *, webs: int = 1, workers: int = 2) -> None:
        self.stack, self.feishu, self.ports = stack, feishu, [stack.web_port]
        stack.manage("shell", "-v", "0", "-c", MAKE_APP.format(url=feishu.url))
        stack.up(workers=workers)
        for number in range(2, webs + 1):
            port = claim_port()
            stack.start("web", f"web{number}", HOLDFAST_PORT=str(port))
            self.ports.append(port)
        for port in self.ports:
            wait_until(lambda port=port: _answers(port), 30, f"the web server at {port}")

    @classmethod
    def join(cls, stack: Stack, feishu: FeishuServer) -> Bot:
        """A bot in a Holdfast that runs already; its workers find the app within five seconds."""
        bot = cls.__new__(cls)
        bot.stack, bot.feishu, bot.ports = stack, feishu, [stack.web_port]
        stack.manage("shell", "-v", "0", "-c", MAKE_APP.format(url=feishu.url))
        return bot

    def post(self, event: Json, *, web: int = 0, after_s: float = 0, base_s: float | None = None) -> Posted:
        """One delivery to one of the web servers, signed as if sent `after_s` seconds after `base_s` (now)."""
        raw, headers = signed(event, KEY, at=(time.time() if base_s is None else base_s) + after_s)
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[web], timeout=30)
        began = time.monotonic()
        try:
            connection.request("POST", "/feishu/bot/events", raw, headers)
            answer = connection.getresponse()
            return Posted(answer.status, answer.read(), time.monotonic() - began)
        finally:
            connection.close()

    def say(self, text: str, chat: str = "oc_a", *, times: int = 1, **more: Any) -> str:
        """A person writes, and Feishu delivers it so many times, to all servers in turn; the message's id. A
        server that says "not now" (503), as a full one may, gets it again."""
        event = message_event(text, chat=chat, **more)
        message: str = event["event"]["message"]["message_id"]
        self.feishu.receive(chat, message)
        for number in range(times):
            self._deliver(event, web=number % len(self.ports), after_s=RETRIES_S[number])
        return message

    def _deliver(self, event: Json, *, tries: int = 5, **where: Any) -> Posted:
        for _ in range(tries):
            posted = self.post(event, **where)
            if posted.status != 503:
                break
        assert posted.status == 200, posted
        return posted

    def press(self, label: str, chat: str = "oc_a") -> Posted:
        """A person presses the newest button with this label, and once more if that failed."""
        return self._deliver(action_event(self.feishu.button(chat, label), chat=chat), tries=2)

    def answers(self, chat: str = "oc_a") -> list[str]:
        """The messages of a chat that are no cards."""
        return self.feishu.answers(chat)

    def conversation(self, chat: str = "oc_a") -> str:
        """The id of the newest conversation of a chat, once there is one; empty before."""
        query = "SELECT conversation FROM chat_feishulane WHERE chat_id = ? ORDER BY generation DESC"
        found = self.stack.sql(query, chat)
        return str(UUID(str(found[0][0]))) if found else ""

    def until(self, condition: Callable[[], Any], seconds: float, what: str) -> Any:
        """Wait; a failure tells what Feishu shows and what the processes wrote."""
        try:
            return wait_until(condition, seconds, what)
        except AssertionError as failure:
            shown = [one.content for one in self.feishu.messages][-10:]
            raise AssertionError(f"{failure}\n{shown}\n{self.stack.outputs()}") from None

    def worker_of(self, query: str) -> Process:
        """The worker process that a query names."""
        names = self.until(lambda: self.stack.sql(query), 30, "a worker")
        return next(p for p in self.stack.processes.values() if f"-{p.pid}-" in names[0][0])


@contextmanager
def installation(kind: str, template_file: Path | None, postgres: Postgres | None, env: dict[str, str]):
    """A Stack on SQLite (a copy of the template) or on a fresh database of this PostgreSQL."""
    if kind == "sqlite":
        with Stack(template=template_file, env=env) as stack:
            yield stack
        return
    assert postgres is not None
    name = f"feishu_{uuid4().hex[:8]}"
    postgres.execute(f"CREATE DATABASE {name}")
    with Stack(database=postgres.url(name), env=env) as stack:
        template.fill(stack.database, stack.data)
        yield stack


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
