"""Deliveries: who is let in, what the answer says, and what nobody learns."""

import asyncio
import hashlib
import hmac
import json
import logging
import time
import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents.dialects.base import FinishDelta, TextDelta
from agents.errors import ModelError
from chat.commands import StopBody
from chat.entrances.feishu.models import FeishuApp, FeishuDelivery, FeishuLane
from chat.entrances.triggers import editing, views
from chat.entrances.triggers.api import _firings
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.entrances.triggers.store import Sighting, record
from chat.inbox import Sender
from chat.models import Conversation, Run
from config.logs import LineFormatter
from tests.chat.entrances.triggers.house import House
from tests.support.scripted import Pause, ScriptedModel, says


async def test_the_answer_names_the_run_and_the_run_answers(house: House) -> None:
    trigger = await house.trigger(name="Builds", prompt="Build {{ payload.id }} failed.")
    told = await house.post(trigger, {"id": 7})
    assert set(told) == {"firing", "status", "run"} and told["status"] == "fired"
    await house.settle()
    run = await Run.objects.select_related("conversation").aget(run=told["run"])
    assert (run.status, run.conversation.title, run.conversation.entrance) == (
        "finished",
        "Builds",
        "trigger",
    )
    assert run.conversation.owner_id == house.owner.pk
    assert await house.said() == ["Build 7 failed."]


async def test_a_fixed_conversation_takes_all_of_them_and_a_busy_one_lets_them_wait(house: House) -> None:
    place = await house.conversation()
    trigger = await house.trigger(conversation=place, prompt="{{ payload }}")
    house.working = False
    first = await house.post(trigger, "one")
    second = await house.post(trigger, "two")
    assert first["run"] == second["run"]  # it waits behind the first one's run and is read by it (rule R6)
    assert await house.said() == ["one", "two"]
    assert await house.conversations() == 1


async def test_a_wrong_token_and_a_missing_trigger_look_the_same(house: House) -> None:
    trigger = await house.trigger()
    other = await house.trigger(kind="poll", url="http://status.example/now")
    addresses = [
        trigger.hook[:-1] + ("a" if trigger.hook[-1] != "a" else "b"),
        trigger.hook.replace(str(trigger.pk), str(other.pk)),
        "/hooks/018f3c5e-7c1a-7000-8000-000000000000/" + "x" * 43,
    ]
    answers = [await house.client.post(one, b"{}", content_type="application/json") for one in addresses]
    assert {(one.status_code, one.content) for one in answers} == {(404, b"")}
    assert (await house.client.get(trigger.hook)).status_code == 405
    assert await house.rows() == []


async def test_a_renewed_address_closes_the_old_one(house: House) -> None:
    trigger = await house.trigger()
    old = trigger.hook
    await sync_to_async(editing.renew_address)(trigger.pk, 1)
    await trigger.arefresh_from_db()
    assert (await house.client.post(old, b"{}", content_type="application/json")).status_code == 404
    assert (await house.post(trigger))["status"] == "fired"


async def test_a_signing_secret_is_kept_to(house: House, settings) -> None:
    trigger = await house.trigger(secret="s3cret")
    body = json.dumps({"a": 1}).encode()
    right = "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert (await house.post(trigger, body, X_Hub_Signature_256=right))["status"] == "fired"
    await house.post(trigger, body, 401)
    await house.post(trigger, body + b" ", 401, X_Hub_Signature_256=right)
    assert len(await house.rows()) == 1
    # A secret that cannot be opened any more lets nobody in unsigned.
    hook, settings.SECRET_KEY = trigger.hook, "another"
    settings.SECRET_KEY_FALLBACKS = []
    await trigger.arefresh_from_db()
    assert trigger.hook != hook
    await house.post(trigger, body, 401)


async def test_too_fast_is_429_for_one_address_and_not_for_another(house: House) -> None:
    quiet, busy = await house.trigger(), await house.trigger(paused=True)
    statuses = []
    while len(statuses) < 200 and 429 not in statuses:
        answer = await house.client.post(busy.hook, b"{}", content_type="application/json")
        statuses.append(answer.status_code)
    assert statuses[:50] == [200] * 50 and statuses[-1] == 429
    assert answer.headers["Retry-After"] == "1" and answer.content == b""
    assert (await house.post(quiet))["status"] == "fired"


