"""Another agent answers in a conversation that exists; one that was switched off says so, and there are ways on."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.support.processes import Stack

RETIRED = """
from agents.models import Agent
first = Agent.objects.filter(enabled=True).first()
values = dict(name="Retired", model=first.model, base_url=first.base_url, tools=[], enabled={enabled})
Agent.objects.update_or_create(slug="retired", defaults=values)
"""


@pytest.mark.exhaustive
def test_an_agent_that_is_switched_off_says_so_and_another_one_can_be_asked(visit: Any, house: Stack) -> None:
    house.manage("shell", "-c", RETIRED.format(enabled=True))
    chat: Chat = visit("bob")
    chat.hook("agent-choice").click()
    chat.hook("agent-retired").click()
    chat.begin_here("what is 6 * 7?")
    chat.wait_until_done()
    house.manage("shell", "-c", RETIRED.format(enabled=False))
    # The page was loaded before: it hears of it by the answer.
    chat.say("what is 7 * 7?")
    notice = chat.hook("notice", code="agent_missing")
    expect(notice).to_contain_text("switched off or was deleted", timeout=30_000)
    chat.page.reload()
    expect(chat.hook("agent-gone")).to_contain_text("switched off")
    here = chat.page.url
    chat.hook("agent-gone").get_by_test_id("go-on-elsewhere").click()
    expect(chat.hook("empty")).to_be_visible()
    expect(chat.hook("composer-input")).to_have_value("what is 7 * 7?")
    chat.hook("send").click()
    chat.wait_until_done()
    expect(chat.hook("step-text").last).to_contain_text("49")
    # Another one can answer in the old conversation, too.
    chat.page.goto(here)
    chat.hook("agent-gone-change").click()
    chat.hook("agent-change-assistant").click()
    expect(chat.hook("agent-changed", agent="assistant")).to_be_visible()
    expect(chat.hook("agent-gone")).to_have_count(0)
    chat.say("what is 8 * 8?")
    expect(chat.hook("step-text").last).to_contain_text("64", timeout=30_000)


def test_the_agent_is_changed_at_the_head_of_the_page_and_every_tab_sees_it(visit: Any, house: Stack) -> None:
    house.manage("shell", "-c", RETIRED.format(enabled=True))
    chat: Chat = visit("charlie")
    chat.begin_here("what is 6 * 7?")
    chat.wait_until_done()
    other = chat.page.context.new_page()
    other.goto(chat.page.url)
    chat.hook("agent-change").click()
    chat.hook("agent-change-retired").click()
    expect(chat.hook("agent-changed", agent="retired")).to_contain_text("Retired answers from here on")
    expect(other.get_by_test_id("agent-changed")).to_be_visible()
    expect(other.get_by_test_id("agent-change")).to_have_attribute("data-agent", "retired")
    chat.say("what is 7 * 7?")
    chat.wait_until_done()
    chat.page.reload()
    expect(chat.hook("step").first).to_contain_text("Assistant")
    expect(chat.hook("step").last).to_contain_text("Retired")
    expect(chat.hook("agent-change", agent="retired")).to_be_visible()
    expect(chat.hook("agent-changed")).to_have_count(1)
