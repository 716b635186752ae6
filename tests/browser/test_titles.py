"""A model names a conversation once it was answered: the list and the head show it without a reload, in every tab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chat import Chat
from tests.browser.models import agent_saying
from tests.support.processes import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def titled(database_template: Path) -> Iterator[Stack]:
    """All processes; the model of the agent `namer` writes titles."""
    env = {"OPENAI_MODEL": "demo-fast", "HOLDFAST_TITLE_AGENT": "namer"}
    with Stack(template=database_template, env=env) as stack:
        yield stack.up()


@pytest.mark.exhaustive
def test_the_title_in_the_list_changes_without_a_reload_and_a_persons_own_stays(
    titled: Stack, browser: Browser
) -> None:
    context = browser.new_context()
    context.set_default_timeout(20_000)
    chat = Chat(context.new_page(), titled.address)
    chat.log_in("alice")
    with agent_saying(titled, "namer", lambda said: '**Title:** "A sum for Ada"'):
        first = chat.begin("what is 1+1, please? I would like to know it exactly")
        row = chat.hook("conversation-row", id=first)
        expect(row).to_contain_text("what is 1+1")
        chat.wait_until_done()
        other = chat.second_tab()
        expect(row).to_contain_text("A sum for Ada", timeout=40_000)
        expect(other.hook("conversation-row", id=first)).to_contain_text("A sum for Ada")
        expect(chat.hook("step-text").last).to_contain_text("2")

        row.hover()
        row.locator('[data-testid="conversation-menu"]').click()
        chat.hook("menu-rename").click()
        chat.hook("rename-input").fill("Mine")
        chat.hook("rename-save").click()
        expect(row).to_contain_text("Mine")
        chat.say("what is 2+2?")
        chat.wait_until_done()
        second = chat.begin("what is 3+3?")
        named = chat.hook("conversation-row", id=second)
        expect(named).to_contain_text("A sum for Ada", timeout=30_000)
        expect(chat.hook("conversation-row", id=first)).to_contain_text("Mine")
    told = titled.sql("SELECT text FROM chat_event WHERE type = 'conversation.renamed' ORDER BY id")
    assert sum('"model":"m-1"' in text for (text,) in told) == 2
    assert chat.problems == [] and other.problems == []
    context.close()