async def test_a_steady_sender_is_taken_at_the_rate_and_told_when_it_will_be(house: House) -> None:
    trigger = await house.trigger(paused=True)
    now = 0.0
    views.arriving._clock = lambda: now
    try:
        for _ in range(60):
            await house.post(trigger)
        taken = 0
        for n in range(40):  # two a second, at a rate of one
            now = 0.5 * (n + 1)
            answer = await house.client.post(trigger.hook, b"{}", content_type="application/json")
            taken += answer.status_code == 200
        assert taken == 20
        await house.post(trigger, b"", 429)
        refused = await house.client.post(trigger.hook, b"{}", content_type="application/json")
        now += int(refused.headers["Retry-After"])
        await house.post(trigger)
    finally:
        views.arriving._clock = time.monotonic


async def test_who_guesses_addresses_is_slowed_down(house: House) -> None:
    trigger = await house.trigger()
    statuses = []
    while len(statuses) < 100 and 429 not in statuses:
        n = len(statuses)
        wrong = f"/hooks/018f3c5e-7c1a-7000-8000-{n:012}/" + "x" * 43
        answer = await house.client.post(wrong, b"", content_type="text/plain")
        statuses.append(answer.status_code)
    assert statuses[:25] == [404] * 25 and statuses[-1] == 429 and int(answer.headers["Retry-After"]) <= 5
    assert (await house.post(trigger))["status"] == "fired"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"paused": True}, "paused"),
        ({"expires_at": 1}, "expired"),
        ({"path": "$.state", "match": "equals", "pattern": "failed"}, "no_match"),
    ],
)
async def test_what_does_not_fire_is_journalled_with_its_reason(house: House, fields, reason) -> None:
    trigger = await house.trigger(**fields)
    told = await house.post(trigger, {"state": "ok"})
    assert (told["status"], told["reason"]) == ("skipped", reason)
    row = await TriggerFiring.objects.aget()
    assert row.seen == {"payload": {"state": "ok"}, "delivery": ""}
    assert await house.said() == []


async def test_a_payload_that_matches_fires(house: House) -> None:
    trigger = await house.trigger(path="$.state", match="equals", pattern="failed")
    assert (await house.post(trigger, {"state": "failed"}))["status"] == "fired"


async def test_text_that_no_database_takes_is_stored_all_the_same(house: House) -> None:
    trigger = await house.trigger(prompt="{{ payload.a }}!")
    told = await house.post(trigger, b'{"a": "\\u0000 \\ud800 \xf0\x9f\x90\x8b"}')
    assert told["status"] == "fired"
    assert (await house.said())[0].endswith("🐋!")


async def test_a_deleted_conversation_is_told_and_kept(house: House) -> None:
    place = await house.conversation()
    trigger = await house.trigger(conversation=place)
    await Conversation.objects.filter(pk=place).aupdate(deleted_at=1)
    told = await house.post(trigger)
    assert (told["status"], told["reason"]) == ("failed", "not_found")


async def test_too_many_waiting_messages_wait_in_the_table_and_keep_their_order(house: House) -> None:
    place = await house.conversation()
    trigger = await house.trigger(conversation=place, prompt="{{ payload }}", per_hour=100)
    house.working = False
    told = [await house.post(trigger, n, 200 if n < 21 else 202) for n in range(24)]
    assert {one["status"] for one in told[21:]} == {"pending"}
    assert len(await house.said()) == 21  # one runs, and twenty wait behind it
    await house.round()  # there is no room yet, also for workers
    house.working = True
    await house.enqueue(place, (await Run.objects.aget(conversation_id=place)).run)
    house.clock.ms = (await TriggerFiring.objects.order_by("next_at").alast()).next_at
    await house.post(trigger, 24, 202)  # what comes now does not overtake what waits
    for _ in range(5):
        await house.settle()
        house.advance(60)
    assert await house.said() == [str(n) for n in range(25)]
    assert {row.state for row in await house.rows()} == {"fired"}


async def test_R6_the_run_that_is_told_is_the_one_that_has_read_it(house: House) -> None:
    pause = Pause()
    house.model = ScriptedModel([pause, ModelError("model_auth", "no")], says("Two"))
    place = await house.conversation()
    trigger = await house.trigger(conversation=place)
    first = await house.post(trigger, X_Delivery_Id="d1")
    await pause.reached.wait()
    second = await house.post(trigger, X_Delivery_Id="d2")
    assert second["run"] == first["run"]  # it waits behind that one, which may read it or not
    pause.release.set()
    await house.settle()
    house.advance(60)
    await house.settle()
    again = await house.post(trigger, X_Delivery_Id="d2")
    assert again["run"] != first["run"]
    assert (await Run.objects.aget(run=again["run"])).cause == (await house.rows())[1].message
    assert [row.run for row in await house.rows()] == [first["run"], again["run"]]


