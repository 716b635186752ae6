"""Two installations never mix in one Redis: the second is refused, unless it gets a place of its own or takes over."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from chat.installation import Installation, installation, read
from chat.session.errors import StoreUnusable
from chat.session.store import RedisStore
from tests.support.postgres import Postgres
from tests.support.processes import Stack, clean_environment, django, run_module
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until
from tests.support.worlds import IDLE_MS, LOG_ENTRIES

A = Installation("a", "here", "a.sqlite3")
COPY = Installation("a", "elsewhere", "b.sqlite3")
B = Installation("b", "here", "b.sqlite3")


def store_of(owner: Installation, url: str, **options: Any) -> RedisStore:
    async def ask() -> Installation:
        return owner

    return RedisStore(url, idle_ttl_ms=IDLE_MS, log_entries=LOG_ENTRIES, owner=ask, **options)


@pytest.mark.django_db
def test_an_installation_is_its_row_and_the_place_of_its_database() -> None:
    found = installation()
    assert installation() == found
    assert read(found.claim) == found
    assert found.database.split("/")[-1].split(" ")[0] in str(connection.settings_dict["NAME"])
    assert read("") is None and read("{}") is None and read("[1]") is None


@pytest.mark.django_db
def test_a_row_that_was_lost_is_another_installation() -> None:
    from chat.models import Installation as Row

    before = installation()
    Row.objects.all().delete()
    after = installation()
    assert after.identity != before.identity and after.place == before.place


def test_a_refusal_is_one_line_that_says_what_to_do() -> None:
    for other in (COPY, B):
        line = A.refusal(other.claim)
        assert "b.sqlite3" in line and "\n" not in line
        assert "HOLDFAST_REDIS_PREFIX" in line and "claim_redis" in line
        assert ("is a copy" in line) == (other is COPY)
    assert "another installation" in A.refusal("?")


@pytest.mark.parametrize("other", [COPY, B], ids=["a copy", "another"])
async def test_a_place_belongs_to_who_came_first(redis_url: str, other: Installation) -> None:
    first, second = store_of(A, redis_url), store_of(other, redis_url)
    assert await first.acquire("c1", "me", 5_000)
    for _ in range(2):
        with pytest.raises(StoreUnusable, match="belongs to the installation with the database a.sqlite3"):
            await second.lease("c1")
    again = store_of(A, redis_url)
    assert await again.lease("c1") == "me"
    apart = store_of(other, redis_url, prefix="other")
    assert await apart.lease("c1") is None
    assert await apart.acquire("c1", "them", 5_000)
    assert await first.lease("c1") == "me"
    for store in (first, second, again, apart):
        await store.aclose()


async def test_a_place_that_was_emptied_is_claimed_anew(redis_url: str, valkey: Valkey) -> None:
    first, second = store_of(A, redis_url), store_of(B, redis_url)
    assert await first.examine() == "noeviction"
    valkey.flush()
    assert await first.examine() == "noeviction"
    with pytest.raises(StoreUnusable):
        await second.examine()
    valkey.flush()
    assert await second.lease("c1") is None
    # Whoever worked there before finds out, and its connections are not used any more.
    with pytest.raises(StoreUnusable):
        await first.examine()
    with pytest.raises(StoreUnusable):
        await first.lease("c1")
    for store in (first, second):
        await store.aclose()


async def test_a_server_of_ones_own_is_taken(redis_url: str) -> None:
    first = store_of(A, redis_url)
    await first.examine()
    moved = Installation(COPY.identity, COPY.place, COPY.database, takes=True)
    second = store_of(moved, redis_url)
    await second.examine()
    with pytest.raises(StoreUnusable):
        await first.examine()
    for store in (first, second):
        await store.aclose()


@pytest.fixture
def staging(stack: Stack, database_template: Path) -> Iterator[Stack]:
    """A second installation: its database is a copy of the first one's, and its REDIS_URL is the same."""
    with Stack(template=database_template) as second:
        shutil.copy(stack.data / "holdfast.sqlite3", second.data / "holdfast.sqlite3")
        second.env["REDIS_URL"] = stack.env["REDIS_URL"]
        yield second


def run(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    """A process by its name, or one of Django's commands."""
    if words[0] in ("web", "worker"):
        return run_module("scripts.processes", *words, env=stack.env, seconds=60)
    return django(*words, env=stack.env)


@pytest.mark.slow
def test_a_staging_copied_from_production_does_not_start_in_its_redis(stack: Stack, staging: Stack) -> None:
    stack.start("worker")
    wait_until(lambda: "workers" in str(keys(stack)), 30, "the first installation's worker")
    for name in ("worker", "web"):
        done = run(staging, name)
        assert done.returncode == 1
        said = [line for line in done.stderr.splitlines() if "cannot start" in line]
        assert len(said) == 1 and "of which this database is a copy" in said[0]
        assert "Traceback" not in done.stderr
    refused = run(staging, "claim_redis")
    assert refused.returncode == 1 and "A worker has shown itself there" in refused.stderr

    staging.env["HOLDFAST_REDIS_PREFIX"] = "staging"
    assert "already" not in run(staging, "claim_redis").stdout
    assert run(staging, "ready", "redis").stdout == "ready\n"
    assert {name.split(":")[0] for name in keys(stack)} >= {"hf", "staging"}
    del staging.env["HOLDFAST_REDIS_PREFIX"]

    stack.process("worker").kill()
    moved = run(staging, "claim_redis", "--force")
    assert "is taken over from the installation with the database" in moved.stdout, moved.stderr
    assert [name for name in keys(stack) if name.startswith(("hf:", "streaq:holdfast:"))] == [
        "hf:installation"
    ]
    assert "already" in run(staging, "claim_redis").stdout
    back = run(stack, "worker")
    assert back.returncode == 1 and "is a copy" in back.stderr


def keys(stack: Stack) -> list[str]:
    with stack.valkey.client() as client:
        found: Any = client.keys("*")
        return list(found)


@pytest.mark.slow
def test_a_restored_dump_is_told_from_its_original_and_a_restart_changes_nothing(tmp_path: Path) -> None:
    """The same row in two databases, and asked by a user who may not ask for the cluster's identifier."""
    with Postgres() as server:

        def command(name: str, *argv: str, user: str = "holdfast") -> str:
            env = clean_environment(
                DJANGO_SECRET_KEY="of-tests-" * 8,
                DJANGO_INSECURE_HTTP="1",
                HOLDFAST_DATA=str(tmp_path),
                DATABASE_URL=server.url(name).replace("holdfast@", f"{user}@"),
            )
            done = django(*argv, env=env)
            assert done.returncode == 0, done.stderr
            return done.stdout

        def place(name: str, user: str = "holdfast") -> list[str]:
            ask = "from chat.installation import installation as i; f = i(); print(f.identity, f.place)"
            return command(name, "shell", "-v", "0", "-c", ask, user=user).split()

        server.execute("CREATE DATABASE production")
        command("production", "migrate", "--no-input")
        original = place("production")
        server.execute("CREATE DATABASE staging TEMPLATE production")
        copy = place("staging")
        assert copy[0] == original[0] and copy[1] != original[1]
        server.halt()
        server.resume()
        assert place("production") == original

        server.execute("CREATE ROLE careful LOGIN IN ROLE pg_read_all_data, pg_write_all_data")
        for name in ("production", "staging"):
            url = server.url(name)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("REVOKE EXECUTE ON FUNCTION pg_control_system FROM PUBLIC")
        careful = place("production", user="careful")
        assert careful[0] == original[0] and careful == place("production", user="careful")
        assert place("staging", user="careful")[1] != careful[1]
