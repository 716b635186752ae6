"""Results on their way to mailboxes and Feishu chats: once, and honest about what cannot be known."""

from __future__ import annotations

import asyncio
import smtplib
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection

from chat.automation import destinations
from chat.entrances.feishu.models import FeishuApp, FeishuDelivery, FeishuLane, FeishuMessage, FeishuUser
from chat.entrances.feishu.service import FeishuService
from chat.entrances.schedules import delivery, results
from chat.entrances.schedules.models import Schedule, ScheduleDelivery, ScheduleFiring
from chat.entrances.schedules.validation import DeliveryChoice, InvalidSchedule
from chat.models import Run
from chat.support.clock import now_ms
from chat.support.tasks import end
from tests.chat.entrances.schedules.house import HOUR, House
from tests.support.feishu_server import FeishuServer
from tests.support.waiting import eventually

TO_ALICE = DeliveryChoice(kind="email", address="alice@example.com")


class Troubled(EmailBackend):
    """A mail server with its own will."""

    troubles: list[Exception] = []

    def send_messages(self, messages: Any) -> int:
        if self.troubles:
            raise self.troubles.pop(0)
        return super().send_messages(messages)


@pytest.fixture
def mails(settings: Any) -> list[Any]:
    settings.HOLDFAST_EMAIL = True
    settings.EMAIL_BACKEND = f"{__name__}.Troubled"
    settings.DEFAULT_FROM_EMAIL = "Holdfast <bot@example.com>"
    Troubled.troubles = []
    mail.outbox = []
    return mail.outbox


@pytest.fixture
async def post(house: House, mails: list[Any]) -> House:
    """A house whose owner has a mailbox."""
    house.owner.email = "alice@example.com"
    await house.owner.asave()
    return house


async def test_a_result_is_mailed_once_to_its_owner(post: House, mails: list[Any]) -> None:
    row = await post.make(delivery=TO_ALICE, name="Weather\nBcc: all@example.com")
    post.advance(HOUR)
    (over,) = await post.until_over(row)
    await asyncio.gather(*(post.look() for _ in range(4)))
    (letter,) = mails
    assert (letter.to, letter.body) == (["alice@example.com"], "It is sunny.")
    assert letter.subject == "Weather Bcc: all@example.com"
    assert letter.extra_headers["Message-ID"] == f"<{over.pk}@example.com>"
    parcel = await ScheduleDelivery.objects.aget()
    assert (parcel.state, parcel.attempts) == ("sent", 1)


async def test_a_mail_whose_sender_died_before_noting_it_is_sent_again_under_the_same_id(
    post: House, mails: list[Any]
) -> None:
    row = await post.make(delivery=TO_ALICE)
    post.advance(HOUR)
    await post.until_over(row)
    # As a worker leaves it that is killed between the mail server's word and its own note.
    await ScheduleDelivery.objects.aupdate(state="pending", next_at=now_ms() + delivery.CLAIM_MS)
    await post.look()
    assert len(mails) == 1, "it is claimed"
    await ScheduleDelivery.objects.aupdate(next_at=0)
    await post.look()
    assert len({letter.extra_headers["Message-ID"] for letter in mails}) == 1 and len(mails) == 2


async def test_an_unreachable_mail_server_is_asked_again_and_a_refusal_is_final(
    post: House, mails: list[Any]
) -> None:
    Troubled.troubles = [
        ConnectionRefusedError("no mail server"),
        smtplib.SMTPRecipientsRefused({"alice@example.com": (450, b"later")}),
        smtplib.SMTPRecipientsRefused({"alice@example.com": (550, b"no such mailbox")}),
    ]
    row = await post.make(delivery=TO_ALICE)
    post.advance(HOUR)
    await post.until_over(row)
    assert len(Troubled.troubles) == 2
    for left in (1, 0):
        await ScheduleDelivery.objects.aupdate(next_at=0)
        await post.look()
        assert len(Troubled.troubles) == left
    parcel = await ScheduleDelivery.objects.aget()
    assert (parcel.state, parcel.error) == ("dead", "The mail server refused it (550).")
    assert mails == []


