"""Where one was in a conversation is there after a reload and on coming back; at the end, the end is followed."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.support.waiting import wait_until

TOP = """() => {
  const box = document.querySelector('[data-testid="transcript"]');
  if (box === null) return null;
  const edge = box.getBoundingClientRect().top;
  for (const row of box.querySelectorAll('[data-row]')) {
    const { top, bottom } = row.getBoundingClientRect();
    if (bottom > edge + 1) return [row.dataset.row, Math.round(top - edge)];
  }
}"""
KEPT = "() => Object.keys(localStorage).filter((key) => key.startsWith('holdfast.place.')).length"


@pytest.mark.exhaustive
def test_a_place_survives_a_reload_and_coming_back_and_goes_at_the_end(visit: Any) -> None:
    chat: Chat = visit()
    first = chat.begin("Write a long text about tea")
    chat.wait_until_done(90)
    chat.hook("transcript").hover()
    chat.page.mouse.wheel(0, -900)
    expect(chat.hook("jump-to-latest")).to_be_visible()
    wait_until(lambda: chat.page.evaluate(KEPT) == 1, 5, "the place to be kept")
    place = chat.page.evaluate(TOP)

    def is_there(seconds: float = 5) -> None:
        def near() -> bool:
            row, top = chat.page.evaluate(TOP) or ("", 0)
            return bool(row == place[0] and abs(top - place[1]) <= 3)

        wait_until(near, seconds, "the place to be shown again")

    chat.page.reload()
    is_there(15)
    expect(chat.hook("jump-to-latest")).to_be_visible()
    chat.begin("what is 1 + 1?")
    chat.wait_until_done()
    chat.hook("conversation-row", id=first).get_by_role("link").click()
    is_there()
    chat.hook("jump-to-latest").click()
    wait_until(lambda: chat.page.evaluate(KEPT) == 0, 5, "nothing to be kept at the end")
    chat.page.reload()
    expect(chat.hook("transcript")).to_have_attribute("data-synced", "true")
    wait_until(lambda: chat.place()["left"] <= 1, 10, "the end to be shown")
    expect(chat.hook("jump-to-latest")).to_have_count(0)


@pytest.mark.exhaustive
def test_it_is_forgotten_with_the_login(visit: Any) -> None:
    chat: Chat = visit("bob")
    chat.begin("Write a long text about tea")
    chat.wait_until_done(90)
    chat.hook("transcript").hover()
    chat.page.mouse.wheel(0, -900)
    wait_until(lambda: chat.page.evaluate(KEPT) == 1, 5, "the place to be kept")
    chat.hook("account-menu").click()
    chat.hook("log-out").click()
    chat.page.wait_for_url("**/accounts/login/**")
    assert chat.page.evaluate(KEPT) == 0
