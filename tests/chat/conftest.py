"""A journal over both databases, and sessions over both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connections

from chat.journal.journal import Journal
from chat.session.sessions import Sessions
from chat.support.database import Database
from tests.support import databases
from tests.support.valkey import Valkey
from tests.support.worlds import IDLE_MS, MemoryWorld, RedisWorld, World, make_redis


@pytest.fixture(scope="session")
def postgres_alias(django_db_setup: None, django_db_blocker: Any, postgres: Any) -> Iterator[str]:
    """The PostgreSQL database of this test process, as Django knows it."""
    with django_db_blocker.unblock():
        alias = databases.in_thread(lambda: databases.add_postgres(postgres))
    yield alias
    del connections.settings[alias]


@pytest.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.django_db(transaction=True)),
        # Not of Django's test cases, which know only the databases of the settings.
        "postgres",
    ]
)
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Django's alias of an empty database: SQLite, then PostgreSQL."""
    if request.param == "sqlite":
        yield "default"
        return
    alias = request.getfixturevalue("postgres_alias")
    with request.getfixturevalue("django_db_blocker").unblock():
        yield alias
        databases.empty(alias)


@pytest.fixture
def owner(database: str) -> Any:
    """The id of a user in the database."""
    users = get_user_model().objects.using(database)
    return databases.in_thread(lambda: users.create(username="alice").pk)


@pytest.fixture
def journal(database: str) -> Iterator[Journal]:
    """A journal over the database."""
    made = Journal(Database(database))
    yield made
    made.close()


@pytest.fixture
def sqlite_journal(transactional_db: None) -> Iterator[Journal]:
    """A journal over SQLite alone, for what does not depend on the database."""
    made = Journal()
    yield made
    made.close()


@pytest.fixture(scope="package")
def own_valkey() -> Iterator[Valkey]:
    """A Valkey of these tests alone, because it is killed and restarted."""
    with Valkey() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A store and its server, empty."""
    idle_ms: int = getattr(request.module, "IDLE_MS", IDLE_MS)
    if request.param == "memory":
        yield MemoryWorld.make(idle_ms)
        return
    made = make_redis(request.getfixturevalue("own_valkey"), idle_ms)
    yield made
    await made.store.aclose()


@pytest.fixture
async def redis_world(own_valkey: Valkey) -> AsyncIterator[RedisWorld]:
    """A store over a real Valkey only."""
    made = make_redis(own_valkey, IDLE_MS)
    yield made
    await made.store.aclose()


@pytest.fixture
def sessions(world: World, sqlite_journal: Journal) -> Sessions:
    """Sessions over either store and SQLite."""
    return Sessions(world.store, sqlite_journal)
