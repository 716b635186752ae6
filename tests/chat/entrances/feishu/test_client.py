"""The client against the fake server: tokens, codes, limits, cards."""

import asyncio
import math
import time
from dataclasses import replace
from random import Random

import pytest
import redis
from asgiref.sync import sync_to_async

from chat.entrances.feishu.client import RATES, FeishuClient
from chat.messenger.adapter import Card, CardText, Target
from chat.messenger.errors import Away, CardClosed, Limited, MessageRefused, Outpaced
from chat.messenger.pacing import Pace, Shared
from chat.support.clock import MACHINE
from tests.chat.entrances.feishu.conftest import make_app
from tests.support.clocks import HandClock

pytestmark = pytest.mark.django_db(transaction=True)
CARD = Card((CardText("text", ""),), "Working…", streaming=True)


@pytest.fixture
async def client(feishu):
    made = FeishuClient(await sync_to_async(make_app)(base_url=feishu.url))
    yield made
    await made.aclose()


def tokens(feishu):
    return sum("auth/v3" in route for _, route in feishu.requests)


async def test_one_token_for_many_callers_in_many_clients(feishu, client):
    other = FeishuClient(await sync_to_async(make_app)(slug="same", base_url=feishu.url))
    sends = [
        (client, other)[number % 2].send(Target(f"oc_{number}"), "text", '{"text":"x"}', f"u{number}")
        for number in range(20)
    ]
    assert len(set(await asyncio.gather(*sends))) == 20
    await other.aclose()
    assert tokens(feishu) == 1


async def test_a_token_that_has_run_out_is_exchanged_once(feishu, client):
    await client.send(Target("oc_a"), "text", '{"text":"x"}', "u1")
    feishu.advance(8000)
    await client.send(Target("oc_a"), "text", '{"text":"x"}', "u2")
    assert tokens(feishu) == 2 and len(feishu.shown("oc_a")) == 2


async def test_the_token_lies_sealed_in_the_cache(feishu, client, valkey):
    await client.send(Target("oc_a"), "text", '{"text":"x"}', "u1")
    token = next(iter(feishu.tokens))
    with redis.Redis.from_url(valkey.url) as raw:
        stored = [str(raw.get(key)) for key in raw.keys("*feishu*token*")]
    assert stored and not any(token in value for value in stored)


