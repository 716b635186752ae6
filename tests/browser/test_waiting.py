"""Messages that wait behind a run, in a real browser: changed, taken back, and run after a stop (rules R6, R7)."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.processes import Stack
from tests.support.waiting import wait_until

LONG = "research tides for 20 seconds"


@pytest.mark.exhaustive
def test_R7_after_a_stop_what_waits_is_answered_as_it_was_changed(visit: Any, house: Stack) -> None:
    chat = visit()
    chat.begin(LONG)
    expect(chat.hook("call", status="running")).to_have_count(1, timeout=20_000)
    chat.say("what is 2+2?")
    other = chat.second_tab()
    expect(chat.hook("waiting-line")).to_contain_text("also after a stop")
    chat.hook("message-edit").click()
    expect(chat.hook("edit-input")).to_be_focused()
    chat.hook("edit-input").fill("what is 20+22?")
    chat.page.keyboard.press("Enter")
    expect(chat.hook("edit-box")).to_have_count(0)
    expect(other.hook("message-edited")).to_have_count(1)
    chat.hook("stop").click()
    expect(chat.hook("notice", code="stopped")).to_have_count(1)
    chat.wait_until_done()
    assert "42" in chat.shown()[-1]["text"]
    other.wait_until_done()
    wait_until(lambda: other.shown() == chat.shown(), 10, lambda: f"{other.shown()} and {chat.shown()}")


def test_R7_a_stop_gives_back_what_waits_when_the_person_says_so(visit: Any) -> None:
    chat = visit()
    chat.begin(LONG)
    expect(chat.hook("call", status="running")).to_have_count(1, timeout=20_000)
    chat.say("one")
    chat.say("two")
    chat.hook("composer-input").fill("three")
    chat.hook("message-withdraw").first.click()
    expect(chat.hook("composer-input")).to_have_value("one\n\nthree")
    chat.hook("stop-withdraw").click()
    expect(chat.hook("composer-input")).to_have_value("two\n\none\n\nthree")
    expect(chat.hook("composer-input")).to_be_focused()
    expect(chat.hook("notice", code="stopped")).to_have_count(1)
    expect(chat.hook("run-status", status="none")).to_have_count(1)
    assert [row["text"] for row in chat.shown() if row["kind"] == "message"] == [LONG]
    chat.page.reload()
    expect(chat.hook("composer-input")).to_have_value("two\n\none\n\nthree")
