"""Fingers, mice and files: what the page does with them that only a browser shows."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat

#: Drops a text file on the transcript, as a mouse would; whether the browser would have opened it instead.
DROP = """() => {
  const data = new DataTransfer();
  data.items.add(new File(["the tide table"], "tides.txt", { type: "text/plain" }));
  const at = document.querySelector("main header");
  const tell = (type) =>
    at.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }));
  tell("dragover");
  return tell("drop");
}"""


@pytest.mark.exhaustive
def test_on_a_phone_the_list_opens_without_a_tooltip(visit: Any) -> None:
    chat: Chat = visit(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    chat.hook("open-sidebar").tap()
    expect(chat.hook("drawer")).to_be_visible()
    # Longer than a tooltip waits for a mouse.
    chat.page.wait_for_timeout(800)
    assert chat.page.get_by_role("tooltip").count() == 0
    # By keyboard it is there at once.
    chat.page.keyboard.press("Tab")
    chat.page.keyboard.press("Shift+Tab")
    expect(chat.page.get_by_role("tooltip")).to_have_count(1)


def test_a_file_dropped_beside_the_composer_goes_with_the_message(visit: Any) -> None:
    chat: Chat = visit()
    chat.begin("what is 6 * 7?")
    chat.wait_until_done()
    assert chat.page.evaluate(DROP) is False
    expect(chat.hook("composer-file", state="done")).to_contain_text("tides.txt")
    # It is part of the draft: the server has it, so a reload keeps it.
    chat.hook("composer-input").fill("look at this")
    chat.page.reload()
    expect(chat.hook("composer-file", state="done")).to_contain_text("tides.txt")
    chat.say("look at this")
    expect(chat.hook("attachment")).to_be_visible()
    chat.wait_until_done()
