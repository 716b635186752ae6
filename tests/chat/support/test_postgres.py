"""What PostgreSQL's driver and its pool really do with a connection that is handed out; libpq's own trace tells it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connections
from psycopg_pool import ConnectionPool

from chat.support.postgres import TRUSTED_S, PooledConnection


@pytest.fixture
def pool(postgres_alias: str, django_db_blocker: Any) -> Iterator[ConnectionPool[PooledConnection]]:
    """One connection, as Django's own pool makes it."""
    wrapper = connections[postgres_alias]
    with (
        django_db_blocker.unblock(),
        ConnectionPool(
            kwargs=wrapper.get_connection_params() | {"autocommit": True},
            connection_class=PooledConnection,
            check=ConnectionPool.check_connection,
            min_size=1,
            max_size=1,
        ) as made,
    ):
        yield made


def test_a_connection_in_use_is_handed_out_without_a_round_trip(
    pool: ConnectionPool[PooledConnection],
) -> None:
    with tempfile.TemporaryFile() as told:
        with pool.connection() as one:
            one.pgconn.trace(told.fileno())
        with pool.connection() as same:
            assert same is one
            same.execute("SELECT 7")
            same.pgconn.untrace()
        told.seek(0)
        sent = [line for line in told.read().decode().splitlines() if "\tF\t" in line]
    assert [line for line in sent if "SELECT 7" in line], sent
    assert len([line for line in sent if "Query" in line or "Execute" in line]) == 1, sent


def test_a_connection_that_rested_is_asked_again(pool: ConnectionPool[PooledConnection]) -> None:
    with pool.connection() as one:
        pass
    one._answered_at -= TRUSTED_S
    with tempfile.TemporaryFile() as told:
        one.pgconn.trace(told.fileno())
        with pool.connection() as same:
            assert same is one
        one.pgconn.untrace()
        told.seek(0)
        assert b"Query" in told.read()


def test_R10_a_connection_that_the_server_ended_is_never_handed_out(
    pool: ConnectionPool[PooledConnection], postgres_alias: str
) -> None:
    for _ in range(20):
        with pool.connection() as one:
            ended = one.info.backend_pid
        with connections[postgres_alias].cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [ended])
        with pool.connection() as other:
            assert other.info.backend_pid != ended
            assert other.execute("SELECT 7").fetchone() == (7,)


def test_a_closed_connection_is_not_taken_for_a_silent_one(
    pool: ConnectionPool[PooledConnection],
) -> None:
    with pool.connection() as one:
        one.close()
        with pytest.raises(psycopg.OperationalError):
            one.execute("")
    with pool.connection() as other:
        assert other is not one
