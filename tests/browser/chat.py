"""The web chat as a person uses it, and what it shows as data. Hooks: frontend/src/ui/testids.ts."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from tests.support.processes import Stack, password
from tests.support.waiting import wait_until

#: Rows in document order, with nothing in them that differs from one conversation to the next.
SHOWN = """() => {
  const text = (node, hook) => node.querySelector(`[data-testid="${hook}"]`)?.innerText.trim() ?? "";
  const rows = '[data-testid="message"],[data-testid="step"],[data-testid="note"],[data-testid="notice"]';
  return [...document.querySelectorAll(`[data-testid="transcript"] :is(${rows})`)].map((row) => ({
    kind: row.dataset.testid,
    status: row.dataset.status ?? row.dataset.code ?? "",
    text: row.dataset.testid === "step" ? text(row, "step-text") : row.innerText.trim(),
    calls: [...row.querySelectorAll('[data-testid="call"]')].map((call) => ({
      name: call.dataset.name, status: call.dataset.status, attempt: call.dataset.attempt, code: call.dataset.code,
    })),
  }));
}"""

#: Where the transcript is scrolled to (px): what is hidden above, and below.
PLACE = """() => {
  const box = document.querySelector('[data-testid="transcript"]');
  const offset = Math.round(box.scrollTop);
  return { offset, left: box.scrollHeight - box.clientHeight - offset, height: box.scrollHeight };
}"""

#: What may differ between two tellings of one story: who, when, where, and how finely progress was seen.
PRIVATE = {"id", "seq", "at", "run", "started_at", "ended_at", "worker", "progress", "usage", "created_at"}


class Chat:
    """One page of the chat."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        page.on("console", self._heard)

    def log_in(self, person: str, word: str = "") -> None:
        """Through the login page, to the chat; without a word, with that of the tests' people."""
        self.page.goto(f"{self.address}/")
        self.page.fill("input[name=username]", person)
        self.page.fill("input[name=password]", word or password(person))
        self.page.click("button[type=submit]")
        expect(self.hook("app")).to_have_attribute("data-phase", "ready")

    def begin_with_branches(self, text: str) -> str:
        """`begin` that says this behind two answers to one question, which stands in the place of another one: a
        conversation with three branches, of which the newest is shown."""
        conversation = self.begin("what is 20+22?")
        self.wait_until_done()
        self.hook("message").hover()
        self.hook("message-edit").click()
        self.hook("edit-input").fill("what is 6 * 7?")
        self.hook("edit-send").click()
        expect(self.hook("ways", at="2", of="2")).to_have_count(1)
        self.wait_until_done()
        self.hook("step").last.hover()
        self.hook("try-again").last.click()
        expect(self.hook("ways", at="2", of="2")).to_have_count(2)
        self.wait_until_done()
        self.say(text)
        return conversation

    def second_tab(self) -> Chat:
        """Another tab of the same profile, on the same conversation."""
        other = Chat(self.page.context.new_page(), self.address)
        other.page.goto(self.page.url)
        return other

    def hook(self, name: str, **data: str) -> Locator:
        """The elements with this test id and these data attributes (`hook("call", status="running")`)."""
        wanted = "".join(f'[data-{key}="{value}"]' for key, value in data.items())
        return self.page.locator(f'[data-testid="{name}"]{wanted}')

    def begin(self, text: str) -> str:
        """A new conversation with this first message; its id, once the message is stored."""
        self.page.goto(f"{self.address}/")
        return self.begin_here(text)

    def begin_here(self, text: str) -> str:
        """`begin` on the page of a new conversation that is shown, with the files that were chosen there."""
        self.say(text)
        expect(self.hook("transcript")).to_have_attribute("data-synced", "true")
        self.page.wait_for_url(re.compile(r"/c/[0-9a-f-]{36}"))
        return self.page.url.rstrip("/").rpartition("/")[2]

    def say(self, text: str) -> None:
        """Write and send."""
        self.hook("composer-input").fill(text)
        self.hook("send").click()
        expect(self.hook("composer-input")).to_have_value("")
        # Until it is shown, what stands last in the transcript is an answer to something else.
        line = text.strip().partition("\n")[0]
        wait_until(
            lambda: any(line in row["text"] for row in self._messages()), 15, "the message to be shown"
        )

    def wait_until_done(self, seconds: float = 40) -> None:
        """Until what was said last is answered, the run is over and everything is shown."""
        wait_until(
            lambda: [row["kind"] for row in self.shown()][-1:] not in ([], ["message"]), seconds, "an answer"
        )
        expect(self.hook("run-status", status="none")).to_have_count(1, timeout=seconds * 1000)
        expect(self.hook("transcript")).to_have_attribute("data-synced", "true", timeout=seconds * 1000)
        expect(self.hook("step", status="streaming")).to_have_count(0, timeout=seconds * 1000)

    def shown(self) -> list[dict[str, Any]]:
        """What the transcript shows."""
        rows: list[dict[str, Any]] = self.page.evaluate(SHOWN)
        return rows

    def place(self) -> dict[str, int]:
        """What is hidden above (`offset`) and below (`left`), and the whole `height`, in px."""
        found: dict[str, int] = self.page.evaluate(PLACE)
        return found

    def _messages(self) -> list[dict[str, Any]]:
        return [row for row in self.shown() if row["kind"] == "message"]

    def _heard(self, message: ConsoleMessage) -> None:
        # A browser reports every failed connection as an error; cutting links is what these tests do.
        if message.type == "error" and not re.search(
            r"net::ERR_|WebSocket connection to|Failed to load", message.text
        ):
            self.problems.append(f"console: {message.text}")


def stored(stack: Stack, conversation: str) -> list[dict[str, Any]]:
    """The transcript's items as the journal has them, without what may differ between two tellings."""
    key = conversation.replace("-", "") if stack.database.startswith("sqlite") else conversation
    rows = stack.sql("select seq, body from chat_message where conversation_id = ?", key)
    rows += stack.sql("select seq, body from chat_step where conversation_id = ?", key)
    items = [json.loads(body) for _, body in sorted(rows)]
    # Branches have ids of their own in each telling: the first that is met is 1.
    branches = {id: n for n, id in enumerate(dict.fromkeys(i["branch"] for i in items if "branch" in i), 1)}
    return [_public(item | {"branch": branches.get(item.get("branch"), 0)}) for item in items]


def kept_last(stack: Stack, conversation: str) -> str:
    """The text of the newest item in the journal. Wait for it: the page may show it a moment before."""
    return str(stored(stack, conversation)[-1]["text"])


def _public(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _public(item) for key, item in value.items() if key not in PRIVATE}
    if isinstance(value, list):
        return [_public(item) for item in value]
    return value
