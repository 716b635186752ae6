"""Events of Feishu's that once raised for ever: the smallest ones that did."""

from __future__ import annotations

import pytest

from chat.entrances.feishu.models import FeishuMessage
from chat.messenger.models import SET_ASIDE
from tests.support.feishu_events import action_event, message_event


@pytest.mark.parametrize("value", ["a text", 1, None, ["stop"], {"act": ["stop"], "lane": {}}])
async def test_a_card_action_whose_value_is_no_object_is_refused_and_the_chat_goes_on(house, value):
    await house.say("hello")
    await house.answered("Hello!")
    await house.post(action_event(value, chat="oc_a"))
    await house.until(FeishuMessage.objects.filter(state="refused").aexists, "the action to be refused")
    await house.say("and now?")
    await house.answered("Hello!", times=2)
    assert not await FeishuMessage.objects.filter(reason__startswith=SET_ASIDE).aexists()


async def test_half_a_surrogate_pair_in_a_text_is_read_as_the_sign_for_what_cannot_be_read(house):
    await house.say("half \ud83d of a smile")
    await house.answered("Hello!")
    spoken = [one["content"] for one in house.model.bodies[-1]["messages"] if one["role"] == "user"]
    assert spoken == ["half \ufffd of a smile"]


async def test_half_a_surrogate_pair_elsewhere_in_an_event_can_be_stored(house):
    event = message_event("hello", chat="oc_a")
    event["event"]["message"]["extra"] = {"\ud800": ["\udfff"]}
    house.feishu.receive("oc_a", event["event"]["message"]["message_id"])
    await house.post(event)
    await house.answered("Hello!")


@pytest.mark.parametrize("mentions", [3, "all", {"a": 1}])
async def test_mentions_that_are_no_list_name_nobody(house, mentions):
    event = message_event("hello", chat="oc_a")
    event["event"]["message"]["mentions"] = mentions
    house.feishu.receive("oc_a", event["event"]["message"]["message_id"])
    await house.post(event)
    await house.answered("Hello!")
