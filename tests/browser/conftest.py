"""A real Chromium in front of a real Holdfast: web, worker and demo model as processes, one set for all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chat import Chat
from tests.support.processes import Stack
from tests.support.proxy import Proxy

#: Without the background-networking flags Chromium asks for hosts of its own all the time.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def house(database_template: Path) -> Iterator[Stack]:
    """All processes of Holdfast, shared by the browser tests; each test begins conversations of its own."""
    # 250 words a second: a long text streams for some six seconds, time enough to disturb it.
    with Stack(template=database_template, env={"OPENAI_MODEL": "demo-250"}) as stack:
        yield stack.up()


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for all tests. What is expected of a page may take as long as what is done to it: two cores are
    shared, and a wait ends as soon as it is met."""
    expect.set_options(timeout=15_000)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def link(house: Stack) -> Iterator[Proxy]:
    """The network between this test's browser and the web server."""
    with Proxy(house.web_port) as proxy:
        yield proxy


@pytest.fixture(scope="package")
def logins(house: Stack) -> dict[str, Any]:
    """The cookies of whoever has come in through the login page, for when they come again; those of the login alone."""
    return {}


@pytest.fixture
def visit(
    browser: Browser, house: Stack, link: Proxy, logins: dict[str, Any]
) -> Iterator[Callable[..., Chat]]:
    """Opens the chat as a person, each time in a browser profile of its own: `visit("alice")`.

    Behind the link of this test. At the end no page may have met a script error or broken the content policy.
    """
    chats: list[Chat] = []

    def open_chat(person: str = "alice", **context: object) -> Chat:
        own = browser.new_context(**context)  # type: ignore[arg-type]
        own.set_default_timeout(15_000)
        chat = Chat(own.new_page(), f"http://127.0.0.1:{link.port}")
        chats.append(chat)
        own.add_cookies(logins.get(person, []))
        chat.page.goto(f"{chat.address}/")
        if "/accounts/login/" in chat.page.url:
            chat.log_in(person)
            logins[person] = [one for one in own.cookies() if one["name"] in ("sessionid", "csrftoken")]
        expect(chat.hook("app")).to_have_attribute("data-phase", "ready")
        return chat

    yield open_chat
    link.restore()
    problems = [problem for chat in chats for problem in chat.problems]
    for chat in chats:
        chat.page.context.close()
    assert problems == []
