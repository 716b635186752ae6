"""The arrangements of servers that `make engines` tries. Each opens a whole Holdfast with two workers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from tests.engines.drill import FAST, WORKERS
from tests.engines.programs import PATH, Front, find, version
from tests.platform.test_redis_rights import listed
from tests.support import template, tls
from tests.support.pgbouncer import Pgbouncer
from tests.support.ports import claim_port
from tests.support.postgres import Postgres
from tests.support.processes import Stack
from tests.support.sentinel import Watched
from tests.support.valkey import Valkey


@dataclass
class House:
    """A Holdfast that runs, where it is reached, what it runs on, and what is done in the middle of each round."""

    stack: Stack
    address: str
    servers: str
    disturb: Callable[[], object] | None = None


def _up(stack: Stack) -> Stack:
    stack.start("demo")
    for label in WORKERS:
        stack.start("worker", label)
    stack.start("web")
    stack.wait("web", lambda: stack.status("/readyz") == 200, 60)
    return stack


def _redis(url: str, **how: object) -> str:
    with redis.Redis.from_url(url, **how) as client:  # type: ignore[arg-type]
        info = client.info("server")
    name = "Valkey" if info.get("server_name") == "valkey" else "Redis"
    return f"{name} {info.get('valkey_version') or info['redis_version']}"


def _postgres(url: str) -> str:
    with psycopg.connect(url) as connection:
        return f"PostgreSQL {connection.execute('show server_version').fetchone()[0].split()[0]}"


def _database(ending: ExitStack, **settings: str) -> Postgres:
    postgres = ending.enter_context(Postgres(**settings))
    postgres.execute("CREATE DATABASE holdfast")
    with tempfile.TemporaryDirectory(prefix="holdfast-engines-") as folder:
        template.fill(postgres.url("holdfast"), Path(folder))
    return postgres


def _serve_tls(postgres: Postgres, cert: Path, key: Path) -> None:
    """Have the server take TLS with this certificate."""
    owner = postgres.folder.stat()
    for source, setting in ((cert, "ssl_cert_file"), (key, "ssl_key_file")):
        target = postgres.folder / source.name
        target.write_bytes(source.read_bytes())
        os.chown(target, owner.st_uid, owner.st_gid)
        target.chmod(0o600)
        postgres.execute(f"ALTER SYSTEM SET {setting} = '{target}'")
    postgres.execute("ALTER SYSTEM SET ssl = on")
    postgres.execute("SELECT pg_reload_conf()")


def _file(ending: ExitStack) -> Path:
    folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-engines-"))
    return template.make_sqlite(Path(folder))


@contextmanager
def sqlite_valkey() -> Iterator[House]:
    """What `make run` starts."""
    with ExitStack() as ending:
        stack = ending.enter_context(Stack(template=_file(ending), env=FAST))
        yield House(_up(stack), stack.address, f"SQLite, {_redis(stack.valkey.url)}")


@contextmanager
def postgres_redis() -> Iterator[House]:
    with ExitStack() as ending:
        postgres = _database(ending)
        store = ending.enter_context(Valkey(aof=True, program=find("redis-server")))
        url = postgres.url("holdfast")
        stack = ending.enter_context(Stack(database=url, valkey=store, env=FAST))
        yield House(_up(stack), stack.address, f"{_postgres(url)}, {_redis(store.url)}")


@contextmanager
def sentinel() -> Iterator[House]:
    """Three Sentinels, a primary and a replica; each round the primary hands over."""
    with ExitStack() as ending:
        postgres = _database(ending)
        watched = ending.enter_context(Watched(aof=True))
        url = postgres.url("holdfast")
        stack = ending.enter_context(Stack(database=url, valkey=watched.valkeys[0], env=FAST))
        stack.env["REDIS_URL"] = watched.url
        said = f"{_postgres(url)}, three Sentinels over {_redis(watched.valkeys[0].url)}"
        yield House(_up(stack), stack.address, said, watched.fail_over)


@contextmanager
def pgbouncer() -> Iterator[House]:
    """Transaction mode, everybody behind it; each round it is killed and started again."""
    with ExitStack() as ending:
        postgres = _database(ending)
        bouncer = ending.enter_context(Pgbouncer(postgres.port, "holdfast", "holdfast"))

        def restart() -> None:
            bouncer.kill()
            bouncer.start()

        stack = ending.enter_context(Stack(database=bouncer.url, env=FAST))
        said = f"{_postgres(postgres.url('holdfast'))} behind pgbouncer {version('pgbouncer')}"
        yield House(_up(stack), stack.address, f"{said}, {_redis(stack.valkey.url)}", restart)


@contextmanager
def tls_and_acl() -> Iterator[House]:
    """TLS to PostgreSQL and to Redis, with our own authority; a user of Redis with the documented rights only."""
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-engines-")))
        cert, key = tls.certificate(folder)
        port = claim_port()
        options = ["--tls-port", str(port), "--tls-cert-file", str(cert), "--tls-key-file", str(key)]
        options += ["--tls-ca-cert-file", str(cert), "--tls-auth-clients", "no"]
        store = ending.enter_context(Valkey(aof=True, program=find("redis-server"), options=options))
        with store.client() as client:
            client.execute_command("ACL", "SETUSER", "app", "reset", "on", ">s@fe", *listed())
        postgres = _database(ending)
        _serve_tls(postgres, cert, key)
        url = f"{postgres.url('holdfast')}?sslmode=verify-full&sslrootcert={cert}"
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "select version from pg_stat_ssl where pid = pg_backend_pid()"
            ).fetchone()
        stack = ending.enter_context(Stack(database=url, valkey=store, env=FAST))
        stack.env["REDIS_URL"] = f"rediss://app:s%40fe@127.0.0.1:{port}/0?ssl_ca_certs={cert}"
        said = f"{_postgres(url)} ({row[0]}), {_redis(store.url)} (TLS, a user with the documented rights)"
        yield House(_up(stack), stack.address, said)


@contextmanager
def sockets() -> Iterator[House]:
    """Both stores by a path and not by a port."""
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-engines-")))
        folder.chmod(0o777)
        path = folder / "redis.sock"
        store = ending.enter_context(
            Valkey(aof=True, options=["--unixsocket", str(path), "--unixsocketperm", "700"])
        )
        postgres = _database(ending, unix_socket_directories=str(folder))
        url = f"postgres://holdfast@:{postgres.port}/holdfast?host={folder}"
        stack = ending.enter_context(Stack(database=url, valkey=store, env=FAST))
        stack.env["REDIS_URL"] = f"unix://{path}?db=0"
        said = f"{_postgres(url)} and {_redis(store.url)}, both by unix sockets"
        yield House(_up(stack), stack.address, said)


def below(name: str, *, strip: bool) -> Callable[[], object]:
    """Below a path, behind a real proxy that strips it or leaves it."""

    @contextmanager
    def opened() -> Iterator[House]:
        with ExitStack() as ending:
            stack = ending.enter_context(Stack(template=_file(ending), env=FAST | {"HOLDFAST_PATH": PATH}))
            _up(stack)
            front = ending.enter_context(Front(name, stack.web_port, strip=strip))
            how = "strips" if strip else "leaves"
            yield House(
                stack, front.address, f"SQLite, {_redis(stack.valkey.url)}; {version(name)} {how} the path"
            )

    return opened


ARRANGEMENTS: dict[str, Callable[[], object]] = {
    "SQLite and Valkey": sqlite_valkey,
    "PostgreSQL and Redis": postgres_redis,
    "Sentinels": sentinel,
    "pgbouncer": pgbouncer,
    "TLS and ACL": tls_and_acl,
    "unix sockets": sockets,
    "nginx, path left": below("nginx", strip=False),
    "nginx, path stripped": below("nginx", strip=True),
    "HAProxy, path left": below("haproxy", strip=False),
    "HAProxy, path stripped": below("haproxy", strip=True),
}
