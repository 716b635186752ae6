"""The bug of the README at a self-hosted model of the Mistral family: a stop during a call, then any message.

The server renders every request by such a template and refuses as vLLM does (400) or as llama.cpp does (500).
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import kept_last
from tests.support.processes import Stack
from tests.support.provider import Json, Provider, Reply, completion
from tests.support.templates import Templated
from tests.support.waiting import wait_until

AGENT = """
from agents.models import Agent
Agent.objects.update_or_create(slug="{slug}", defaults=dict(
    name="{slug}", model="ours", base_url="{url}", tools=["slow_research"]))
"""


def model(body: Json) -> Reply:
    """A model that researches what it is asked to, and otherwise says how many messages it has read."""
    last = body["messages"][-1]
    if last["role"] == "user" and "research" in last["content"]:
        arguments = json.dumps({"topic": "tides", "seconds": 2 if "shortly" in last["content"] else 20})
        call = {"index": 0, "id": "call_1", "function": {"name": "slow_research", "arguments": arguments}}
        return completion(calls=[call])
    return completion(f"I have read {last['content'].splitlines()[-1]!r}.")


@pytest.fixture(params=["vLLM", pytest.param("llama.cpp", marks=pytest.mark.exhaustive)])
def served(request: Any) -> Iterator[tuple[str, Templated]]:
    """The address of such a server, and what it saw."""
    answer = Templated(request.param, model)
    provider = Provider(answer)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(provider.__aenter__(), loop).result(10)
    yield provider.url, answer
    asyncio.run_coroutine_threadsafe(provider.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


def test_V8_a_stop_during_a_call_and_then_a_message(
    visit: Any, house: Stack, served: tuple[str, Templated]
) -> None:
    url, server = served
    slug = server.server.lower().replace(".", "-")
    house.manage("shell", "-c", AGENT.format(slug=slug, url=url))
    chat = visit()
    chat.hook("agent-choice").click()
    chat.hook(f"agent-{slug}").click()
    conversation = chat.begin_here("research the tides")
    expect(chat.hook("call", status="running")).to_be_visible()
    chat.hook("stop").click()
    expect(chat.hook("notice", code="stopped")).to_be_visible()

    chat.say("are you there?")
    chat.wait_until_done()
    wait_until(
        lambda: kept_last(house, conversation) == "I have read 'are you there?'.",
        10,
        "the answer in the journal",
    )

    # A message during a call, and one after all that: the conversation is alive.
    chat.say("research the moon shortly")
    expect(chat.hook("call", status="running")).to_be_visible()
    chat.say("and hurry")
    chat.wait_until_done()
    wait_until(
        lambda: kept_last(house, conversation) == "I have read 'and hurry'.", 10, "the answer in the journal"
    )
    chat.say("thank you")
    chat.wait_until_done()
    wait_until(
        lambda: kept_last(house, conversation) == "I have read 'thank you'.", 10, "the answer in the journal"
    )

    assert server.refused == []
    assert len(server.rendered) == 5
    assert "[assistant]I have read the results." in server.rendered[1]
    assert house.sql("SELECT COUNT(*) FROM chat_fault WHERE address = ?", url) == [(0,)]
