"""The chat by keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.support.waiting import wait_until


@pytest.mark.exhaustive
def test_a_page_up_is_not_undone_by_text_that_streams_also_from_the_message_field(visit: Any) -> None:
    chat: Chat = visit()
    chat.begin("write a long text about tea")
    wait_until(lambda: chat.place()["offset"] > 600, 30, "more text than fits")
    expect(chat.hook("composer-input")).to_be_focused()
    before = chat.place()["offset"]
    chat.page.keyboard.press("PageUp")
    wait_until(lambda: chat.place()["offset"] < before, 5, "the page to be scrolled")
    up = chat.place()
    chat.page.wait_for_timeout(600)
    now = chat.place()
    assert now["height"] > up["height"], "nothing was streamed meanwhile"
    assert abs(now["offset"] - up["offset"]) <= 2
    expect(chat.hook("composer-input")).to_be_focused()
    # From the transcript itself, too, and back to the end.
    chat.hook("jump-to-latest").click()
    wait_until(lambda: chat.place()["left"] <= 1, 5, "the end to be in sight")
    chat.hook("transcript").focus()
    before = chat.place()["offset"]
    chat.page.keyboard.press("PageUp")
    wait_until(lambda: chat.place()["offset"] < before - 100, 5, "the page to be scrolled")
    chat.page.wait_for_timeout(600)
    assert chat.place()["offset"] < before - 100


def test_a_conversation_is_begun_found_renamed_and_deleted_without_a_mouse(visit: Any) -> None:
    chat: Chat = visit("bob")
    keys = chat.page.keyboard
    # Past the list, by the first link.
    chat.page.reload()
    expect(chat.hook("composer-input")).to_be_focused()
    # Back to where the keys begin on a page.
    chat.page.evaluate("document.body.tabIndex = -1; document.body.focus()")
    keys.press("Tab")
    expect(chat.hook("skip-link")).to_be_focused()
    keys.press("Enter")
    expect(chat.hook("composer-input")).to_be_focused()
    keys.type("what is 6 * 7?")
    keys.press("Enter")
    chat.wait_until_done()
    # Renamed by the palette.
    keys.press("Control+k")
    expect(chat.hook("palette-input")).to_be_focused()
    keys.type("rename")
    keys.press("Enter")
    expect(chat.hook("rename-input")).to_be_focused()
    keys.type("The answer")
    keys.press("Enter")
    expect(chat.page.get_by_role("heading", name="The answer")).to_be_visible()
    # Another one, and back by its title.
    keys.press("Control+Shift+o")
    expect(chat.hook("empty")).to_be_visible()
    keys.press("Control+k")
    keys.type("the answer")
    expect(chat.hook("palette-option")).to_have_count(2)  # and that it may be looked for
    keys.press("Enter")
    expect(chat.hook("step-text").last).to_contain_text("42")
    # A palette that is left gives the focus back.
    chat.hook("composer-input").focus()
    keys.press("Control+k")
    keys.press("Escape")
    expect(chat.hook("composer-input")).to_be_focused()
    # Search, and delete.
    keys.press("Control+Shift+f")
    expect(chat.hook("search")).to_be_focused()
    keys.press("Control+k")
    keys.type("delete")
    keys.press("Enter")
    expect(chat.hook("delete-confirm")).to_be_visible()
    chat.hook("delete-confirm").focus()
    keys.press("Enter")
    expect(chat.hook("empty")).to_be_visible()


@pytest.mark.exhaustive
def test_at_400_percent_one_can_still_read_and_write(visit: Any) -> None:
    # 1280 × 1024 at 400 %: WCAG 1.4.10 asks for 320 × 256 without scrolling in two directions.
    chat: Chat = visit(viewport={"width": 320, "height": 256})
    chat.begin("what is 6 * 7?")
    chat.wait_until_done()
    width = chat.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 320
    room = chat.hook("transcript").bounding_box()
    assert room is not None and room["height"] >= 64, "there is hardly a line left to read"
    field = chat.hook("composer-input").bounding_box()
    assert field is not None and field["y"] + field["height"] <= 256
    expect(chat.hook("step-text").last).to_be_in_viewport()
