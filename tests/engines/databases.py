"""SQLite and PostgreSQL in the ways in which people have them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from typing import Any

import psycopg

from tests.engines.parts import Database, Trouble
from tests.engines.shelves import Program
from tests.support.pgbouncer import Pgbouncer
from tests.support.postgres import Postgres
from tests.support.tls import certificate
from tests.support.waiting import wait_until

NAME, USER = "engines", "app"
#: What it has committed outlives its end, and there are no more connections than a small server has.
SERVER = {"max_connections": "60", "synchronous_commit": "on"}


class SQLite(Database):
    """The file in the data folder, by the library that Python has."""

    @property
    def said(self) -> list[str]:
        return [f"SQLite {sqlite3.sqlite_version}"]


class Server(Database):
    """One PostgreSQL at a port."""

    server: Postgres

    def __init__(self, program: Program) -> None:
        super().__init__()
        self._program = program

    @property
    def said(self) -> list[str]:
        return [self._program.said]

    def start(self) -> None:
        self.server = Postgres(self._program.path, **SERVER)
        self._stack.callback(self._end)
        self.prepare()
        self.server.start()
        self.server.execute(f"CREATE ROLE {USER} LOGIN PASSWORD 's@fe'")
        self.server.execute(f"CREATE DATABASE {NAME} OWNER {USER}")
        self.url = self.direct = self.server.url(NAME, USER)

    def prepare(self) -> None:
        """What must be there before it starts."""

    def _end(self) -> None:
        self.server.stop()

    @property
    def troubles(self) -> Mapping[str, Trouble]:
        return {"PostgreSQL restarts": self._restart}

    def _restart(self) -> None:
        self.server.halt()
        time.sleep(1)
        self.server.resume()

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """As the superuser, for whom there is always a connection."""
        with psycopg.connect(self.server.url()) as connection:
            return connection.execute(statement).fetchall()


class Bounced(Server):
    """A PostgreSQL behind pgbouncer in transaction mode, which everybody goes through."""

    #: Connections of pgbouncer to PostgreSQL, at most.
    POOL = 8

    def __init__(self, program: Program, bouncer: Program) -> None:
        super().__init__(program)
        self._bouncer_program = bouncer

    @property
    def said(self) -> list[str]:
        return [*super().said, f"{self._bouncer_program.said} in transaction mode"]

    def start(self) -> None:
        super().start()
        path = self._bouncer_program.path
        self._bouncer = Pgbouncer(self.server.port, NAME, USER, pool=self.POOL, program=path)
        self._stack.callback(self._bouncer.stop)
        self.url = self._bouncer.start().url

    @property
    def troubles(self) -> Mapping[str, Trouble]:
        return {**super().troubles, "pgbouncer restarts": self._bouncer_restart}

    def _bouncer_restart(self) -> None:
        self._bouncer.kill()
        time.sleep(1)
        self._bouncer.start()

    def confirm(self) -> str:
        with psycopg.connect(str(self.url), autocommit=True, prepare_threshold=None) as connection:
            pids = {connection.execute("SELECT pg_backend_pid()").fetchone() for _ in range(40)}
        ((count,),) = self.ask(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{USER}'")
        assert count <= self.POOL + 1, f"{count} connections of ours to PostgreSQL"
        took = f"40 transactions of one client took {len(pids)} of them"
        return f"{count} connections to PostgreSQL for everybody; {took}"


class Secured(Server):
    """One PostgreSQL that takes our user by TLS only, with a password; its certificate is verified."""

    def prepare(self) -> None:
        cert, key = certificate(self.server.folder)
        self.server.give(key)
        self._cert = cert
        self.server.settings |= {"ssl": "on", "ssl_cert_file": str(cert), "ssl_key_file": str(key)}

    def start(self) -> None:
        super().start()
        rules = ("host all holdfast 127.0.0.1/32 trust", "hostssl all all 127.0.0.1/32 scram-sha-256", "")
        (self.server.folder / "cluster" / "pg_hba.conf").write_text("\n".join(rules))
        self.server.execute("SELECT pg_reload_conf()")
        place = f"{USER}:s%40fe@127.0.0.1:{self.server.port}/{NAME}"
        self.url = self.direct = f"postgres://{place}?sslmode=verify-full&sslrootcert={self._cert}"

    def confirm(self) -> str:
        found = self.ask(
            "SELECT s.ssl, s.version FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) "
            f"WHERE a.usename = '{USER}'"
        )
        assert found and all(ssl for ssl, _ in found), found
        return (
            f"{len(found)} connections to PostgreSQL, all by {', '.join({version for _, version in found})}"
        )


class Socket(Server):
    """One PostgreSQL at a unix socket."""

    def prepare(self) -> None:
        self.server.settings |= {"unix_socket_directories": str(self.server.folder)}

    def start(self) -> None:
        super().start()
        self.server.folder.chmod(0o755)
        self.url = self.direct = f"postgres://{USER}@:{self.server.port}/{NAME}?host={self.server.folder}"

    def confirm(self) -> str:
        found = self.ask(f"SELECT client_addr FROM pg_stat_activity WHERE usename = '{USER}'")
        assert found and all(address is None for (address,) in found), found
        return f"{len(found)} connections to PostgreSQL, all by its socket"


class Pair(Server):
    """A primary and its standby, both of which the address names; what is committed is on both."""

    standby: Postgres

    @property
    def said(self) -> list[str]:
        return [f"{self._program.said} with a synchronous standby"]

    def start(self) -> None:
        super().start()
        self._follow()
        places = f"127.0.0.1:{self.server.port},127.0.0.1:{self.standby.port}"
        self.url = f"postgres://{USER}@{places}/{NAME}"
        self.direct = f"{self.url}?target_session_attrs=read-write"

    def _follow(self, port: int | None = None) -> None:
        self.standby = Postgres(self._program.path, port=port, copies=self.server.port, **SERVER)
        self.standby.start()
        self._synchronous("'*'")
        asked = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_until(lambda: self.ask(asked) == [(1,)], 30, "the standby to have everything")

    def _synchronous(self, names: str) -> None:
        # Waits for no standby itself: it is no transaction.
        self.server.execute(f"ALTER SYSTEM SET synchronous_standby_names = {names}")
        self.server.execute("SELECT pg_reload_conf()")

    @property
    def troubles(self) -> Mapping[str, Trouble]:
        return {"the primary is killed and the standby promoted": self._fail_over}

    def _fail_over(self) -> None:
        """The former primary comes back as the standby of the other, made anew from it."""
        former = self.server
        former.stop()
        self.server = self.standby
        # It was copied with that setting, and has nobody that it could wait for.
        self._promote()
        time.sleep(3)
        self._follow(former.port)

    def _promote(self) -> None:
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")
            connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            connection.execute("SELECT pg_reload_conf()")

    def _end(self) -> None:
        if hasattr(self, "standby"):
            self.standby.stop()
        self.server.stop()
