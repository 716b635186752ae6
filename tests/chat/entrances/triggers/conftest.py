"""An owner, and everything that triggers need."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model

from agents.models import ensure_default_agent
from chat import runtime
from chat.entrances.triggers import views
from chat.runs.queue import Queue
from chat.session.sessions import Sessions
from tests.chat.entrances.triggers.house import House
from tests.support.scripted import ScriptedModel, says
from tests.support.site import Site
from tests.support.worlds import MemoryWorld


@pytest.fixture(autouse=True)
def rested() -> None:
    """Nobody has asked for anything yet."""
    for allowance in (views.arriving, views.guessing):
        allowance.forget()


class Workers(Queue):
    """A queue whose workers are those of the house."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self._house = house

    async def put(self, conversation: str, run: str) -> bool:
        return await self._house.enqueue(conversation, run)


@pytest.fixture
async def house(transactional_db: None, redis_url: str, sqlite_journal: Any) -> AsyncIterator[House]:
    """A web process and two workers' services. Give `house.model` a script before somebody speaks."""
    await sync_to_async(ensure_default_agent)()
    owner = await get_user_model().objects.acreate(username="alice")
    sessions = Sessions(MemoryWorld.make(600_000).store, sqlite_journal)
    async with Site() as site:
        made = House(sessions, owner, ScriptedModel(says("Hello!")), site)
        runtime.use(runtime.Runtime(sessions, Workers(made)))
        yield made
        await made.close()
        await runtime.close()
