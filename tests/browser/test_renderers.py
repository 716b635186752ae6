"""How a tool's result looks: another package's module is loaded from our origin, under our content policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.chat import Chat

MODULE = (Path(__file__).parent / "forecast.js").read_text()


@pytest.fixture
def chat(visit: Any) -> Chat:
    """A chat whose server tells of a module for the calculator."""
    chat: Chat = visit()

    def boot(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(
            response=answer,
            json=answer.json() | {"renderers": {"calculator": "/static/forecast/calculator.js"}},
        )

    chat.page.route("**/api/boot", boot)
    chat.page.route(
        "**/static/forecast/calculator.js",
        lambda route: route.fulfill(body=MODULE, content_type="text/javascript"),
    )
    return chat


def test_a_tool_s_own_renderer_draws_its_result_as_data_and_never_as_html(chat: Chat) -> None:
    chat.begin("what is 6 * 7?")
    chat.wait_until_done()
    chat.hook("call-toggle").click()
    view = chat.hook("call-result", look="view")
    expect(view.get_by_role("columnheader", name="asked")).to_be_visible()
    expect(view.get_by_role("cell", name="42")).to_be_visible()
    expect(view).to_contain_text("<b>not bold</b>")
    expect(view.get_by_role("link")).to_have_count(0)
    expect(view.get_by_text("a bad link")).to_be_visible()
    chat.hook("call-plain").click()
    expect(chat.hook("call-result", look="text")).to_contain_text("42")


@pytest.mark.exhaustive
@pytest.mark.parametrize(("asked", "answer"), [("12 * 12", "144"), ("42 * 42", "1764")])
def test_a_renderer_that_fails_or_returns_what_is_no_view_leaves_the_text(
    chat: Chat, asked: str, answer: str
) -> None:
    chat.begin(f"what is {asked}?")
    chat.wait_until_done()
    with chat.page.expect_console_message(lambda message: "renderer of calculator failed" in message.text):
        chat.hook("call-toggle").click()
    expect(chat.hook("call-result", look="text")).to_contain_text(answer)
