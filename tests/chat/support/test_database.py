"""The one way from async code to SQL, on both databases."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, IntegrityError, OperationalError, connection, connections

from chat.session.errors import JournalUnavailable, Unavailable
from chat.support.database import Database, ask
from chat.support.database import database as of_this_loop


@pytest.fixture
def opened(database: str) -> Iterator[Database]:
    made = Database(database)
    yield made
    made.close()


async def test_a_question_is_asked_in_a_thread_and_keeps_its_connection(opened: Database) -> None:
    def where() -> tuple[int, int]:
        with connections[opened.using].cursor() as cursor:
            cursor.execute("SELECT 1")
        # On PostgreSQL connections belong to the pool, and each piece of work may have another one.
        pooled = connections[opened.using].vendor == "postgresql"
        return threading.get_ident(), 0 if pooled else id(connections[opened.using].connection)

    alone = Database(opened.using, threads=1)
    first, second = await alone.run(where), await alone.run(where)
    assert first == second and first[0] != threading.get_ident()
    alone.close()


async def test_questions_do_not_wait_for_each_other(opened: Database) -> None:
    both = threading.Barrier(2)
    async with asyncio.timeout(10):
        await asyncio.gather(opened.run(both.wait), opened.run(both.wait))


async def test_what_the_driver_says_of_a_database_that_is_away_is_worth_another_try(
    opened: Database,
) -> None:
    def away() -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    with pytest.raises(Unavailable) as caught:
        await opened.run(away)
    assert isinstance(caught.value, JournalUnavailable) and caught.value.retry


async def test_R10_a_database_that_only_reads_is_waited_for(opened: Database, owner: Any) -> None:
    """As after a failover that left this address with a standby, or a disk that was mounted read-only."""
    begin = (
        "PRAGMA query_only = ON" if opened.using == "default" else "SET default_transaction_read_only = on"
    )
    users = get_user_model().objects.using(opened.using)

    def write() -> None:
        with connections[opened.using].cursor() as cursor:
            cursor.execute(begin)
        users.create(username="bob")

    with pytest.raises(JournalUnavailable):
        await opened.run(write)
    await opened.run(lambda: users.create(username="bob"))  # on a new connection
    assert await opened.run(users.count) == 2


async def test_R10_a_schema_of_another_release_is_waited_for_and_told(
    opened: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def ask_for_a_column_to_come() -> None:
        with connections[opened.using].cursor() as cursor:
            cursor.execute("SELECT no_such_column FROM auth_user")

    with pytest.raises(JournalUnavailable):
        await opened.run(ask_for_a_column_to_come)
    assert opened.using == "default" or "does not understand" in caplog.text


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_R10_a_connection_that_the_server_ends_in_the_middle_of_work_is_replaced(
    opened: Database,
) -> None:
    """57P01: an administrator, a failover or a shutdown ended it."""
    ended: list[bool] = []

    def work() -> int:
        with connections[opened.using].cursor() as cursor:
            if not ended:
                ended.append(True)
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            cursor.execute("SELECT 7")
            return int(cursor.fetchone()[0])

    assert await opened.run(work) == 7


async def test_R10_a_database_whose_file_is_damaged_is_waited_for(opened: Database) -> None:
    """What has no class of its own among the driver's errors, such as a malformed file."""

    def damaged() -> None:
        raise DatabaseError("database disk image is malformed")

    with pytest.raises(JournalUnavailable):
        await opened.run(damaged)


async def test_a_refusal_of_the_database_is_the_askers_own(opened: Database, owner: Any) -> None:
    users = get_user_model().objects.using(opened.using)
    with pytest.raises(IntegrityError):
        await opened.run(lambda: users.create(username="alice"))
    assert await opened.run(users.count) == 1


async def test_it_opens_again_after_it_was_closed(opened: Database, owner: Any) -> None:
    users = get_user_model().objects.using(opened.using)
    assert await opened.run(users.count) == 1
    opened.close()
    opened.close()
    assert await opened.run(users.count) == 1


async def test_it_may_be_closed_while_others_still_ask(opened: Database, owner: Any) -> None:
    users = get_user_model().objects.using(opened.using)
    for _ in range(20):
        asking = [asyncio.ensure_future(opened.run(users.count)) for _ in range(8)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(opened.close))
        asking += [asyncio.ensure_future(opened.run(users.count)) for _ in range(8)]
        assert await asyncio.gather(*asking) == [1] * 16
        await closing


@pytest.mark.django_db(transaction=True)
def test_what_a_loop_has_opened_is_closed_with_it() -> None:
    seen: list[Any] = []

    def look() -> None:
        connection.ensure_connection()
        seen.append(connections["default"])

    async def short() -> Database:
        await ask(look)
        # With a pool it has been given back already.
        assert seen[-1].connection is not None or seen[-1].vendor == "postgresql"
        return of_this_loop()

    before = set(threading.enumerate())
    one = asyncio.run(short())
    assert seen[0].connection is None
    assert one is not asyncio.run(short())
    assert not [new for new in set(threading.enumerate()) - before if new.name.startswith("database")]
