"""A chat is spoken to in its app's language: cards, buttons, commands, and how a run ended."""

from __future__ import annotations

import pytest

from tests.chat.messenger.house import PagerHouse
from tests.support.scripted import ScriptedModel, asks, says


@pytest.fixture
async def chinese(house, settings):
    """The house, with a bot that speaks Chinese: Feishu's by the server's setting, the pager's by its own."""
    if isinstance(house, PagerHouse):
        await house.messenger.tables.apps.aupdate(language="zh-hans")
    else:
        settings.LANGUAGE_CODE = "zh-hans"
    return house


async def test_cards_buttons_commands_and_endings_are_in_chinese(chinese):
    house = chinese
    await house.speak("/help")
    await house.answered("停止当前的工作")
    house.gate.set()
    house.asks_before = ("act",)
    house.model = ScriptedModel(asks(("act", "{}")), says("好的。"))
    await house.speak("act")
    await house.until(lambda: any("允许" in card.buttons for card in house.cards()), "the choices")
    await house.quiet()
    (card,) = house.cards()
    assert "等待你的决定" in card.text and "允许运行 **act** 吗？" in card.text
    assert card.buttons == ["允许", "拒绝"]
    await house.press("允许")
    await house.answered("好的。")
    await house.quiet()
    assert "已回复" in house.cards()[0].text
    house.gate.clear()
    house.busy.clear()
    house.asks_before = ()
    house.model = ScriptedModel(asks(("act", "{}")), says("never"))
    await house.speak("act")
    await house.busy.wait()
    await house.until(lambda: "工作中" in house.cards()[-1].text, "the card of the run")
    assert house.cards()[-1].buttons == ["停止"]
    await house.press("停止")
    await house.answered("已停止。")
    await house.quiet()
    assert "已停止" in house.cards()[-1].text and not house.cards()[-1].buttons
