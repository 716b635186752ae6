"""What a model thinks, in the web chat: streamed, folded, kept over a reload, and never sent again as text."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import stored
from tests.support.native_streams import THOUGHT, anthropic_events, anthropic_reply, text_block
from tests.support.processes import Stack
from tests.support.provider import Json, Provider, Reply, completion

AGENT = """
from agents.models import Agent
Agent.objects.update_or_create(slug="{slug}", defaults=dict(
    name="{slug}", model="{model}", base_url="{url}", profile="{profile}", tools=[]))
"""


def tagged(path: str, body: Json) -> Reply:
    """A local model whose server leaves the tags in the answer, slowly."""
    reply = completion("<think>\nRome, of course.\n</think>\n\nIt is **Rome**.")
    reply.pause = 0.6
    return reply


def native(path: str, body: Json) -> Reply:
    reply = anthropic_reply(
        anthropic_events({**THOUGHT, "thinking": "Rome, of course."}, text_block("It is **Rome**."))
    )
    reply.pause = 0.3
    return reply


MODELS = {
    "tags": (tagged, "qwen3", "compatible"),
    "anthropic": (native, "claude-sonnet-4-5", "anthropic-messages"),
}


@pytest.fixture(params=["anthropic", pytest.param("tags", marks=pytest.mark.exhaustive)])
def thinker(request: Any) -> Iterator[tuple[str, Provider]]:
    """The kind of model, and its server."""
    provider = Provider(MODELS[request.param][0])
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(provider.__aenter__(), loop).result(10)
    yield request.param, provider
    asyncio.run_coroutine_threadsafe(provider.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.mark.exhaustive
def test_V14_thinking_is_folded_and_stays_apart(
    visit: Any, house: Stack, thinker: tuple[str, Provider]
) -> None:
    kind, provider = thinker
    _, model, profile = MODELS[kind]
    slug = f"thinks-{kind}"
    house.manage("shell", "-c", AGENT.format(slug=slug, model=model, url=provider.url, profile=profile))
    chat = visit()
    chat.hook("agent-choice").click()
    chat.hook(f"agent-{slug}").click()
    conversation = chat.begin_here("Which city?")
    toggle = chat.hook("thinking-toggle")
    expect(toggle).to_have_text("Thinking…")
    toggle.click()
    expect(chat.hook("thinking-text")).to_contain_text("Rome, of course.")
    chat.wait_until_done()
    expect(chat.hook("step-text")).to_have_text("It is Rome.")
    expect(toggle).to_have_text("Thought about it")
    assert stored(house, conversation)[-1]["text"] == "It is **Rome**."

    chat.page.reload()
    expect(toggle).to_have_attribute("aria-expanded", "false")
    expect(chat.hook("thinking-text")).to_have_count(0)
    toggle.click()
    expect(chat.hook("thinking-text")).to_contain_text("Rome, of course.")

    chat.say("And why?")
    chat.wait_until_done()
    last = provider.requests[-1]
    assert ("Rome, of course." in str(last)) == (kind == "anthropic"), "only its issuer gets it back"
    if kind == "anthropic":
        assert last["messages"][1]["content"][0] == {**THOUGHT, "thinking": "Rome, of course."}
