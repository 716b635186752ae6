"""What a turn, a part, a reconnect and an idle socket cost each store, and what they leave there, on PostgreSQL.

    python -m bench.kept        takes a minute; prints a line for each

`bench/costs.json` has these figures. One process is web and worker, as in `bench/counts.py`; PostgreSQL syncs as it
does by default. The processor's time is told for each store alone, because only one core can be had of the first.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model

from bench.place import TICKS
from tests.support import template
from tests.support.postgres import Postgres
from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from bench.counted import Work

WARM_UP = 3
TURNS, STREAMS, PARTS, SOCKETS, CONVERSATIONS = 150, 20, 100, 500, 50
MESSAGES = 40
IDLE_S = 20
#: What PostgreSQL does where nobody says otherwise; the servers of tests leave it out.
SAFE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "128MB"}


@dataclass(frozen=True)
class Spent:
    """Milliseconds of the processor, and bytes: since the beginning, or for one of something."""

    process: float
    redis: float
    sql: float
    redis_bytes: float
    sql_bytes: float
    wal_bytes: float

    def less(self, before: Spent, number: int) -> Spent:
        """What has come since then, for each of so many."""
        return Spent(
            *((getattr(self, one.name) - getattr(before, one.name)) / number for one in fields(self))
        )


class Stores:
    """Both stores, and what they have spent."""

    def __init__(self, postgres: Postgres, valkey: Valkey, database: str) -> None:
        self._postgres, self._database = postgres, database
        self._redis = valkey.client()

    def spent(self) -> Spent:
        """So far, this process among it."""
        assert self._postgres.process is not None
        with psycopg.connect(self._postgres.url(self._database)) as connection:
            row = connection.execute(
                "select pg_database_size(current_database()), pg_current_wal_lsn() - '0/0'::pg_lsn"
            ).fetchone()
        assert row is not None
        told: Any = self._redis.info()
        redis = (told["used_cpu_sys"] + told["used_cpu_user"]) * 1000
        sql = _of_family(self._postgres.process.pid)
        return Spent(
            time.process_time() * 1000, redis, sql, float(told["used_memory"]), float(row[0]), float(row[1])
        )


def _of_family(pid: int) -> float:
    """Milliseconds of the processor that a server of processes, each of one thread, and its children have had."""
    total = 0.0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                told = (folder / "stat").read_text().rpartition(")")[2].split()
                if pid in (int(folder.name), int(told[1])):
                    total += int((folder / "schedstat").read_text().split()[0]) / 1e6
                if pid == int(folder.name):  # of children that have ended
                    total += (int(told[13]) + int(told[14])) * 1000 / TICKS
            except OSError:
                continue  # it has just ended
    return total


def main() -> int:
    """Measure and print."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        valkey = stack.enter_context(Valkey(aof=True, fsync="everysec"))
        postgres = stack.enter_context(Postgres(**SAFE))
        postgres.execute("CREATE DATABASE kept")
        template.fill(postgres.url("kept"), folder)
        _set_up(folder, postgres.url("kept"), valkey.url)
        found = asyncio.run(_measure(Stores(postgres, valkey, "kept")))
    print(
        "| one | CPU of web + worker | of Redis | of PostgreSQL | bytes in Redis | in PostgreSQL | of WAL |"
    )
    print("|---|---|---|---|---|---|---|")
    for what, spent in found.items():
        times = " | ".join(f"{getattr(spent, name):.3f} ms" for name in ("process", "redis", "sql"))
        sizes = f"{spent.redis_bytes:,.0f} | {spent.sql_bytes:,.0f} | {spent.wal_bytes:,.0f}"
        print(f"| {what} | {times} | {sizes} |")
    return 0


def _set_up(folder: Path, database: str, redis: str) -> None:
    os.environ.update(
        DJANGO_SECRET_KEY="only-for-measuring-" + "x" * 50,
        DJANGO_INSECURE_HTTP="1",
        HOLDFAST_DATA=str(folder),
        DATABASE_URL=database,
        REDIS_URL=redis,
        OPENAI_API_KEY="measured",
        OPENAI_MODEL="measured",
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    import django

    django.setup()


async def _measure(stores: Stores) -> dict[str, Spent]:
    # Once Django is set up.
    from bench.counted import reconnects, turns

    found: dict[str, Spent] = {}

    async def spend(what: str, number: int, work: Callable[[int], Awaitable[None]]) -> None:
        before = stores.spent()
        await work(number)
        found[what] = stores.spent().less(before, number)

    work = await turns(WARM_UP)
    await spend("turn with a tool call", TURNS, work.run)
    work = await _text()
    await spend(f"part of a text, {STREAMS} streams, read by one web process", PARTS * STREAMS, work.run)
    await work.settle()
    work = await reconnects(SOCKETS)
    await spend(f"reconnect, {SOCKETS} at once", SOCKETS, work.run)
    await spend("second of an idle socket", SOCKETS * IDLE_S, lambda _: asyncio.sleep(IDLE_S))
    await work.settle()
    await spend(f"conversation of {MESSAGES} messages", CONVERSATIONS, _conversations)
    return found


class _Nobody:
    """Reads a conversation as a socket does, and keeps nothing."""

    def on_batch(self, batch: Any) -> None:
        """What has come."""

    def on_lost(self, reason: str) -> None:
        """It cannot be continued."""
        raise AssertionError(reason)


async def _text() -> Work:
    """Parts at their usual pace, of runs that one worker has and one web process shows."""
    from bench.counted import Work
    from bench.pieces import COALESCE, begin_streaming
    from chat.runtime import current

    runtime = current()
    user = await sync_to_async(get_user_model().objects.get)(username="alice")
    conversations = [str(uuid4()) for _ in range(STREAMS)]
    reader = _Nobody()
    for conversation in conversations:
        await begin_streaming(runtime.sessions, user.pk, conversation)
        await runtime.feed.open(conversation, reader)

    async def write(number: int) -> None:
        begin, text = time.monotonic(), "two or three words "
        for part in range(number // STREAMS):
            await asyncio.sleep(max(0.0, begin + part * COALESCE - time.monotonic()))
            parts = (
                runtime.sessions.part(one, 0, f"{one}.1", part * len(text), text) for one in conversations
            )
            await asyncio.gather(*parts)

    async def leave() -> None:
        for conversation in conversations:
            runtime.feed.unwatch(conversation, reader)

    return Work(write, leave)


async def _conversations(number: int) -> None:
    from bench.histories import write_history

    user = await sync_to_async(get_user_model().objects.get)(username="alice")
    for _ in range(number):
        await write_history(user.pk, MESSAGES)


if __name__ == "__main__":
    sys.exit(main())
