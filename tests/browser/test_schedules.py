"""Schedules in the web chat: made by a form, run, looked at, changed and removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import expect

AXE = Path(__file__).resolve().parents[2] / "frontend/node_modules/axe-core/axe.min.js"


def test_a_schedule_is_made_run_followed_into_its_conversation_and_removed(visit: Any) -> None:
    chat = visit(locale="en-GB", timezone_id="Europe/Berlin")
    chat.hook("open-schedules").click()
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
    expect(chat.hook("schedule-times").locator("li")).to_have_count(5)
    expect(chat.hook("schedule-times")).to_contain_text("06:30")
    expect(chat.hook("schedule-zone")).to_have_value("Europe/Berlin")
    chat.page.evaluate(AXE.read_text())
    found = chat.page.evaluate("axe.run('dialog', {resultTypes: ['violations']})")["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    chat.hook("schedule-save").click()
    row = chat.hook("schedule-row", state="active")
    expect(row).to_contain_text("Monday to Friday at 06:30")
    expect(row.locator('[data-testid="schedule-next"]')).to_contain_text("06:30")

    # It runs, and the way leads into its conversation.
    chat.hook("schedule-menu").click()
    chat.hook("schedule-run-now").click()
    expect(row).to_contain_text("Finished", timeout=40_000)
    expect(row).to_contain_text("84")
    chat.hook("schedule-open").click()
    expect(chat.hook("schedules-dialog")).to_have_count(0)
    chat.wait_until_done()
    shown = chat.shown()
    assert shown[0]["text"].startswith("what is 12*7?") and "Sums" in shown[0]["text"]
    assert "84" in shown[-1]["text"]

    # Its history, a pause, a change, and its end.
    chat.hook("open-schedules").click()
    chat.hook("schedule-menu").click()
    chat.hook("schedule-history").click()
    expect(chat.hook("schedule-run", state="over", outcome="finished")).to_have_count(1)
    chat.hook("schedule-back").click()
    chat.hook("schedule-menu").click()
    chat.hook("schedule-pause").click()
    expect(chat.hook("schedule-row", state="paused")).to_be_visible()
    chat.hook("schedule-menu").click()
    chat.hook("schedule-edit").click()
    expect(chat.hook("schedule-repeat")).to_have_value("weekdays")
    chat.hook("schedule-kind-interval").check(force=True)
    chat.hook("schedule-every").fill("2")
    chat.hook("schedule-unit").select_option("hours")
    chat.hook("schedule-save").click()
    expect(chat.hook("schedule-row", state="paused")).to_contain_text("Every 2 h")
    chat.hook("schedule-menu").click()
    chat.hook("schedule-resume").click()
    expect(chat.hook("schedule-row", state="active")).to_be_visible()
    chat.hook("schedule-menu").click()
    chat.hook("schedule-delete").click()
    chat.hook("schedule-delete-confirm").click()
    expect(chat.hook("schedule-row")).to_have_count(0)
    chat.hook("schedules-close").click()
    expect(chat.hook("schedules-dialog")).to_have_count(0)
