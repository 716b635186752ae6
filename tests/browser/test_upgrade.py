"""A tab of another release, a part of the page that is gone, a document that somebody else changes: nothing is lost."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Route, WebSocketRoute, expect

from chat.entrances.web.protocol import PROTOCOL
from tests.browser.chat import Chat, stored
from tests.support.processes import Stack
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until

#: What the translation of Chromium and of Google does to a page: each text moves into an element of theirs.
TRANSLATE = """() => {
  const walker = document.createTreeWalker(document.getElementById("root"), NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest("[translate=no]")) texts.push(walker.currentNode);
  }
  for (const text of texts) {
    const font = document.createElement("font");
    text.replaceWith(font);
    font.append(text);
  }
}"""


class Release:
    """Which protocol the bundle of a page speaks: its hello is changed on the way."""

    def __init__(self, chat: Chat) -> None:
        self.protocol = PROTOCOL
        self.hellos: list[int] = []
        chat.page.route_web_socket(re.compile(r"/ws$"), self._carry)

    def _carry(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def from_page(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["type"] == "hello":
                frame |= {"protocol": self.protocol}
                if self.protocol > PROTOCOL:
                    frame |= {"languages": ["zh"]}
                self.hellos.append(self.protocol)
            server.send(json.dumps(frame))

        socket.on_message(from_page)


def tab_of_another_release(visit: Any, house: Stack, link: Proxy, protocol: int) -> None:
    chat = visit()
    release = Release(chat)
    conversation = chat.begin("what is 6 * 7?")
    chat.wait_until_done()
    link.cut()
    chat.say("what is 12 * 12?")
    chat.hook("composer-input").fill("half a thought")
    release.protocol = protocol
    link.restore()
    banner = chat.hook("banner", status="goaway")
    expect(banner).to_contain_text("A new version is here", timeout=30_000)
    said = len(release.hellos)
    chat.page.wait_for_timeout(1500)
    assert len(release.hellos) == said, "a tab that was told to go came back by itself"
    release.protocol = PROTOCOL
    banner.get_by_role("link").click()
    expect(chat.hook("composer-input")).to_have_value("half a thought")
    chat.wait_until_done()
    texts = [item["text"] for item in stored(house, conversation) if item["kind"] == "message"]
    assert texts == ["what is 6 * 7?", "what is 12 * 12?"]
    assert "144" in chat.shown()[-1]["text"]
    expect(chat.hook("banner")).to_have_count(0)


def test_W9_an_old_tab_after_a_deploy_is_told_to_reload_and_loses_nothing(
    visit: Any, house: Stack, link: Proxy
) -> None:
    tab_of_another_release(visit, house, link, PROTOCOL - 1)


@pytest.mark.exhaustive
def test_W9_a_newer_tab_that_meets_an_older_server_is_told_to_reload_too(
    visit: Any, house: Stack, link: Proxy
) -> None:
    tab_of_another_release(visit, house, link, PROTOCOL + 1)


def test_a_part_of_the_page_that_is_gone_leads_to_a_reload_and_takes_nothing_with_it(visit: Any) -> None:
    chat = visit()
    chat.begin("what is 6 * 7?")
    chat.wait_until_done()
    chat.hook("composer-input").fill("half a thought")

    def gone(route: Route) -> None:
        route.fulfill(status=404, body="Not Found")

    part = re.compile(r"/assets/SchedulesPage-[\w-]+\.js$")
    chat.page.route(part, gone)
    chat.hook("open-schedules").click()
    banner = chat.hook("banner", status="goaway")
    expect(banner).to_contain_text("could not be loaded")
    expect(chat.hook("app")).to_have_attribute("data-phase", "ready")
    expect(chat.hook("page-missing")).to_be_visible()
    chat.page.unroute(part)
    banner.get_by_role("link").click()
    expect(chat.hook("schedules-page")).to_be_visible()
    chat.page.go_back()
    expect(chat.hook("composer-input")).to_have_value("half a thought")
    chat.problems = [problem for problem in chat.problems if "SchedulesPage" not in problem]


def test_drafts_are_kept_for_each_conversation_until_their_person_logs_out(visit: Any) -> None:
    chat = visit("bob")
    first = chat.begin("what is 6 * 7?")
    chat.hook("composer-input").fill("for the first")
    chat.page.goto(f"{chat.address}/")
    chat.hook("composer-input").fill("for a new one")
    chat.page.reload()
    expect(chat.hook("composer-input")).to_have_value("for a new one")
    chat.page.goto(f"{chat.address}/c/{first}")
    expect(chat.hook("composer-input")).to_have_value("for the first")
    chat.hook("account-menu").click()
    chat.hook("log-out").click()
    chat.page.wait_for_url(re.compile("/accounts/login/"))
    chat.log_in("bob")
    expect(chat.hook("composer-input")).to_have_value("")
    assert chat.page.evaluate("Object.keys(localStorage).filter((key) => key.includes('draft'))") == []


@pytest.mark.exhaustive
def test_a_page_that_the_browser_translates_survives_a_stop(visit: Any) -> None:
    chat = visit()
    chat.begin("write a long text")
    wait_until(lambda: len(chat.hook("step-text").inner_text()) > 200, 20, "some text")
    # React reports what it meets in a document that it did not make.
    chat.page.remove_listener("console", chat._heard)
    chat.page.evaluate(TRANSLATE)
    chat.hook("composer-input").fill("half a thought")
    chat.page.evaluate(TRANSLATE)
    chat.hook("stop").click()
    chat.wait_until_done()
    expect(chat.hook("app")).to_have_attribute("data-phase", "ready")
    expect(chat.hook("composer-input")).to_have_value("half a thought")
    expect(chat.hook("notice", code="stopped")).to_be_visible()
    expect(chat.hook("stop")).to_have_count(0)
    assert len(chat.hook("step-text").inner_text()) > 200
    # It is put up anew, and not as the plain text that stands in for what cannot be drawn.
    expect(chat.page.locator(".prose.whitespace-pre-wrap")).to_have_count(0)
