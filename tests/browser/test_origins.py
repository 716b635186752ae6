"""Whose page may open a socket and read: this site's own, by scheme, host and port (rule W11). In a real Chromium, with
pages on two ports of one host, and one on another host."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from chat.entrances.web.protocol import PROTOCOL
from tests.browser.chat import Chat
from tests.support.processes import Stack

#: What a page may try with the cookies of whoever looks at it: what came of the socket, of reading, and of a picture.
#: It says hello with the token that it is given, or else with what it can read.
TRY = """async ([victim, protocol, token]) => {
  if (token === null) {
    try {
      const page = await (await fetch(victim + "/api/boot", { credentials: "include" })).json();
      token = page.hello_token;
    } catch { token = ""; }
  }
  const socket = await new Promise((resolve) => {
    const frames = [];
    const one = new WebSocket(victim.replace("http", "ws") + "/ws");
    one.onopen = () => one.send(JSON.stringify({ type: "hello", protocol, tab: "evil", token }));
    one.onmessage = (event) => { frames.push(JSON.parse(event.data)); resolve(frames); };
    one.onclose = () => resolve(frames);
    setTimeout(() => resolve("nothing within 10 s"), 10000);
  });
  const read = async (path, options) => {
    try {
      const answer = await fetch(victim + path, { credentials: "include", ...options });
      return answer.type === "opaque" ? "opaque" : await answer.text();
    } catch (error) { return String(error).slice(0, 9); }
  };
  return {
    socket,
    boot: await read("/api/boot"),
    blind: await read("/api/boot", { mode: "no-cors" }),
    post: await read("/api/triggers", { method: "POST", mode: "no-cors", body: '{"name":"evil","prompt":"x"}' }),
  };
}"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>evil</title>")

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def evil_port() -> Iterator[int]:
    """A server on another port of this host, for whatever page it likes."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def victim(browser: Browser, house: Stack) -> Iterator[BrowserContext]:
    """A browser in which Alice is logged in."""
    context = browser.new_context()
    context.set_default_timeout(15_000)
    Chat(context.new_page(), house.address).log_in("alice")
    yield context
    context.close()


def test_W11_the_sites_own_page_opens_a_socket_and_reads(victim: BrowserContext, house: Stack) -> None:
    page = victim.new_page()
    page.goto(f"{house.address}/accounts/password/")
    told = page.evaluate(TRY, [house.address, PROTOCOL, None])
    assert told["socket"][0]["type"] == "welcome" and told["socket"][0]["user"] == "alice"
    assert '"user"' in told["boot"]


def test_W11_a_hello_without_the_token_of_this_login_gets_nothing(
    browser: Browser, victim: BrowserContext, house: Stack
) -> None:
    """Were the check of the origin ever to fail, this is what another page could say."""
    other = browser.new_context()
    Chat(other.new_page(), house.address).log_in("alice")
    of_another_login = token(other.pages[0], house)
    page = victim.new_page()
    page.goto(f"{house.address}/accounts/password/")
    assert len({of_another_login, token(page, house)}) == 2
    for wrong in ("", "x" * 64, of_another_login):
        told = page.evaluate(TRY, [house.address, PROTOCOL, wrong])
        assert [(frame["type"], frame.get("reason")) for frame in told["socket"]] == [("goaway", "token")]
    other.close()


@pytest.mark.exhaustive
def test_W11_a_login_has_another_token_than_the_login_before(victim: BrowserContext, house: Stack) -> None:
    page = victim.new_page()
    page.goto(f"{house.address}/accounts/password/")
    before = token(page, house)
    victim.clear_cookies()
    chat = Chat(page, house.address)
    chat.log_in("alice")
    assert token(page, house) != before
    told = page.evaluate(TRY, [house.address, PROTOCOL, before])
    assert told["socket"][0]["reason"] == "token"


def token(page: Page, house: Stack) -> str:
    """What the boot data tell this page."""
    found: str = page.evaluate(
        "async (at) => (await (await fetch(at)).json()).hello_token", f"{house.address}/api/boot"
    )
    return found


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_W11_a_page_on_another_port_or_host_gets_no_socket_and_reads_nothing(
    victim: BrowserContext, house: Stack, evil_port: int, host: str
) -> None:
    page = victim.new_page()
    page.goto(f"http://{host}:{evil_port}/")
    # The cookies do go along from another port: for them all ports are one site.
    told = page.evaluate(TRY, [house.address, PROTOCOL, None])
    assert told == {"socket": [], "boot": "TypeError", "blind": "TypeError", "post": "TypeError"}
    # Not even with the token itself, however it came by it.
    known = token(victim.pages[0], house)
    assert page.evaluate(TRY, [house.address, PROTOCOL, known])["socket"] == []
    own = victim.new_page()
    own.goto(f"{house.address}/accounts/password/")
    assert '"triggers":[]' in own.evaluate("async () => (await fetch('/api/triggers')).text()")
