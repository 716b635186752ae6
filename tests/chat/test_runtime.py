"""What a process talks to conversations with: one for each event loop, and nothing of it left over."""

from __future__ import annotations

import asyncio
import threading
import uuid
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connections

from agents.models import ensure_default_agent
from chat import runtime
from chat.commands import CreateBody
from chat.inbox import Sender
from chat.support.database import ask

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def stores(settings: Any, redis_url: str) -> None:
    settings.HOLDFAST_REDIS_URL = redis_url
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    ensure_default_agent()


async def create(alice: Any, using: runtime.Runtime) -> None:
    body = CreateBody(kind="create", title="T")
    result = await using.inbox.submit(Sender(alice.pk), str(uuid.uuid4()), str(uuid.uuid4()), body)
    assert result.status == "applied"


def test_everybody_in_a_loop_has_the_same_and_the_next_loop_another(alice: Any) -> None:
    async def work() -> runtime.Runtime:
        one = runtime.current()
        await create(alice, one)
        assert runtime.current() is one and one.feed is one.feed
        assert one.database is one.sessions.journal.database
        return one

    first, second = asyncio.run(work()), asyncio.run(work())
    assert first is not second


@pytest.mark.parametrize("run", [lambda act: asyncio.run(act()), lambda act: async_to_sync(act)()])
def test_what_a_loop_leaves_open_is_closed_with_it(alice: Any, valkey: Any, run: Any) -> None:
    used: list[Any] = []

    async def careless() -> None:
        await create(alice, runtime.current())
        assert runtime.current().feed is not None

        def in_a_thread() -> None:
            # Whichever of the threads it is; one that has asked nothing yet has no connection.
            connections["default"].ensure_connection()
            used.append(connections["default"])

        await ask(in_a_thread)
        # With a pool it has been given back already.
        assert used[0].connection is not None or used[0].vendor == "postgresql"

    threads = set(threading.enumerate())
    with valkey.client() as client:
        before = len(client.client_list())
        run(careless)
        assert len(client.client_list()) == before
    assert used[0].connection is None
    assert not [new for new in set(threading.enumerate()) - threads if new.name.startswith("database")]


async def test_one_for_a_moment_leaves_that_of_the_loop_alone(alice: Any) -> None:
    lasting = runtime.current()
    await create(alice, lasting)
    async with runtime.opened() as moment:
        assert moment is not lasting and moment.database is not lasting.database
        await create(alice, moment)
    await create(alice, lasting)
    await runtime.close()


async def test_a_feed_that_has_ended_is_begun_anew() -> None:
    one = runtime.current()
    feed = one.feed
    assert one._reader is not None
    one._reader.cancel()
    await asyncio.wait({one._reader})
    assert one.feed is not feed
    await runtime.close()


async def test_what_is_closed_twice_is_closed_once_and_the_next_is_a_new_one(alice: Any) -> None:
    first = runtime.current()
    await create(alice, first)
    await runtime.close()
    await runtime.close()
    assert runtime.current() is not first
    await create(alice, runtime.current())
    await runtime.close()
