"""Whose page may open a socket and read: this site's own, by scheme, host and port (rule W11). In a real Chromium, with
pages on two ports of one host, and one on another host."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.chat import Chat
from tests.support.processes import Stack

#: What a page may try with the cookies of whoever looks at it: what came of the socket, of reading, and of a picture.
TRY = """async (victim) => {
  const socket = await new Promise((resolve) => {
    const frames = [];
    const one = new WebSocket(victim.replace("http", "ws") + "/ws");
    one.onopen = () => one.send(JSON.stringify({ type: "hello", protocol: 2, tab: "evil" }));
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
    told = page.evaluate(TRY, house.address)
    assert told["socket"][0]["type"] == "welcome" and told["socket"][0]["user"] == "alice"
    assert '"user"' in told["boot"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_W11_a_page_on_another_port_or_host_gets_no_socket_and_reads_nothing(
    victim: BrowserContext, house: Stack, evil_port: int, host: str
) -> None:
    page = victim.new_page()
    page.goto(f"http://{host}:{evil_port}/")
    # The cookies do go along from another port: for them all ports are one site.
    told = page.evaluate(TRY, house.address)
    assert told == {"socket": [], "boot": "TypeError", "blind": "opaque", "post": "opaque"}
    own = victim.new_page()
    own.goto(f"{house.address}/accounts/password/")
    assert '"triggers":[]' in own.evaluate("async () => (await fetch('/api/triggers')).text()")
