"""The example package, installed into a clean environment and driven; removed without a trace but its rows.

Holdfast's wheel and the package's are installed beside each other; nothing of this checkout is imported by what runs.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.support import runtime, template
from tests.support.callback import Callback, Posted, post, said, signed
from tests.support.processes import PEOPLE, ROOT, Stack, password
from tests.support.provider import Json, Provider, Reply, completion
from tests.support.strict_provider import refusal
from tests.support.waiting import wait_until
from tests.support.wire import Wire, login

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

EXAMPLE = ROOT / "examples" / "holdfast-example"
SET_UP = """
import json
from agents import profiles
from agents.models import Agent
from holdfast_example.webhook.models import ChatWebhook
agent = Agent.objects.get(is_default=True)
agent.tools, agent.profile = [*agent.tools, "bookmarks"], "acme"
agent.full_clean()
agent.save()
agent.pk, agent.slug, agent.is_default, agent.approval_tools = None, "careful", False, ["bookmarks"]
agent.save(force_insert=True)
alice, secrets = get_user_model().objects.get(username="alice"), {{}}
for slug, one in (("room", None), ("careful", agent)):
    made = ChatWebhook(slug=slug, callback={callback!r}, owner=alice, agent=one, trusts_strangers=True)
    made.full_clean()
    made.save()
    secrets[slug] = made.secret
guessed = profiles.guess("https://api.acme.example/v1", "any").name
refused = profiles.refusal_kind("Every tool request deserves a reply!")
print(json.dumps([secrets, guessed, profiles.context_window("acme-small-2"), refused]))
"""


# ---- what is installed where ----


class Environment:
    """A clean virtual environment with Holdfast's wheel in it, and the package while it is installed."""

    def __init__(self, folder: Path) -> None:
        self.bin = runtime.make(folder / "environment")
        self._holdfast = build(ROOT, folder / "holdfast")
        self._example = build(EXAMPLE, folder / "example")
        self._pip("install", "--no-deps", "--no-index", self._holdfast)

    @property
    def site(self) -> Path:
        return next(self.bin.parent.glob("lib/*/site-packages"))

    def install(self) -> None:
        self._pip("install", "--no-deps", "--no-index", self._example)

    def uninstall(self) -> None:
        self._pip("uninstall", "--yes", "holdfast-example")

    def _pip(self, what: str, *arguments: str | Path) -> None:
        pip = [sys.executable, "-m", "pip", "--python", self.bin / "python", "--disable-pip-version-check"]
        argv = [*pip, what, "-q", *arguments]
        subprocess.run(argv, check=True, env=os.environ | {"PIP_CONFIG_FILE": os.devnull})


