"""The whole chat below a path of its host, behind a proxy that strips the path and behind one that leaves it."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chat import Chat
from tests.support.processes import Stack
from tests.support.stripping import Stripping

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PREFIX = "/apps/chat"


@pytest.fixture(scope="module")
def below(database_template: Path) -> Iterator[Stack]:
    """All processes, below a path."""
    with Stack(
        template=database_template, env={"HOLDFAST_PATH": PREFIX, "OPENAI_MODEL": "demo-150"}
    ) as stack:
        yield stack.up()


@pytest.mark.parametrize("strip", [True, pytest.param(False, marks=pytest.mark.exhaustive)])
def test_everything_is_below_the_path(strip: bool, below: Stack, browser: Browser) -> None:
    with Stripping(PREFIX, below.web_port, strip=strip) as proxy:
        site = f"http://127.0.0.1:{proxy.port}"
        context = browser.new_context()
        context.set_default_timeout(15_000)
        chat = Chat(context.new_page(), f"{site}{PREFIX}")
        asked: list[tuple[str, int]] = []
        chat.page.on("response", lambda answer: asked.append((answer.url, answer.status)))
        chat.log_in("alice")
        conversation = chat.begin("What is 12 * 34?")
        assert chat.page.url == f"{site}{PREFIX}/c/{conversation}"
        chat.wait_until_done()
        assert any("408" in row["text"] for row in chat.shown())
        chat.page.reload()
        expect(chat.hook("transcript")).to_contain_text("408")
        chat.hook("file-input").set_input_files(
            {"name": "a.txt", "mimeType": "text/plain", "buffer": b"some words"}
        )
        chat.say("and this file?")
        chat.wait_until_done()
        file = chat.page.locator(f'a[href^="{PREFIX}/api/attachments/"]').first.get_attribute("href")
        assert chat.page.request.get(f"{site}{file}").text() == "some words"
        assert {cookie["path"] for cookie in context.cookies()} == {f"{PREFIX}/"}
        chat.page.goto(f"{site}{PREFIX}/accounts/password/")
        expect(chat.page.locator("form")).to_be_visible()
        chat.page.goto(f"{site}{PREFIX}/nothing/here")
        assert chat.page.locator("a").first.get_attribute("href") == f"{PREFIX}/"
        context.clear_cookies()
        chat.page.goto(f"{site}{PREFIX}/c/{conversation}")
        assert re.search(rf"^{site}{PREFIX}/accounts/login/\?next={PREFIX}/c/{conversation}$", chat.page.url)
        strays = [url for url, _ in asked if url.startswith(site) and not url.startswith(f"{site}{PREFIX}/")]
        assert strays == []
        assert [one for one in asked if one[1] == 404 and not one[0].endswith("/nothing/here")] == []
        assert [problem for problem in chat.problems if "404" not in problem] == []
        context.close()


def test_the_admin_is_there_too(below: Stack, browser: Browser) -> None:
    with Stripping(PREFIX, below.web_port) as proxy:
        site = f"http://127.0.0.1:{proxy.port}{PREFIX}"
        context = browser.new_context()
        chat = Chat(context.new_page(), site)
        chat.log_in("charlie")
        chat.page.goto(f"{site}/admin/")
        chat.page.click("text=Conversations")
        assert chat.page.url.startswith(f"{site}/admin/chat/conversation/")
        context.close()


@pytest.mark.parametrize("path", ["", PREFIX])
def test_health_is_asked_with_and_without_the_path(path: str, below: Stack) -> None:
    """A load balancer asks the server itself, and not by way of the proxy."""
    assert below.status(f"{path}/healthz") == 200
    with urllib.request.urlopen(f"{below.address}{path}/readyz", timeout=5) as answer:
        assert json.load(answer)["ready"] is True
