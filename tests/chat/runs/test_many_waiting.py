"""Thousands of runs that wait for people, and runs that wait for a place: what a sweep costs does not grow with them,
and what happened behind them is found (R4, S7).

The long form is `python -m pytest -m "" tests/chat/runs/test_many_waiting.py`; with real processes, and the time until
a run goes on after a crash and an emptied Redis: tests/recovery/test_many_waiting.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.db.backends.signals import connection_created

from chat.journal.journal import Journal
from chat.models import Conversation, Run
from chat.session.sessions import Sessions, SessionView
from tests.chat.runs.test_sweeper import Yard
from tests.support.worlds import RedisWorld

FEW = 10


@dataclass
class Statements:
    """The SQL statements of every connection that is opened from now on."""

    seen: list[str] = field(default_factory=list)

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.seen.append(sql)
        return execute(sql, params, many, context)

    def begin(self, connection: Any, **_: Any) -> None:
        # The same object gets another connection of the pool each time.
        if self not in connection.execute_wrappers:
            connection.execute_wrappers.append(self)


@pytest.fixture
def statements() -> Iterator[Statements]:
    made = Statements()
    connection_created.connect(made.begin)
    yield made
    connection_created.disconnect(made.begin)


class Counting(Sessions):
    """Sessions that count how often one of them is loaded."""

    loads = 0

    async def load(self, conversation: str) -> SessionView:
        self.loads += 1
        return await super().load(conversation)


@dataclass(frozen=True)
class Cost:
    """What one sweep asked for."""

    statements: int
    commands: int
    loads: int


class Scale:
    """A yard over a real Valkey, with counters."""

    def __init__(self, world: RedisWorld, journal: Journal, user: int, statements: Statements) -> None:
        self.sessions = Counting(world.store, journal)
        self.yard = Yard(self.sessions, user)
        self._world = world
        self._statements = statements

    def _commands(self) -> int:
        """What the server was asked, each command of a script and of a pipeline for itself."""
        with self._world.server.client() as client:
            stats = client.info("commandstats")
        # Looking opens a connection, which greets the server.
        ours = ("cmdstat_info", "cmdstat_client|setinfo")
        return sum(one["calls"] for name, one in stats.items() if name not in ours)

    async def cost(self, sweeper: Any) -> Cost:
        """One sweep, and what it cost."""
        before = len(self._statements.seen), self._commands(), self.sessions.loads
        await sweeper.sweep()
        after = len(self._statements.seen), self._commands(), self.sessions.loads
        return Cost(*(b - a for a, b in zip(before, after, strict=True)))


@pytest.fixture
def scale(redis_world: RedisWorld, sqlite_journal: Journal, alice: Any, statements: Statements) -> Scale:
    return Scale(redis_world, sqlite_journal, alice.pk, statements)


def wait(user: int, count: int) -> None:
    """So many runs that wait for a person, older than all else. The sweeper sees of them what stands in these rows."""
    made = [
        Conversation(
            id=uuid.uuid4(), owner_id=user, agent="assistant", head_seq=5, created_at=1, updated_at=1
        )
        for _ in range(count)
    ]
    Conversation.objects.bulk_create(made, batch_size=500)
    Run.objects.bulk_create(
        [
            Run(
                conversation=place,
                run=f"run-{place.id}",
                seq=3,
                cause="m",
                status="waiting",
                reason="approval",
                attempt=1,
                queued_at=1,
                updated_at=1,
            )
            for place in made
        ],
        batch_size=500,
    )


MANY = [600, pytest.param(5_000, marks=pytest.mark.exhaustive)]


@pytest.mark.parametrize("many", MANY)
async def test_R4_a_sweep_costs_the_same_however_many_wait_for_people(scale: Scale, many: int) -> None:
    sweeper = scale.yard.sweeper()
    owned, _ = await scale.yard.begin("started")
    assert await scale.sessions.take(owned, "alive", 600_000)
    await sync_to_async(wait)(scale.yard.user_id, FEW)
    await sweeper.sweep()
    few = [await scale.cost(sweeper) for _ in range(3)]
    await sync_to_async(wait)(scale.yard.user_id, many - FEW)
    lot = [await scale.cost(sweeper) for _ in range(3)]
    assert few == lot
    assert few[0].statements == 1 and few[0].loads == 0 and few[0].commands < 10
    assert sweeper.pause_ms() <= 1.2 * 50, "sweeps come as often as before"


@pytest.mark.parametrize("many", MANY)
async def test_S7_a_crash_and_an_emptied_redis_behind_those_who_wait(
    scale: Scale, redis_world: RedisWorld, many: int
) -> None:
    await sync_to_async(wait)(scale.yard.user_id, many)
    sweeper = scale.yard.sweeper()
    conversation, run = await scale.yard.begin("started")
    assert await scale.sessions.take(conversation, "dies", 600_000)
    await sweeper.sweep()
    await redis_world.flush()
    assert await sweeper.sweep() == 0, "its owner gets time to renew its lease"
    scale.yard.clock.ms += 3_500
    assert await sweeper.sweep() == 1
    assert scale.yard.queued == [run]
    assert await scale.yard.status(conversation) == "recovering"


async def test_R1_runs_that_wait_for_a_place_are_looked_at_once_by_all_sweeps_together(
    scale: Scale,
) -> None:
    """72 of them, three workers, half a minute of sweeps: it was 873 loads."""
    runs = {(await scale.yard.begin())[1] for _ in range(72)}
    scale.sessions.loads = 0
    sweepers = [scale.yard.sweeper(f"w{number}") for number in range(3)]
    costs = []
    for _ in range(6):
        costs.append([await scale.cost(sweeper) for sweeper in sweepers])
        scale.yard.clock.ms += 5_000
    assert scale.sessions.loads == len(runs) == len(scale.yard.queued) and set(scale.yard.queued) == runs
    # Which of them have an owner, in one round trip, and nothing of each by itself.
    assert all(cost.commands < len(runs) + 10 for later in costs[2:] for cost in later), costs


def test_the_runs_are_found_by_their_index(db: None) -> None:
    """However many are over: they are not in it. SQLite is particular about how it is asked; PostgreSQL looks at how
    many rows there are, and here there are none."""
    from chat.journal.queries import active_rows

    if connection.vendor == "postgresql":
        return
    plan = active_rows().explain()
    assert "run_active" in plan, plan
