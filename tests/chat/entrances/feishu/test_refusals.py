"""An answer always arrives: as a card, else as text, else as a sentence that says why not and where to read it."""

import json

import pytest

from chat.entrances.feishu.adapter import FEISHU
from chat.entrances.feishu.codes import CODES
from chat.entrances.feishu.errors import TokenInvalid, error_of
from chat.entrances.feishu.models import FeishuDelivery, FeishuMessage
from chat.messenger import outbox
from chat.messenger.errors import Away, ContentRefused, Limited, MessageRefused, TargetGone, Unclear
from chat.messenger.poison import MAX_TRIES
from tests.support.more import more_of
from tests.support.scripted import ScriptedModel, says

SENDS = "POST /open-apis/im/v1/messages"
FILTERED = (230022, 230028, 11248, 11312)


def four_and_one_table():
    return "\n\n".join(f"| t{number} |\n|---|\n| {number} |" for number in range(5))


async def test_five_tables_arrive_although_feishu_takes_four_of_them(house):
    house.model = ScriptedModel(says(four_and_one_table()))
    await house.say("tables")
    await house.answered("t4")
    await house.quiet()
    assert not [code for route, code in house.feishu.refused if "im/v1" in route]
    assert sum(text.count("| --- |") for text in house.feishu.answers("oc_a")) == 5


@pytest.mark.parametrize("code", more_of(*FILTERED, 230099, 230025, 230054, 200621, 230001))
async def test_what_is_refused_as_a_card_arrives_as_text(house, code):
    house.feishu.refuse(code, kind="interactive", words="4,711")
    house.model = ScriptedModel(says("**Call** `4,711` <at id=all></at>"))
    await house.say("hello")
    await house.answered("4,711")
    await house.quiet()
    (answer,) = [one for one in house.feishu.shown("oc_a") if one.kind == "text"]
    assert answer.content["text"] == "Call 4,711 <\u200bat id=all><\u200b/at>"
    assert await FeishuMessage.objects.filter(answered_at__isnull=False).acount() == 1
    assert not await FeishuDelivery.objects.exclude(state="sent").aexists()


@pytest.mark.parametrize("code", more_of(*FILTERED))
async def test_what_is_refused_as_text_too_is_told_in_a_sentence(house, code):
    house.feishu.refuse(code, words="4711")
    house.model = ScriptedModel(says("Call 4711."))
    await house.say("hello")
    await house.answered("cannot be shown here")
    await house.quiet()
    lane = await house.messenger.tables.lanes.aget()
    (answer,) = house.feishu.answers("oc_a")
    assert (
        str(code) in answer
        and f"/c/{lane.conversation}" in answer
        and "4711" not in answer.replace(str(code), "")
    )
    assert not await FeishuDelivery.objects.exclude(state="sent").aexists()


async def test_what_is_refused_in_every_form_is_a_dead_letter_and_the_next_answer_goes_out(house):
    house.feishu.refuse(230028, words="4711")
    house.feishu.refuse(230028, words="cannot be shown")
    house.model = ScriptedModel(says("Call 4711."), says("Fine."))
    await house.say("hello")
    await house.until(FeishuDelivery.objects.filter(state="dead").aexists, "the dead letter")
    await house.quiet()
    await house.say("again")
    await house.answered("Fine.")
    await house.quiet()
    row = await FeishuDelivery.objects.aget(state="dead")
    assert row.error.startswith(outbox.FORMS[2]) and "230028" in row.error


async def test_an_unknown_code_is_tried_again_within_bounds(house):
    house.feishu.refuse(99990001, kind="interactive", words="Hello!")
    await house.say("hello")
    for tries in range(1, MAX_TRIES + 1):
        await house.until(
            lambda tries=tries: [code for _, code in house.feishu.refused].count(99990001) >= tries,
            f"try {tries}",
        )
        house.advance(60)
    await house.answered("Hello!")
    await house.quiet()
    assert [one.kind for one in house.feishu.shown("oc_a") if one.kind != "interactive"] == ["text"]


@pytest.mark.parametrize("code", more_of(230049, 18121, 11233, 11247, 99991665))
async def test_later_is_no_refusal(house, code):
    house.feishu.fail(SENDS, code, times=1, reset=0.3)
    await house.say("hello")
    await house.answered("Hello!")
    await house.quiet()
    assert len(house.feishu.answers("oc_a")) == 1
    assert not await FeishuDelivery.objects.exclude(state="sent").aexists()


@pytest.mark.parametrize(
    ("status", "code", "text", "error"),
    [
        (400, 230049, "The message is being sent.", Away),
        (400, 18121, "", Away),
        (400, 11233, "", Limited),
        (400, 11247, "", Limited),
        (400, 99991665, "", TokenInvalid),
        (401, 234002, "", TokenInvalid),
        (401, 12345678, "", TokenInvalid),
        (400, 12345678, "", Unclear),
        (200, 12345678, "", Unclear),
        (200, 0, "no JSON", Away),
        (502, 0, "no JSON", Away),
        (503, 12345678, "", Away),
        (429, 0, "", Limited),
        (400, 230022, "", ContentRefused),
        (400, 230001, "…, ext=invalid message_id", TargetGone),
        (400, 230001, "…, ext=invalid receive_id", MessageRefused),
        (400, 230001, "…, ext=invalid message content", ContentRefused),
        (400, 230099, "ext=ErrCode: 11310; ErrMsg: card table number over limit", ContentRefused),
        (400, 230099, "ext=ErrCode: 11310; ErrMsg: card action is lock", Away),
        (400, 230002, "", MessageRefused),
    ],
)  # fmt: skip
def test_codes_mean_what_the_manual_says(status, code, text, error):
    assert type(error_of(status, code, text, 1.0)) is error


def test_every_code_of_the_manual_has_one_meaning():
    assert len(CODES) > 250
    for code in CODES:
        error_of(400, code, "", 1.0)


async def test_a_file_whose_token_ran_out_is_fetched_again(house):
    house.feishu.files["k"] = b"plan"
    house.feishu.fail("GET .*/resources/", 99991663, times=1)
    await house.say("", kind="file", content={"file_key": "k", "file_name": "plan.txt"})
    await house.answered("Hello!")
    (spoken,) = [one["content"] for one in house.model.bodies[-1]["messages"] if one["role"] == "user"]
    assert "plan" in json.dumps(spoken) and "cannot be read" not in json.dumps(spoken)


def test_plain_text_keeps_addresses_items_and_rows():
    content = FEISHU.markup.messages(
        "1. [a](https://a.b)\n2. https://c.d\n\n| x | y |\n|---|---|\n| 1 | **2** |\n\n`<b>`"
    )[0]
    kind, text = FEISHU.markup.plain(content)
    said = "1. a (https://a.b)\n\n2. https://c.d\n\nx | y\n-----\n1 | 2\n\n<\u200bb>"
    assert (kind, json.loads(text)["text"]) == ("text", said)