async def test_without_the_cache_it_goes_on(feishu, client, settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    assert await client.send(Target("oc_a"), "text", '{"text":"x"}', "u1")
    assert await client.pace.slot("oc_a") == 0
    assert await client.send(Target("oc_a"), "text", '{"text":"x"}', "u2")
    assert tokens(feishu) == 1


async def test_the_same_uuid_is_one_message_for_an_hour(feishu, client):
    first = await client.send(Target("oc_a"), "text", '{"text":"x"}', "u1")
    assert await client.send(Target("oc_a"), "text", '{"text":"x"}', "u1") == first
    feishu.advance(3601)
    assert await client.send(Target("oc_a"), "text", '{"text":"x"}', "u1") != first


async def test_codes_are_errors_of_one_tree(feishu, client):
    route = "POST /open-apis/im/v1/messages"
    for code, status, error in (
        (99991400, 400, Limited),
        (230020, 400, Limited),
        (11232, 400, Limited),
        (0, 429, Limited),
        (0, 502, Away),
        (230002, 400, MessageRefused),
        (200850, 400, CardClosed),
    ):
        feishu.fail(route, code, status=status, reset=7)
        with pytest.raises(error) as caught:
            await client.send(Target("oc_a"), "text", "{}", "u")
        assert "the-app-secret" not in str(caught.value)
        if error is Limited:
            assert caught.value.after == 7
            await client.pace.hold("", 0)
    feishu.fail(route, 0, status=200)
    await client.send(Target("oc_a"), "text", '{"text":"x"}', "u")


async def test_a_limit_of_the_app_holds_back_all_and_one_of_a_chat_that_chat(feishu, client):
    feishu.fail("messages", 99991400, reset=30)
    with pytest.raises(Limited):
        await client.send(Target("oc_a"), "text", "{}", "u")
    assert 28 < await client.pace.held("oc_other") <= 30
    await client.pace.hold("oc_b", 40)
    assert 38 < await client.pace.held("oc_b") <= 40


async def test_slots_keep_a_chat_below_five_a_second(feishu, client):
    for number in range(9):
        while (wait := await client.pace.slot("oc_a")) > 0:
            await asyncio.sleep(wait)
        await client.send(Target("oc_a"), "text", '{"text":"x"}', f"u{number}")
    assert not feishu.refused


async def test_two_processes_together_keep_an_app_below_50_requests_a_second(feishu, client):
    other = FeishuClient(await sync_to_async(make_app)(slug="same", base_url=feishu.url))
    began = time.monotonic()
    sends = [
        (client, other)[number % 2].send(Target(f"oc_{number}"), "text", '{"text":"x"}', f"u{number}")
        for number in range(60)
    ]
    await asyncio.gather(*sends)
    await other.aclose()
    assert not feishu.refused and len(feishu.messages) == 60
    assert time.monotonic() - began > 1  # 60 are more than a second's


async def test_a_minute_has_fewer_than_1000_turns_and_what_is_beyond_waits_for_the_next_window(client):
    # Counted over a window of ten seconds, of which a minute touches seven at most.
    clock = HandClock(MACHINE.now() // 10_000 * 10_000)
    pace = Pace(Shared("a-minute"), RATES, clock)
    turns = 0
    while (wait := await pace.turn("POST:im:v1:messages")) < 1.2:
        turns += wait == 0
        clock.ms += math.ceil(wait * 1000)
    assert turns == 140
    assert clock.ms / 1000 % 10 + wait == pytest.approx(10, abs=0.1)
    assert 7 * 140 < 1000
    assert await pace.turn("POST:cardkit:v1:cards") == 0  # another API has turns of its own


async def test_those_that_come_together_go_together(client):
    """Fifty chats at once: nearly all of their cards within a second, and no more than a quarter's within a quarter."""
    began = MACHINE.now()
    clock = HandClock(began)
    pace = Pace(Shared("together"), RATES, clock)
    at: list[int] = []
    while len(at) < 50:
        if wait := await pace.turn("POST:im:v1:messages"):
            clock.ms += math.ceil(wait * 1000)
        else:
            at.append(clock.ms - began)
    assert at[19] == 0 and at[20] > 200
    assert at[44] < 1000 < at[45]


@pytest.mark.parametrize("away", [False, True], ids=["", "without the cache"])
@pytest.mark.parametrize("seed", range(3))
async def test_whenever_they_come_no_second_has_more_than_45_requests(client, settings, seed, away):
    """Two processes that ask at any time, together and alone; the limit is of any second, wherever it begins."""
    if away:
        place = "redis://127.0.0.1:1/0"
        settings.CACHES = {
            "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": place}
        }
    random, clock = Random(seed), HandClock(MACHINE.now())
    shared = Shared(f"any-second-{seed}")
    paces = [Pace(shared if away else Shared(f"any-second-{seed}"), RATES, clock) for _ in range(2)]
    taken: list[int] = []
    refused = 0
    for _ in range(300):
        if await random.choice(paces).turn("POST:im:v1:messages"):
            refused += 1
            clock.ms += random.choice((5, 60, 300))
        else:
            taken.append(clock.ms)
            clock.ms += random.choice((0, 0, 0, 0, 1, 9, 150))
    assert refused and len(taken) > 100
    worst = max(sum(at <= other < at + 1000 for other in taken) for at in taken)
    assert worst <= 45


async def test_a_card_that_is_too_fast_is_told_to_wait_instead_of_keeping_answers_waiting(feishu, client):
    with pytest.raises(Limited) as caught:
        await asyncio.gather(*(client.make_card(CARD) for _ in range(120)))
    assert 0 < caught.value.after <= 10
    assert not feishu.refused
    assert await client.send(Target("oc_a"), "text", '{"text":"x"}', "u1")


async def test_a_card_streams_closes_after_ten_minutes_and_takes_a_last_word(feishu, client):
    card = await client.make_card(CARD)
    await client.stream(card, "text", "Hel", 1)
    await client.stream(card, "text", "Hello", 5)
    with pytest.raises(Outpaced):
        await client.stream(card, "text", "late", 5)
    feishu.advance(601)
    feishu.tokens = {token: until + 10_000 for token, until in feishu.tokens.items()}
    with pytest.raises(CardClosed):
        await client.stream(card, "text", "Hello again", 6)
    await client.settle(card, replace(CARD, streaming=False), 8)
    assert feishu.cards[card].sequence == 9 and not feishu.cards[card].streaming


async def test_a_wrong_secret_says_so_and_does_not_show_it(feishu):
    client = FeishuClient(await sync_to_async(make_app)(base_url=feishu.url, secret="wrong-secret"))
    with pytest.raises(MessageRefused) as caught:
        await client.send(Target("oc_a"), "text", "{}", "u")
    await client.aclose()
    assert caught.value.code == 10014 and "wrong-secret" not in str(caught.value)


async def test_nobody_there_is_away(feishu):
    client = FeishuClient(await sync_to_async(make_app)(base_url="http://127.0.0.1:1"))
    began = time.monotonic()
    with pytest.raises(Away):
        await client.bot_id()
    await client.aclose()
    assert time.monotonic() - began < 5


async def test_files_are_read_up_to_a_limit(feishu, client):
    feishu.files["k"] = b"x" * 100
    assert await client.file("om_1", "k", "file", 100) == b"x" * 100
    with pytest.raises(ValueError):
        await client.file("om_1", "k", "file", 99)
    with pytest.raises(MessageRefused):
        await client.file("om_1", "other", "file", 99)
