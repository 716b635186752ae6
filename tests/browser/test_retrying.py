"""A model that is busy, seen in a real browser: the wait is shown, and nothing is said twice or in its name."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.processes import Stack
from tests.support.provider import Json, Provider, Reply, completion, json_reply

AGENT = """
from agents.models import Agent
Agent.objects.update_or_create(slug="busy", defaults=dict(name="Busy", model="m-1", base_url="{url}", tools=[]))
"""


@pytest.fixture
def busy() -> Iterator[Provider]:
    """A provider that answers 429 with `Retry-After: 4` once, and then the question. It does not say what it serves."""

    def answer(path: str, body: Json) -> Reply:
        if not path.endswith("/chat/completions"):
            return json_reply(404, {"error": {"message": "Not found"}})
        if sum("messages" in one for one in provider.requests) == 1:
            return json_reply(429, {"error": {"message": "Rate limit reached"}}, Retry_After="4")
        return completion("Here I am.")

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


@pytest.mark.exhaustive
def test_a_busy_model_is_waited_for_in_sight(visit: Any, house: Stack, busy: Provider) -> None:
    house.manage("shell", "-c", AGENT.format(url=busy.url))
    chat = visit()
    chat.hook("agent-choice").click()
    chat.hook("agent-busy").click()
    chat.say("Are you there?")
    status = chat.hook("run-status", status="retrying")
    expect(status).to_contain_text("Trying again in")
    chat.wait_until_done()
    expect(status).to_have_count(0)
    assert [row["text"] for row in chat.shown() if row["kind"] == "step"] == ["Here I am."]
    assert sum("messages" in one for one in busy.requests) == 2
