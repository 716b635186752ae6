"""The fixtures that every other test stands on."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import connection

from tests.support.valkey import Valkey


def test_valkey_is_real_and_is_the_one_that_the_settings_name(redis_url: str, valkey: Valkey) -> None:
    assert redis_url == settings.HOLDFAST_REDIS_URL
    with valkey.client() as client:
        assert client.info("server")["tcp_port"] == valkey.port
        assert client.dbsize() == 0


@pytest.mark.exhaustive
def test_sqlite_lets_several_processes_write(db) -> None:
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert cursor.execute("PRAGMA synchronous").fetchone()[0] == 1
    assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_people(alice, bob, charlie) -> None:
    assert not alice.is_staff
    assert not bob.is_staff
    assert charlie.is_superuser
