"""A house with an owner, and the owner's program."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model

from agents.models import ensure_default_agent
from chat import runtime
from chat.session.sessions import Sessions
from chat.tokens.limits import limits
from tests.support.program_house import House, Program, Workers
from tests.support.scripted import ScriptedModel, says
from tests.support.worlds import MemoryWorld


@pytest.fixture(autouse=True)
def rested() -> None:
    """No token was shown yet."""
    limits.forget()


@pytest.fixture
async def house(transactional_db: None, redis_url: str, sqlite_journal: Any) -> AsyncIterator[House]:
    """A web process and a worker. Give `house.model` a script before somebody speaks."""
    await sync_to_async(ensure_default_agent)()
    owner = await get_user_model().objects.acreate(username="alice")
    sessions = Sessions(MemoryWorld.make(600_000).store, sqlite_journal)
    made = House(sessions, owner, ScriptedModel(says("Hello!")))
    runtime.use(runtime.Runtime(sessions, Workers(made)))
    yield made
    await made.close()
    await runtime.close()


@pytest.fixture
async def program(house: House) -> Program:
    """The owner's, with a token for everything."""
    return Program(await house.token(), "/api/v1")
