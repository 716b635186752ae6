"""Cards that ask are not decoration: they are asked whatever they hold, and lose their buttons whatever happens."""

import asyncio
import json
import random

import pytest

from agents import events as e
from chat.entrances.feishu.models import FeishuApp, FeishuLane
from tests.support.feishu_events import action_event
from tests.support.feishu_server import CARD_BYTES
from tests.support.more import more_of
from tests.support.scripted import ScriptedModel, asks, says

SETTLES = "(PATCH .*/settings|PUT /open-apis/cardkit/v1/cards/[^/]*$)"


def buttons(house, chat="oc_a"):
    return [label for card in house.cards(chat) for label in card.buttons]


async def five_asked(house):
    """Five calls wait for a person, each with 1,900 Chinese characters; their arguments."""
    house.gate.set()
    house.asks_before = ("note",)
    arguments = [json.dumps({"text": f"{number}" + "字" * 1_900}, ensure_ascii=False) for number in range(5)]
    house.model = ScriptedModel(asks(*[("note", one) for one in arguments]), says("All decided."))
    await house.say("act")
    await house.until(lambda: buttons(house).count("Allow") == 5, "the choices")
    await house.quiet()
    return arguments


async def statuses(house):
    events = await house.events(await FeishuLane.objects.aget())
    return [one.status for one in events if isinstance(one, e.CallSettled)]


@pytest.mark.exhaustive
async def test_W8_five_long_approvals_are_all_asked_on_cards_that_fit(house):
    arguments = await five_asked(house)
    assert not house.feishu.refused
    asking = [card.text() for card in house.feishu.cards_of("oc_a") if "Allow" in card.text()]
    assert 1 < len(asking) <= 4 and all(len(text.encode()) < CARD_BYTES for text in asking)
    assert all(any(json.dumps(one, ensure_ascii=False)[1:-1] in text for text in asking) for one in arguments)
    for left in (4, 3, 2, 1, 0):
        await house.press("Allow")
        await house.until(lambda left=left: buttons(house).count("Allow") == left, f"{left} choices")
    await house.answered("All decided.")
    await house.quiet()
    assert not buttons(house) and not house.feishu.refused
    assert await statuses(house) == ["succeeded"] * 5
    assert len([card for card in house.feishu.cards_of("oc_a") if "Answered" in card.text()]) <= 6


async def test_W8_what_is_not_decided_keeps_its_buttons_while_what_was_allowed_runs(house, monkeypatch):
    await five_asked(house)
    perform, goes_on = house.pool.perform, asyncio.Event()

    async def later(*run):
        await goes_on.wait()
        return await perform(*run)

    monkeypatch.setattr(house.pool, "perform", later)
    await house.press("Allow")
    await house.until(lambda: "Stop" in buttons(house), "the card of a run at work")
    assert buttons(house).count("Allow") == 4
    assert [card.text for card in house.cards() if "Answered" in card.text] == [house.cards()[-2].text]
    await house.press("Allow")
    await house.until(lambda: buttons(house).count("Allow") <= 3, "the second decision")
    goes_on.set()
    for left in (3, 2, 1, 0):
        await house.until(lambda left=left: buttons(house).count("Allow") == left, f"{left} choices")
        if left:
            await house.press("Allow")
    await house.answered("All decided.")
    await house.quiet()
    assert not buttons(house) and not house.feishu.refused and await statuses(house) == ["succeeded"] * 5
    assert len([card for card in house.cards() if "Answered" in card.text]) == 5


async def test_W8_what_is_decided_elsewhere_leaves_no_button_on_any_card(house):
    house.gate.set()
    house.asks_before = ("note",)
    house.model = ScriptedModel(
        asks(*[("note", json.dumps({"text": "字" * 1_900}, ensure_ascii=False))] * 4), says("Stopped?")
    )
    await house.say("act")
    await house.until(lambda: buttons(house).count("Allow") == 4, "the choices")
    await house.say("/stop")
    await house.answered("Stopped")
    await house.quiet()
    assert not buttons(house)


async def test_W8_arguments_that_feishu_refuses_are_asked_without_and_cannot_be_allowed(house):
    house.gate.set()
    house.asks_before = ("note",)
    house.feishu.refuse(230028, words="4711")
    house.model = ScriptedModel(asks(("note", json.dumps({"text": "4711"}))), says("Refused, then."))
    await house.say("act")
    await house.until(lambda: buttons(house) == ["Refuse"], "the choice")
    assert "cannot be shown here" in house.cards()[-1].text
    await house.press("Refuse")
    await house.answered("Refused, then.")
    await house.quiet()
    assert not buttons(house)


