"""Whether the connections of all processes fit the server is judged at start, and said aloud."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections

from chat.support.database import Database
from config import capacity
from config.capacity import Demand, demand, label, look, verdict
from config.values import database
from scripts.processes import command
from tests.support.pgbouncer import Pgbouncer
from tests.support.postgres import Postgres
from tests.support.processes import ROOT, clean_environment
from tests.support.waiting import eventually

MINE = "holdfast max=4 3f2a-1"


@pytest.fixture(scope="module")
def small() -> Iterator[Postgres]:
    with Postgres(max_connections="20") as server:
        yield server


def settings_of(server: Postgres, most: int = 4, name: str = "") -> dict[str, Any]:
    return database("D", server.url(), Path("/"), connections=most, label=name or label(most))


@contextlib.contextmanager
def process(server: Postgres, most: int, name: str, count: int = 1) -> Iterator[None]:
    """Another process of Holdfast, as the server sees it: by the names of its connections."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(
                psycopg.connect(server.url(), application_name=f"holdfast max={most} {name}", autocommit=True)
            )
        yield


def test_a_process_is_counted_by_what_it_may_open_and_not_by_what_it_has() -> None:
    names = ["holdfast max=6 b-2", "holdfast max=6 b-2", "psql", ""]
    assert demand(MINE, names) == Demand(ours=10, processes=2, others=2)


def test_a_process_whose_children_go_by_its_name_is_counted_with_them() -> None:
    assert demand(MINE, [MINE] * 7) == Demand(ours=7, processes=1, others=0)


def test_what_fits_is_not_spoken_of() -> None:
    assert verdict(Demand(16, 4, 1), room=17, each=4) is None
    said = verdict(Demand(16, 4, 2), room=17, each=4)
    assert (
        said and "room for 17" in said and "may open 16" in said and "HOLDFAST_DATABASE_CONNECTIONS" in said
    )


def test_two_web_servers_and_two_workers_fit_into_twenty_connections(small: Postgres) -> None:
    """By default, and with the three that PostgreSQL keeps for its administrator."""
    with process(small, 4, "b-2"), process(small, 4, "c-3"), process(small, 4, "d-4"):
        assert look(settings_of(small)) is None
        with process(small, 4, "e-5"):
            assert "room for 17 connections" in str(look(settings_of(small)))


def test_a_limit_of_the_role_or_of_the_database_counts(small: Postgres) -> None:
    small.execute("CREATE ROLE tenant LOGIN CONNECTION LIMIT 3")
    options = settings_of(small) | {"USER": "tenant"}
    assert "room for 3 connections" in str(look(options))
    small.execute("CREATE DATABASE narrow CONNECTION LIMIT 2")
    assert "room for 2 connections" in str(look(settings_of(small) | {"NAME": "narrow"}))


def test_behind_a_pooler_the_limit_is_said_to_be_unknown(small: Postgres) -> None:
    small.execute("CREATE ROLE pooled LOGIN")
    with Pgbouncer(small.port, "postgres", "pooled") as bouncer:
        options = database("D", bouncer.url, Path("/"), connections=4, label=label(4))
        said = str(look(options))
    assert "pgbouncer" in said and "not known" in said


def test_a_server_without_a_free_connection_is_called_so(small: Postgres) -> None:
    small.execute("CREATE ROLE somebody LOGIN")
    small.execute("CREATE DATABASE crowded")
    somebody = settings_of(small) | {"USER": "somebody", "NAME": "crowded"}
    with process(small, 17, "b-2", count=17):
        assert "no connection left" in str(look(somebody))


def test_a_database_that_does_not_answer_holds_up_no_start(small: Postgres, monkeypatch: Any) -> None:
    monkeypatch.setattr(capacity, "TIMEOUT_S", 0.5)
    assert small.process is not None
    options = settings_of(small)
    small.pause()
    try:
        begun = time.monotonic()
        assert look(options) is None
        assert time.monotonic() - begun < 3
    finally:
        small.unpause()
    assert look(settings_of(small) | {"PORT": "1"}) is None
    assert look(database("D", "sqlite:///x", Path("/"))) is None


def test_the_command_check_says_so(small: Postgres) -> None:
    env = clean_environment(
        DJANGO_SECRET_KEY="of-tests-" * 8,
        DATABASE_URL=small.url(),
        HOLDFAST_DATABASE_CONNECTIONS="30",
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    said = subprocess.run(
        [command("worker")[0], "manage.py", "check", "--database", "default"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "holdfast.W005" in said.stderr and "room for 17" in said.stderr, said.stderr


async def test_connections_that_nobody_needs_are_given_back_within_seconds(
    small: Postgres, django_db_blocker: Any
) -> None:
    alias = "giving_back"
    options = database("D", small.url(), Path("/"), connections=4, idle_s=1, label="holdfast max=4 idle-1")
    connections.settings[alias] = connections.configure_settings(
        {"default": dict(connections.settings["default"]), alias: options}
    )[alias]
    made = Database(alias)

    def held() -> int:
        with psycopg.connect(small.url()) as looking:
            row = looking.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holdfast max=4 idle-1'"
            ).fetchone()
        return int(row[0]) if row else -1

    def sleep() -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.3)")

    try:
        with django_db_blocker.unblock():
            await asyncio.gather(*(made.run(sleep) for _ in range(12)))
            assert held() == 4
            await eventually(lambda: held() == 0, 10, "all connections to be given back", every=0.2)
            await made.run(sleep)
    finally:
        made.close()
        await asyncio.to_thread(lambda: connections[alias].close_pool())  # type: ignore[attr-defined]
        del connections.settings[alias]
