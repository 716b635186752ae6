"""Performs the trials of the lab that were asked for in the admin: a side task of the worker process.

Any number of workers look; one has a trial by a claim, renewed after each story. One that was lost is not begun again:
it costs money, and whoever asked is told.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from agents.dialects.base import Model
from agents.lab.trying import Progress, try_agent
from agents.serving.listing import CannotList, reachable
from agents.serving.resolve import with_defaults
from agents.serving.trials import ProviderTrial
from agents.spec import AgentSpec
from agents.tools.addresses import SystemResolver
from chat.runs.dependencies import model_of, with_endpoints
from chat.set_aside import OUTAGES
from chat.support.claims import Claim
from chat.support.clock import now_ms
from chat.support.database import Database
from chat.support.looking import keep_looking

log = logging.getLogger(__name__)

#: Seconds between two looks, and after a failure.
POLL_S = 2.0
ERROR_DELAY_S = 5.0
#: How long a trial is its worker's without a sign of life (ms): longer than any story takes.
CLAIM_MS = 200_000
CLAIM = Claim(holder="claimed_by")


async def perform_trials(
    database: Database, worker: str, model: Callable[[AgentSpec], Model] = model_of, poll_s: float = POLL_S
) -> None:
    """Look for trials and perform them, one at a time, until cancelled. Survives outages."""

    async def look() -> float:
        return 0 if await perform_one(database, worker, model) else poll_s

    await keep_looking(
        "Trials of providers", look, after_failure_s=ERROR_DELAY_S, away=OUTAGES, log=log, patient=True
    )


async def perform_one(
    database: Database, worker: str, model: Callable[[AgentSpec], Model] = model_of
) -> bool:
    """Take the oldest trial that nobody has, and perform it. False: there is none."""
    taken = await database.run(_take, worker, database.using)
    if taken is None:
        return False
    trial, spec = taken
    rows = ProviderTrial.objects.using(database.using).filter(pk=trial, claimed_by=worker)

    def keep(progress: Progress) -> bool:
        """Store how far it is; whether it may go on."""
        report = progress.report.data()
        rows.update(
            report=report, done=progress.done, total=progress.total, claimed_until=now_ms() + CLAIM_MS
        )
        return rows.filter(stopping=False).exists()

    told = ("over", "")
    try:
        await reachable(spec.base_url, SystemResolver())
        async for progress in try_agent(await with_endpoints(spec), model):
            if not await database.run(keep, progress):
                told = ("failed", "stopped")
                break
    except CannotList as problem:
        told = ("failed", str(problem))
    except asyncio.CancelledError:
        # The worker leaves: told now, because nobody else will begin it again.
        await asyncio.shield(database.run(_end, rows, "failed", "lost"))
        raise
    await database.run(_end, rows, *told)
    return True


def _take(worker: str, using: str) -> tuple[int, AgentSpec] | None:
    rows = ProviderTrial.objects.using(using)
    now = now_ms()
    rows.filter(state="running", claimed_until__lte=now).update(state="failed", error="lost", ended_at=now)
    for trial in rows.filter(state="waiting").select_related("agent__provider").order_by("pk")[:5]:
        mine = rows.filter(pk=trial.pk, state="waiting")
        if CLAIM.take(mine, now, now + CLAIM_MS, who=worker, state="running"):
            return trial.pk, with_defaults(trial.agent.spec())
    return None


def _end(rows: Any, state: str, error: str = "") -> None:
    rows.filter(state="running").update(state=state, error=error, ended_at=now_ms(), claimed_until=0)
