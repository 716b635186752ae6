"""A run outlives a database that goes away while its agent is looked up (rule R10), with a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connections

from agents.models import Agent
from agents.spec import AgentSpec
from chat.commands import SendBody
from chat.journal.journal import Journal
from chat.runs.dependencies import RunDependencies, find_agent
from chat.runs.runner import Runner
from chat.session.errors import JournalUnavailable
from chat.session.sessions import Sessions
from chat.support.database import Database
from tests.chat.runs.test_runner import House, uid
from tests.support import databases
from tests.support.postgres import Postgres
from tests.support.scripted import ScriptedModel, says
from tests.support.waiting import eventually
from tests.support.worlds import MemoryWorld


@pytest.fixture
def impatient(postgres_alias: str) -> Iterator[str]:
    """The database under an alias that does not wait ten seconds for a connection."""
    usual = connections.settings[postgres_alias]
    options = {**usual["OPTIONS"], "pool": {**usual["OPTIONS"]["pool"], "timeout": 0.5}}
    connections.settings["impatient"] = {**usual, "OPTIONS": options}
    yield "impatient"
    databases.in_thread(lambda: connections["impatient"].close_pool())  # type: ignore[attr-defined]
    del connections.settings["impatient"]


@pytest.fixture
async def house(impatient: str, django_db_blocker: Any, transactional_db: None) -> AsyncIterator[House]:
    """A conversation in PostgreSQL, and its agent."""
    with django_db_blocker.unblock():

        def make() -> int:
            Agent.objects.using(impatient).create(slug="assistant", name="A", model="m")
            return int(get_user_model().objects.using(impatient).create(username="dora").pk)

        owner = databases.in_thread(make)
        journal = Journal(Database(impatient))
        made = House(Sessions(MemoryWorld.make(600_000).store, journal), owner)
        await made.sessions.create(made.conversation, owner, "assistant", "T", "web")
        yield made
        for task in made.tasks:
            task.cancel()
        await asyncio.gather(*made.tasks, return_exceptions=True)
        journal.close()
        databases.in_thread(Agent.objects.using(impatient).all().delete)
        databases.empty(impatient)


async def test_R10_a_run_waits_for_a_database_that_is_away_when_its_agent_is_looked_up(
    house: House, postgres: Postgres
) -> None:
    database = house.sessions.journal.database
    refusals: list[Exception] = []

    async def back() -> None:
        await eventually(lambda: refusals, 30, "the lookup to be refused")
        await asyncio.to_thread(postgres.resume)

    async def agent(slug: str) -> AgentSpec | None:
        if not refusals:
            postgres.halt()
            house.tasks.append(asyncio.create_task(back()))
        try:
            found = await find_agent(database, slug)
        except JournalUnavailable as problem:
            refusals.append(problem)
            raise
        return found and replace(found, base_url="http://localhost/v1")

    kit = RunDependencies(agent, lambda spec: ScriptedModel(says("Here I am")), house.bench.toolbox)
    worker = Runner(house.sessions, house._enqueue, kit, worker="w1", lease_ms=60_000, renew_ms=1_000)
    await house.submit(SendBody(kind="send", message=uid(), text="Where is your database?"))
    async with asyncio.timeout(60):
        await house.start(worker)
    assert refusals
    assert (await house.run())["status"] == "finished"
    assert [step["text"] for step in await house.steps()] == ["Here I am"]
