"""A few real pages among the simulated people: Chromium looks on at conversations while everything breaks.

Playwright wants one thread for all it does, and the nemesis has the main one; so the pages have a thread of their own.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import expect, sync_playwright

from tests.browser.chat import Chat
from tests.browser.conftest import FLAGS
from tests.recovery.chaos.clients import Line
from tests.support.chromium import find_chromium

#: The rows that a page has in its document (those in view, and some around), with what tells them apart.
ROWS = """() => [...document.querySelectorAll(
  '[data-testid="transcript"] :is([data-testid="message"],[data-testid="step"])'
)].map((row) => ({
  kind: row.dataset.testid, id: row.dataset.id, seq: Number(row.dataset.seq), status: row.dataset.status ?? null,
  text: (row.dataset.testid === "step" ? row.querySelector('[data-testid="step-text"]') : row)?.innerText ?? "",
  calls: [...row.querySelectorAll('[data-testid="call"]')].map((call) => [call.dataset.id, call.dataset.status]),
}))"""


class Pages:
    """`with Pages() as pages: pages.open(…); …; pages.finish(60)`"""

    def __init__(self) -> None:
        self._asked: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._told: queue.Queue[Any] = queue.Queue()
        self._thread = threading.Thread(target=self._work, daemon=True, name="pages")

    def __enter__(self) -> Pages:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._asked.put(("end", None))
        self._thread.join(30)

    def open(self, views: Sequence[tuple[str, str, str]]) -> None:
        """Open a page for each of these (address of the server, person, conversation)."""
        self._ask("open", list(views))

    def finish(self, seconds: float) -> list[Line]:
        """Wait until every page has come to rest, for at most this long; what each shows then."""
        lines: list[Line] = self._ask("finish", seconds)
        return lines

    def _ask(self, what: str, about: Any) -> Any:
        self._asked.put((what, about))
        answer = self._told.get(timeout=240)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _work(self) -> None:
        path = find_chromium()
        assert path, "No Chromium found. Run `make tools`, or install the package `chromium`."
        expect.set_options(timeout=30_000)  # the processes beside it are killed from the first second on
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            open_pages: list[tuple[Chat, str]] = []
            while True:
                try:
                    what, about = self._asked.get_nowait()
                except queue.Empty:
                    # Hear what the pages say, so that it does not pile up.
                    if open_pages:
                        open_pages[0][0].page.wait_for_timeout(200)
                    else:
                        time.sleep(0.1)
                    continue
                if what == "end":
                    browser.close()
                    return
                try:
                    if what == "open":
                        open_pages += [_opened(browser, *view) for view in about]
                        self._told.put(None)
                    else:
                        until = time.monotonic() + about
                        self._told.put([_seen(chat, id, until) for chat, id in open_pages])
                except BaseException as problem:
                    self._told.put(problem)


def _opened(browser: Any, address: str, person: str, conversation: str) -> tuple[Chat, str]:
    context = browser.new_context()
    context.set_default_timeout(30_000)
    chat = Chat(context.new_page(), address)
    chat.log_in(person)
    chat.page.goto(f"{address}/c/{conversation}")
    chat.hook("transcript").wait_for()
    return chat, conversation


def _seen(chat: Chat, conversation: str, until: float) -> Line:
    """What a page shows once it is in step and nothing is at work there."""
    rests = False
    while not rests and time.monotonic() < until:
        chat.page.wait_for_timeout(200)
        rests = (
            chat.hook("transcript", synced="true").count() == 1
            and chat.hook("run-status", status="none").count() == 1
            and chat.hook("step", status="streaming").count() == 0
        )
    return {
        "page": chat.address,
        "conversation": conversation,
        "rests": rests,
        "rows": chat.page.evaluate(ROWS),
        "problems": chat.problems,
    }
