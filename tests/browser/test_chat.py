"""Everyday use of the chat in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import kept_last
from tests.support.processes import Stack
from tests.support.waiting import wait_until

AXE = Path(__file__).resolve().parents[2] / "frontend/node_modules/axe-core/axe.min.js"


def test_two_things_at_once_are_two_cards_of_one_step(visit: Any) -> None:
    chat = visit()
    chat.begin("what time is it in Tokyo and what is 12*7?")
    chat.wait_until_done()
    first = chat.shown()[1]
    assert [call["status"] for call in first["calls"]] == ["succeeded", "succeeded"]
    assert "84" in chat.shown()[-1]["text"]


def test_R7_stop_ends_a_running_tool_within_a_second(visit: Any, house: Stack) -> None:
    chat = visit()
    conversation = chat.begin("research the history of tides for 20 seconds")
    expect(chat.hook("call", status="running")).to_be_visible()
    chat.hook("stop").click()
    expect(chat.hook("call", status="cancelled")).to_be_visible(timeout=3000)
    expect(chat.hook("notice", code="stopped")).to_be_visible()
    chat.say("what is 2+2?")
    chat.wait_until_done()
    wait_until(lambda: "4" in kept_last(house, conversation), 10, "the answer in the journal")


def test_R7_stop_keeps_the_text_that_was_streamed(visit: Any) -> None:
    chat = visit()
    chat.begin("write a long text")
    expect(chat.hook("step-text")).to_contain_text(re.compile(r"\w{3}"))
    chat.hook("stop").click()
    expect(chat.hook("step", status="stopped")).to_be_visible()
    assert chat.hook("step-text").inner_text()


def test_a_failing_tool_is_shown_as_failed_and_the_answer_says_so(visit: Any) -> None:
    chat = visit()
    chat.begin("use the failing tool")
    chat.wait_until_done()
    assert chat.shown()[1]["calls"][0]["status"] == "failed"
    assert chat.shown()[-1]["text"]


def test_R6_a_message_written_during_a_run_is_answered_after_the_step(visit: Any) -> None:
    chat = visit()
    chat.begin("research the history of tides for 4 seconds")
    expect(chat.hook("call", status="running")).to_be_visible()
    chat.say("what is 3*5?")
    expect(chat.hook("message")).to_have_count(2)
    chat.wait_until_done()
    expect(chat.hook("step-text").last).to_contain_text("15")


def test_conversations_are_renamed_found_and_deleted(visit: Any) -> None:
    chat = visit()
    conversation = chat.begin("what is 1+1?")
    chat.wait_until_done()
    row = chat.hook("conversation-row", id=conversation)
    row.hover()
    row.locator('[data-testid="conversation-menu"]').click()
    chat.hook("menu-rename").click()
    chat.hook("rename-input").fill("A sum for Ada")
    chat.hook("rename-save").click()
    expect(row).to_contain_text("A sum for Ada")
    chat.hook("search").fill("for Ada")
    expect(chat.hook("conversation-row")).to_have_count(1)
    chat.hook("search").fill("")
    row.hover()
    row.locator('[data-testid="conversation-menu"]').click()
    chat.hook("menu-delete").click()
    chat.hook("delete-confirm").click()
    expect(row).to_have_count(0)


@pytest.mark.exhaustive
def test_the_list_shows_the_runs_of_other_conversations_begin_and_end(visit: Any) -> None:
    """Nobody looks at the conversation that runs: only the owner's bell can tell."""
    chat = visit()
    conversation = chat.begin("research the history of tides for 5 seconds")
    chat.hook("new-conversation").click()
    expect(chat.hook("empty")).to_be_visible()
    expect(chat.hook("conversation-row", id=conversation, run="running")).to_be_visible()
    expect(chat.hook("conversation-row", id=conversation, run="finished")).to_be_visible(timeout=20_000)


def test_W11_somebody_elses_conversation_does_not_exist(visit: Any) -> None:
    alice = visit("alice")
    alice.begin("what is 1+1?")
    bob = visit("bob")
    bob.page.goto(alice.page.url)
    expect(bob.hook("gone")).to_be_visible()
    assert "1+1" not in bob.page.content()


@pytest.mark.exhaustive
def test_older_messages_come_when_one_scrolls_up(visit: Any, house: Stack) -> None:
    chat = visit()
    conversation = chat.begin("what is 1+1?")
    chat.wait_until_done()
    house.manage("shell", "-c", GROW.format(conversation=conversation))
    chat.page.reload()
    expect(chat.hook("transcript")).to_have_attribute("data-synced", "true")
    expect(chat.hook("transcript")).to_have_attribute("data-items", "50")
    chat.hook("transcript").hover()
    wait_until(
        lambda: chat.page.mouse.wheel(0, -3000) or chat.hook("message").count(), 20, "the first message"
    )
    expect(chat.hook("message").first).to_contain_text("what is 1+1?")
    assert chat.hook("note").count() < 50, "only what is in sight is in the document"


GROW = """
import asyncio, time, uuid
from agents import events as e
from chat.runtime import current
async def grow():
    sessions = current().sessions
    for n in range(6):
        await sessions.append("{conversation}", lambda view: [
            e.NoteAdded(at=int(time.time() * 1000), message=str(uuid.uuid4()), text=f"note {{n}} {{m}}")
            for m in range(20)
        ])
asyncio.run(grow())
"""


def test_chinese_is_complete_and_stays_chosen(visit: Any) -> None:
    chat = visit("alice", locale="zh-CN")
    expect(chat.page.locator("html")).to_have_attribute("lang", re.compile("^zh"))
    chat.begin("现在东京几点？")
    chat.wait_until_done()
    assert chat.hook("call").count() == 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.exhaustive)])
def test_no_accessibility_violations(visit: Any, scheme: str) -> None:
    chat = visit("alice", color_scheme=scheme)
    chat.begin("what time is it in Tokyo and what is 12*7?")
    chat.wait_until_done()
    chat.hook("call-toggle").first.click()
    assert violations(chat.page) == []
    chat.hook("account-menu").click()
    expect(chat.hook("shortcuts")).to_be_visible()
    # Not what lies behind an open menu: it is hidden from readers as long as that is there.
    assert violations(chat.page, "[role=menu]") == []
    chat.hook("shortcuts").click()
    expect(chat.hook("help-dialog")).to_be_visible()
    assert violations(chat.page) == []
    for path, shows in (("/", "empty"), ("/c/00000000-0000-4000-8000-000000000000", "gone")):
        chat.page.goto(chat.address + path)
        expect(chat.hook(shows)).to_be_visible()
        assert violations(chat.page) == []
    chat.page.context.clear_cookies()
    chat.page.goto(chat.address + "/")
    expect(chat.page.locator("input[name=username]")).to_be_visible()
    assert violations(chat.page) == []


def violations(page: Any, within: str = "html") -> list[Any]:
    """What axe finds wrong in this part of the page."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("within => axe.run(within, {resultTypes: ['violations']})", within)
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]


def test_phone_width_shows_the_chat_and_the_list_as_a_drawer(visit: Any) -> None:
    chat = visit("alice", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    chat.begin("what is 6 * 7?")
    chat.wait_until_done()
    expect(chat.hook("sidebar")).to_be_hidden()
    chat.hook("open-sidebar").click()
    expect(chat.hook("conversation-row").first).to_be_visible()
    width = chat.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
