"""Arithmetic: what so many people ask for in the busiest hour, and which processes carry that.

`Use` is assumed, `Costs` are measured, a `Plan` follows from both. `simulated.py` holds plans against queues.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from bench.growth.costs import Costs

#: The share of a processor beyond which nothing is planned: queues grow fast from here on.
TARGET = 0.6
#: Runs that one worker performs at a time (HOLDFAST_WORKER_CONCURRENCY), and the share of them that is planned.
PLACES, PLACES_TARGET = 64, 0.8
#: Connections to PostgreSQL of one process (HOLDFAST_DATABASE_CONNECTIONS), and those that PostgreSQL has for us as it
#: comes (100 less 3).
CONNECTIONS, CONNECTIONS_THERE = 4, 97
#: Seconds over which a worker gathers text.
COALESCE_S = 0.04
#: The most cores that one PostgreSQL is planned with.
SQL_CORES = 32


@dataclass(frozen=True)
class Use:
    """What people do: assumed, and to be replaced by what your installation's metrics say."""

    turns_a_day: float = field(default=10, metadata={"what": "messages that one person sends on a day"})
    busiest_hour: float = field(
        default=0.15, metadata={"what": "share of a day's messages in its busiest hour"}
    )
    online: float = field(default=0.25, metadata={"what": "share of the day's people with a page open then"})
    back_every_s: float = field(
        default=600,
        metadata={"what": "seconds after which a socket comes back (sleep, lost links, new pages)"},
    )
    tokens: float = field(default=400, metadata={"what": "tokens of an answer"})
    tokens_a_second: float = field(default=50, metadata={"what": "of them in a second"})
    first_token_s: float = field(default=1, metadata={"what": "seconds until a model begins, twice a turn"})
    tool_s: float = field(default=1, metadata={"what": "seconds of the turn's one tool call"})
    conversations: float = field(
        default=3,
        metadata={"what": "conversations of one person that Redis holds (those of the last 24 hours)"},
    )
    round_trip_s: float = field(default=0.0005, metadata={"what": "seconds to a store and back"})
    commit_s: float = field(default=0.002, metadata={"what": "seconds until PostgreSQL's disk has a commit"})

    @property
    def turn_s(self) -> float:
        """Seconds of a turn in which nobody waits for us."""
        return 2 * self.first_token_s + self.tool_s + self.tokens / self.tokens_a_second


@dataclass(frozen=True)
class Load:
    """What comes in the busiest hour, a second."""

    users: float
    turns: float
    sockets: float
    reconnects: float
    runs: float
    tokens: float
    parts: float

    @classmethod
    def of(cls, users: float, use: Use) -> Load:
        """Of so many people a day."""
        turns = users * use.turns_a_day * use.busiest_hour / 3600
        sockets = users * use.online
        tokens = turns * use.tokens
        return cls(
            users=users,
            turns=turns,
            sockets=sockets,
            reconnects=sockets / use.back_every_s,
            runs=turns * use.turn_s,
            tokens=tokens,
            parts=tokens / (use.tokens_a_second * COALESCE_S),
        )


@dataclass(frozen=True)
class Cores:
    """What a load takes of each kind of part, in cores."""

    web: float
    worker: float
    redis: float
    sql: float


def by_what(load: Load, costs: Costs) -> dict[str, dict[str, float]]:
    """The law of utilisation, how often times how much each time: the cores of each kind, by what they are for."""
    ms = {
        "web": {
            "sockets that listen": load.sockets * costs.web_idle_ms,
            "text": load.tokens * costs.web_token_ms,
            "turns": load.turns * costs.web_turn_ms,
            "sockets that come back": load.reconnects * costs.web_reconnect_ms,
        },
        "worker": {
            "text": load.tokens * costs.worker_token_ms,
            "turns": load.turns * costs.worker_turn_ms,
        },
        "redis": {
            "sockets that listen": load.sockets * costs.redis_idle_ms,
            "text": load.parts * costs.redis_part_ms,
            "turns": load.turns * costs.redis_turn_ms,
            "sockets that come back": load.reconnects * costs.redis_reconnect_ms,
        },
        "sql": {
            "sockets that listen": load.sockets * costs.sql_idle_ms,
            "turns": load.turns * costs.sql_turn_ms,
            "sockets that come back": load.reconnects * costs.sql_reconnect_ms,
        },
    }
    return {kind: {what: each / 1000 for what, each in all_of_it.items()} for kind, all_of_it in ms.items()}


def cores(load: Load, costs: Costs) -> Cores:
    """All that each kind is for, together."""
    return Cores(**{kind: sum(some.values()) for kind, some in by_what(load, costs).items()})


@dataclass(frozen=True)
class Plan:
    """Processes for a load; of web servers and workers there is one more than is needed, as one may die."""

    load: Load
    cores: Cores
    web: int
    worker: int
    #: Why there are so many workers: "processor" or "places".
    worker_for: str
    redis: int
    sql_cores: int
    web_gib: float
    worker_gib: float
    redis_gib: float
    sql_gib_a_day: float
    wal_gib_a_day: float

    @property
    def connections(self) -> int:
        """To PostgreSQL, at most."""
        return (self.web + self.worker) * CONNECTIONS

    @property
    def sql(self) -> int:
        """PostgreSQL servers, if one has no more than SQL_CORES."""
        return math.ceil(self.sql_cores / SQL_CORES)


def plan(load: Load, costs: Costs, use: Use) -> Plan:
    """What carries it."""
    needed = cores(load, costs)
    busy, places = needed.worker / TARGET, load.runs / (PLACES * PLACES_TARGET)
    worker = math.ceil(max(busy, places)) + 1
    web = math.ceil(needed.web / TARGET) + 1
    turns_a_day = load.users * use.turns_a_day
    kib_of_redis = load.users * use.conversations * costs.redis_conversation_kib
    return Plan(
        load=load,
        cores=needed,
        web=web,
        worker=worker,
        worker_for="processor" if busy >= places else "places",
        redis=math.ceil(needed.redis / TARGET),
        sql_cores=max(2, math.ceil(needed.sql / TARGET)),
        web_gib=(load.sockets * costs.web_socket_kib / 1024 + web * costs.web_base_mib) / 1024,
        worker_gib=worker * costs.worker_base_mib / 1024,
        redis_gib=kib_of_redis / 1024**2,
        sql_gib_a_day=turns_a_day * (costs.sql_turn_kib + costs.search_turn_kib) / 1024**2,
        wal_gib_a_day=turns_a_day * costs.wal_turn_kib / 1024**2,
    )
