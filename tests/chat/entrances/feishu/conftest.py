"""An app, and people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model

from chat.entrances.feishu.models import FeishuApp
from chat.session.sessions import Sessions
from tests.chat.entrances.feishu.house import House, prepare
from tests.support.feishu_server import FeishuServer
from tests.support.scripted import ScriptedModel, says
from tests.support.worlds import MemoryWorld


def make_app(**fields: Any) -> FeishuApp:
    """An app with keys, owned by a service user."""
    owner, _ = get_user_model().objects.get_or_create(username="feishu-bot")
    given: dict[str, Any] = {
        "slug": "bot",
        "name": "Bot",
        "app_id": "cli_1",
        "secret": "the-app-secret",
        "encrypt_key": "k1",
        "verification_token": "token-1",
        "owner": owner,
        "trusts_strangers": True,
    }
    return FeishuApp.objects.create(**{**given, **fields})


@pytest.fixture
def app(transactional_db: None) -> FeishuApp:
    return make_app()


@pytest.fixture
def feishu(redis_url: str) -> Iterator[FeishuServer]:
    """A Feishu of our own, over an empty cache."""
    with FeishuServer() as server:
        yield server


@pytest.fixture
async def house(transactional_db: None, feishu: FeishuServer, sqlite_journal: Any) -> AsyncIterator[House]:
    """Everything, with a service that runs. Give `house.model` a script before somebody speaks."""
    await prepare()
    sessions = Sessions(MemoryWorld.make(600_000).store, sqlite_journal)
    made = House(
        sessions, feishu, await sync_to_async(make_app)(base_url=feishu.url), ScriptedModel(says("Hello!"))
    )
    made.serve()
    yield made
    await made.close()
