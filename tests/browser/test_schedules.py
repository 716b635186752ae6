"""Schedules in the web chat: pages on which they are made by a form, run, looked at, changed and removed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.test_axe import violations


@pytest.mark.exhaustive
def test_a_schedule_is_made_run_followed_into_its_conversation_and_removed(visit: Any) -> None:
    chat = visit(locale="en-GB", timezone_id="Europe/Berlin")
    chat.hook("open-schedules").click()
    expect(chat.page).to_have_url(f"{chat.address}/schedules")
    expect(chat.page).to_have_title(re.compile("^Schedules · "))
    chat.hook("schedule-new").click()
    # What is missing is said where it is missing.
    chat.hook("schedule-save").click()
    expect(chat.hook("schedule-failed")).to_be_visible()
    expect(chat.hook("schedule-prompt")).to_have_attribute("aria-invalid", "true")
    chat.hook("schedule-prompt").fill("what is 12*7?")
    chat.hook("schedule-name").fill("Sums")
    chat.hook("schedule-repeat").select_option("custom")
    chat.hook("schedule-cron").fill("0 9 * *")
    expect(chat.hook("schedule-cron")).to_have_attribute("aria-invalid", "true")
    chat.hook("schedule-cron").fill("30 6 * * 1-5")
    # What was written is there after a reload, too.
    chat.page.reload()
    expect(chat.hook("schedule-prompt")).to_have_value("what is 12*7?")
    expect(chat.hook("schedule-times").locator("li")).to_have_count(5)
    expect(chat.hook("schedule-times")).to_contain_text("06:30")
    expect(chat.hook("schedule-zone")).to_have_value("Europe/Berlin")
    assert violations(chat.page) == []
    chat.hook("schedule-save").click()
    detail = chat.hook("schedule-detail", state="active")
    expect(detail).to_contain_text("Monday to Friday at 06:30")
    expect(detail.locator('[data-testid="schedule-next"]')).to_contain_text("06:30")
    expect(chat.page).to_have_title(re.compile("^Sums · "))

    # It runs, and the way leads into its conversation.
    chat.hook("schedule-run-now").click()
    run = chat.hook("schedule-run", state="over", outcome="finished")
    expect(run).to_contain_text("84", timeout=40_000)
    assert violations(chat.page) == []
    own = chat.page.url
    chat.hook("schedule-open").click()
    chat.wait_until_done()
    shown = chat.shown()
    assert shown[0]["text"].startswith("what is 12*7?") and "Sums" in shown[0]["text"]
    assert "84" in shown[-1]["text"]

    # Back, and the list with what was last; a pause, a change, and its end.
    chat.page.go_back()
    expect(chat.page).to_have_url(own)
    expect(run).to_have_count(1)
    chat.hook("page-back").click()
    row = chat.hook("schedule-row", state="active")
    expect(row).to_contain_text("Finished")
    chat.hook("schedule-menu").click()
    chat.hook("schedule-pause").click()
    expect(chat.hook("schedule-row", state="paused")).to_be_visible()
    chat.hook("schedule-menu").click()
    chat.hook("schedule-edit").click()
    expect(chat.page).to_have_url(f"{own}/edit")
    expect(chat.hook("schedule-repeat")).to_have_value("weekdays")
    chat.hook("schedule-kind-interval").check(force=True)
    chat.hook("schedule-every").fill("2")
    chat.hook("schedule-unit").select_option("hours")
    chat.hook("schedule-save").click()
    expect(chat.hook("schedule-detail", state="paused")).to_contain_text("Every 2 h")
    chat.hook("schedule-resume").click()
    expect(chat.hook("schedule-detail", state="active")).to_be_visible()
    chat.hook("schedule-delete").click()
    chat.hook("schedule-delete-confirm").click()
    expect(chat.page).to_have_url(f"{chat.address}/schedules")
    expect(chat.hook("schedule-row")).to_have_count(0)
    chat.page.goto(own)
    expect(chat.hook("page-gone")).to_be_visible()
