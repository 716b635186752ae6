"""The whole system of an outage run: what chaos breaks (tests/recovery/chaos), on stores that can fail in every way.

web,  worker  ──► pgbouncer ─┬─► PostgreSQL          Sentinels ── watch ──► primary ── replica (Valkey, AOF)
web2, worker2 ───────────────┘                           ▲ asked by all four for the primary
"""

from __future__ import annotations

import contextlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis

from tests.recovery.chaos.run import Plan, Scene
from tests.support import template
from tests.support.pgbouncer import Pgbouncer
from tests.support.postgres import Postgres
from tests.support.sentinel import NAME, Watched
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

#: Holdfast's account at Redis. The Sentinels and the replica have another one, so that a rotation is ours alone.
USER, PASSWORD = "app", "app-password"
#: PostgreSQL gives enough connections, which somebody else can soon take; and what it has committed outlives its end.
SERVER = {"max_connections": "40", "synchronous_commit": "on"}
#: Who reaches PostgreSQL through pgbouncer.
BOUNCED = ("web", "worker")


class OutageScene(Scene):
    """A scene of chaos on PostgreSQL behind pgbouncer, and Redis with Sentinels."""

    postgres: Postgres
    bouncer: Pgbouncer
    watched: Watched

    def set_up_database(self, stack: ExitStack, folder: Path) -> str | None:
        self.postgres = stack.enter_context(Postgres(**SERVER))
        self.postgres.execute("CREATE ROLE app LOGIN")
        self.postgres.execute("CREATE DATABASE chaos OWNER app")
        database = self.postgres.url("chaos", "app")
        template.fill(database, folder)
        self.bouncer = stack.enter_context(Pgbouncer(self.postgres.port, "chaos", "app"))
        return database

    def set_up_store(self, stack: ExitStack) -> Any:
        self.watched = stack.enter_context(Watched(aof=True))
        for valkey in self.watched.valkeys:
            self.arm(valkey)
        return _Address(f"redis+sentinel://{USER}:{PASSWORD}@{self.watched.places}/{NAME}/0")

    def redis(self) -> redis.Redis:
        """A client to whoever is the primary now."""
        return self.watched.primary().client()

    def settings_of(self, label: str) -> dict[str, str]:
        return {"DATABASE_URL": self.bouncer.url} if label in BOUNCED else {}

    def arm(self, valkey: Valkey, password: str = PASSWORD) -> None:
        """Give a server what it loses with its process: our account, and an append-only file as in production."""
        with valkey.client() as client:
            client.config_set("appendfsync", "everysec")
            client.execute_command(
                "ACL", "SETUSER", USER, "on", "resetpass", f">{password}", "~*", "&*", "+@all"
            )

    def whole(self) -> None:
        """Every server lives, and the Sentinels agree on all of them (at most 40 s)."""
        for valkey in self.watched.valkeys:
            if valkey.process is None or valkey.process.poll() is not None:
                valkey.start()
            with contextlib.suppress(redis.RedisError):
                self.arm(valkey)
        wait_until(self.watched.settled, 40, "the Sentinels to know a primary and its replica")


class _Address:
    """As much of a store as a stack of processes needs."""

    def __init__(self, url: str) -> None:
        self.url = url


__all__ = ["BOUNCED", "PASSWORD", "USER", "OutageScene", "Plan"]