def build(source: Path, folder: Path) -> Path:
    """The wheel of a source tree."""
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(argv, cwd=source, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


# ---- who speaks ----


def answer(path: str, body: Json) -> Reply:
    """A model: "Remember <url>" is a call of the tool, and its result is what it says."""
    assert refusal("openai-chat", body) is None, "no request may be one that a provider refuses"
    last = body["messages"][-1]
    if last["role"] == "tool":
        return completion(f"Kept: {last['content']}")
    text = last["content"] if isinstance(last["content"], str) else last["content"][-1]["text"]
    tools = {one["function"]["name"] for one in body.get("tools", ())}
    if "Remember " in text and "bookmarks" in tools:
        arguments = json.dumps({"action": "save", "url": text.split("Remember ")[1], "title": "A page"})
        call = {"index": 0, "id": f"call_{uuid.uuid4().hex[:8]}", "type": "function"}
        return completion(calls=[{**call, "function": {"name": "bookmarks", "arguments": arguments}}])
    return completion(f"Heard: {text}")


@contextmanager
def acme() -> Iterator[Provider]:
    """The package's provider, served on loopback by a thread."""
    provider, ready, over = Provider(answer), threading.Event(), threading.Event()

    async def serve() -> None:
        async with provider:
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield provider
    finally:
        over.set()
        thread.join()


class House:
    """The installation, and a program that brings chats to it."""

    def __init__(
        self, environment: Environment, stack: Stack, callback: Callback, provider: Provider
    ) -> None:
        self.environment, self.stack = environment, stack
        self.callback, self.provider = callback, provider
        environment.install()
        people = [(name, password(name), name == "charlie") for name in PEOPLE]
        script = template.FILL.format(people=people, migrated="") + SET_UP.format(callback=callback.url)
        told = json.loads(stack.manage("shell", "-v", "0", "-c", script))
        self.secrets, self.knows = told[0], told[1:]
        self.secret = self.secrets["room"]
        self.url = f"{stack.address}/chat-webhook/room/events"
        self.start()

    def start(self) -> None:
        self.stack.start("worker")
        self.stack.start("web")
        self.stack.wait("web", lambda: self.stack.status("/readyz") == 200, 30)

    def stop(self) -> None:
        for name in ("worker", "web"):
            self.stack.process(name).stop()

    def say(self, chat: str, text: str, id: str = "") -> str:
        """A person writes; the id of the message."""
        return self.post(said(chat, text), id)

    def post(self, body: str, id: str = "", slug: str = "room") -> str:
        """An event is sent and taken; its id."""
        headers = signed(self.secrets[slug], body, id)
        assert post(self.url.replace("room", slug), body, headers) == (202, "")
        return headers["webhook-id"]

    def answers(self, chat: str, count: int = 1, status: int = 204) -> list[Posted]:
        """The answers to a chat, once there are so many."""
        wait_until(lambda: len(self.callback.messages(chat, status)) >= count, 30, f"answers to {chat}")
        return self.callback.messages(chat, status)

    def conversation(self, chat: str) -> str:
        (row,) = self.stack.sql("SELECT conversation FROM example_webhook_chatlane WHERE chat_id = ?", chat)
        return str(uuid.UUID(row[0]))

    def page(self, path: str, person: str = "alice") -> tuple[int, str]:
        """A page as somebody sees it who is logged in: its status and text."""
        cookies = login(self.stack.address, person, password(person))
        request = urllib.request.Request(self.stack.address + path, headers={"Cookie": cookies})
        try:
            with urllib.request.urlopen(request, timeout=20) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as page:
            with page:
                return page.code, ""

    def get(self, path: str, person: str = "alice") -> str:
        """A page that must be there."""
        status, text = self.page(path, person)
        assert status == 200, path
        return text


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    environment = Environment(tmp_path_factory.mktemp("example"))
    with acme() as provider, Callback() as callback:
        model = {"OPENAI_BASE_URL": provider.url, "OPENAI_MODEL": "acme-small", "OPENAI_API_KEY": "k"}
        python = environment.bin / "python"
        with Stack(env=model, python=python) as stack:
            yield House(environment, stack, callback, provider)


# ---- what it can do ----


def test_a_signed_message_is_answered_by_way_of_the_tool_and_the_answer_is_signed(house: House) -> None:
    message = house.say("room-1", "Remember https://example.com/page")
    (answered,) = house.answers("room-1")
    event = Webhook(house.secret).verify(answered.body, answered.headers)
    assert event["data"]["reply_to"] == message
    assert '"url":"https://example.com/page"' in event["data"]["text"]
    (row,) = house.stack.sql("SELECT url, title FROM example_bookmarks_bookmark")
    assert row == ("https://example.com/page", "A page")


def test_a_run_that_asks_is_allowed_by_a_button_of_its_card(house: House) -> None:
    house.post(said("room-7", "Remember https://example.com/allowed"), slug="careful")
    wait_until(lambda: buttons(house, "room-7"), 20, "the question")
    value = buttons(house, "room-7")["Allow"]
    assert not house.callback.messages("room-7")
    pressed = {"type": "button.pressed", "data": {"chat": "room-7", "sender": "Ann", "value": value}}
    house.post(json.dumps(pressed), slug="careful")
    (answered,) = house.answers("room-7")
    assert "https://example.com/allowed" in answered.event["data"]["text"]
    assert all(
        Webhook(house.secrets["careful"]).verify(one.body, one.headers) for one in cards(house, "room-7")
    )
    wait_until(lambda: not buttons(house, "room-7"), 10, "the buttons to go")


def cards(house: House, chat: str) -> list[Posted]:
    """What the callback was told of a chat's cards, in its order."""
    told = [one for one in list(house.callback.posted) if "card" in one.event["data"]]
    mine = {one.event["data"]["card"] for one in told if one.event["data"].get("chat") == chat}
    return [one for one in told if one.event["data"]["card"] in mine]


def buttons(house: House, chat: str) -> dict[str, Json]:
    """The buttons that the cards of a chat have now, with their values."""
    shown = {one.event["data"]["card"]: one.event["data"]["parts"] for one in cards(house, chat)}
    parts = [part for card in shown.values() for part in card if "button" in part]
    return {part["button"]: part["value"] for part in parts if part["value"]["act"] != "stop"}


def test_what_is_not_signed_now_by_the_secret_is_refused(house: House) -> None:
    other, body = "whsec_" + "A" * 40, said("room-2", "hello")
    good = signed(house.secret, body)
    for headers in (
        {},
        signed(other, body),
        {**good, "webhook-id": "another"},
        {**good, "webhook-signature": "v1,AAAA"},
        signed(house.secret, body + " "),
        signed(house.secret, body, late=timedelta(minutes=6)),
        signed(house.secret, body, late=timedelta(minutes=-6)),
    ):
        assert post(house.url, body, headers) == (401, "")
    assert post(house.url.replace("room", "nowhere"), body, good) == (401, "")
    odd = json.dumps({"type": "message.created", "data": {"chat": "room-2"}})
    status, text = post(house.url, odd, signed(house.secret, odd))
    assert status == 400 and "data.sender" in text
    assert not house.stack.sql("SELECT 1 FROM example_webhook_chatmessage WHERE chat_id = 'room-2'")


@pytest.mark.exhaustive
def test_a_message_that_comes_again_is_one_and_an_answer_is_posted_until_it_is_taken(house: House) -> None:
    house.callback.answers.extend([503, 500])
    message = house.say("room-3", "first")
    assert house.say("room-3", "first", id=message) == message
    (taken,) = house.answers("room-3")
    failed = [house.callback.messages("room-3", status)[0] for status in (503, 500)]
    assert {one.id for one in failed} == {taken.id} and {one.body for one in failed}
    house.say("room-3", "first", id=message)
    house.say("room-3", "second")
    house.answers("room-3", 2)
    texts = [one.event["data"]["text"] for one in house.callback.messages("room-3")]
    assert ["first" in texts[0], "second" in texts[1], len(texts)] == [True, True, 2]


def test_what_the_callback_will_never_take_is_a_dead_letter(house: House) -> None:
    house.callback.answers.append(400)
    house.say("room-4", "hello")
    house.answers("room-4", status=400)
    dead = "SELECT error FROM example_webhook_chatdelivery WHERE state = 'dead'"
    wait_until(lambda: house.stack.sql(dead), 10, "the dead letter")
    assert house.stack.sql(dead) == [("The callback answered 400.",)]
    assert "The callback answered 400." in house.get("/admin/example_webhook/chatdelivery/", "charlie")
    assert "Bookmarks" in house.get("/admin/", "charlie")


def test_the_provider_is_known_and_its_profile_is_kept_to(house: House) -> None:
    assert house.knows == ["acme", 16_000, "E3"]
    house.say("room-5", "hello")
    house.answers("room-5")
    assert house.provider.requests and not any("stream_options" in one for one in house.provider.requests)


@pytest.mark.exhaustive
def test_the_renderer_is_named_to_the_page_and_draws_the_result(house: House, tmp_path: Path) -> None:
    path = json.loads(house.get("/api/boot"))["renderers"]["bookmarks"]
    (tmp_path / "renderer.mjs").write_text(house.get(path))
    result = {"data": {"bookmarks": [{"url": "https://a.example", "title": ""}]}, "language": "en"}
    show = "import(process.argv[1]).then((m) => console.log(JSON.stringify(m.default(JSON.parse(process.argv[2])))))"
    argv = ["node", "-e", show, str(tmp_path / "renderer.mjs"), json.dumps(result)]
    drawn = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    link = {"kind": "link", "text": "https://a.example", "href": "https://a.example"}
    heading = {"kind": "heading", "text": "1 bookmark"}
    assert json.loads(drawn) == {"kind": "group", "views": [heading, {"kind": "list", "items": [link]}]}


# ---- and without it ----


@pytest.mark.exhaustive
async def test_it_is_removed_without_a_trace_but_its_rows_and_goes_on_when_it_comes_back(
    house: House,
) -> None:
    await asyncio.to_thread(house.say, "room-6", "Remember https://example.com/before")
    await asyncio.to_thread(house.answers, "room-6")
    conversation = house.conversation("room-6")
    await asyncio.to_thread(house.stop)
    rows = everything(house.stack)
    house.environment.uninstall()
    assert not [path for path in house.environment.site.rglob("*") if "holdfast_example" in path.name]
    house.stack.manage("migrate", "--no-input")
    assert everything(house.stack) == rows
    await asyncio.to_thread(house.start)

    assert house.stack.status("/chat-webhook/room/events") == 404
    gone = await asyncio.to_thread(house.page, "/admin/example_webhook/chatdelivery/", "charlie")
    assert gone[0] == 404
    boot = json.loads(await asyncio.to_thread(house.get, "/api/boot"))
    assert "bookmarks" not in boot["renderers"] and "chat_webhook" not in boot["entrances"]
    cookies = await asyncio.to_thread(login, house.stack.address, "alice", password("alice"))
    async with Wire(house.stack.address, cookies) as wire:
        shown = json.dumps(await wire.open(conversation))
        assert "https://example.com/before" in shown and '"entrance": "chat_webhook"' in shown
        # The agent still names the package's profile and its tool: it goes on without them.
        assert (await wire.say(conversation, "And now?"))["status"] == "applied"
        await wire.until(lambda frame: "Heard: And now?" in json.dumps(frame))
    own = [table for table in rows if table.startswith("example_")]
    assert len(own) == 6
    assert {table: everything(house.stack)[table] for table in own} == {table: rows[table] for table in own}

    await asyncio.to_thread(house.stop)
    house.environment.install()
    await asyncio.to_thread(house.start)
    await asyncio.to_thread(house.say, "room-6", "Are you back?")
    answers = await asyncio.to_thread(house.answers, "room-6", 4)
    told = [one.event["data"]["text"] for one in answers]
    # What was said in the web chat in the meantime is told first.
    assert told[1].endswith("And now?") and told[2] == "Heard: And now?"
    assert told[3].startswith("Heard: ") and told[3].endswith("Are you back?") and len(told) == 4
    assert house.conversation("room-6") == conversation


def everything(stack: Stack) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, of a stack that is at rest."""
    with closing(sqlite3.connect(stack.data / "holdfast.sqlite3")) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {name: database.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in names}