@pytest.mark.parametrize(
    "code",
    more_of(200860, 230099, 99990001, 230002),
)
async def test_W8_what_cannot_be_asked_on_a_card_is_asked_by_a_message(house, code):
    house.gate.set()
    house.asks_before = ("note",)
    house.feishu.fail("cardkit", code, times=10_000)
    house.model = ScriptedModel(asks(("note", '{"text": "x"}')), says("Done."))
    await house.say("act")

    async def told():
        house.advance(61)  # so that what failed is tried again at once
        return any("somebody has to decide" in text for text in house.feishu.answers("oc_a"))

    await house.until(told, "the message")
    await house.quiet()
    lane = await FeishuLane.objects.aget()
    (text,) = house.feishu.answers("oc_a")
    assert "**note**" in text and f"/c/{lane.conversation}" in text


@pytest.mark.parametrize(
    "code",
    more_of(0, 300120, 200810, 230049, 2200, always=2),
)
async def test_a_bad_moment_while_a_card_is_settled_leaves_no_button(house, code):
    house.gate.set()
    house.asks_before = ("act",)
    house.model = ScriptedModel(asks(("act", "{}")), says("Thanks."))
    await house.say("act")
    await house.until(lambda: "Allow" in buttons(house), "the choices")
    await house.quiet()
    house.feishu.fail(SETTLES, code, status=400 if code else 500, times=2)
    await house.press("Allow")
    await house.answered("Thanks.")
    for _ in range(10):
        house.advance(5)
        await asyncio.sleep(0.1)
    await house.quiet()
    assert not buttons(house) and not any(card.streaming for card in house.cards())


@pytest.mark.exhaustive
async def test_after_a_press_every_card_of_many_chats_is_settled_though_feishu_stumbles(house):
    """Seeds are printed with a failure: the stumbles are random."""
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    house.gate.set()
    house.asks_before = ("act", "look")
    chats = [f"oc_{number}" for number in range(12)]

    class Asker:
        async def stream(self, body):
            last = body["messages"][-1]
            script = says("Thanks.") if last["role"] == "tool" else asks(("act", "{}"), ("look", "{}"))
            for one in script:
                yield one

    house.model = Asker()
    await asyncio.gather(*(house.say("act", chat) for chat in chats))
    await house.until(
        lambda: all(buttons(house, chat).count("Allow") == 2 for chat in chats), "the choices", 60
    )
    for left in (1, 0):
        for _ in range(6):
            code = rng.choice((0, 200810, 300120, 99991400, 300317))
            house.feishu.fail(
                SETTLES, code, status=500 if not code else 400, times=rng.randint(1, 2), reset=0.2
            )
        await asyncio.gather(*(house.press("Allow", chat) for chat in chats))

        def settled(left=left):
            return all(buttons(house, chat).count("Allow") == left for chat in chats)

        await house.until(settled, f"{left} choices in each chat (seed {seed})", 90)
    for chat in chats:
        await house.answered("Thanks.", chat)
    await house.until(lambda: not any(buttons(house, chat) for chat in chats), f"no button (seed {seed})", 60)
    await house.quiet()
    assert not any(card.streaming for chat in chats for card in house.cards(chat)), seed


async def test_a_toast_tells_the_truth_for_forged_and_late_buttons(house):
    house.gate.set()
    house.asks_before = ("act",)
    house.model = ScriptedModel(asks(("act", "{}")), says("Thanks."))
    await house.say("act")
    await house.until(lambda: "Allow" in buttons(house), "the choices")
    value = house.feishu.button("oc_a", "Allow")

    async def told(value, chat="oc_a", sender="ou_alice"):
        return (await house.post(action_event(value, chat=chat, operator=sender))).json()["toast"]["content"]

    for forged in (
        {},
        "x",
        {**value, "lane": 10**30},
        {**value, "lane": True},
        {**value, "call": "other"},
        {"act": "?"},
    ):
        assert "no longer valid" in await told(forged)
    assert "no longer valid" in await told(value, chat="oc_b")
    await FeishuApp.objects.aupdate(private_policy="nobody")
    assert "may not" in await told(value)
    await FeishuApp.objects.aupdate(private_policy="everyone")
    assert await told(value) == "Got it."
    await house.answered("Thanks.")
    await house.quiet()
    assert "no longer valid" in await told(value)
    assert "no longer valid" in await told({**value, "act": "stop", "run": "r"})
