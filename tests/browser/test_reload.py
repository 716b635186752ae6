"""The main promise: whatever happens to the page or its link, it ends where an undisturbed one ends (W1–W4, W6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat, stored
from tests.support.processes import Stack
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until

RESEARCH = "research the history of tides for 4 seconds"
LONG = "write a long text"

Shown = list[dict[str, Any]]
Story = tuple[Shown, Shown]


@pytest.fixture(scope="package")
def undisturbed(browser: Any, house: Stack) -> Callable[[str], Story]:
    """What a conversation with one message shows and stores at its end, when nothing happens to it."""
    told: dict[str, Story] = {}

    def tell(text: str) -> Story:
        if text not in told:
            context = browser.new_context()
            chat = Chat(context.new_page(), house.address)
            chat.log_in("alice")
            conversation = chat.begin(text)
            chat.wait_until_done(60)
            told[text] = chat.shown(), stored(house, conversation)
            context.close()
        return told[text]

    return tell


def assert_same_end(chat: Chat, house: Stack, conversation: str, story: Story) -> None:
    """This page shows, and the journal has, what the undisturbed conversation showed and had."""
    chat.wait_until_done(60)
    shown, kept = story
    wait_until(lambda: chat.shown() == shown, 5, f"the page to show {shown}, not {chat.shown()}")
    assert stored(house, conversation) == kept


def test_W1_reload_while_a_tool_runs(visit: Any, house: Stack, undisturbed: Any) -> None:
    chat = visit()
    conversation = chat.begin(RESEARCH)
    expect(chat.hook("call", status="running")).to_be_visible()
    expect(chat.hook("call-progress")).to_be_visible()
    chat.page.reload()
    expect(chat.hook("call", status="running")).to_be_visible()
    expect(chat.hook("call-progress")).to_be_visible()
    assert_same_end(chat, house, conversation, undisturbed(RESEARCH))


def test_W4_reload_while_text_streams(visit: Any, house: Stack, undisturbed: Any) -> None:
    chat = visit()
    conversation = chat.begin(LONG)
    wait_until(lambda: len(chat.hook("step-text").inner_text()) > 200, 20, "some text")
    chat.page.reload()
    expect(chat.hook("step", status="streaming")).to_be_visible()
    assert_same_end(chat, house, conversation, undisturbed(LONG))


def test_W6_network_cut_for_two_seconds_in_an_answer(
    visit: Any, house: Stack, link: Proxy, undisturbed: Any
) -> None:
    chat = visit()
    conversation = chat.begin(LONG)
    wait_until(lambda: len(chat.hook("step-text").inner_text()) > 200, 20, "some text")
    link.cut()
    chat.page.wait_for_timeout(2000)
    link.restore()
    assert_same_end(chat, house, conversation, undisturbed(LONG))


def test_W3_a_link_that_stays_open_but_carries_nothing(
    visit: Any, house: Stack, link: Proxy, undisturbed: Any
) -> None:
    chat = visit()
    conversation = chat.begin(RESEARCH)
    expect(chat.hook("call", status="running")).to_be_visible()
    link.stall()
    chat.page.wait_for_timeout(3000)
    link.restore()
    assert_same_end(chat, house, conversation, undisturbed(RESEARCH))


def test_W1_tab_frozen_in_the_background(visit: Any, house: Stack, undisturbed: Any) -> None:
    chat = visit()
    conversation = chat.begin(RESEARCH)
    expect(chat.hook("call", status="running")).to_be_visible()
    session = chat.page.context.new_cdp_session(chat.page)
    session.send("Page.setWebLifecycleState", {"state": "frozen"})
    wait_until(lambda: len(stored(house, conversation)) >= 3, 30, "the run to go on without the page")
    session.send("Page.setWebLifecycleState", {"state": "active"})
    assert_same_end(chat, house, conversation, undisturbed(RESEARCH))


def test_W6_second_tab_shows_the_same(visit: Any, house: Stack, undisturbed: Any) -> None:
    chat = visit()
    conversation = chat.begin(RESEARCH)
    expect(chat.hook("call", status="running")).to_be_visible()
    other = chat.second_tab()
    expect(other.hook("call", status="running")).to_be_visible()
    assert_same_end(chat, house, conversation, undisturbed(RESEARCH))
    assert_same_end(other, house, conversation, undisturbed(RESEARCH))
    other.say("what time is it in Tokyo?")
    expect(chat.hook("message")).to_have_count(2)
    chat.wait_until_done()
    other.wait_until_done()
    wait_until(lambda: chat.shown() == other.shown(), 5, "both tabs to show the same")


def test_W9_a_clean_close_from_the_server_is_no_goodbye(
    visit: Any, house: Stack, link: Proxy, undisturbed: Any
) -> None:
    chat = visit()
    conversation = chat.begin(RESEARCH)
    expect(chat.hook("call", status="running")).to_be_visible()
    wait_until(link.close_cleanly, 10, "a moment between two frames")
    assert_same_end(chat, house, conversation, undisturbed(RESEARCH))


def test_W5_a_message_written_offline_arrives_once(visit: Any, house: Stack, link: Proxy) -> None:
    chat = visit()
    conversation = chat.begin("what is 6 * 7?")
    chat.wait_until_done()
    link.cut()
    chat.say("what is 12 * 12?")
    expect(chat.hook("message", status="sending")).to_be_visible()
    expect(chat.hook("banner")).to_be_visible(timeout=10_000)
    link.restore()
    expect(chat.hook("banner")).to_be_hidden(timeout=30_000)
    chat.wait_until_done()
    said = [item["text"] for item in stored(house, conversation) if item["kind"] == "message"]
    assert said == ["what is 6 * 7?", "what is 12 * 12?"]
    assert "144" in chat.shown()[-1]["text"]
