"""T5: a chat is told what its model is no longer sent because the provider refuses it, and what it is sent again."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from html import unescape
from typing import Any

import pytest

from agents import events as e
from agents.dialects.base import Delta
from agents.errors import ContentRefused
from chat.inbox import SendBody, Sender, TakeBackBody
from tests.chat.messenger.house import House, PagerHouse
from tests.support.scripted import ScriptedModel, asks, says


class Filtered(ScriptedModel):
    """Plays its script, but for requests in which `word` stands: they are refused, as DeepSeek words it."""

    word = "poison"

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        if self.word in json.dumps(body, ensure_ascii=False):
            raise ContentRefused("content_filter", "Content <Exists> Risk", status=400)
        async for delta in super().stream(body):
            yield delta


def told(house: House) -> list[tuple[str, str]]:
    """What the chat was told besides answers: (text, what it replies to)."""
    return [one for one in house.replies() if one[0].startswith("**")]


async def take_back(house: House, command: str = "back") -> None:
    """The conversation's owner has what was left out first sent again, in the web chat."""
    lane = await house.messenger.tables.lanes.aget()
    item = next(one.message for one in await house.events(lane) if isinstance(one, e.MessageLeftOut))
    body = TakeBackBody(kind="take_back", message=item)
    await house.services[0].inbox.submit(Sender(lane.owner_id), str(lane.conversation), command, body)


async def test_T5_a_message_that_is_left_out_is_told_in_a_reply_to_it_and_the_talk_goes_on(house):
    house.model = Filtered(says("To the rest."))
    first = await house.speak("hello")
    await house.answered("To the rest.")
    refused = await house.speak("some poison,\nnicely wrapped")
    await house.answered("Left out of what the model reads")
    await house.quiet()
    ((text, reply_to),) = told(house)
    assert reply_to == refused
    assert "“some poison, nicely wrapped”" in text and "content filter refuses it" in text
    assert "(Content <Exists> Risk)" in unescape(text)
    assert isinstance(house, PagerHouse) or "<Exists" not in text  # where there is markup, it is no tag
    assert "in the web chat" in text
    last = await house.speak("and now?")
    await house.answered("To the rest.", times=3)
    await house.quiet()
    assert [to for text, to in house.replies() if text == "To the rest."] == [first, refused, last]
    assert len(told(house)) == 1


def lines(text: str) -> list[str]:
    """Without blank ones: how many there are is a messenger's own affair."""
    return [line for line in text.splitlines() if line]


async def test_T5_what_is_taken_back_is_told_too_also_while_nothing_runs(house):
    house.model = Filtered(says("Fine."))
    refused = await house.speak("some poison")
    await house.answered("Left out of what the model reads")
    await house.quiet()
    await take_back(house)
    await house.answered("Sent to the model again")
    await house.quiet()
    text, reply_to = told(house)[-1]
    assert (lines(text), reply_to) == (["**Sent to the model again:**", "- “some poison”"], refused)


async def test_T5_results_that_are_left_out_are_named_by_their_tool(house):
    house.model = Filtered(asks(("look", "{}")), says("I may not read it."))
    house.model.word = "seen"
    await house.speak("look at it")
    await house.answered("Left out of what the model reads")
    await house.quiet()
    ((text, reply_to),) = told(house)
    assert "- the results of look\n" in text and reply_to == ""


async def test_T5_what_came_from_elsewhere_is_quoted(house):
    house.model = Filtered(says("Fine."))
    await house.speak("hello")
    await house.answered("Fine.")
    lane = await house.messenger.tables.lanes.aget()
    text = "a poison from afar " + "x" * 100
    body = SendBody(kind="send", message="00000000-0000-4000-8000-000000000001", text=text)
    await house.services[0].inbox.submit(
        Sender(lane.owner_id, name="alice"), str(lane.conversation), "c", body
    )
    await house.answered("Left out of what the model reads")
    await house.quiet()
    text, reply_to = next(one for one in told(house) if "Left out" in one[0])
    assert "“a poison from afar xxx" in text and "x…”" in text and reply_to == ""


async def test_T5_what_one_answer_goes_without_is_told_in_one_message(house):
    await house.speak("hello")
    await house.answered("Hello!")
    await house.quiet()
    lane = await house.messenger.tables.lanes.aget()
    (said,) = [one.message for one in await house.events(lane) if isinstance(one, e.MessageAdded)]
    gone = [e.MessageLeftOut(at=1, message=one, reason="refused") for one in (said, *"abcdef")]
    await house.sessions.append(str(lane.conversation), lambda view: gone)
    await house.answered("Left out of what the model reads")
    await house.quiet()
    ((text, reply_to),) = told(house)
    assert lines(text)[1:7] == ["- “hello”", *["- a message"] * 4, "- 2 more"] and reply_to == ""
    assert "The provider refuses it." in text


@pytest.fixture
async def chinese(house, settings):
    if isinstance(house, PagerHouse):
        await house.messenger.tables.apps.aupdate(language="zh-hans")
    else:
        settings.LANGUAGE_CODE = "zh-hans"
    return house


async def test_T5_marks_are_told_in_chinese(chinese):
    chinese.model = Filtered(says("好的。"))
    await chinese.speak("some poison")
    await chinese.answered("以下内容不再发给模型")
    await chinese.quiet()
    ((text, _),) = told(chinese)
    assert "内容审核拒绝接收" in text and "在网页聊天里" in text
    await take_back(chinese)
    await chinese.answered("以下内容重新发给模型")
