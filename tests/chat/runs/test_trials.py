"""A worker performs the trials that were asked for in the admin: once, one at a time, and tells how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents.dialects.http import close_clients
from agents.lab.stories import STORIES
from agents.models import Agent
from agents.serving.models import ModelProvider
from agents.serving.trials import ProviderTrial, ask_for, stop
from chat.runs.trials import perform_one, perform_trials
from chat.support.clock import now_ms
from chat.support.database import Database
from tests.support.obedient import obedient
from tests.support.provider import Provider, Reply
from tests.support.strict_provider import strict
from tests.support.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    made = Database()
    yield made
    await asyncio.to_thread(made.close)
    await close_clients()


@pytest.fixture
async def server(settings: Any) -> AsyncIterator[Provider]:
    async with Provider(strict("deepseek-thinking", obedient)) as provider:
        settings.HOLDFAST_PRIVATE_PROVIDERS = [provider.url.split("/")[2]]
        yield provider


@sync_to_async
def asked(address: str, **fields: Any) -> ProviderTrial:
    """A trial of an agent at this address."""
    row = ModelProvider(name="Mine", address=address)
    row.set_key("sk-canary-01234567")
    row.save()
    agent = Agent.objects.create(slug="a", name="A", provider=row, model="deepseek-large", **fields)
    return ask_for(agent, "charlie", now_ms())


async def test_a_trial_is_performed_once_and_its_report_kept(database: Database, server: Provider):
    trial = await asked(server.url, profile="deepseek")
    done = await asyncio.gather(*(perform_one(database, f"w{number}") for number in range(3)))
    assert sorted(done) == [False, False, True]
    await trial.arefresh_from_db()
    assert (trial.state, trial.error, trial.claimed_until) == ("over", "", 0)
    assert trial.report["fits"] not in ("", "deepseek") and trial.done == trial.total > len(STORIES)
    assert set(server.keys) == {"Bearer sk-canary-01234567"} and "sk-canary" not in str(trial.report)
    assert not await perform_one(database, "w1")


async def test_how_far_it_is_can_be_seen_and_it_can_be_ended(database: Database, server: Provider):
    def slow(path: str, body: Any) -> Any:
        reply = obedient(path, body)
        reply.pause = 0.02
        return reply

    server.answer = slow
    trial = await asked(server.url, profile="deepseek-thinking")
    task = asyncio.create_task(perform_trials(database, "w", poll_s=0.05))

    async def some() -> bool:
        await trial.arefresh_from_db()
        return trial.done >= 2

    await eventually(some, 10, "two stories to be told")
    assert trial.state == "running" and trial.total == len(STORIES) and trial.claimed_until > now_ms()
    await sync_to_async(stop)(trial.agent_id)

    async def over() -> bool:
        await trial.arefresh_from_db()
        return not trial.open

    await eventually(over, 10, "the trial to be over")
    assert (trial.state, trial.error) == ("failed", "stopped") and trial.done < len(STORIES)
    task.cancel()
    await asyncio.wait([task])


async def test_a_worker_that_leaves_tells_that_the_trial_is_lost(database: Database, server: Provider):
    server.answer = lambda path, body: Reply(200, hang=True)
    trial = await asked(server.url, profile="deepseek-thinking")
    task = asyncio.create_task(perform_trials(database, "w", poll_s=0.05))

    async def begun() -> bool:
        return bool(server.requests)

    await eventually(begun, 10, "a request")
    task.cancel()
    await asyncio.wait([task])
    await trial.arefresh_from_db()
    assert (trial.state, trial.error) == ("failed", "lost")


async def test_one_whose_worker_died_is_told_as_lost_and_not_begun_again(
    database: Database, server: Provider
):
    trial = await asked(server.url)
    await ProviderTrial.objects.aupdate(state="running", claimed_by="dead", claimed_until=now_ms() - 1)
    assert not await perform_one(database, "w")
    await trial.arefresh_from_db()
    assert (trial.state, trial.error) == ("failed", "lost") and server.requests == []


async def test_an_address_inside_the_network_is_not_asked(
    database: Database, server: Provider, settings: Any
):
    settings.HOLDFAST_PRIVATE_PROVIDERS = []
    trial = await asked(server.url)
    assert await perform_one(database, "w")
    await trial.arefresh_from_db()
    assert trial.state == "failed" and "HOLDFAST_PRIVATE_PROVIDERS" in trial.error and server.requests == []
