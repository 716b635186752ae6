"""Conversations are copied from any of their messages, and brought in from a file, in a real browser."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat, stored
from tests.browser.test_attachments import PHOTO, choose
from tests.browser.test_axe import violations
from tests.support.processes import Stack


def there(chat: Chat, *but: str) -> str:
    """The id of the conversation that is shown, once it is another one than these."""
    chat.page.wait_for_url(lambda url: "/c/" in url and not any(id in url for id in but))
    expect(chat.hook("transcript")).to_have_attribute("data-synced", "true")
    return chat.page.url.rstrip("/").rpartition("/")[2]


def test_a_conversation_is_copied_from_a_message_and_whole(visit: Any, house: Stack) -> None:
    chat: Chat = visit()
    choose(chat, PHOTO)
    original = chat.begin_here("what is 6 * 7?")
    chat.wait_until_done()
    chat.say("what is 8 * 9?")
    chat.wait_until_done()
    whole = stored(house, original)
    answer = chat.hook("step").filter(has=chat.hook("step-text").filter(has_text="42")).last
    answer.hover()
    answer.get_by_test_id("message-menu").click()
    chat.hook("copy-from-here").click()
    copy = there(chat, original)
    expect(chat.hook("copied-from")).to_contain_text("Copied from what is 6 * 7?")
    first = next(place for place, item in enumerate(whole) if item["text"] == "what is 8 * 9?")
    assert first > 1 and stored(house, copy) == whole[:first]
    assert chat.shown()[-1]["text"].startswith("6 * 7 = 42")
    image = chat.page.locator('[data-testid="attachment"] img')
    expect(image).to_have_js_property("naturalWidth", 640)
    chat.say("what is 2 + 3?")
    chat.wait_until_done()
    assert "5" in chat.shown()[-1]["text"]
    chat.hook("copied-from-link").click()
    assert there(chat, copy) == original
    assert stored(house, original) == whole, "the original was changed"
    # The picture stays with the copy when its original goes.
    chat.hook("header-menu").click()
    chat.hook("menu-delete").click()
    chat.hook("delete-confirm").click()
    chat.hook("conversation-row", id=copy).get_by_role("link").click()
    assert there(chat, original) == copy
    chat.page.reload()
    expect(image).to_have_js_property("naturalWidth", 640)
    chat.hook("header-menu").click()
    chat.hook("menu-copy").click()
    again = there(chat, original, copy)
    assert [row["text"] for row in stored(house, again) if row["kind"] == "message"] == [
        "what is 6 * 7?",
        "what is 2 + 3?",
    ]
    expect(chat.hook("conversation-row", id=again)).to_be_visible()


@pytest.mark.exhaustive
def test_an_exported_conversation_is_brought_in_and_what_is_none_says_so(visit: Any, tmp_path: Path) -> None:
    chat: Chat = visit("bob")
    original = chat.begin("what is 4 * 5?")
    chat.wait_until_done()
    shown = chat.shown()
    chat.hook("header-menu").click()
    with chat.page.expect_download() as saved:
        chat.hook("menu-export-json").click()
    exported = Path(saved.value.path()).read_bytes()
    wrong = tmp_path / "shopping.json"
    wrong.write_text(json.dumps({"tea": 2}))
    chat.hook("import").click()
    chat.hook("import-file").set_input_files(wrong)
    expect(chat.hook("import-problem")).to_contain_text("shopping.json")
    expect(chat.hook("import-problem")).to_contain_text("no exported conversation")
    file = tmp_path / "conversation.json"
    file.write_bytes(exported)
    chat.hook("import-file").set_input_files(file)
    brought = there(chat, original)
    expect(chat.hook("import-dialog")).to_have_count(0)
    assert chat.shown() == shown
    expect(chat.hook("conversation-row", id=brought)).to_be_visible()
    chat.say("what is 1 + 1?")
    chat.wait_until_done()
    assert "2" in chat.shown()[-1]["text"]


@pytest.mark.exhaustive
def test_all_of_it_is_there_in_chinese(visit: Any, tmp_path: Path) -> None:
    chat: Chat = visit()
    chat.hook("account-menu").click()
    chat.hook("language-zh").click()
    chat.page.keyboard.press("Escape")
    original = chat.begin("what is 3 * 3?")
    chat.wait_until_done()
    chat.hook("message").first.hover()
    chat.hook("message-menu").first.click()
    expect(chat.hook("copy-from-here")).to_have_text("从这里复制对话")
    chat.hook("copy-from-here").click()
    there(chat, original)
    expect(chat.hook("copied-from")).to_contain_text("复制自 what is 3 * 3?")
    chat.hook("header-menu").click()
    expect(chat.hook("menu-copy")).to_have_text("复制")
    chat.page.keyboard.press("Escape")
    empty = tmp_path / "empty.json"
    empty.write_bytes(b"")
    chat.hook("import").click()
    expect(chat.hook("import-dialog")).to_contain_text("导入对话")
    chat.hook("import-file").set_input_files(empty)
    expect(chat.hook("import-problem")).to_contain_text("文件是空的")
    assert violations(chat.page) == []


#: A phone that is held upright.
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def picture(chat: Chat, name: str) -> None:
    """Nothing has to be scrolled sideways. To look at it: HOLDFAST_PICTURES=<folder>."""
    assert not chat.page.evaluate(WIDE), f"{name} has to be scrolled sideways"
    if folder := os.environ.get("HOLDFAST_PICTURES"):
        chat.page.screenshot(path=f"{folder}/{name}.png")


@pytest.mark.exhaustive
def test_on_a_phone_a_conversation_is_copied_and_brought_in(visit: Any, tmp_path: Path) -> None:
    chat: Chat = visit("bob", **PHONE)
    original = chat.begin("what is 6 * 7, 请告诉我？")
    chat.wait_until_done()
    chat.hook("step").last.get_by_test_id("message-menu").tap()
    expect(chat.hook("copy-from-here")).to_be_in_viewport(ratio=1)
    picture(chat, "phone-copy-menu")
    chat.hook("copy-from-here").tap()
    copy = there(chat, original)
    expect(chat.hook("copied-from")).to_be_in_viewport(ratio=1)
    picture(chat, "phone-copied")
    chat.hook("header-menu").tap()
    with chat.page.expect_download() as saved:
        chat.hook("menu-export-json").tap()
    chat.hook("open-sidebar").tap()
    chat.hook("import").tap()
    expect(chat.hook("import-choose")).to_be_in_viewport(ratio=1)
    picture(chat, "phone-import")
    wrong = tmp_path / "a-shopping-list-whose-name-does-not-fit-on-one-line-of-a-phone.json"
    wrong.write_text(json.dumps({"tea": 2}))
    chat.hook("import-file").set_input_files(wrong)
    expect(chat.hook("import-problem")).to_be_in_viewport(ratio=1)
    picture(chat, "phone-import-problem")
    file = tmp_path / "conversation.json"
    file.write_bytes(Path(saved.value.path()).read_bytes())
    chat.hook("import-file").set_input_files(file)
    there(chat, original, copy)
    expect(chat.hook("import-dialog")).to_have_count(0)
    expect(chat.hook("drawer")).to_have_count(0)
    expect(chat.hook("step-text").last).to_contain_text("42")
    picture(chat, "phone-brought-in")
