"""Takes the pictures of the README and of docs/feishu.md: `make shots`. Starts all of Holdfast for itself, on free
loopback ports.

Every picture is of the real product doing the real thing; only what Feishu would show is drawn, from what it was sent.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from scripts.shots_feishu import take_feishu
from tests.browser.chat import Chat
from tests.browser.conftest import FLAGS
from tests.support.chromium import find_chromium
from tests.support.processes import Stack
from tests.support.template import make_sqlite
from tests.support.waiting import wait_until

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
DESKTOP = {"width": 1200, "height": 760}
PHONE = {"width": 390, "height": 780}
FAST = {"OPENAI_MODEL": "demo-150", "HOLDFAST_LEASE_MS": "3000", "HOLDFAST_RENEW_MS": "1000"}


def main() -> int:
    """Take all pictures; the exit status is 0 when each was taken."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = find_chromium()
    if path is None:
        print("No Chromium found. Run `make tools`, or install the package `chromium`.")
        return 1
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        with Stack(template=make_sqlite(Path(folder)), env=FAST) as stack:
            stack.up()
            take_chat(browser, stack)
            take_survivor(browser, stack)
            take_phone(browser, stack)
            take_admin(browser, stack)
            take_feishu(browser, stack, shoot)
        browser.close()
    return 0


def take_chat(browser: Browser, stack: Stack) -> None:
    """The picture of the README: two answers, and a tool at work."""
    with visit(browser, stack, viewport=DESKTOP) as chat:
        chat.begin("What time is it in Paris, and what is 12 * 34?")
        chat.wait_until_done()
        chat.say("Research the history of tea")
        expect(chat.hook("call-progress")).to_be_visible()
        wait_until(lambda: float(progress(chat) or 0) >= 40, 30, "some progress")
        save(chat, "chat.png")
        chat.wait_until_done(60)


def take_survivor(browser: Browser, stack: Stack) -> None:
    """A run whose worker was killed: the mark that it survived."""
    with visit(browser, stack, viewport=DESKTOP, color_scheme="dark") as chat:
        chat.begin("Research the history of lighthouses for 6 seconds")
        expect(chat.hook("call", status="running")).to_be_visible()
        stack.process("worker").kill()
        stack.start("worker")
        expect(chat.hook("call", status="running", attempt="2")).to_be_visible(timeout=60_000)
        chat.wait_until_done(60)
        save(chat, "survived.png")
        conversation = chat.page.url.rstrip("/").rpartition("/")[2]
    take_waterfall(browser, stack, conversation)


def take_waterfall(browser: Browser, stack: Stack, conversation: str) -> None:
    """Where the time of that run went, as an operator sees it."""
    with visit(browser, stack, "charlie", viewport={"width": 1280, "height": 860}) as chat:
        chat.page.goto(f"{stack.address}/admin/chat/conversation/{conversation}/change/")
        chat.page.locator(".hf-fall").first.screenshot(path=IMAGES / "waterfall.png")
        print("docs/images/waterfall.png")


def take_phone(browser: Browser, stack: Stack) -> None:
    """The same product at phone width, in Chinese."""
    with visit(browser, stack, viewport=PHONE, locale="zh-CN", device_scale_factor=2, is_mobile=True) as chat:
        chat.begin("现在东京几点？12 * 7 等于多少？")
        chat.wait_until_done()
        save(chat, "phone-zh.png")


def take_admin(browser: Browser, stack: Stack) -> None:
    """A conversation as an operator sees it."""
    with visit(browser, stack, "charlie", viewport={"width": 1400, "height": 900}) as chat:
        chat.page.goto(f"{stack.address}/admin/chat/conversation/")
        chat.page.click("#result_list th a >> nth=-1")
        save(chat, "admin.png")


def progress(chat: Chat) -> str | None:
    """The value of the progress bar that is shown, in percent."""
    bar = chat.hook("call-progress").locator('[role="progressbar"]').or_(chat.hook("call-progress"))
    return bar.first.get_attribute("aria-valuenow")


def save(chat: Chat, name: str) -> None:
    """Write one picture."""
    shoot(chat.page, name)


def shoot(page: Page, name: str) -> None:
    """Write a picture of this page."""
    page.mouse.move(0, 0)
    page.screenshot(path=IMAGES / name)
    print(f"docs/images/{name}")


@contextmanager
def visit(browser: Browser, stack: Stack, person: str = "alice", **context: Any) -> Iterator[Chat]:
    """The chat, logged in, in a browser profile of its own."""
    own = browser.new_context(**context)
    own.set_default_timeout(20_000)
    chat = Chat(own.new_page(), stack.address)
    chat.log_in(person)
    yield chat
    own.close()


if __name__ == "__main__":
    raise SystemExit(main())
