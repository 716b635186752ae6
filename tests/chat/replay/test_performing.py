"""Recorded requests are sent again by a worker: to the same model and others, beside their conversation."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents.dialects.http import close_clients
from agents.dialects.opening import open_model
from agents.models import ensure_default_agent
from agents.serving.models import ModelProvider, ProviderModel
from chat.commands import CreateBody
from chat.models import Call, Conversation, Event, Replay
from chat.replay.performing import MAX_TRIES, perform_one, perform_replays
from chat.replay.store import MAX_OPEN, NoRoom, ask_for
from chat.retention.table import find
from chat.session.sessions import Sessions
from chat.support.clock import now_ms
from chat.support.database import Database
from tests.chat.runs.test_runner import SPEC, House
from tests.support.provider import Json, Provider, Reply, completion, json_reply
from tests.support.waiting import eventually

KEY = "sk-canary-01234567"


@pytest.fixture
async def house(sessions: Sessions, alice: Any, redis_url: str) -> Any:
    await sync_to_async(ensure_default_agent)()
    house = House(sessions, alice.pk)
    house.bench.gate.set()
    yield house
    for task in house.tasks:
        task.cancel()
    await asyncio.gather(*house.tasks, return_exceptions=True)


@pytest.fixture
async def database() -> Any:
    made = Database()
    yield made
    await asyncio.to_thread(made.close)
    await close_clients()


def answering(path: str, body: Json) -> Reply:
    """Looks once, acts once, then answers."""
    told = sum(one["role"] == "tool" for one in body["messages"])
    if told == 2:
        return completion("Done: ✓ 你好", usage=(100, 7))
    call = {"index": 0, "id": f"call_{told}", "function": {"name": ("look", "act")[told], "arguments": "{}"}}
    return completion("", [call])


@sync_to_async
def provider_at(address: str, settings: Any, name: str = "Mine", **fields: Any) -> ModelProvider:
    settings.HOLDFAST_PRIVATE_PROVIDERS = [*settings.HOLDFAST_PRIVATE_PROVIDERS, address.split("/")[2]]
    row = ModelProvider(name=name, address=address, **fields)
    row.set_key(KEY)
    row.save()
    ProviderModel.objects.create(provider=row, name="gpt-test", price_input=1, price_output=2)
    return row


async def talk(house: House, provider: Provider, profile: str = "openai-chat") -> None:
    from dataclasses import replace

    spec = replace(
        SPEC,
        base_url=provider.url,
        model="gpt-test",
        prompt="You help. é",
        profile=profile,
        tools=("look", "act"),
    )
    house.spec = spec
    await house.submit(CreateBody(kind="create", title="Tea"))
    await house.ask("make tea")
    await house.finish(house.worker(open_model(spec, KEY)))


@sync_to_async
def replay(house: House, user: Any, n: int = 0, target: str = "same", *, whole: bool = False) -> Replay:
    rows = Event.objects.filter(conversation_id=house.conversation, type="step.started").order_by("seq")
    seq, text = list(rows.values_list("seq", "text"))[n]
    row = Conversation.objects.get(pk=house.conversation)
    return ask_for(user, row, seq, json.loads(text)["step"], whole=whole, target=target, name=target)


@sync_to_async
def untouched(house: House) -> tuple[Any, ...]:
    row = Conversation.objects.get(pk=house.conversation)
    calls = list(Call.objects.order_by("pk").values_list("call", "status", "attempt", "result"))
    return row.head_seq, row.head_tag, row.fence, row.updated_at, row.input_tokens, calls


async def test_the_same_request_goes_out_once_more_byte_for_byte_and_nothing_else_happens(
    house: House, database: Database, alice: Any, settings: Any
) -> None:
    async with Provider(answering) as provider:
        await provider_at(provider.url, settings)
        await talk(house, provider)
        before, started = await untouched(house), list(house.bench.started)
        made = await replay(house, alice, n=2)
        assert await perform_one(database, "w1") and not await perform_one(database, "w1")
        await made.arefresh_from_db()
        assert (made.state, made.detail) == ("done", "")
        assert provider.raw[-1] == provider.raw[2] and len(provider.raw) == 4
        assert provider.keys[-1] == f"Bearer {KEY}"
        (answer,) = made.steps
        assert (answer["text"], answer["same"], answer["calls"]) == ("Done: ✓ 你好", True, [])
        assert (made.input_tokens, made.output_tokens) == (100, 7)
        assert made.cost == 100 * 1_000 + 7 * 2_000
        assert await untouched(house) == before and house.bench.started == started


async def test_a_whole_run_is_told_calls_from_the_record_and_runs_no_tool(
    house: House, database: Database, alice: Any, settings: Any
) -> None:
    async with Provider(answering) as provider:
        await provider_at(provider.url, settings)
        await talk(house, provider)
        before = await untouched(house)
        made = await replay(house, alice, whole=True)
        await perform_one(database, "w1")
        await made.arefresh_from_db()
        assert (made.state, made.detail, len(made.steps)) == ("done", "", 3)
        assert provider.raw[3:] == provider.raw[:3]
        assert [step["same"] for step in made.steps] == [True, True, True]
        assert house.bench.started == ["look", "act"]
        assert await untouched(house) == before


async def test_a_call_that_was_not_recorded_ends_the_replay(
    house: House, database: Database, alice: Any, settings: Any
) -> None:
    asked: list[Json] = []

    def otherwise(path: str, body: Json) -> Reply:
        asked.append(body)
        if len(asked) <= 3:
            return answering(path, body)
        call = {"index": 0, "id": "c", "function": {"name": "act", "arguments": '{"to": "somebody else"}'}}
        return completion("I will", [call])

    async with Provider(otherwise) as provider:
        await provider_at(provider.url, settings)
        await talk(house, provider)
        made = await replay(house, alice, whole=True)
        await perform_one(database, "w1")
        await made.arefresh_from_db()
        assert (made.state, made.detail, len(made.steps)) == ("done", "unrecorded_call", 1)
        assert made.steps[0]["calls"][0]["answered"] is False
        assert house.bench.started == ["look", "act"]


@pytest.mark.parametrize(
    "profile", ["anthropic-messages", "gemini-native", "openai-responses", "deepseek-thinking"]
)
async def test_another_model_gets_the_request_in_its_own_dialect(
    house: House, database: Database, alice: Any, settings: Any, profile: str
) -> None:
    paths: list[str] = []

    def refusing(path: str, body: Json) -> Reply:
        paths.append(path)
        return json_reply(400, {"error": {"message": f"not today, and not with {KEY}"}})

    async with Provider(answering) as provider, Provider(refusing) as other:
        await provider_at(provider.url, settings)
        row = await provider_at(other.url, settings, name="Other", profile=profile)
        await talk(house, provider)
        made = await replay(house, alice, n=2, target=f"provider:{row.pk}:gpt-test")
        await perform_one(database, "w1")
        await made.arefresh_from_db()
        assert made.state == "failed" and "not today" in made.detail and KEY not in made.detail
        assert len(paths) == 1 and len(provider.raw) == 3
        assert "look done" in json.dumps(other.requests[0]) and "act done" in json.dumps(other.requests[0])


async def test_a_replay_whose_worker_was_lost_is_taken_up_where_it_was_and_then_given_up(
    house: House, database: Database, alice: Any, settings: Any
) -> None:
    async with Provider(answering) as provider:
        await provider_at(provider.url, settings)
        await talk(house, provider)
        made = await replay(house, alice, whole=True)
        await perform_one(database, "w1")
        await made.arefresh_from_db()
        lost = {"state": "running", "claimed_until": now_ms() - 1, "claimed_by": "gone", "ended_at": None}
        rows = Replay.objects.filter(pk=made.pk)
        await rows.aupdate(**lost, steps=made.steps[:2])
        await perform_one(database, "w2")
        await made.arefresh_from_db()
        assert (made.state, len(made.steps), made.tries) == ("done", 3, 2)
        assert len(provider.raw) == 3 + 3 + 1, "what a lost worker had got was asked for again"
        assert provider.raw[-1] == provider.raw[2]
        await rows.aupdate(**lost, tries=MAX_TRIES)
        assert not await perform_one(database, "w3")
        await made.arefresh_from_db()
        assert (made.state, made.detail) == ("failed", "lost")


async def test_a_worker_that_leaves_gives_it_back_at_once(
    house: House, database: Database, alice: Any, settings: Any
) -> None:
    hanging = asyncio.Event()

    def slow(path: str, body: Json) -> Reply:
        if hanging.is_set():
            return Reply(hang=True)
        return answering(path, body)

    async with Provider(slow) as provider:
        await provider_at(provider.url, settings)
        await talk(house, provider)
        hanging.set()
        made = await replay(house, alice)
        task = asyncio.create_task(perform_replays(database, "w1", poll_s=0.05))

        async def sent() -> bool:
            return len(provider.requests) == 4

        await eventually(sent, 10, "the request of the replay")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await made.arefresh_from_db()
        assert (made.state, made.claimed_by) == ("waiting", "")
        hanging.clear()
        assert await perform_one(database, "w2")
        await made.arefresh_from_db()
        assert made.state == "done"


async def test_what_is_not_configured_any_more_is_asked_nothing(
    house: House, database: Database, alice: Any, settings: Any
) -> None:
    async with Provider(answering) as provider:
        await talk(house, provider)
        made = await replay(house, alice)
        await perform_one(database, "w1")
        await made.arefresh_from_db()
        assert made.state == "failed" and "No provider is configured" in made.detail
        gone = await replay(house, alice, target="agent:nobody")
        await perform_one(database, "w1")
        await gone.arefresh_from_db()
        assert gone.state == "failed" and len(provider.raw) == 3


async def test_nobody_has_more_than_their_day_and_their_open_ones(
    house: House, alice: Any, settings: Any
) -> None:
    async with Provider(answering) as provider:
        await talk(house, provider)
        settings.HOLDFAST_REPLAYS_PER_DAY = 3
        for _ in range(3):
            await replay(house, alice)
        with pytest.raises(NoRoom) as full:
            await replay(house, alice)
        assert 0 < full.value.after <= 86_400
        settings.HOLDFAST_REPLAYS_PER_DAY = 0
        for _ in range(MAX_OPEN - 3):
            await replay(house, alice)
        with pytest.raises(NoRoom) as full:
            await replay(house, alice)
        assert full.value.after == 0
        policy, later = find("replays"), now_ms() + 1
        assert not await (await sync_to_async(policy.rows)(later)).aexists(), (
            "a replay that is not over may not go"
        )
        await Replay.objects.aupdate(state="done")
        assert await (await sync_to_async(policy.rows)(later)).acount() == MAX_OPEN
