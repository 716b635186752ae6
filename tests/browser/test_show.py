"""What an answer and a message may hold: mathematics, tables, foreign pictures, code, long texts, large pictures."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Request, expect

from tests.browser.chat import Chat
from tests.browser.models import agent_saying, choose
from tests.support.pictures import picture
from tests.support.processes import Stack

ANSWER = r"""The roots are $x_{1,2} = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}$, and it costs $5 or $10:

\[
\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}
\]

| city | 人口 | note |
| - | - | - |
| Tokyo | 37,400,000 | large, "very" |
| Berlin | 3,700,000 | =1+1 |

![a spy](https://pictures.example/spy.png)
"""


def test_an_answer_shows_formulas_tables_and_foreign_pictures_and_asks_nobody(
    visit: Any, house: Stack
) -> None:
    chat: Chat = visit(permissions=["clipboard-read", "clipboard-write"])
    asked: list[str] = []

    def seen(request: Request) -> None:
        asked.append(request.url)

    chat.page.on("request", seen)
    with agent_saying(house, "scholar", lambda said: ANSWER):
        choose(chat, "scholar")
        chat.begin_here("show me")
        chat.wait_until_done()
    step = chat.hook("step-text").last
    expect(step.locator("math")).to_have_count(2)
    expect(step.locator("math[display=block]")).to_be_visible()
    expect(step).to_contain_text("it costs $5 or $10")
    # MathML is drawn by the browser, and larger than its source would be.
    assert (step.locator("math[display=block]").bounding_box() or {"height": 0})["height"] > 30
    link = step.get_by_role("link", name="🖼 a spy (pictures.example)")
    expect(link).to_have_attribute("href", "https://pictures.example/spy.png")
    step.locator("table").hover()
    step.get_by_label("Copy as CSV").click()
    copied = chat.page.evaluate("navigator.clipboard.readText()")
    assert copied.split("\r\n") == [
        "city,人口,note",
        'Tokyo,"37,400,000","large, ""very"""',
        'Berlin,"3,700,000",\'=1+1',
    ]
    assert [url for url in asked if not url.startswith((chat.address, "blob:"))] == []


def test_a_long_message_with_code_is_folded_and_a_picture_opens_large(visit: Any) -> None:
    chat: Chat = visit()
    chat.hook("file-input").set_input_files(
        [
            {"name": "one.png", "mimeType": "image/png", "buffer": picture("PNG", (800, 600))},
            {"name": "two.png", "mimeType": "image/png", "buffer": picture("PNG", (600, 800))},
        ]
    )
    expect(chat.hook("composer-file", state="done")).to_have_count(2)
    code = "\n".join(f"print({n})" for n in range(40))
    chat.begin_here(f"what does this do?\n```python\n{code}\n```")
    chat.wait_until_done()
    said = chat.hook("said").first
    expect(said).to_have_attribute("data-folded", "true")
    height = (said.bounding_box() or {"height": 0})["height"]
    assert height <= 300
    chat.hook("said-toggle").click()
    expect(said).to_have_attribute("data-folded", "false")
    expect(said.locator("pre .hljs-built_in").first).to_have_text("print")
    chat.hook("attachment").first.get_by_role("link").click()
    expect(chat.hook("lightbox")).to_contain_text("one.png")
    expect(chat.hook("lightbox").locator("img")).to_have_js_property("naturalWidth", 800)
    chat.page.keyboard.press("ArrowRight")
    expect(chat.hook("lightbox")).to_contain_text("two.png")
    chat.page.keyboard.press("Escape")
    expect(chat.hook("lightbox")).to_have_count(0)
    expect(chat.hook("attachment").first.get_by_role("link")).to_be_focused()
