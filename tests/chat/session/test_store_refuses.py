"""Whatever a Redis says instead of an answer, the store says StoreUnavailable (rule R10): with real servers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis

from chat.session.errors import StoreUnavailable
from chat.session.store import RedisStore
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

IDLE_MS = 60_000


@pytest.fixture
def server() -> Iterator[Valkey]:
    """A server of this test alone."""
    with Valkey() as made:
        yield made


async def refused(url: str, words: str) -> None:
    """Every operation is refused as not possible now, with these words."""
    store = RedisStore(url, idle_ttl_ms=IDLE_MS, log_entries=100, socket_timeout=0.5)
    conversation = str(uuid4())
    try:
        for asked in (
            lambda: store.load(conversation),
            lambda: store.head(conversation),
            lambda: store.heads([conversation]),
            lambda: store.part(conversation, 1, "m", 0, "text"),
        ):
            with pytest.raises(StoreUnavailable, match=words):
                await asked()
    finally:
        await store.aclose()


async def test_R10_a_redis_that_is_busy_with_somebody_elses_script(server: Valkey) -> None:
    with server.client() as client:
        client.config_set("busy-reply-threshold", 50)

    def hold() -> None:
        with server.client() as client:
            try:
                client.eval("while true do end", 0)
            except redis.RedisError:
                pass  # it was killed

    holding = threading.Thread(target=hold, daemon=True)
    holding.start()
    with server.client() as client:

        def busy() -> bool:
            try:
                return not client.ping()
            except redis.ResponseError as problem:
                return "BUSY" in str(problem)

        await asyncio.to_thread(wait_until, busy, 10, "the script to be in the way")
        await refused(server.url, "(?i)busy")
        client.execute_command("SCRIPT", "KILL")
    holding.join(10)


async def test_R10_a_redis_that_speaks_no_tls(server: Valkey) -> None:
    await refused(server.url.replace("redis://", "rediss://"), "cannot be reached")


async def test_R10_a_redis_that_wants_another_password(server: Valkey) -> None:
    with server.client() as client:
        client.config_set("requirepass", "another")
    await refused(server.url, "(?i)auth|password")
    await refused(server.url.replace("redis://", "redis://:wrong@"), "(?i)password")


async def test_R10_nobody_listens() -> None:
    await refused("redis://127.0.0.1:1/0", "cannot be reached")