async def test_what_cannot_be_sent_for_a_day_is_given_up(post: House, mails: list[Any]) -> None:
    row = await post.make(delivery=TO_ALICE)
    post.advance(HOUR)
    Troubled.troubles = [ConnectionRefusedError("no mail server")]
    await post.until_over(row)
    assert (await ScheduleDelivery.objects.aget()).state == "pending"
    Troubled.troubles = [ConnectionRefusedError("no mail server")]
    await ScheduleDelivery.objects.aupdate(next_at=0, created_at=now_ms() - delivery.GIVE_UP_MS - 1)
    await post.look()
    assert (await ScheduleDelivery.objects.aget()).state == "dead"


async def test_a_failure_is_a_result_too(post: House, mails: list[Any]) -> None:
    from tests.support.scripted import ScriptedModel

    post.model = ScriptedModel()  # has nothing to say: the run fails
    row = await post.make(delivery=TO_ALICE)
    post.advance(HOUR)
    (over,) = await post.until_over(row)
    await post.look()
    assert over.outcome == "failed" and over.detail
    assert mails[0].body.startswith("*")


async def test_W11_results_go_to_ones_own_address_only(post: House, mails: list[Any]) -> None:
    with pytest.raises(InvalidSchedule, match="your own address only"):
        await post.make(delivery=DeliveryChoice(kind="email", address="bob@example.com"))
    with pytest.raises(InvalidSchedule, match="Write an e-mail address"):
        await post.make(delivery=DeliveryChoice(kind="email", address="alice@example.com, bob@example.com"))
    with pytest.raises(InvalidSchedule, match="no such kind"):
        await post.make(delivery=DeliveryChoice(kind="fax", address="1"))
    offers = await sync_to_async(destinations.offers)(post.owner)
    assert [(one.kind, one.address) for one in offers] == [("email", "alice@example.com")]
    staff = await get_user_model().objects.acreate(username="dora", email="")
    assert await sync_to_async(destinations.problem)(staff, "email", "bob@example.com") != ""
    await staff.user_permissions.aadd(await Permission.objects.aget(codename="change_user"))
    staff = await get_user_model().objects.aget(pk=staff.pk)
    assert await sync_to_async(destinations.problem)(staff, "email", "bob@example.com") == ""


async def test_a_server_without_mail_offers_none(post: House, settings: Any) -> None:
    settings.HOLDFAST_EMAIL = False
    with pytest.raises(InvalidSchedule, match="sends no e-mail"):
        await post.make(delivery=TO_ALICE)
    assert await sync_to_async(destinations.offers)(post.owner) == []


# ---- Feishu ----


@pytest.fixture
def feishu(redis_url: str) -> Any:
    with FeishuServer() as server:
        yield server


@pytest.fixture
async def bot(house: House, feishu: FeishuServer) -> FeishuApp:
    """An app, and Alice who has written to it in one chat."""
    owner = await get_user_model().objects.acreate(username="feishu-bot")
    app = await FeishuApp.objects.acreate(
        slug="bot", name="Bot", app_id="cli_1", secret="the-app-secret", verification_token="t",
        base_url=feishu.url, owner=owner,
    )  # fmt: skip
    await FeishuUser.objects.acreate(app=app, open_id="ou_alice", user=house.owner)
    await FeishuMessage.objects.acreate(
        app=app, message_id="om_1", chat_id="oc_a", sender="ou_alice", sent_at=1, received_at=1, state="done",
        event={"message": {"chat_type": "p2p"}},
    )  # fmt: skip
    return app


