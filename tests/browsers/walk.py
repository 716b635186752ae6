"""What a person does on the first days, in whatever browser: written once, in the order in which it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.browser.chat import PLACE, SHOWN, stored
from tests.browsers.page import Page, hook
from tests.support.processes import Stack, password
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until

#: The place on the screen (px) of each paragraph of the answer. The offset tells less: what is above may be laid out
#: anew.
PARAGRAPHS = """() => {
  const top = document.querySelector('[data-testid="transcript"]').getBoundingClientRect().top;
  const found = [...document.querySelectorAll('[data-testid="step-text"] p')];
  return found.map((one) => one.getBoundingClientRect().top - top);
}"""
MARKED = '[data-marked] [data-testid="message"]'
INPUT = hook("composer-input")
APPROVAL = (
    "from agents.models import Agent; agent = Agent.objects.get(slug='assistant');"
    "agent.approval_tools = {tools}; agent.save()"
)


class Walk:
    """A page, the house behind it, and the link between them."""

    def __init__(self, page: Page, house: Stack, link: Proxy) -> None:
        self.page, self.house, self.link = page, house, link
        self.address = f"http://127.0.0.1:{link.port}"

    # ---- what is walked ----

    def log_in(self) -> None:
        """Through the login page, to the chat."""
        self.page.go(f"{self.address}/")
        self.page.write("input[name=username]", "alice")
        self.page.write("input[name=password]", password("alice"))
        self.page.press("Enter")
        self._ready()

    def two_tools(self) -> None:
        """A message that runs two tools, a reload in the middle of one: the answer is there once, as it is stored."""
        here = self._begin("what is 6 * 7, and research the history of tides for 5 seconds")
        running = hook("call", status="running")
        self.page.wait(running)
        self.page.wait(hook("call-progress"))
        self.page.reload()
        self.page.wait(running)
        self._done()
        self.page.wait(hook("call", status="succeeded"), count=2)
        shown, kept = self._shown(), stored(self.house, here)
        assert [row["kind"] for row in shown].count("message") == 1, shown
        answers = [row["text"] for row in shown if row["kind"] == "step" and not row["calls"]]
        assert len(answers) == 1 and answers[0].count("= 42") == 1, shown
        assert [row["kind"] for row in shown] == [item["kind"] for item in kept], (shown, kept)

    def edit_and_switch(self) -> None:
        """A message is said anew, and both ways are gone to and fro; one is only corrected."""
        self._begin("what is 2 + 3?")
        self._done()
        self._edit("what is 4 + 5?", "edit-send")
        self.page.wait(hook("ways", at="2", of="2"), count=1)
        self._done()
        assert self._shown()[-1]["text"].endswith("9") or "= 9" in self._shown()[-1]["text"], self._shown()
        self.page.click(hook("ways-previous"))
        self.page.wait(hook("ways", at="1", of="2"), count=1)
        assert "= 5" in self._shown()[-1]["text"], self._shown()
        self.page.reload()
        self.page.wait(hook("ways", at="1", of="2"), count=1)
        self._edit("what is 2 + 3, please?", "edit-save")
        self.page.wait(hook("message-edited"), count=1)
        self.page.wait(hook("message"), count=1, text="please")

    def try_again(self) -> None:
        """An answer is made again: one question, two answers, and the keyboard goes between them."""
        self._begin("what is 20+22?")
        self._done()
        self.page.hover(hook("step"), -1)
        self.page.click(hook("try-again"), -1)
        self.page.wait(hook("ways", at="2", of="2"), count=1)
        self._done()
        self.page.call("(css) => document.querySelector(css).focus()", hook("ways-previous"))
        self.page.press("ArrowLeft")
        self.page.wait(hook("ways", at="1", of="2"), count=1)
        self.page.wait(hook("message"), count=1)

    def search(self) -> None:
        """What was said is found in English and in Chinese, and gone to."""
        here = self._begin("the heron waits by the pond 白鹭在池塘边等待")
        self._done()
        self.page.go(f"{self.address}/")
        self._ready()
        self.page.write(hook("search"), "heron wait")
        self.page.press("Enter")
        for query in ("heron wait", "池塘"):
            # The index follows within seconds.
            wait_until(lambda query=query: self._finds(query), 30, f"{query} to be found", every=0.5)
        self.page.click(hook("search-hit", conversation=here, kind="message"))
        self.page.wait(MARKED, text="heron")
        assert here in self.page.call("() => location.pathname")

    def drafts(self) -> None:
        """What is half written is there after a reload, and in its conversation only."""
        here = self._begin("what is 1 + 1?")
        self._done()
        self.page.write(INPUT, "half a thought 半句话")
        self.page.reload()
        self._ready()
        wait_until(lambda: self.page.value(INPUT) == "half a thought 半句话", 15, "the draft")
        self.page.go(f"{self.address}/")
        self._ready()
        assert self.page.value(INPUT) == ""
        self.page.go(f"{self.address}/c/{here}")
        wait_until(lambda: self.page.value(INPUT) == "half a thought 半句话", 15, "the draft")
        self.page.write(INPUT, "and 2 + 2?")
        self.page.press("Enter")
        self._done()
        self.page.reload()
        self._ready()
        self.page.wait(hook("message"), count=2)
        assert self.page.value(INPUT) == "", "what was sent came back"

    def approve(self) -> None:
        """A call waits for a yes, over a reload, and runs once it has it."""
        self.house.manage("shell", "-v", "0", "-c", APPROVAL.format(tools=["notes"]))
        try:
            self._begin("remember that the supplier is paid on Friday")
            self.page.wait(hook("call", status="awaiting_approval"), count=1)
            self.page.reload()
            self.page.wait(hook("approval-arguments"), text="the supplier is paid on Friday")
            assert self._notes() == 0, "it ran before anybody had allowed it"
            self.page.click(hook("approval-allow"))
            self._done()
            self.page.wait(hook("approval-decided", decision="approved"), text="Allowed by you")
            assert self._notes() == 1
        finally:
            self.house.manage("shell", "-v", "0", "-c", APPROVAL.format(tools=[]))

    def cut_off(self) -> None:
        """A message that was sent while the link was cut arrives once, when it is back."""
        here = self._begin("what is 6 * 7?")
        self._done()
        self.link.cut()
        try:
            self.page.write(INPUT, "what is 12 * 12?")
            self.page.press("Enter")
            self.page.wait(hook("message", status="sending"), count=1)
            self.page.wait(hook("banner"))
        finally:
            self.link.restore()
        self._done()
        said = [item["text"] for item in stored(self.house, here) if item["kind"] == "message"]
        assert said == ["what is 6 * 7?", "what is 12 * 12?"], said
        assert "144" in self._shown()[-1]["text"]

    def long_answer(self) -> None:
        """Who scrolls up in an answer that grows is left there, and its end is followed again on a click."""
        self._begin("write a long text")
        wait_until(lambda: self._place()["offset"] > 700, 30, "more text than fits the page")
        self.page.call("(css) => document.querySelector(css).focus()", hook("transcript"))
        before = self._place()["offset"]
        self.page.press("PageUp")
        self.page.wait(hook("jump-to-latest"))
        wait_until(lambda: self._place()["offset"] < before - 200, 10, "the page to go up")
        read = self._still()
        tops: list[float] = self.page.call(PARAGRAPHS)
        seen = next(number for number, top in enumerate(tops) if top > 0)
        wait_until(lambda: self._place()["height"] > read["height"] + 200, 30, "the answer to grow")
        moved = self.page.call(PARAGRAPHS)[seen] - tops[seen]
        assert abs(moved) <= 2, f"what was being read has moved by {moved} px: {read}, {self._place()}"
        self.page.click(hook("jump-to-latest"))
        self._done()
        wait_until(lambda: self._place()["left"] <= 1, 10, lambda: f"the end, not {self._place()}")

    def chinese(self) -> None:
        """In Chinese, from the menu on: said, answered, made again."""
        self.page.click(hook("account-menu"))
        self.page.click(hook("language-zh"))
        self.page.press("Escape")
        self._begin("你好，6 * 7 等于多少？")
        self._done()
        assert "42" in self._shown()[-1]["text"], self._shown()
        self.page.hover(hook("step"), -1)
        self.page.wait(hook("try-again"), text="重新回答")
        self.page.click(hook("try-again"), -1)
        self.page.wait(hook("ways", at="2", of="2") + '[aria-label="第 2 个版本，共 2 个"]', count=1)
        self._done()
        self.page.wait(hook("other-branches"), text="另一个分支")

    # ---- small parts ----

    def _ready(self) -> None:
        self.page.wait(hook("app", phase="ready"), count=1)

    def _begin(self, text: str) -> str:
        """A new conversation with this message; its id."""
        self.page.go(f"{self.address}/")
        self._ready()
        self.page.write(INPUT, text)
        self.page.click(hook("send"))
        self.page.wait(hook("message"), count=1, text=text)
        self.page.wait(hook("transcript", synced="true"), count=1)
        path = wait_until(
            lambda: self.page.call("() => location.pathname.match(/c.([-0-9a-f]{36})/)?.[1]"), 15, "/c/…"
        )
        return str(path)

    def _done(self) -> None:
        """Until what was said last is answered, the run is over and everything is shown."""

        def answered() -> bool:
            last = self._shown()[-1:]
            return bool(last) and last[0]["kind"] != "message"

        wait_until(answered, 40, "an answer", every=0.1)
        for css, count in (
            (hook("run-status", status="none"), 1),
            (hook("transcript", synced="true"), 1),
            (hook("step", status="streaming"), 0),
        ):
            self.page.wait(css, count=count, seconds=60)

    def _edit(self, text: str, how: str) -> None:
        self.page.hover(hook("message"))
        self.page.click(hook("message-edit"))
        self.page.write(hook("edit-input"), text)
        self.page.click(hook(how))
        self.page.wait(hook("edit-box"), count=0)

    def _finds(self, query: str) -> bool:
        self.page.write(hook("search-input"), query)
        self.page.wait(hook("search-status", status="ready"), count=1)
        return self.page.count(hook("search-hit", kind="message") + " mark") > 0

    def _notes(self) -> int:
        return int(self.house.sql("select count(*) from agents_note where text != ''")[0][0])

    def _shown(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.page.call(SHOWN)
        return rows

    def _still(self) -> dict[str, int]:
        """The place, once nothing scrolls any more: browsers glide."""
        seen = [self._place()]

        def still() -> bool:
            seen.append(self._place())
            return len({place["offset"] for place in seen[-5:]}) == 1 and len(seen) >= 5

        wait_until(still, 10, "scrolling to end", every=0.2)
        return seen[-1]

    def _place(self) -> dict[str, int]:
        found: dict[str, int] = self.page.call(PLACE)
        return found


STEPS: dict[str, Callable[[Walk], None]] = {
    "log in": Walk.log_in,
    "two tools, and a reload in the middle of one": Walk.two_tools,
    "edit a message, and switch branches": Walk.edit_and_switch,
    "try again": Walk.try_again,
    "search, and jump": Walk.search,
    "a draft survives a reload": Walk.drafts,
    "approve a call": Walk.approve,
    "a message sent while cut off": Walk.cut_off,
    "a long answer": Walk.long_answer,
    "Chinese": Walk.chinese,
}
