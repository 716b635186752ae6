"""What people see with a message: the one that it answers, and what was forwarded."""

import json

import pytest

from chat.entrances.feishu.models import FeishuMessage
from tests.support.feishu_events import item
from tests.support.scripted import ScriptedModel, says

BOT = {"key": "@_user_1", "id": {"open_id": "ou_bot"}, "name": "Bot"}


def spoken(house):
    """What the model was asked last."""
    content = [one["content"] for one in house.model.bodies[-1]["messages"] if one["role"] == "user"][-1]
    return content if isinstance(content, str) else json.dumps(content)


async def test_a_quoted_answer_of_the_bot_is_read_from_the_outbox(house):
    house.model = ScriptedModel(says("The **answer** is `42`."), says("Because."))
    await house.say("what?")
    await house.answered("The **answer**")
    await house.quiet()  # its id is known: nobody quotes what is being sent
    (answer,) = [one for one in house.feishu.shown("oc_a") if "answer" in str(one.content)]
    await house.say("why?", parent=answer.id)
    await house.answered("Because.")
    assert spoken(house) == "> You (the assistant) wrote:\n> The answer is 42.\n\nwhy?"


async def test_a_quoted_message_of_somebody_else_is_asked_for(house):
    house.feishu.items["om_x"] = [
        item("om_x", "Meet @_user_1\nat five", mentions=[{"key": "@_user_1", "id": "ou_z", "name": "Zoe"}])
    ]
    await house.say("is this right?", parent="om_x")
    await house.answered("Hello!")
    assert spoken(house) == "> Feishu …_ann wrote:\n> Meet @Zoe\n> at five\n\nis this right?"


async def test_a_quoted_message_that_came_in_is_not_asked_for(house):
    first = await house.say("the plan", sender="ou_bob")
    await house.answered("Hello!")
    await house.say("what did he mean?", parent=first)
    await house.answered("Hello!", times=2)
    assert "> the plan" in spoken(house)
    assert not [
        route for _, route in house.feishu.requests if route.startswith("GET /open-apis/im/v1/messages/om_")
    ]


async def test_a_picture_that_is_quoted_comes_with_the_question(house):
    house.feishu.files["k"] = b"the file's text"
    house.feishu.items["om_x"] = [
        item("om_x", kind="file", content={"file_key": "k", "file_name": "plan.txt"})
    ]
    await house.say("what is in it?", parent="om_x")
    await house.answered("Hello!")
    assert "the file's text" in spoken(house) and "what is in it?" in spoken(house)
    assert [route for _, route in house.feishu.requests if "om_x/resources/k" in route]


@pytest.mark.parametrize("code", [0, 230050, 99990001])
async def test_a_quoted_message_that_cannot_be_read_is_named(house, code):
    if code:
        house.feishu.fail("GET /open-apis/im/v1/messages/om_x", code, times=50)
    await house.say("and this?", parent="om_x")
    await house.answered("Hello!")
    assert spoken(house).endswith("> [a message that cannot be read here]\n\nand this?")


async def test_a_command_with_a_quotation_is_a_command(house):
    await house.say("/stop", parent="om_x")
    await house.answered("Nothing is running.")


async def test_in_a_group_a_quotation_with_nothing_but_the_bots_name_is_a_question(house):
    house.feishu.items["om_x"] = [item("om_x", "Is the earth flat?")]
    await house.say("@_user_1", chat="oc_g", chat_type="group", mentions=[BOT], parent="om_x")
    await house.answered("Hello!", "oc_g")
    assert "> Is the earth flat?" in spoken(house)


async def test_a_message_in_a_topic_does_not_quote_the_topic(house):
    await house.say(
        "@_user_1 hi", chat="oc_g", chat_type="group", mentions=[BOT], thread="omt_1", parent="om_x"
    )
    await house.answered("Hello!", "oc_g")
    assert spoken(house) == "hi"


async def test_forwarded_messages_are_read(house):
    house.feishu.items["om_f"] = [
        item("om_f", kind="merge_forward", content={"content": "Merged and Forwarded Message"}),
        item("om_1", "first", sender="ou_ann", upper_message_id="om_f"),
        item("om_2", kind="image", content={"image_key": "i"}, sender="ou_bob", upper_message_id="om_f"),
        item("om_3", "gone", deleted=True),
    ]
    await house.say(
        "", message_id="om_f", kind="merge_forward", content={"content": "Merged and Forwarded Message"}
    )
    await house.answered("Hello!")
    assert spoken(house) == "Forwarded messages:\nFeishu …_ann: first\nFeishu …_bob: [image]"
    assert await FeishuMessage.objects.filter(state="taken").acount() == 1
