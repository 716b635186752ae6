"""Whether the connections of all processes fit into what PostgreSQL gives: judged when a process starts.

Every process tells the server who it is and how many connections it may open, by the name under which the server shows
them: `holdfast max=4 3f2a-117`. So each process that starts can add up those that run, without a list of its own.
"""

from __future__ import annotations

import os
import re
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Any
from zlib import crc32

#: Seconds that the look at the server may take; a start is not held up by it.
TIMEOUT_S = 3

#: Parts of what the server, or a pooler, says when it has no connection left (53300).
FULL = ("too many clients", "too many connections", "remaining connection slots", "no more connections")

_LABEL = re.compile(r"holdfast max=(\d+) (\S+)")

_LIMITS = """
    SELECT current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true), '0')::int,
           (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),
           (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),
           pg_backend_pid()
"""
_NAMES = """
    SELECT coalesce(application_name, '') FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def label(connections: int) -> str:
    """The name of this process's connections. It survives an exec, and no other process on any machine has it."""
    return f"holdfast max={connections} {crc32(socket.gethostname().encode()):08x}-{os.getpid()}"


@dataclass(frozen=True, slots=True)
class Demand:
    """Connections that may be wanted at the same time: `ours` by `processes` of Holdfast, `others` are there now."""

    ours: int
    processes: int
    others: int


def demand(mine: str, names: Sequence[str]) -> Demand:
    """Add up what the processes behind `names` (one name per open connection) and this one, `mine`, may open."""
    most: dict[str, int] = {}
    seen: Counter[str] = Counter()
    if found := _LABEL.match(mine):
        most[found[2]] = int(found[1])
    others = 0
    for name in names:
        if found := _LABEL.match(name):
            most[found[2]] = int(found[1])
            seen[found[2]] += 1
        else:
            others += 1
    # A child process goes by its parent's name: there may be more of them than one process may open.
    return Demand(sum(max(each, seen[who]) for who, each in most.items()), len(most), others)


def verdict(wanted: Demand, room: int, each: int) -> str | None:
    """What to say aloud if `wanted` does not fit into `room`; None if it fits. `each`: what this process may open."""
    if wanted.ours + wanted.others <= room:
        return None
    return (
        f"PostgreSQL has room for {room} connections, and {wanted.processes} processes of Holdfast may open "
        f"{wanted.ours} while {wanted.others} others are open. Lower HOLDFAST_DATABASE_CONNECTIONS (now {each}), start "
        "fewer processes, or raise max_connections; until then who finds none waits."
    )


def look(options: Mapping[str, Any]) -> str | None:
    """Ask the server of these settings (an entry of DATABASES). What to say aloud, or None: it fits, it is not
    PostgreSQL, or nobody answered in time, which others will notice."""
    if not str(options["ENGINE"]).endswith("postgresql"):
        return None
    found: list[str | None] = []
    # In a thread, because a server that stands still is waited for without an end.
    asking = Thread(target=lambda: found.append(_ask(options)), daemon=True)
    asking.start()
    asking.join(TIMEOUT_S)
    return found[0] if found else None


def _ask(options: Mapping[str, Any]) -> str | None:
    import psycopg

    more = {name: value for name, value in options["OPTIONS"].items() if name != "pool"}
    address = {
        "dbname": options["NAME"],
        "user": options["USER"],
        "password": options["PASSWORD"],
        "host": options["HOST"],
        "port": options["PORT"],
    }
    given = {name: value for name, value in address.items() if value}
    each = options["OPTIONS"]["pool"]["max_size"]
    try:
        with psycopg.connect(**{**more, **given}, autocommit=True, prepare_threshold=None) as connection:
            found = connection.execute(_LIMITS).fetchone()
            assert found is not None
            limit, per_database, per_role, pid = found
            if pid != connection.info.backend_pid:
                return (
                    "A pooler such as pgbouncer stands before PostgreSQL: how many connections fit is a matter of its "
                    f"settings and not known here. This process may open {each}."
                )
            names = [name for (name,) in connection.execute(_NAMES)]
    except psycopg.OperationalError as problem:
        if not any(words in str(problem) for words in FULL):
            return None
        return (
            f"PostgreSQL has no connection left. Lower HOLDFAST_DATABASE_CONNECTIONS (now {each}), start fewer "
            "processes, or raise max_connections; until then everybody waits."
        )
    room = min(one for one in (limit, per_database, per_role) if one >= 0)
    return verdict(demand(str(more.get("application_name", "")), names), room, each)
