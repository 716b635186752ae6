"""What a browser has to fetch before somebody can write: over the wire, as Holdfast itself serves it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.chat import Chat

#: Bytes over the wire, headers included.
MAX_FIRST_LOAD = 300_000
#: With the Markdown that a conversation needs.
MAX_CONVERSATION = 320_000
#: Parts that are loaded when they are first needed.
LATER = re.compile(r"/assets/(Markdown|highlight|math|katex|KaTeX|Schedules)[\w-]*\.(js|css|woff2)")


@dataclass
class Wire:
    """What a page has fetched: bytes as they came, and how each file was encoded.

    Each address counts once. The list of conversations comes again with every bell that rings while the page is read,
    and a busy machine rings more of them before the network is idle; none of those is what a first load needs.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    encodings: dict[str, str] = field(default_factory=dict)
    _asked: dict[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())

    def listen(self, page: Page) -> None:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        session.on("Network.responseReceived", self._answered)
        session.on("Network.loadingFinished", self._finished)

    def _answered(self, event: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in event["response"]["headers"].items()}
        self.encodings[event["response"]["url"]] = headers.get("content-encoding", "")
        self._asked[event["requestId"]] = event["response"]["url"]

    def _finished(self, event: dict[str, Any]) -> None:
        url = self._asked[event["requestId"]]
        self.sizes[url] = max(self.sizes.get(url, 0), event["encodedDataLength"])


def reloaded(chat: Chat) -> Wire:
    wire = Wire()
    wire.listen(chat.page)
    chat.page.reload(wait_until="networkidle")
    expect(chat.hook("composer-input")).to_be_visible()
    return wire


def test_the_first_load_is_compressed_and_without_what_it_does_not_need(visit: Any) -> None:
    chat: Chat = visit()
    wire = reloaded(chat)
    print(f"first load of a new conversation: {wire.bytes:,} bytes")
    assert wire.bytes <= MAX_FIRST_LOAD, wire.sizes
    assets = {url: how for url, how in wire.encodings.items() if "/static/assets/" in url}
    large = {url: how for url, how in assets.items() if re.search(r"/(main|react)-[\w-]+\.(js|css)$", url)}
    assert len(large) >= 3
    assert set(large.values()) == {"br"}
    assert [url for url in assets if LATER.search(url)] == []


def test_the_first_load_of_a_conversation_stays_below_the_limit_with_its_markdown(visit: Any) -> None:
    chat: Chat = visit()
    chat.begin("what is 6 * 7?")
    chat.wait_until_done()
    wire = reloaded(chat)
    expect(chat.hook("step-text").last).to_contain_text("42")
    print(f"first load of a conversation: {wire.bytes:,} bytes")
    assert wire.bytes <= MAX_CONVERSATION, wire.sizes
    later = sorted({found[1] for url in wire.encodings if (found := LATER.search(url))})
    assert later == ["Markdown"]


def test_a_browser_that_takes_only_gzip_gets_gzip_and_one_that_takes_nothing_gets_the_file(
    visit: Any,
) -> None:
    chat: Chat = visit()
    script = chat.page.locator("script[type=module]").first.get_attribute("src")
    asked = {"gzip": "gzip", "identity": None}
    for wanted, given in asked.items():
        answer = chat.page.request.get(f"{chat.address}{script}", headers={"Accept-Encoding": wanted})
        assert answer.ok and answer.headers.get("content-encoding") == given
        assert "Accept-Encoding" in answer.headers["vary"]
        assert "immutable" in answer.headers["cache-control"]
