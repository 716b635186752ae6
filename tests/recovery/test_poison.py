"""One conversation cannot take the workers of all others: it takes one of them down, then groups of suspects, and in
the end only itself.

`python -m tests.recovery.test_poison` proves it, in two minutes, for a tool that blocks its process for ever as
well, and that a run which is performed alone is handed over when its worker leaves or dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chat.runs.isolated.policy import MAX_ALONE
from tests.recovery.chaos.model import Model
from tests.recovery.chaos.run import give_tools
from tests.support import template
from tests.support.processes import Stack
from tests.support.waiting import eventually
from tests.support.wire import Wire, login

OTHERS = 3
TOOLS = ("look", "boom", "spin")

pytestmark = [pytest.mark.recovery, pytest.mark.slow]


class Supervised:
    """A stack whose workers are started again when they die, as a supervisor would."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.deaths = 0

    def look_after(self) -> None:
        for label in ("worker", "worker2"):
            if not self.stack.process(label).alive:
                self.deaths += 1
                self.stack.process(label).start()

    def runs(self) -> dict[str, Any]:
        """(status, code, detail, attempt) by conversation."""
        rows = self.stack.sql("SELECT conversation_id, status, code, detail, attempt FROM chat_run")
        return {str(UUID(row[0])): row[1:] for row in rows}

    def reasons(self, conversation: str) -> list[str]:
        rows = self.stack.sql(
            "SELECT text FROM chat_event WHERE type = 'run.recovering' AND conversation_id = ? ORDER BY seq",
            UUID(conversation).hex,
        )
        return [json.loads(text)["reason"] for (text,) in rows]


@contextlib.contextmanager
def system(database: Path, *, lease_ms: int, stuck_ms: int = 60_000, workers: int = 2) -> Iterator[Stack]:
    """A Holdfast with poisonous tools."""
    with Model() as model:
        env = {
            "HOLDFAST_TOOL_MODULES": "tests.recovery.chaos.tools,tests.recovery.poison",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_MODEL": "chaos",
            "HOLDFAST_LEASE_MS": str(lease_ms),
            "HOLDFAST_SWEEP_MS": "200",
            "HOLDFAST_STUCK_MS": str(stuck_ms),
        }
        with Stack(template=database, env=env) as stack:
            give_tools(stack, *TOOLS)
            stack.up(workers=workers)
            yield stack


async def prove(poison: str, database: Path, *, lease_ms: int, stuck_ms: int = 60_000) -> None:
    """Have a run call the tool `poison` beside ordinary ones, and look what becomes of all of them."""
    with system(database, lease_ms=lease_ms, stuck_ms=stuck_ms) as stack:
        await _prove(poison, Supervised(stack))


async def prove_leaving(database: Path) -> None:
    """A run is performed alone; its worker is told to leave, and the next one is killed. Neither is a loss."""
    with system(database, lease_ms=3_000, workers=1) as stack:
        supervised, worker = Supervised(stack), stack.process("worker")

        def owner() -> str:
            rows = stack.sql("SELECT worker FROM chat_run WHERE status = 'running'")
            return rows[0][0] if rows else ""

        async def owned(alone: bool) -> None:
            def there() -> bool:
                return f"-{worker.pid}-" in owner() and ("-isolated-" in owner()) is alone

            await eventually(there, 40, f"the run to be performed, alone: {alone}")

        async with Wire(stack.address, login(stack.address, "alice", "alice-password")) as wire:
            conversation = await wire.begin()
            await wire.say(conversation, "[look 25000 0] say 3")
            for alone in (False, True):
                await owned(alone)
                if not alone:
                    worker.kill()
                    worker.start()
            assert worker.stop() == 0, worker.output()
            reasons = ["lease_lost", "handed_over"]
            assert supervised.reasons(conversation) == reasons, supervised.reasons(conversation)
            worker.start()
            await owned(True)
            worker.kill()
            await eventually(
                lambda: supervised.reasons(conversation) == [*reasons, "handed_over"],
                10,
                "the process to notice that its worker is gone",
            )
            worker.start()
            await eventually(
                lambda: supervised.runs()[conversation][0] == "finished", 90, "the run to finish"
            )


async def _prove(poison: str, supervised: Supervised) -> None:
    stack = supervised.stack
    async with Wire(stack.address, login(stack.address, "alice", "alice-password")) as wire:
        others = [await wire.begin() for _ in range(OTHERS)]
        bad = await wire.begin()
        for conversation in others:
            await wire.say(conversation, "[look 1500 0] [look 1500 0] say 3")
        await wire.say(bad, f"[{poison} 100 0] say 3")
        # A socket whose frames nobody reads takes ten seconds to close.
        with contextlib.suppress(TimeoutError):
            for _ in range(100):
                await wire.receive(0.05)
    # Nobody looks on any more, and that changes nothing (W6).

    def over() -> Any:
        supervised.look_after()
        runs = supervised.runs()
        return len(runs) == OTHERS + 1 and all(run[0] in ("finished", "failed") for run in runs.values())

    try:
        await eventually(over, 120, "all runs to be over", every=0.1)
    except AssertionError as failure:
        raise AssertionError(f"{failure} {supervised.runs()}\n{stack.outputs()}") from None
    runs = supervised.runs()
    assert {conversation: runs[conversation][:2] for conversation in others} == dict.fromkeys(
        others, ("finished", "")
    )
    assert max(runs[conversation][3] for conversation in others) > 1, "nobody was beside it when it went off"
    status, code, detail, _ = runs[bad]
    assert (status, code) == ("failed", "crashed_too_often")
    assert f"{MAX_ALONE} of them while it did nothing but this" in detail
    # On a machine that is short of turns a lease may run out before the worker has said what it saw.
    reasons = supervised.reasons(bad)
    assert reasons[0] == "lease_lost"
    assert "crashed" in reasons and len(reasons) <= math.log2(OTHERS + 1) + 2
    assert supervised.deaths == 1, "only a worker that did not know yet"


@pytest.mark.exhaustive
async def test_a_run_that_takes_its_worker_down_each_time_takes_one_and_no_other_run(
    database_template: Path,
) -> None:
    await prove("boom", database_template, lease_ms=2_500)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made = template.make_sqlite(Path(folder))
        for kind in ("boom", "spin"):
            asyncio.run(prove(kind, made, lease_ms=5_000, stuck_ms=3_000))
            print(f"{kind}: one worker died, then only processes for suspects; no other run failed")
        asyncio.run(prove_leaving(made))
        print("a run performed alone was handed over by a worker that left, and by one that was killed")
