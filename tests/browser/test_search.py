"""Search, find and jump in a real browser: English and Chinese, branches, long conversations, keyboard and phone."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.support.processes import Stack
from tests.support.waiting import wait_until

#: Said once in a conversation of 1,300 messages.
LONG = """
import asyncio
from django.contrib.auth import get_user_model
from agents import events as e
from bench.histories import write_history
from chat.runtime import current, close

def user():
    return get_user_model().objects.get(username="{person}").pk

async def main():
    from asgiref.sync import sync_to_async
    owner = await sync_to_async(user)()
    print(await write_history(owner, {messages}))
    await close()

asyncio.run(main())
"""


def long_conversation(house: Stack, person: str = "alice", messages: int = 1_300) -> str:
    """A conversation of so many messages; its id."""
    told: str = house.manage("shell", "-v", "0", "-c", LONG.format(person=person, messages=messages))
    return told.strip().splitlines()[-1]


def search(chat: Chat, query: str) -> None:
    """Open the search with this and wait until it has been answered and something was found: the index follows within
    seconds."""

    def found() -> bool:
        chat.hook("search-input").fill("")
        chat.hook("search-input").fill(query)
        expect(chat.hook("search-status", status="ready")).to_have_count(1)
        return chat.hook("search-hit").count() > 0

    wait_until(found, 20, f"{query!r} to be found")


def test_what_was_said_is_found_in_both_languages_and_gone_to_by_keyboard(visit: Any) -> None:
    chat: Chat = visit()
    here = chat.begin("the heron waits by the pond")
    chat.wait_until_done()
    chat.say("白鹭在池塘边等待")
    chat.wait_until_done()
    chat.page.goto(f"{chat.address}/")
    chat.hook("search").fill("heron wait")
    chat.hook("search-texts").click()
    expect(chat.hook("search-input")).to_have_value("heron wait")
    search(chat, "heron wait")
    hit = chat.hook("search-hit", conversation=here, kind="message").first
    expect(hit.locator("mark").first).to_have_text("heron")
    search(chat, "池塘")
    expect(chat.hook("search-hit", kind="message").first.locator("mark")).to_have_text("池塘")
    chat.hook("search-kind").select_option("message")
    expect(chat.hook("search-hit", kind="answer")).to_have_count(0)
    chat.hook("search-input").press("Enter")
    chat.page.wait_for_url(f"**/c/{here}")
    marked = chat.page.locator("[data-marked] [data-testid=message]")
    expect(marked).to_contain_text("白鹭在池塘边等待")


@pytest.mark.exhaustive
def test_nothing_of_others_and_nothing_deleted_is_found(visit: Any) -> None:
    other: Chat = visit("bob")
    other.begin("the xylophone belongs to bob")
    other.wait_until_done()
    other.page.keyboard.press("Control+k")
    expect(other.hook("palette-input")).to_be_focused()
    other.page.keyboard.type("xylophone")
    other.page.locator('[data-testid="palette-option"][data-id="search-for"]').click()
    search(other, "xylophone")
    chat: Chat = visit("alice")
    mine = chat.begin("the accordion is mine")
    chat.wait_until_done()
    chat.hook("search").fill("xylophone")
    chat.hook("search").press("Enter")
    expect(chat.hook("search-status", status="ready")).to_contain_text("Nothing found")
    search(chat, "accordion")
    chat.page.keyboard.press("Escape")
    row = chat.hook("conversation-row", id=mine)
    chat.hook("search").fill("")
    row.hover()
    row.locator('[data-testid="conversation-menu"]').click()
    chat.hook("menu-delete").click()
    chat.hook("delete-confirm").click()
    expect(row).to_have_count(0)
    chat.hook("search").fill("accordion")
    chat.hook("search").press("Enter")
    expect(chat.hook("search-status", status="ready")).to_contain_text("Nothing found")
    expect(chat.hook("search-hit")).to_have_count(0)


@pytest.mark.exhaustive
def test_a_place_on_another_branch_is_shown_on_it(visit: Any) -> None:
    chat: Chat = visit()
    here = chat.begin("count the pelicans")
    chat.wait_until_done()
    chat.hook("message").first.hover()
    chat.hook("message-edit").first.click()
    chat.hook("edit-input").fill("count the flamingos")
    chat.hook("edit-send").click()
    expect(chat.hook("ways", at="2", of="2")).to_have_count(1)
    chat.wait_until_done()
    chat.page.goto(f"{chat.address}/")
    chat.hook("search").fill("pelicans")
    chat.hook("search").press("Enter")
    search(chat, "count pelicans")
    chat.hook("search-hit", conversation=here, kind="message").click()
    expect(chat.hook("ways", at="1", of="2")).to_have_count(1)
    expect(chat.page.locator("[data-marked] [data-testid=message]")).to_contain_text("count the pelicans")
    # Within it, what stands on the other branch is counted and not mixed in.
    chat.page.keyboard.press("Control+f")
    chat.hook("find-input").fill("flamingos")
    expect(chat.hook("find-count")).to_contain_text("on other branches")
    expect(chat.hook("find-bar", count="0")).to_have_count(1)


@pytest.mark.exhaustive
def test_in_1300_messages_the_first_is_there_at_once_and_everything_is_found(
    visit: Any, house: Stack
) -> None:
    conversation = long_conversation(house)
    chat: Chat = visit()
    chat.page.goto(f"{chat.address}/c/{conversation}")
    expect(chat.hook("transcript")).to_have_attribute("data-synced", "true")
    chat.hook("header-menu").click()
    began = time.monotonic()
    chat.hook("menu-first").click()
    expect(chat.page.get_by_text("0: What does the report", exact=False).first).to_be_in_viewport()
    took = time.monotonic() - began
    assert took < 5, f"{took:.1f} s"
    items = int(chat.hook("transcript").get_attribute("data-items") or 0)
    assert items < 200, "everything between was loaded"
    assert chat.place()["offset"] < 400
    # Reading on closes the hole.
    chat.hook("transcript").focus()

    def further() -> bool:
        chat.page.mouse.move(700, 300)
        chat.page.mouse.wheel(0, 700)
        return int(chat.hook("transcript").get_attribute("data-items") or 0) > items

    wait_until(further, 30, "what comes next")
    # Found over all of it, not only what is loaded.
    chat.page.keyboard.press("Control+f")
    expect(chat.hook("find-input")).to_be_focused()

    def found() -> bool:
        chat.hook("find-input").fill("")
        chat.hook("find-input").fill('"150: What"')
        expect(chat.hook("find-count")).not_to_be_empty()
        return chat.hook("find-bar", count="1").count() == 1

    wait_until(found, 30, "the index")
    chat.hook("find-input").press("Enter")
    expect(chat.page.locator("[data-marked]")).to_contain_text("150: What does")
    expect(chat.page.locator("[data-marked]")).to_be_in_viewport()
    expect(chat.hook("find-count")).to_contain_text("1 of 1")

    def all_found() -> bool:
        """The index may be on its way still, and the bar asks once for what was written."""
        chat.hook("find-input").fill("")
        chat.hook("find-input").fill("northern region grew")
        expect(chat.hook("find-count")).not_to_be_empty()
        return chat.hook("find-bar", count="325").count() == 1

    wait_until(all_found, 30, "the index to have all of it")
    chat.hook("find-next").click()
    expect(chat.page.get_by_text("0: The northern region", exact=False).first).to_be_in_viewport()
    chat.hook("find-previous").click()
    expect(chat.page.get_by_text("324: The northern region", exact=False).first).to_be_in_viewport()
    chat.hook("find-input").press("Escape")
    expect(chat.hook("composer-input")).to_be_focused()


def test_older_pages_go_on_loading_at_the_very_top(visit: Any, house: Stack) -> None:
    conversation = long_conversation(house, messages=400)
    chat: Chat = visit()
    chat.page.goto(f"{chat.address}/c/{conversation}")
    expect(chat.hook("transcript")).to_have_attribute("data-synced", "true")

    def at_top() -> bool:
        # As by a drag of the scroll bar to its top, again and again.
        chat.page.evaluate("document.querySelector('[data-testid=transcript]').scrollTop = 0")
        return chat.hook("transcript", older="none").count() == 1

    wait_until(at_top, 40, "the first message")

    def first_is_there() -> bool:
        at_top()
        return chat.place()["offset"] == 0 and "0: What does" in chat.shown()[0]["text"]

    wait_until(first_is_there, 10, "the first message to be shown")


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_a_phone(visit: Any, language: str) -> None:
    chat: Chat = visit(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True)
    here = chat.begin("an ibis on a phone 手机上的朱鹮")
    chat.wait_until_done()
    chat.hook("open-sidebar").click()
    if language == "zh":
        chat.hook("account-menu").click()
        chat.hook("language-zh").click()
    chat.hook("search").fill("朱鹮")
    chat.hook("search-texts").click()
    search(chat, "朱鹮")
    wide = chat.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not wide, "it has to be scrolled sideways"
    chat.hook("search-hit", conversation=here, kind="message").click()
    expect(chat.page.locator("[data-marked]")).to_contain_text("朱鹮")