async def test_a_result_appears_in_the_feishu_chat_once(
    house: House, bot: FeishuApp, feishu: FeishuServer
) -> None:
    offers = await sync_to_async(destinations.offers)(house.owner)
    assert [(one.address, one.label) for one in offers] == [("bot:oc_a", "Feishu: Bot, private chat")]
    row = await house.make(delivery=DeliveryChoice(kind="feishu", address="bot:oc_a"))
    house.advance(HOUR)
    await house.until_over(row)
    await house.look()
    # A worker that died after it had handed the result over is followed by one that hands it over again.
    await ScheduleDelivery.objects.aupdate(state="pending", next_at=0)
    await house.look()
    assert await FeishuDelivery.objects.acount() == 1
    service = FeishuService(house.sessions, house.enqueue, worker="w", idle_poll_s=0.1)
    task = asyncio.create_task(service.run())
    try:
        await eventually(lambda: feishu.answers("oc_a"), 20, "the result in the chat")
    finally:
        await end([task])
    (shown,) = feishu.answers("oc_a")
    assert "**Weather**" in shown and "It is sunny." in shown
    lane = await FeishuLane.objects.aget()
    assert lane.generation == 0, "the chat's own conversations are not touched"


async def test_W11_only_chats_in_which_one_has_written(house: House, bot: FeishuApp, bob: Any) -> None:
    for address in ("bot:oc_other", "nobot:oc_a", "bot", "bot:", "bot:../x"):
        with pytest.raises(InvalidSchedule):
            await house.make(delivery=DeliveryChoice(kind="feishu", address=address))
    assert await sync_to_async(destinations.problem)(bob, "feishu", "bot:oc_a") != ""
    assert await sync_to_async(destinations.offers)(bob) == []


async def test_a_chat_of_an_app_that_was_switched_off_is_a_dead_letter(house: House, bot: FeishuApp) -> None:
    row = await house.make(delivery=DeliveryChoice(kind="feishu", address="bot:oc_a"))
    bot.enabled = False
    await bot.asave()
    house.advance(HOUR)
    await house.until_over(row)
    await house.look()
    parcel = await ScheduleDelivery.objects.aget()
    assert parcel.state == "dead" and "switched off" in parcel.error


async def test_a_result_that_nobody_wants_goes_nowhere(house: House) -> None:
    row = await house.make()
    house.advance(HOUR)
    await house.until_over(row)
    assert await ScheduleDelivery.objects.acount() == 0
    assert await sync_to_async(results.moved)() == []
    assert (await Schedule.objects.aget()).deliver_kind == ""


async def test_results_that_cannot_be_told_do_not_hide_the_others(house: House) -> None:
    """Pages of two, and the three oldest of four answers are broken in the database."""
    rows = [await house.make(name=f"S{number}") for number in range(4)]
    house.advance(HOUR)
    house.gate.clear()
    await house.look()
    house.gate.set()
    fired = [(await house.firings(row, "fired"))[0] for row in rows]
    for place in fired:
        await eventually(lambda place=place: _finished(place), 20, "the runs to finish")
    oldest = sorted(fired, key=lambda one: (one.due, one.pk))
    await sync_to_async(_break)([one.conversation for one in oldest[:3]])
    service = house.service(page=2)
    for _ in range(3):
        await service.look()
    states = [(await ScheduleFiring.objects.aget(pk=one.pk)).state for one in oldest]
    assert states == ["fired", "fired", "fired", "over"]


async def _finished(place: ScheduleFiring) -> bool:
    return await Run.objects.filter(conversation=place.conversation, status="finished").aexists()


def _break(conversations: list[Any]) -> None:
    with connection.cursor() as cursor:
        for id in conversations:
            cursor.execute("UPDATE chat_step SET body = %s WHERE conversation_id = %s", ["{", id.hex])


async def test_the_history_says_what_feishu_did_with_a_result_that_it_was_handed(
    house: House, bot: FeishuApp
) -> None:
    row = await house.make(delivery=DeliveryChoice(kind="feishu", address="bot:oc_a"))
    house.advance(HOUR)
    await house.until_over(row)
    await house.look()
    sent = await ScheduleDelivery.objects.aget()
    arrived = await sync_to_async(delivery.arrival)(sent)
    assert (sent.state, arrived.state) == ("sent", "sent")
    await FeishuDelivery.objects.aupdate(state="dead", error="230002: the bot is not in the chat")
    arrived = await sync_to_async(delivery.arrival)(sent)
    assert (arrived.state, arrived.error) == ("dead", "230002: the bot is not in the chat")
