"""The story that this project began with, told through the admin: a strict provider refuses, and an operator finds out
what happened, what the model was sent and why it was refused, and settles what was left open."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chat import Chat
from tests.support.processes import Stack
from tests.support.provider import Json, Provider, Reply, completion, json_reply
from tests.support.waiting import wait_until

REFUSAL = "No tool call found for function call output with call_id {id}."


class Strict:
    """Asks for a tool, refuses the first request with its result in its own words, and takes what comes after. Then
    asks for a tool that changes something."""

    def __init__(self) -> None:
        self.refused = ""

    def answer(self, path: str, body: Json) -> Reply:
        said = [str(message.get("content")) for message in body["messages"] if message["role"] == "user"]
        results = [message for message in body["messages"] if message["role"] == "tool"]
        if results and not self.refused:
            self.refused = results[-1]["tool_call_id"]
            return json_reply(400, {"error": {"message": REFUSAL.format(id=self.refused)}})
        asked = body["messages"][-1]["role"] == "user" and "pay it" in said[-1]
        if asked:
            return completion("", [call("pay", '{"before": 20000}')])
        if self.refused:
            return completion("It is done.")
        return completion("", [call("calculator", '{"expression": "6 * 7"}')])


def call(name: str, arguments: str) -> Json:
    return {"index": 0, "id": f"call_{name}", "function": {"name": name, "arguments": arguments}}


@pytest.fixture
def provider() -> Iterator[tuple[Strict, str]]:
    """A provider in a thread of its own, and its address."""
    strict, ready, over = Strict(), threading.Event(), threading.Event()
    found: dict[str, str] = {}

    async def serve() -> None:
        async with Provider(strict.answer) as server:
            found["url"] = server.url
            ready.set()
            while not over.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="provider")
    thread.start()
    assert ready.wait(10)
    yield strict, found["url"]
    over.set()
    thread.join(10)


@pytest.fixture
def stack(database_template: Any, provider: tuple[Strict, str]) -> Iterator[Stack]:
    env = {
        "OPENAI_BASE_URL": provider[1],
        "OPENAI_MODEL": "strict-1",
        "HOLDFAST_TOOL_MODULES": "tests.recovery.chaos.tools",
        "HOLDFAST_LEASE_MS": "2000",
        "HOLDFAST_SWEEP_MS": "300",
    }
    with Stack(template=database_template, env=env) as own:
        yield own


def person(browser: Browser, stack: Stack, name: str) -> Chat:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(20_000)
    chat = Chat(context.new_page(), stack.address)
    chat.log_in(name)
    return chat


def follow(page: Page, words: str) -> None:
    page.get_by_role("link", name=words, exact=False).first.click()


def test_an_operator_pastes_an_error_finds_the_request_sees_why_and_settles_what_is_open(
    browser: Browser, stack: Stack, provider: tuple[Strict, str]
) -> None:
    strict, url = provider
    stack.start("worker")
    stack.start("web")
    stack.wait("web", lambda: stack.status("/readyz") == 200, 30)
    stack.sql(
        "update agents_agent set tools = ?, approval_tools = '[]', ask_effectful = ?",
        '["calculator", "pay"]',
        False,
    )
    alice = person(browser, stack, "alice")
    alice.begin("What is six times seven?")
    alice.wait_until_done(60)
    assert strict.refused

    # Later its worker dies while a tool runs that changes something: nobody knows whether it did.
    alice.say("pay it")
    expect(alice.hook("call", status="running")).to_be_visible(timeout=60_000)
    stack.process("worker").kill()
    stack.start("worker")
    doubt = "select count(*) from chat_call where status = 'in_doubt'"
    wait_until(lambda: stack.sql(doubt)[0][0] == 1, 60, "a call in doubt")

    charlie = person(browser, stack, "charlie")
    page = charlie.page
    page.goto(f"{stack.address}/admin/chat/conversation/")
    page.fill(
        "#searchbar", f"Error code: 400 - {{'error': {{'message': '{REFUSAL.format(id=strict.refused)}'}}}}"
    )
    page.press("#searchbar", "Enter")
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(1)
    box = page.locator("#result_list").bounding_box()
    assert box is not None and box["x"] + box["width"] <= 1280, "a column is cut off"
    rows.locator("th a").click()

    # What happened: the waterfall has both tries of the model and the refusal between them.
    first = page.locator(".hf-fall").first
    if first.get_attribute("open") is None:
        first.locator("> summary").click()
    refused = first.locator(".hf-k-model.hf-o-failed")
    expect(refused).to_have_count(1)
    refused.locator("> summary").click()
    expect(refused).to_contain_text(strict.refused)
    refused.get_by_role("link", name="What the model was sent").click()

    # What it was sent, and why it was refused.
    expect(page.locator("#content")).to_contain_text("byte for byte")
    expect(page.locator(".hf-text").last).to_contain_text(strict.refused)
    expect(page.locator(".hf-refusals")).to_contain_text("No tool call found")
    expect(page.locator("#content")).to_contain_text(f"POST {url}/chat/completions")

    # And what to do: the call in doubt is settled, in the operator's name.
    page.go_back()
    page.get_by_role("link", name="It happened…").click()
    page.fill("textarea[name=result]", "Seen on the board.")
    page.click("input[type=submit]")
    expect(page.locator(".messagelist")).to_contain_text("Recorded")
    alice.wait_until_done(60)
    said = stack.sql("select status, result from chat_call where name = 'pay'")
    assert said == [("succeeded", "Seen on the board.")]

    follow(page, "History")
    expect(page.locator("#content")).to_contain_text(re.compile("Read: transcript"))
    assert charlie.problems == []


@pytest.mark.exhaustive
def test_states_in_the_list_follow_what_happens_without_a_reload(
    visit: Any, browser: Browser, house: Stack
) -> None:
    alice: Chat = visit("alice")
    conversation = alice.begin("what is 1 + 1?")
    alice.wait_until_done()
    charlie = person(browser, house, "charlie")
    charlie.page.goto(f"{house.address}/admin/chat/conversation/")
    state = charlie.page.locator(f'[data-hf-live="{conversation}"]')
    expect(state).to_have_text("finished")
    alice.say("research black holes for 8 seconds")
    expect(state).to_have_text("running", timeout=20_000)
    expect(state.locator(".hf-is-running")).to_be_visible()
    alice.wait_until_done(60)
    expect(state).to_have_text("finished", timeout=20_000)
    assert charlie.problems == []
    charlie.page.context.close()