async def test_nothing_secret_goes_to_the_log(house: House, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    trigger = await house.trigger(secret="s3cret")
    token = trigger.hook.rsplit("/", 1)[1]
    await house.post(trigger, {"password": "hunter2"}, 401)
    written = "\n".join(LineFormatter("%(message)s").format(record) for record in caplog.records)
    assert "was refused" in written and "/hooks/" in written
    assert not any(word in written for word in (token, "hunter2", "s3cret"))


async def test_R7_a_run_that_a_trigger_began_is_stopped_from_the_web(house: House) -> None:
    pause = Pause()
    house.model = ScriptedModel([TextDelta("Thinking"), pause, FinishDelta("stop")])
    told = await house.post(await house.trigger())
    await pause.reached.wait()
    row = await Run.objects.aget(run=told["run"])
    sender, id = Sender(house.owner.pk, name="alice"), str(uuid.uuid4())
    watch = asyncio.create_task(house.runner.watch(20))
    result = await house.inbox.submit(sender, str(row.conversation_id), id, StopBody(kind="stop"))
    assert result.status == "applied"
    await house.settle()
    watch.cancel()
    row = await Run.objects.aget(run=told["run"])
    assert (row.status, pause.cancelled) == ("stopped", True)


async def test_deliveries_whose_clock_is_behind_the_last_firing_are_not_called_cooldown(house: House) -> None:
    trigger = await house.trigger(prompt="{{ payload }}")
    late = house.now + 2_000
    await sync_to_async(record)(trigger.pk, [Sighting("first", {"payload": 1})], late)
    rows = await sync_to_async(record)(trigger.pk, [Sighting("second", {"payload": 2})], house.now)
    assert [row.reason for row in rows] == [""]
    trigger = await sync_to_async(type(trigger).objects.get)(pk=trigger.pk)
    assert (trigger.fires, trigger.fired_at) == (2, late)


async def test_fifty_deliveries_at_once_all_fire(house: House) -> None:
    trigger = await house.trigger(prompt="{{ payload }}", per_hour=1_000)
    # Taken before the lock and written inside it: the times of requests that come together are not in order.
    house.working = False

    async def deliver(number: int) -> str:
        """As senders do: what is not taken in time on a busy machine (503), or not fired yet (202), comes once more."""
        for _ in range(50):
            body = json.dumps(number)
            answer = await house.client.post(trigger.hook, body, content_type="application/json")
            if answer.status_code not in (202, 503):
                return str(answer.json()["status"])
            await asyncio.sleep(0.2)
        raise AssertionError(f"Delivery {number} was not taken in fifty tries.")

    told = await asyncio.gather(*(deliver(number) for number in range(50)))
    assert set(told) == {"fired"}
    assert await house.outcomes(trigger) == ["fired"] * 50


async def test_the_history_says_that_feishu_did_not_take_the_answer(house: House) -> None:
    trigger = await house.trigger()
    told = await house.post(trigger)
    await house.settle()
    app = await FeishuApp.objects.acreate(slug="bot", name="Bot", app_id="cli", owner=house.owner)
    lane = await FeishuLane.objects.acreate(
        app=app, chat_id="oc", conversation=uuid.uuid4(), owner=house.owner
    )
    await FeishuDelivery.objects.acreate(
        lane=lane, uuid="u", run=told["run"], content="{}", state="dead", error="refused", created_at=1
    )
    (entry,) = await sync_to_async(_firings)(await house.rows(trigger))
    assert (entry.outcome, entry.undelivered) == ("finished", "Feishu: refused")


async def test_a_path_that_takes_too_long_on_a_delivery_does_not_fire_and_says_so(house: House) -> None:
    trigger = await house.trigger(path="$" + "[0,0]" * 15 + ".x", match="contains", pattern="x")
    deep: object = ["y"]
    for _ in range(16):
        deep = [deep]
    told = await house.post(trigger, deep)
    assert (told["status"], told["reason"]) == ("skipped", "unusable")
    assert (await house.post(trigger, ["x"]))["reason"] == "no_match"


async def test_a_pattern_of_an_earlier_release_that_is_refused_by_now_does_not_fire(house: House) -> None:
    trigger = await house.trigger(match="regex", pattern="a")
    await Trigger.objects.filter(pk=trigger.pk).aupdate(pattern=".{0,1000}" * 5)
    assert (await house.post(trigger, {"a": "b" * 1000}))["reason"] == "unusable"
    await Trigger.objects.filter(pk=trigger.pk).aupdate(pattern="a", path="$..a")
    assert (await house.post(trigger, {"a": 1}))["reason"] == "unusable"


def signed(body: bytes, secret: str = "s3cret") -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("names", [("17", "18"), ("17", "")])
async def test_a_signed_delivery_that_is_sent_again_under_another_name_fires_nothing(
    house: House, names: tuple[str, str]
) -> None:
    trigger = await house.trigger(secret="s3cret", sender="github")
    body = b'{"ref": "main", "after": "abc"}'
    told = []
    for name in (*names, names[0]):
        headers = {"X_Hub_Signature_256": signed(body)} | ({"X_GitHub_Delivery": name} if name else {})
        told.append(await house.post(trigger, body, **headers))
    assert len({one["firing"] for one in told}) == 1
    other = b'{"ref": "main", "after": "def"}'
    await house.post(trigger, other, X_Hub_Signature_256=signed(other), X_GitHub_Delivery="19")
    await house.settle()
    assert len(await house.said()) == 2


async def test_a_signed_delivery_without_any_name_is_an_event_of_its_own(house: House) -> None:
    trigger = await house.trigger(secret="s3cret", sender="github")
    for _ in range(2):
        await house.post(trigger, b"{}", X_Hub_Signature_256=signed(b"{}"))
    assert len(await house.rows()) == 2


async def test_a_delivery_that_an_earlier_release_knew_by_its_name_is_still_the_same(house: House) -> None:
    trigger = await house.trigger(secret="s3cret", sender="github")
    headers = {"X_Hub_Signature_256": signed(b"{}"), "X_GitHub_Delivery": "17"}
    first = await house.post(trigger, b"{}", **headers)
    await TriggerFiring.objects.filter(pk=first["firing"]).aupdate(key="delivery:17")
    assert (await house.post(trigger, b"{}", **headers))["firing"] == first["firing"]


async def test_a_delivery_beyond_the_days_limit_is_told_to_come_again_and_is_carried_out_then(
    house: House, settings: Any
) -> None:
    settings.HOLDFAST_RUNS_PER_DAY = 1
    trigger = await house.trigger(prompt="{{ payload.id }}")
    await house.post(trigger, {"id": "one"}, X_GitHub_Delivery="d1")
    await house.settle()
    for _ in range(2):
        answer = await house.client.post(
            trigger.hook,
            json.dumps({"id": "two"}),
            content_type="application/json",
            headers={"X-GitHub-Delivery": "d2"},
        )
        assert answer.status_code == 429 and 0 < int(answer["Retry-After"]) <= 24 * 3600
    row = await TriggerFiring.objects.aget(key="delivery:d2")
    assert (row.state, row.reason) == ("failed", "runs_spent")
    settings.HOLDFAST_RUNS_PER_DAY = 0
    told = await house.post(trigger, {"id": "two"}, X_GitHub_Delivery="d2")
    assert told["status"] == "fired" and told["firing"] == row.pk
    await house.settle()
    assert await house.said() == ["one", "two"]
    assert await TriggerFiring.objects.acount() == 2


async def test_a_person_keeps_so_many_rows_and_the_oldest_go_first(house: House, settings: Any) -> None:
    from chat.entrances.triggers import oldest
    from chat.entrances.triggers.service import tidy

    settings.HOLDFAST_FIRINGS_PER_USER = 3
    busy, other = await house.trigger(), await house.trigger()
    at = house.now

    def keep(trigger: Trigger, number: int, state: str, created_at: int) -> None:
        TriggerFiring.objects.create(
            trigger=trigger, key=f"k{number}", state=state, run="r", created_at=created_at, next_at=0
        )

    old = at - oldest.FIRED_MS - 1
    for number, (state, created_at) in enumerate(
        [("fired", old), ("skipped", at), ("fired", at), ("pending", old), ("failed", at), ("skipped", at)]
    ):
        await sync_to_async(keep)(busy if number % 2 else other, number, state, created_at)
    assert await sync_to_async(tidy)(at) == 3
    left = [key async for key in TriggerFiring.objects.order_by("id").values_list("key", flat=True)]
    assert left == ["k2", "k3", "k5"], "what has fired lately and what is pending stays"
    settings.HOLDFAST_FIRINGS_PER_USER = 1
    await sync_to_async(tidy)(at)
    left = [key async for key in TriggerFiring.objects.order_by("id").values_list("key", flat=True)]
    assert left == ["k2", "k3"]
