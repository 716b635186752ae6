"""A message that a provider's content filter refuses, seen in a real browser: the conversation goes on without it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.processes import Stack
from tests.support.provider import Json, Provider, Reply, completion, json_reply

AGENT = """
from agents.models import Agent
Agent.objects.update_or_create(slug="strict", defaults=dict(name="Strict", model="m-1", base_url="{url}", tools=[]))
"""


@pytest.fixture
def filtering() -> Iterator[Provider]:
    """A provider that refuses whatever holds the word “poison”, as DeepSeek words it."""

    def answer(path: str, body: Json) -> Reply:
        if "poison" in json.dumps(body["messages"]):
            return json_reply(
                400, {"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}}
            )
        return completion(f"Answer {len(body['messages'])}.")

    provider = Provider(answer)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(provider.__aenter__(), loop).result(10)
    yield provider
    asyncio.run_coroutine_threadsafe(provider.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


def test_T5_what_a_filter_refuses_is_marked_and_can_be_taken_back(
    visit: Any, house: Stack, filtering: Provider
) -> None:
    house.manage("shell", "-c", AGENT.format(url=filtering.url))
    chat = visit()
    chat.hook("agent-choice").click()
    chat.hook("agent-strict").click()
    chat.say("some poison")
    chat.wait_until_done()
    mark = chat.hook("left-out", reason="content_filter")
    expect(mark).to_contain_text("content filter")
    expect(mark).to_contain_text("Content Exists Risk")
    chat.say("and now?")
    chat.wait_until_done()
    assert "poison" not in json.dumps(filtering.requests[-1]["messages"])
    assert [row["kind"] for row in chat.shown()] == ["message", "step", "message", "step"]
    chat.page.reload()
    expect(chat.hook("left-out")).to_have_count(1)
    chat.hook("take-back").click()
    expect(chat.hook("left-out")).to_have_count(0)
