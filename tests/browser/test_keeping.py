"""Pinning, archiving, exporting and deleting conversations from the list; and what a run did with its time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.chat import Chat


def test_conversations_are_pinned_put_away_taken_along_and_deleted_together(visit: Any) -> None:
    chat: Chat = visit("bob")
    ids = []
    for text in ("what is 1 + 1?", "what is 2 + 2?", "what is 3 + 3?"):
        ids.append(chat.begin(text))
        chat.wait_until_done()
    other = chat.second_tab()

    def pick(id: str, item: str) -> None:
        row = chat.hook("conversation-row", id=id)
        row.hover()
        row.get_by_test_id("conversation-menu").click()
        chat.hook(item).click()

    pick(ids[0], "menu-pin")
    for tab in (chat, other):
        expect(tab.hook("conversation-row").first).to_have_attribute("data-id", ids[0])
    pick(ids[1], "menu-archive")
    for tab in (chat, other):
        expect(tab.hook("conversation-row", id=ids[1])).to_have_count(0)
    chat.hook("show-archive").click()
    expect(chat.hook("conversation-row", id=ids[1])).to_be_visible()
    expect(chat.hook("conversation-row", id=ids[0])).to_have_count(0)
    chat.hook("show-archive").click()
    row = chat.hook("conversation-row", id=ids[0])
    row.hover()
    row.get_by_test_id("conversation-menu").click()
    with chat.page.expect_download() as saved:
        chat.hook("menu-export").click()
    assert saved.value.suggested_filename == "what is 1 + 1_.md"
    text = Path(saved.value.path()).read_text(encoding="utf-8")
    assert "what is 1 + 1?" in text and "**calculator** · succeeded" in text
    chat.hook("choose-several").click()
    for id in (ids[0], ids[2]):
        chat.hook("conversation-row", id=id).get_by_test_id("choose").check()
    chat.hook("bulk-delete").click()
    chat.hook("bulk-delete-confirm").click()
    expect(chat.hook("empty")).to_be_visible()
    for id in (ids[0], ids[2]):
        expect(chat.hook("conversation-row", id=id)).to_have_count(0)


def test_a_run_tells_what_it_did_with_its_time(visit: Any) -> None:
    chat: Chat = visit()
    chat.begin("what is 6 * 7?")
    chat.wait_until_done()
    chat.hook("step").last.hover()
    chat.hook("open-timeline").last.click()
    expect(chat.hook("timeline-span", kind="model")).to_have_count(2)
    expect(chat.hook("timeline-span", kind="call", outcome="succeeded")).to_contain_text("Calculator")
    chat.page.keyboard.press("Escape")
    expect(chat.hook("timeline")).to_have_count(0)
