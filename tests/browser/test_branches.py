"""Try again, edit, ‹ 2/3 ›: branches in a real browser, with the keyboard, in two tabs, over a reload, in Chinese."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.browser.test_attachments import NOTES, PHOTO, choose
from tests.support.processes import Stack


def texts(chat: Chat) -> list[str]:
    """What people have said, as it is shown."""
    return chat.page.locator('[data-testid="message"] .whitespace-pre-wrap').all_inner_texts()


def test_an_answer_is_made_again_and_both_are_there_in_every_tab(visit: Any, house: Stack) -> None:
    chat = visit()
    chat.begin("what is 20+22?")
    chat.wait_until_done()
    first = chat.shown()
    other = chat.second_tab()
    other.wait_until_done()
    step = chat.hook("step").last
    step.hover()
    chat.hook("try-again").last.click()
    expect(chat.hook("ways", at="2", of="2")).to_have_count(1)
    chat.wait_until_done()
    expect(other.hook("ways", at="2", of="2")).to_have_count(1)
    assert texts(chat) == ["what is 20+22?"], "one question"
    expect(chat.hook("other-branches")).to_contain_text("on another branch")
    # By keyboard alone, and the focus stays where it was.
    chat.hook("ways-previous").focus()
    chat.page.keyboard.press("ArrowLeft")
    expect(chat.hook("ways", at="1", of="2")).to_have_count(1)
    expect(chat.hook("ways-next")).to_be_focused()
    expect(other.hook("ways", at="1", of="2")).to_have_count(1)
    assert [row["text"] for row in chat.shown() if row["kind"] == "step"] == [
        row["text"] for row in first if row["kind"] == "step"
    ]
    chat.page.reload()
    expect(chat.hook("ways", at="1", of="2")).to_have_count(1)
    assert texts(chat) == ["what is 20+22?"]


def test_a_message_is_said_anew_with_its_files_or_only_corrected(visit: Any, house: Stack) -> None:
    chat = visit()
    choose(chat, PHOTO, NOTES)
    expect(chat.hook("composer-file", state="done")).to_have_count(2)
    chat.begin_here("What is this?")
    chat.wait_until_done()
    chat.say("what is 1+1?")
    chat.wait_until_done()
    chat.hook("message").first.hover()
    chat.hook("message-edit").first.click()
    box = chat.hook("edit-box")
    expect(box.locator('[data-testid="composer-file"]')).to_have_count(2)
    box.locator('[data-testid="composer-file-remove"]').last.click()
    chat.hook("edit-input").fill("What are these, please?")
    chat.hook("edit-send").click()
    expect(chat.hook("edit-box")).to_have_count(0)
    expect(chat.hook("ways", at="2", of="2")).to_have_count(1)
    chat.wait_until_done()
    assert texts(chat) == ["What are these, please?"]
    expect(chat.hook("attachment")).to_have_count(1)
    assert "photo.png" in chat.shown()[-1]["text"] and "notes.md" not in chat.shown()[-1]["text"]
    chat.hook("ways-previous").click()
    expect(chat.hook("attachment")).to_have_count(2)
    assert texts(chat) == ["What is this?", "what is 1+1?"], "nothing is gone"
    before = len(chat.shown())
    chat.hook("message").last.hover()
    chat.hook("message-edit").last.click()
    chat.hook("edit-input").fill("what is 1 + 1?")
    chat.hook("edit-save").click()
    expect(chat.hook("message-edited")).to_have_count(1)
    assert texts(chat)[-1] == "what is 1 + 1?" and len(chat.shown()) == before, "and no new answer"


@pytest.mark.exhaustive
def test_a_running_tool_stays_on_its_branch_and_the_way_to_it_is_said(visit: Any) -> None:
    chat = visit()
    chat.begin("what is 2+2?")
    chat.wait_until_done()
    chat.say("research tides for 25 seconds")
    expect(chat.hook("call", status="running")).to_have_count(1, timeout=20_000)
    chat.hook("stop").click()
    expect(chat.hook("notice", code="stopped")).to_have_count(1)
    chat.hook("notice").locator('[data-testid="try-again"]').click()
    expect(chat.hook("ways", of="2", at="2")).to_have_count(1)
    expect(chat.hook("call", status="running")).to_have_count(1, timeout=20_000)
    chat.hook("ways-previous").click()
    expect(chat.hook("notice", code="stopped")).to_have_count(1)
    expect(chat.hook("call", status="running")).to_have_count(0)
    expect(chat.hook("other-branches")).to_contain_text("being made on another branch")
    chat.hook("show-running").click()
    expect(chat.hook("ways", at="2", of="2")).to_have_count(1)
    expect(chat.hook("call", status="succeeded")).to_have_count(1, timeout=60_000)
    chat.wait_until_done()
    expect(chat.hook("notice")).to_have_count(0)


@pytest.mark.exhaustive
def test_what_an_answer_has_changed_is_said_before_another_one_is_asked_for(visit: Any) -> None:
    chat = visit()
    chat.begin("remember that my cat is called Miu")
    chat.wait_until_done()
    if chat.hook("call").count() == 0:
        raise AssertionError(f"the demo model used no tool: {chat.shown()}")
    chat.hook("step").last.hover()
    chat.hook("try-again").last.click()
    expect(chat.hook("again-effects")).to_be_visible()
    chat.hook("dialog-cancel").click()
    expect(chat.hook("ways")).to_have_count(0)
    chat.hook("step").last.hover()
    chat.hook("try-again").last.click()
    chat.hook("again-confirm").click()
    expect(chat.hook("ways", at="2", of="2")).to_have_count(1)
    chat.wait_until_done()


@pytest.mark.exhaustive
def test_it_speaks_chinese(visit: Any) -> None:
    chat = visit(locale="zh-CN")
    chat.begin("你好")
    chat.wait_until_done()
    chat.hook("step").last.hover()
    expect(chat.hook("try-again").last).to_contain_text("重新回答")
    chat.hook("try-again").last.click()
    expect(chat.hook("ways", at="2", of="2")).to_have_attribute("aria-label", "第 2 个版本，共 2 个")
    chat.wait_until_done()
    expect(chat.hook("other-branches")).to_contain_text("另一个分支")
