"""What providers have answered is kept as far as the settings want it, for so long, and without anything secret."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents.dialects.opening import open_model
from agents.models import ensure_default_agent
from agents.responses import Heard
from agents.serving.models import ModelProvider
from chat.commands import CreateBody
from chat.journal.responselog import MAX_BODY, delete_older, plain, request_id, wanted
from chat.models import RawResponse
from chat.session.sessions import Sessions
from tests.chat.runs.test_runner import SPEC, House
from tests.support.provider import Json, Provider, Reply, completion, json_reply

KEY = "sk-canary-01234567"
HEADERS = {
    "X-Request-Id": "req_42",
    "Set-Cookie": "session=secret",
    "Authorization": f"Bearer {KEY}",
    "X-RateLimit-Remaining": "7",
    "X-Debug": KEY,
    "Retry-After": KEY,
}


@pytest.fixture
async def house(sessions: Sessions, alice: Any, redis_url: str) -> Any:
    await sync_to_async(ensure_default_agent)()
    house = House(sessions, alice.pk)
    yield house
    for task in house.tasks:
        task.cancel()
    await asyncio.gather(*house.tasks, return_exceptions=True)


async def ask(house: House, answer: Any) -> list[RawResponse]:
    async with Provider(answer) as provider:

        @sync_to_async
        def configured() -> None:
            row = ModelProvider(name="Mine", address=provider.url)
            row.set_key(KEY)
            row.save()

        await configured()
        spec = replace(SPEC, base_url=provider.url, model="gpt-test", profile="openai-chat", tools=())
        house.spec = spec
        await house.submit(CreateBody(kind="create", title="Tea"))
        await house.ask("hello")
        await house.finish(house.worker(open_model(spec, KEY)))
    return [row async for row in RawResponse.objects.order_by("pk")]


def well(path: str, body: Json) -> Reply:
    reply = completion(f"The key is {KEY}, I think")
    return replace(reply, headers=HEADERS)


def refused(path: str, body: Json) -> Reply:
    return replace(json_reply(401, {"error": {"message": f"Incorrect API key: {KEY}"}}), headers=HEADERS)


def nothing_secret(rows: list[RawResponse]) -> None:
    for row in rows:
        kept = f"{row.headers} {row.body} {row.problem} {row.request_id}"
        assert KEY not in kept and "session=secret" not in kept


async def test_by_itself_only_what_failed_is_kept_and_no_body(house: House) -> None:
    rows = await ask(house, refused)
    assert [(row.status, row.request_id, row.body) for row in rows] == [(401, "req_42", "")]
    assert rows[0].size > 0 and rows[0].problem and rows[0].headers["x-ratelimit-remaining"] == "7"
    nothing_secret(rows)


async def test_what_went_well_is_kept_where_the_settings_want_it(house: House, settings: Any) -> None:
    assert await ask(house, well) == []
    settings.HOLDFAST_RAW_RESPONSES = "bodies"
    await house.ask("again")
    async with Provider(well) as provider:
        spec = replace(SPEC, base_url=provider.url, model="gpt-test", profile="openai-chat", tools=())
        house.spec = spec
        await house.finish(house.worker(open_model(spec, KEY), name="w2"))
    (row,) = [row async for row in RawResponse.objects.all()]
    assert row.status == 200 and '"content"' in row.body and "[DONE]" in row.body
    assert row.size == len(row.body.encode()) or "[key]" in row.body
    assert row.began_at <= row.ended_at
    nothing_secret([row])


def test_what_each_setting_wants() -> None:
    fine, bad, broken = Heard(status=200), Heard(status=500), Heard(status=200, problem="cut")
    assert [wanted("failures", one) for one in (fine, bad, broken)] == [False, True, True]
    assert all(wanted(setting, fine) for setting in ("facts", "bodies"))
    assert not any(wanted("off", one) for one in (fine, bad, broken))


def test_only_headers_that_are_known_to_tell_nothing_secret_are_kept() -> None:
    assert set(plain(HEADERS)) == {"x-request-id", "x-ratelimit-remaining", "retry-after"}
    assert request_id({"CF-Ray": "c", "Request-Id": "r"}) == "r" and request_id({}) == ""


def test_a_body_is_heard_no_further_than_it_is_kept() -> None:
    heard = Heard(most=MAX_BODY)
    for _ in range(100):
        heard.piece(b"x" * 10_000)
    assert heard.size == 1_000_000 and MAX_BODY < len(heard.body) < MAX_BODY + 10_000
    unheard = Heard()
    unheard.piece(b"x")
    assert not unheard.body and unheard.size == 1


@pytest.mark.django_db
def test_they_go_when_they_are_old(alice: Any) -> None:
    from tests.support import rows

    row = rows.conversation(alice)
    for at in (10, 20, 30):
        RawResponse.objects.create(
            conversation=row, run="r", step="r.1", model="m", address="a", began_at=at, ended_at=at
        )
    assert delete_older(30, batch=1) == 2
    assert RawResponse.objects.get().ended_at == 30
