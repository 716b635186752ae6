"""Every combination that `make engines` tries, and what cannot be had here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.engines import databases, fronts, stores
from tests.engines.scene import Parts
from tests.engines.shelves import Shelves


@dataclass(frozen=True)
class Combination:
    """`needs`: the settings without which it does not work. `parts` may raise NotHad."""

    name: str
    needs: str
    parts: Callable[[Shelves], Parts]


def _sqlite(on: Shelves) -> Parts:
    return Parts(databases.SQLite(), stores.Single(on.wheel()))


def _plain(debian: str, store: str) -> Callable[[Shelves], Parts]:
    return lambda on: Parts(
        databases.Server(on.program(debian, "postgresql")), stores.Single(on.program(debian, store))
    )


def _sentinel(debian: str, store: str) -> Callable[[Shelves], Parts]:
    return lambda on: Parts(
        databases.Server(on.program(debian, "postgresql")), stores.Sentinels(on.program(debian, store))
    )


def _bouncer(debian: str) -> Callable[[Shelves], Parts]:
    return lambda on: Parts(
        databases.Bounced(on.program(debian, "postgresql"), on.program(debian, "pgbouncer")),
        stores.Single(on.program(debian, "redis-server")),
    )


def _secured(debian: str, store: str) -> Callable[[Shelves], Parts]:
    return lambda on: Parts(
        databases.Secured(on.program(debian, "postgresql")), stores.Secured(on.program(debian, store))
    )


def _sockets(debian: str) -> Callable[[Shelves], Parts]:
    return lambda on: Parts(
        databases.Socket(on.program(debian, "postgresql")),
        stores.Socket(on.program(debian, "redis-server")),
    )


def _pair(debian: str) -> Callable[[Shelves], Parts]:
    return lambda on: Parts(
        databases.Pair(on.program(debian, "postgresql")), stores.Single(on.program(debian, "redis-server"))
    )


def _proxied(debian: str, kind: str) -> Callable[[Shelves], Parts]:
    return lambda on: Parts(
        databases.Server(on.program(debian, "postgresql")),
        stores.Single(on.program(debian, "redis-server")),
        fronts.Proxied(on.program(debian, kind), kind),
    )


TLS = "`DATABASE_URL=…?sslmode=verify-full&sslrootcert=…`, `REDIS_URL=rediss://user:…?ssl_ca_certs=…`"
SENTINEL = "`REDIS_URL=redis+sentinel://…`"
BELOW = "`HOLDFAST_PATH`, `DJANGO_BEHIND_PROXY=1`"

#: Of both Debians, whose servers are some years apart.
COMBINATIONS = (
    Combination("SQLite + Valkey", "none", _sqlite),
    Combination("PostgreSQL + Redis (older)", "none", _plain("12", "redis-server")),
    Combination("PostgreSQL + Redis", "none", _plain("13", "redis-server")),
    Combination("PostgreSQL + Valkey", "none", _plain("13", "valkey-server")),
    Combination("+ Redis Sentinel (older)", SENTINEL, _sentinel("12", "redis-server")),
    Combination("+ Redis Sentinel", SENTINEL, _sentinel("13", "redis-server")),
    Combination("+ Valkey Sentinel", SENTINEL, _sentinel("13", "valkey-server")),
    Combination("+ pgbouncer (older)", "none", _bouncer("12")),
    Combination("+ pgbouncer", "none", _bouncer("13")),
    Combination("+ TLS and ACL of Redis (older)", TLS, _secured("12", "redis-server")),
    Combination("+ TLS and ACL of Redis", TLS, _secured("13", "redis-server")),
    Combination("+ TLS and ACL of Valkey", TLS, _secured("13", "valkey-server")),
    Combination(
        "+ unix sockets",
        "`DATABASE_URL=postgres://user@/name?host=/folder`, `REDIS_URL=unix:///path?db=0`",
        _sockets("13"),
    ),
    Combination(
        "+ failover of PostgreSQL", "`DATABASE_URL=postgres://…@host:5432,host:5432/name`", _pair("13")
    ),
    Combination("+ a path behind nginx (older)", BELOW, _proxied("12", "nginx")),
    Combination("+ a path behind nginx", BELOW, _proxied("13", "nginx")),
    Combination("+ a path behind HAProxy (older)", BELOW, _proxied("12", "haproxy")),
    Combination("+ a path behind HAProxy", BELOW, _proxied("13", "haproxy")),
)

#: What nobody has tried with this command, and why.
NOT_HAD = {
    "managed services": "nothing outside of this machine is asked; the nearest are TLS with a password and failover",
    "Redis 7.2 and 7.4, Valkey 7.2 and 8.0, PostgreSQL 14, 16 and 18": "neither Debian 12 nor 13 has them",
    "Redis Cluster": "not supported: a node of a cluster is refused at the start",
}
