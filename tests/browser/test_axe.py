"""axe finds nothing, on any page, light and dark, in both languages. Contrast needs a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import Chat

AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """What axe finds, a line for each element. A running transition would be measured half-way."""
    page.wait_for_timeout(350)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run(document)).violations")
    # An open menu lies at the end of the page, outside of its landmarks, as every popup does.
    return [
        f"{page.url}: {one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found
        for node in one["nodes"]
        if not (one["id"] == "region" and "radix-popper" in node["html"])
    ]


@pytest.mark.parametrize(
    ("scheme", "locale"), [pytest.param("light", "en-US", marks=pytest.mark.exhaustive), ("dark", "zh-CN")]
)
def test_axe_finds_nothing_in_the_chat(visit: Any, scheme: str, locale: str) -> None:
    chat: Chat = visit("alice", color_scheme=scheme, locale=locale)
    page, found = chat.page, []
    found += violations(page)
    chat.begin_here("What time is it in Paris, and what is 12 * 34?")
    chat.wait_until_done()
    chat.hook("call-toggle").first.click()
    chat.hook("composer-input").fill("half a thought")
    found += violations(page)
    page.keyboard.press("Control+k")
    expect(chat.hook("palette-input")).to_be_visible()
    found += violations(page)
    page.keyboard.press("Escape")
    for kind in ("schedule", "trigger"):
        chat.hook(f"open-{kind}s").click()
        chat.hook(f"{kind}-new").click()
        expect(chat.hook(f"{kind}-form")).to_be_visible()
        found += violations(page)
    chat.hook("open-notes").click()
    expect(chat.hook("notes-page")).to_be_visible()
    found += violations(page)
    page.goto(f"{chat.address}/")
    page.reload()
    chat.hook("account-menu").click()
    expect(chat.hook("log-out")).to_be_visible()
    found += violations(page)
    page.goto(f"{chat.address}/accounts/password/")
    found += violations(page)
    page.goto(f"{chat.address}/nowhere/")
    found += violations(page)
    page.context.clear_cookies()
    page.goto(f"{chat.address}/accounts/login/")
    found += violations(page)
    assert found == []


def test_axe_finds_nothing_on_a_phone(visit: Any) -> None:
    chat: Chat = visit("alice", viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    found = violations(chat.page)
    chat.begin_here("what is 6 * 7?")
    chat.wait_until_done()
    found += violations(chat.page)
    chat.hook("open-sidebar").tap()
    expect(chat.hook("drawer")).to_be_visible()
    found += violations(chat.page)
    assert found == []
