"""Two messengers: every test that asks for `house` runs over both, over the pager with `make test-long`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from chat.session.sessions import Sessions
from tests.chat.entrances.feishu.conftest import make_app
from tests.chat.entrances.feishu.house import House as FeishuHouse
from tests.chat.messenger.house import House, PagerHouse, make_pager_app, prepare
from tests.support.feishu_server import FeishuServer
from tests.support.scripted import ScriptedModel, says
from tests.support.worlds import MemoryWorld


@pytest.fixture
async def pager(transactional_db: None, redis_url: str, sqlite_journal: Any) -> AsyncIterator[PagerHouse]:
    """The pager alone, without a service."""
    await prepare()
    sessions = Sessions(MemoryWorld.make(600_000).store, sqlite_journal)
    made = PagerHouse(sessions, await make_pager_app(), ScriptedModel(says("Hello!")))
    yield made
    await made.close()


@pytest.fixture(params=["feishu", pytest.param("pager", marks=pytest.mark.exhaustive)])
async def house(
    request: pytest.FixtureRequest, transactional_db: None, redis_url: str, sqlite_journal: Any
) -> AsyncIterator[House]:
    """Everything, with a service that runs. Give `house.model` a script before somebody speaks."""
    await prepare()
    sessions = Sessions(MemoryWorld.make(600_000).store, sqlite_journal)
    model = ScriptedModel(says("Hello!"))
    made: House
    if request.param == "pager":
        made = PagerHouse(sessions, await make_pager_app(), model)
        made.serve()
        yield made
        await made.close()
        return
    with FeishuServer() as feishu:
        app = await sync_to_async(make_app)(base_url=feishu.url)
        made = FeishuHouse(sessions, feishu, app, model)
        made.serve()
        yield made
        await made.close()
