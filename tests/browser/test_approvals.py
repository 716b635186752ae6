"""W8: a tool that needs a yes waits for it, over a reload, and does what the first word says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.chat import Chat
from tests.support.processes import Stack
from tests.support.waiting import wait_until


@pytest.fixture
def careful(visit: Any) -> Iterator[None]:
    """The default agent asks before it uses its notes: ticked in the admin, and unticked afterwards."""
    admin = visit("charlie")
    set_approval(admin, True)
    yield
    set_approval(admin, False)


def set_approval(admin: Chat, wanted: bool) -> None:
    page = admin.page
    page.goto(f"{admin.address}/admin/agents/agent/")
    page.click("#result_list tbody th a")
    page.locator('input[name="approval_tools"][value="notes"]').set_checked(wanted)
    page.click("input[name=_save]")
    expect(page.locator("li.success")).to_be_visible()


def asks(chat: Chat, text: str) -> Locator:
    """The card that asks about this text, after which nothing has happened yet."""
    card = chat.hook("call", status="awaiting_approval")
    expect(card).to_have_count(1)
    expect(card.get_by_test_id("approval-arguments")).to_contain_text(text)
    expect(chat.hook("run-status", status="waiting")).to_have_count(1)
    return card


def notes(house: Stack) -> int:
    return int(house.sql("select count(*) from agents_note where text != ''")[0][0])


def test_W8_a_call_waits_over_a_reload_and_is_allowed_or_refused(
    visit: Any, house: Stack, careful: None
) -> None:
    before = notes(house)
    chat = visit()
    conversation = chat.begin("remember that the supplier is paid on Friday")
    asks(chat, "the supplier is paid on Friday")
    expect(chat.hook("announcer")).to_have_text("A tool asks for your permission")
    expect(chat.hook("conversation-row", id=conversation)).to_have_attribute("data-run", "waiting")
    chat.page.reload()
    asks(chat, "the supplier is paid on Friday")
    other = chat.second_tab()
    asks(other, "the supplier is paid on Friday")
    assert notes(house) == before, "it ran before anybody had allowed it"

    chat.hook("approval-allow").click()
    for tab in (chat, other):
        tab.wait_until_done()
        expect(tab.hook("approval-decided", decision="approved")).to_have_text("Allowed by you")
        expect(tab.hook("approval")).to_have_count(0)
    assert notes(house) == before + 1

    chat.say("remember that the moon is made of cheese")
    card = asks(chat, "cheese")
    asks(other, "cheese")
    card.get_by_test_id("approval-refuse").click()
    chat.hook("approval-note").fill("Say where you read it.")
    chat.hook("approval-confirm").click()
    for tab in (chat, other):
        tab.wait_until_done()
        refused = tab.hook("approval-decided", decision="refused")
        expect(refused).to_contain_text("Refused by you")
        expect(refused).to_contain_text("Say where you read it.")
        expect(tab.hook("call", status="cancelled", code="refused")).to_have_count(1)
        expect(tab.hook("step-text").last).to_contain_text("I was not allowed to use")
        expect(tab.hook("step-text").last).to_contain_text("Say where you read it.")
    assert notes(house) == before + 1
    chat.page.reload()
    expect(chat.hook("approval-decided", decision="refused")).to_be_visible()
    wait_until(lambda: chat.shown() == other.shown(), 10, "both tabs to show the same")
