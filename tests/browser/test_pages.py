"""What is kept beside the conversations: triggers and notes on pages with addresses, by mouse and by keyboard, on a
phone and in Chinese."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.browser.test_axe import violations
from tests.support.more import more_of
from tests.support.processes import Stack, password

PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}


def note(house: Stack, person: str, number: int, text: str) -> None:
    """What an agent has noted, as its tool writes it."""
    ((owner,),) = house.sql("select id from auth_user where username = ?", person)
    house.sql(
        "insert into agents_note (owner_id, person, number, text, key, conversation, created_at) "
        "values (?, '', ?, ?, ?, '', '2026-11-29 10:00:00')",
        owner,
        number,
        text,
        uuid4().hex,
    )


def forget_notes(house: Stack, person: str) -> None:
    house.sql(
        "delete from agents_note where owner_id in (select id from auth_user where username = ?)", person
    )


def overflow(chat: Chat) -> int:
    """By how many px the page is wider than its window."""
    found: int = chat.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return found


def test_a_webhook_is_made_called_looked_at_renewed_and_removed(visit: Any) -> None:
    chat: Chat = visit(locale="en-GB")
    page = chat.page
    chat.hook("open-triggers").click()
    expect(page).to_have_title(re.compile("^Triggers · "))
    chat.hook("trigger-new").click()
    chat.hook("trigger-save").click()
    expect(chat.hook("trigger-name")).to_have_attribute("aria-invalid", "true")
    expect(chat.hook("trigger-prompt")).to_have_attribute("aria-invalid", "true")
    expect(chat.hook("trigger-name")).to_be_focused()
    chat.hook("trigger-name").fill("Sums")
    chat.hook("trigger-prompt").fill("what is {{ payload.n }} * 7?")
    chat.hook("trigger-save").click()
    address = chat.hook("trigger-address").inner_text()
    own = page.url
    assert address.startswith(f"{chat.address}/hooks/{own.rpartition('/')[2]}/")
    assert violations(page) == []

    body = json.dumps({"n": 12}).encode()
    asked = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    assert json.load(urllib.request.urlopen(asked, timeout=10))["status"] == "fired"
    fired = chat.hook("trigger-firing", state="fired", outcome="finished")
    expect(fired).to_have_count(1, timeout=40_000)
    fired.locator("summary").click()
    expect(fired).to_contain_text('"n": 12')

    # Fired by hand while it is paused: whoever owns it may. What comes in is noted and does nothing.
    chat.hook("trigger-pause").click()
    expect(chat.hook("trigger-detail", state="paused")).to_be_visible()
    assert json.load(urllib.request.urlopen(asked, timeout=10))["status"] == "skipped"
    expect(chat.hook("trigger-firing", reason="paused")).to_contain_text("The trigger was paused.")
    chat.hook("trigger-fire").click()
    expect(chat.hook("trigger-firing", state="fired")).to_have_count(2, timeout=20_000)

    # A deep link survives a reload; the address is covered until it is asked for, and another one replaces it.
    page.reload()
    expect(chat.hook("trigger-detail", state="paused")).to_be_visible()
    expect(chat.hook("trigger-address")).to_have_count(0)
    chat.hook("trigger-address-show").click()
    expect(chat.hook("trigger-address")).to_have_text(address)
    chat.hook("trigger-renew").click()
    chat.hook("trigger-renew-confirm").click()
    expect(chat.hook("trigger-address")).not_to_have_text(address)

    # It becomes another kind; and ends.
    chat.hook("trigger-edit").click()
    chat.hook("trigger-kind").select_option("message")
    chat.hook("trigger-match").select_option("contains")
    chat.hook("trigger-pattern").fill("urgent")
    chat.hook("trigger-prompt").fill("{{ text }}")
    chat.hook("trigger-save").click()
    expect(chat.hook("trigger-detail", kind="message")).to_contain_text("urgent")
    expect(chat.hook("trigger-address-box")).to_have_count(0)
    chat.hook("trigger-delete").click()
    chat.hook("trigger-delete-confirm").click()
    expect(page).to_have_url(f"{chat.address}/triggers")
    expect(chat.hook("trigger-row", id=own.rpartition("/")[2])).to_have_count(0)


@pytest.mark.exhaustive
def test_every_kind_of_trigger_is_made_by_the_form(visit: Any) -> None:
    chat: Chat = visit("bob", locale="en-GB")
    filled: dict[str, dict[str, str]] = {
        "poll": {"url": "https://example.com/status.json", "path": "$.build.status"},
        "message": {},
        "run": {},
        "webhook": {"secret": "a secret"},
    }
    for kind, fields in filled.items():
        chat.page.goto(f"{chat.address}/triggers/new")
        chat.hook("trigger-name").fill(f"A {kind}")
        chat.hook("trigger-kind").select_option(kind)
        if kind == "webhook":
            chat.hook("trigger-sender").select_option("github")
        for name, text in fields.items():
            chat.hook(f"trigger-{name}").fill(text)
        chat.hook("trigger-prompt").fill("Look at it.")
        chat.hook("trigger-save").click()
        expect(chat.hook("trigger-detail", kind=kind)).to_be_visible()
    expect(chat.hook("trigger-detail")).to_contain_text("GitHub · signed")
    chat.page.goto(f"{chat.address}/triggers")
    expect(chat.hook("trigger-row")).to_have_count(4)
    for _ in filled:
        chat.hook("trigger-name-link").first.click()
        chat.hook("trigger-delete").click()
        chat.hook("trigger-delete-confirm").click()
        expect(chat.hook("triggers-page")).to_be_visible()
        expect(chat.page).to_have_url(f"{chat.address}/triggers")


def test_notes_are_changed_and_ended_by_keyboard_alone(visit: Any, house: Stack) -> None:
    forget_notes(house, "bob")
    for number, text in enumerate(("I like tea", "The cat is called Mia", "Meeting on Friday"), 1):
        note(house, "bob", number, text)
    chat: Chat = visit("bob", locale="en-GB")
    press = chat.page.keyboard.press
    press("Control+k")
    expect(chat.hook("palette-input")).to_be_focused()
    chat.page.keyboard.type("notes")
    press("Enter")
    expect(chat.page).to_have_title(re.compile("^Notes · "))
    expect(chat.hook("note-row")).to_have_count(3)
    expect(chat.page.locator("#page-title")).to_be_focused()
    chat.hook("note-edit").nth(2).focus()
    press("Enter")
    expect(chat.hook("note-input")).to_be_focused()
    press("Control+a")
    chat.page.keyboard.type("I like coffee")
    press("Tab")
    press("Tab")
    press("Enter")
    expect(chat.hook("note-text").nth(2)).to_have_text("I like coffee")
    chat.hook("note-delete").first.focus()
    press("Enter")
    press("Tab")
    press("Enter")
    expect(chat.hook("note-row")).to_have_count(2)
    assert violations(chat.page) == []
    chat.page.reload()
    expect(chat.hook("note-text")).to_have_text(["The cat is called Mia", "I like coffee"])
    chat.hook("notes-delete-all").click()
    chat.hook("note-delete-confirm").click()
    expect(chat.hook("note-row")).to_have_count(0)
    rows = house.sql(
        "select n.text, n.deleted_at is null from agents_note n join auth_user u on u.id = n.owner_id "
        "where u.username = 'bob'"
    )
    assert [(text, bool(there)) for text, there in rows] == [("", False)] * 3


@pytest.mark.exhaustive
def test_what_an_agent_notes_is_on_the_page_with_the_way_to_where_it_was_said(
    visit: Any, house: Stack
) -> None:
    forget_notes(house, "alice")
    chat: Chat = visit(locale="en-GB")
    conversation = chat.begin_here("remember that the meeting is on Friday")
    chat.wait_until_done()
    chat.hook("open-notes").click()
    expect(chat.hook("note-row")).to_contain_text("Friday")
    chat.hook("note-open").click()
    expect(chat.page).to_have_url(f"{chat.address}/c/{conversation}")
    forget_notes(house, "alice")


@pytest.mark.parametrize("path", more_of("triggers/new", "schedules/new", "triggers", "notes"))
def test_a_deep_link_survives_the_login_and_fits_a_phone_in_chinese(visit: Any, path: str) -> None:
    chat: Chat = visit("bob", locale="zh-CN", color_scheme="dark", **PHONE)
    page = chat.page
    page.context.clear_cookies()
    page.goto(f"{chat.address}/{path}")
    page.fill("input[name=username]", "bob")
    page.fill("input[name=password]", password("bob"))
    page.click("button[type=submit]")
    expect(page).to_have_url(f"{chat.address}/{path}")
    expect(chat.hook(f"{path.partition('/')[0]}-page")).to_be_visible()
    expect(page.locator("#page-title")).to_have_text(re.compile("[\u4e00-\u9fff]"))
    assert overflow(chat) <= 0
    assert violations(page) == []
    if path == "triggers/new":
        chat.hook("trigger-save").click()
        # The server's words, too.
        expect(page.get_by_text("此字段不能为空。").first).to_be_visible()
    # The way through the drawer, and back and forth.
    chat.hook("open-sidebar").tap()
    chat.hook("open-notes").tap()
    expect(chat.hook("drawer")).to_have_count(0)
    expect(chat.hook("notes-page")).to_be_visible()
    if path != "notes":
        page.go_back()
        expect(page).to_have_url(f"{chat.address}/{path}")
        page.go_forward()
        expect(chat.hook("notes-page")).to_be_visible()


def test_the_servers_words_follow_the_language_that_was_chosen(visit: Any) -> None:
    chat: Chat = visit("bob", locale="en-GB")
    chat.hook("account-menu").click()
    chat.hook("language-zh").click()
    chat.page.keyboard.press("Escape")
    chat.hook("open-triggers").click()
    chat.hook("trigger-new").click()
    chat.hook("trigger-save").click()
    expect(chat.page.get_by_text("此字段不能为空。").first).to_be_visible()


@pytest.mark.exhaustive
def test_nobody_sees_what_is_anothers(visit: Any) -> None:
    chat: Chat = visit("alice", locale="en-GB")
    chat.page.goto(f"{chat.address}/triggers/new")
    chat.hook("trigger-name").fill("Mine")
    chat.hook("trigger-prompt").fill("Look.")
    chat.hook("trigger-save").click()
    expect(chat.hook("trigger-detail")).to_be_visible()
    own = chat.page.url
    UUID(own.rpartition("/")[2])
    other: Chat = visit("bob", locale="en-GB")
    other.page.goto(own)
    expect(other.hook("page-gone")).to_be_visible()
    chat.hook("trigger-delete").click()
    chat.hook("trigger-delete-confirm").click()
    expect(chat.page).to_have_url(f"{chat.address}/triggers")
