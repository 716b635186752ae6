"""What happens where nobody looks: marks in the list, the title of the tab, notifications."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat

#: Stands in for the browser's notifications, which a headless one does not show; and for whether somebody looks.
WATCH = """() => {
  window.told = [];
  window.Notification = class {
    static permission = "default";
    static async requestPermission() { return (Notification.permission = "granted"); }
    constructor(title, options) { window.told.push({ title, ...options }); }
    close() {}
  };
}"""


@pytest.mark.exhaustive
def test_an_answer_elsewhere_is_marked_counted_and_gone_once_it_was_looked_at(visit: Any) -> None:
    chat: Chat = visit("bob")
    first = chat.begin("Research the history of tea for 3 seconds")
    expect(chat.hook("call", status="running")).to_be_visible()
    expect(chat.page).to_have_title(re.compile("^… Research"))
    chat.hook("new-conversation").click()
    row = chat.hook("conversation-row", id=first)
    expect(row).to_have_attribute("data-unread", "false")
    expect(row).to_have_attribute("data-unread", "true", timeout=40_000)
    expect(chat.page).to_have_title(re.compile(r"^\(1\) "))
    expect(chat.page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("icon-new.svg$"))
    icon = chat.page.locator("link[rel=icon]").get_attribute("href")
    assert chat.page.request.get(f"{chat.address}{icon}" if str(icon).startswith("/") else str(icon)).ok
    chat.page.reload()
    expect(row).to_have_attribute("data-unread", "true")
    row.get_by_role("link").click()
    expect(row).to_have_attribute("data-unread", "false")
    expect(chat.page).to_have_title(re.compile("^Research"))
    chat.page.reload()
    expect(row).to_have_attribute("data-unread", "false")


@pytest.mark.exhaustive
def test_a_long_run_offers_to_call_back_and_does(visit: Any) -> None:
    chat: Chat = visit("bob")
    chat.page.add_init_script(f"({WATCH})()")
    first = chat.begin("Research the history of salt for 9 seconds")
    expect(chat.hook("offer-callback")).to_be_visible(timeout=30_000)
    chat.hook("call-back").click()
    expect(chat.hook("offer-callback")).to_have_count(0)
    chat.hook("new-conversation").click()
    expect(chat.hook("conversation-row", id=first)).to_have_attribute("data-unread", "true", timeout=60_000)
    told = chat.page.evaluate("window.told")
    assert [one["tag"] for one in told] == [f"holdfast-{first}"]
    assert told[0]["title"].startswith("Research") and told[0]["body"] == "The answer is there."
    # Never asked again.
    chat.page.goto(f"{chat.address}/c/{first}")
    assert chat.page.evaluate("localStorage.getItem('hf.notify')") == "on"
