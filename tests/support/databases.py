"""Two databases for tests that must hold on both: the SQLite file of the settings, and a private PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.core.management import call_command
from django.db import connections

from config.values import database
from tests.support.postgres import Postgres

T = TypeVar("T")

#: Django's alias of the PostgreSQL database.
ALIAS = "postgres"


def add_postgres(server: Postgres) -> str:
    """Make a migrated database in `server`, and have Django know it as ALIAS."""
    server.execute("CREATE DATABASE holdfast_journal")
    settings = {"default": dict(connections.settings["default"]), ALIAS: _settings(server)}
    connections.settings[ALIAS] = connections.configure_settings(settings)[ALIAS]
    call_command("migrate", database=ALIAS, verbosity=0, interactive=False)
    return ALIAS


def _settings(server: Postgres) -> dict[str, Any]:
    return database("DATABASE_URL", server.url("holdfast_journal"), server.folder)


def empty(alias: str) -> None:
    """Remove all users, and with them everything that is theirs."""

    def truncate() -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("TRUNCATE auth_user CASCADE")

    in_thread(truncate)


def in_thread(work: Callable[[], T]) -> T:
    """Run in a thread with connections of its own, as the journal does, and close them."""

    def run() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()
