"""A database and a running Redis of the release before are carried over, with conversations in every state (`make
carry-over`): everything goes on under this release, and under the one before again."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.recovery.carry_over import before
from tests.recovery.carry_over.automatic import Webhook
from tests.recovery.carry_over.crowd import Crowd
from tests.recovery.carry_over.installation import Carried, plays
from tests.recovery.carry_over.people import FeishuAnswered
from tests.recovery.carry_over.states import Idle, State
from tests.recovery.carry_over.switch import AT_REST, MOVING, WAYS, Seen, back, start_before
from tests.recovery.chaos.model import Model
from tests.support.feishu_server import FeishuServer
from tests.support.processes import Stack

pytestmark = [pytest.mark.recovery, pytest.mark.slow, pytest.mark.exhaustive]

#: The release before, 0.1.0; `make carry-over FROM=<commit>` takes another.
FROM = os.environ.get("CARRY_OVER_FROM") or "c4c434f"
#: A dead owner is found soon, and due times may be seconds apart.
ENV = {
    "HOLDFAST_TOOL_MODULES": "tests.recovery.chaos.tools",
    "OPENAI_MODEL": "plan",
    "HOLDFAST_LEASE_MS": "3000",
    "HOLDFAST_RENEW_MS": "600",
    "HOLDFAST_SWEEP_MS": "400",
    "HOLDFAST_SCHEDULE_LEAST_S": "1",
    # No limit that matters; 0, which says so now, is refused by 0.1.0.
    "HOLDFAST_COMMANDS_PER_MINUTE": "1000000",
    # As an operator has it who may go back: 0.1.0 refuses what later releases would pass on.
    "HOLDFAST_COMPATIBILITY_VERSION": "0.1" if FROM == "c4c434f" else "",
}


@pytest.fixture(scope="module")
def release_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its code."""
    return before.tree(FROM, tmp_path_factory.mktemp("before"))


@pytest.fixture(params=["sqlite", "postgres"])
def house(request: Any, release_before: Path) -> Iterator[Carried]:
    """An installation that the release before has made, with none of its processes started."""
    database = None
    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres")
        name = f"carried_{time.time_ns()}"
        postgres.execute(f"CREATE DATABASE {name}")
        database = postgres.url(name)
    with Model(plays) as model, FeishuServer() as feishu:
        with Stack(database=database, env=ENV | {"OPENAI_BASE_URL": model.url}) as stack:
            before.install(stack, release_before, feishu.url)
            yield Carried(stack, model, feishu, release_before)


class Table:
    """What came of each state, with the seconds that it took."""

    def __init__(self, title: str) -> None:
        self.lines = [f"\n{title}"]
        self.failed: list[str] = []

    async def row(self, name: str, show: Callable[[], Awaitable[Any]]) -> None:
        """Show one thing. What fails is told at the end, beside everything else."""
        began, result = time.monotonic(), "goes on"
        try:
            result = await show() or result
        except Exception as problem:
            result = "FAILED"
            self.failed.append(f"{name}: {type(problem).__name__}: {problem}")
            self.lines.append(f"    {type(problem).__name__}: {str(problem)[:300]}")
        self.lines.append(f"{name:<48}{result:<10}{time.monotonic() - began:>6.1f} s")


@pytest.mark.parametrize("way", WAYS)
async def test_everything_goes_on_under_the_next_release(
    house: Carried, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    start_before(house)
    await house.people_log_in()
    states: list[State] = [kind(house) for kind in (*AT_REST, *MOVING)]

    async def meanwhile() -> None:
        for state in states:
            await state.meanwhile()

    seen = await WAYS[way](house, states, meanwhile)
    table = Table(f"{house.stack.database.split(':')[0]}, {way}, from {FROM}")
    table.lines.append(f"{'(the release before, and the switch)':<58}{time.monotonic() - began:>6.1f} s")
    await table.row("every conversation is read as before", lambda: seen.is_read_alike(house))
    for state in reversed(states):
        await table.row(state.name, state.goes_on)
    if way == "rolling":
        await go_back(house, states, table)
    await table.row("no migration is missing", lambda: no_migration_is_missing(house))
    table.lines.append(f"{'(all)':<58}{time.monotonic() - began:>6.1f} s")
    with capsys.disabled():
        print("\n".join(table.lines))
    assert not table.failed, "\n".join([*table.failed, house.stack.outputs()])
    assert house.model.refused == []
    assert not house.stack.sql("SELECT 1 FROM chat_feishudelivery WHERE state = 'dead'")


async def go_back(house: Carried, states: list[State], table: Table) -> None:
    """The release before on the migrated database: what this one has written is read, and what rests goes on."""
    for state in states:
        await state.before_back()
    seen = await Seen.of(house)
    await back(house)
    await table.row("back: every conversation is read as before", lambda: seen.is_read_alike(house))
    for state in states:
        if type(state) in (Idle, Webhook, FeishuAnswered, Crowd):
            await table.row(f"back: {state.name}", state.back)


async def no_migration_is_missing(house: Carried) -> None:
    house.stack.manage("makemigrations", "--check", "--dry-run")
