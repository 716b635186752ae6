"""One conversation, open in Feishu and in the web chat at the same time: both sides see all of it, live."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.support.feishu_bot import Bot
from tests.support.feishu_server import FeishuServer
from tests.support.processes import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def bot(house: Stack) -> Iterator[Bot]:
    with FeishuServer() as feishu:
        yield Bot.join(house, feishu)


@pytest.mark.exhaustive
def test_a_conversation_is_live_in_feishu_and_in_the_web_chat(bot: Bot, visit: Callable[..., Chat]) -> None:
    bot.say("research lighthouses for 8 seconds")
    conversation = bot.until(bot.conversation, 20, "the conversation")
    chat = visit("alice")
    chat.hook("conversation-row", id=conversation).click()
    # The tool is at work on both sides.
    expect(chat.hook("call", status="running")).to_be_visible()
    bot.until(
        lambda: "⏳ slow&#95;research" in bot.feishu.cards_of("oc_a")[-1].text(), 10, "the tool on the card"
    )
    chat.wait_until_done(60)
    bot.until(bot.answers, 20, "the answer in Feishu")
    assert "Findings on lighthouses" in chat.hook("step-text").last.inner_text()
    assert "Findings on lighthouses" in bot.answers()[0]

    # What is said in the web chat is told in Feishu, and answered on both sides.
    chat.say("tell me a long story of rivers")
    card = bot.until(
        lambda: [
            one for one in bot.feishu.cards_of("oc_a")[1:] if any(id == "text" for id, _ in one.streamed)
        ],
        20,
        "streamed text on the card",
    )[0]
    expect(chat.hook("step").nth(1)).to_be_visible()
    chat.wait_until_done(60)
    bot.until(lambda: len(bot.answers()) == 3, 20, "what was said, and its answer, in Feishu")
    assert "**alice** (the web chat)" in bot.answers()[1] and "tell me a long story" in bot.answers()[1]
    bot.until(lambda: not card.streaming, 10, "the card to rest")

    # And stopped in the web chat, it stops in Feishu.
    bot.say("research tea for 30 seconds")
    expect(chat.hook("message").last).to_contain_text("research tea")
    expect(chat.hook("call", status="running")).to_be_visible()
    chat.hook("stop").click()
    bot.until(lambda: "Stopped" in bot.answers()[-1], 20, "Feishu to be told")
