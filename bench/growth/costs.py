"""The measured costs, from `costs.json`: the one place from which the paper and the simulation take a figure.

Whoever measures one anew changes it there, with where it is from, and runs `python -m bench.growth --write`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

FILE = Path(__file__).with_name("costs.json")


@dataclass(frozen=True)
class Costs:
    """Milliseconds of one core, kibibytes, and numbers that the settings have. A turn has one tool call."""

    web_turn_ms: float
    web_token_ms: float
    web_reconnect_ms: float
    #: For each second of a socket that only listens.
    web_idle_ms: float
    web_socket_kib: float
    web_base_mib: float
    worker_turn_ms: float
    worker_token_ms: float
    worker_base_mib: float
    redis_turn_ms: float
    #: A part of a streaming text, written by a worker and read by one web process.
    redis_part_ms: float
    redis_reconnect_ms: float
    redis_idle_ms: float
    redis_conversation_kib: float
    sql_turn_ms: float
    sql_reconnect_ms: float
    sql_idle_ms: float
    sql_turn_kib: float
    search_turn_kib: float
    wal_turn_kib: float


@dataclass(frozen=True)
class Measured:
    """A figure as `costs.json` has it."""

    name: str
    value: float
    unit: str
    what: str
    source: str


def measured(file: Path = FILE) -> list[Measured]:
    """All figures, in the file's order."""
    return [Measured(name, **one) for name, one in json.loads(file.read_text(encoding="utf-8")).items()]


def costs(file: Path = FILE) -> Costs:
    """The figures by name. Raises ValueError when the file has others than those that are wanted."""
    found = {one.name: float(one.value) for one in measured(file)}
    wanted = {one.name for one in fields(Costs)}
    if set(found) != wanted:
        raise ValueError(f"{file.name}: missing or unknown: {', '.join(sorted(wanted ^ set(found)))}")
    return Costs(**found)
