"""How long a run stands still when its worker dies, or is told to leave; beside the lease, which a crash waits for.

A worker that is full takes nothing over before one of its own runs has ended, and one that is saturated is late with
all it does. So the model writes slowly here, and each round begins with two idle workers.
"""

import json
import time
from typing import Any

from bench.place import Place, Row, median, percentile
from tests.support.processes import Process
from tests.support.waiting import wait_until
from tests.support.wire import Wire

LEASE_MS = 5_000
#: Runs begun at a time; a worker is hit when it owns at least as many.
BATCH = 10
ENV = {
    "HOLDFAST_LEASE_MS": str(LEASE_MS),
    "HOLDFAST_RENEW_MS": str(LEASE_MS // 3),
    "HOLDFAST_SWEEP_MS": str(LEASE_MS // 3),
}


async def measure(place: Place, rounds: int = 6) -> list[Row]:
    """Runs over two workers; in each round one of these is killed, or told to leave, and comes back later."""
    killed: list[float] = []
    shown: list[float] = []
    left: list[float] = []
    workers = [place.stack.start("worker", name, **ENV) for name in ("worker", "worker2")]
    for number in range(rounds):
        for leave in (False, True):
            hit = workers[number % 2]
            _wait_for_calm(place, workers)
            runs = await _begun(place, hit)
            since = _now()
            hit.stop() if leave else hit.kill()
            again, seen = _moments(place, runs, since)
            (left if leave else killed).extend(again)
            shown.extend([] if leave else seen)
            hit.start()
    return [
        _row("worker killed → shown as recovering", shown, LEASE_MS, ""),
        _row("worker killed → running again", killed, LEASE_MS, "≤ 1.3 / 2 leases"),
        _row("worker told to leave (SIGTERM) → running again", left, LEASE_MS, "≤ 1,000 ms"),
    ]


async def _begun(place: Place, hit: Process) -> set[str]:
    """New runs, all under way; those of them that `hit` owns. A worker that has just started owns few at first."""
    conversations: list[str] = []
    for _ in range(20):
        async with Wire(place.stack.address, place.cookies()) as wire:
            for _ in range(BATCH):
                conversations.append(await wire.begin())
                await wire.say(conversations[-1], "Write something long.")
        keys = [one.replace("-", "") for one in conversations]

        _wait_for(place, "run.started", keys)
        ended = {event["run"] for event in _events(place, "run.finished", keys)}
        begun = _events(place, "run.started", keys)
        mine = {event["run"] for event in begun if f"-{hit.pid}-" in event["worker"]} - ended
        if len(mine) >= BATCH:
            return mine
    raise RuntimeError("The worker that is to be hit takes no runs.")


def _wait_for_calm(place: Place, workers: list[Process]) -> None:
    """Until both workers are there and nothing runs: what is measured is taking over, and not waiting for a place among
    so many runs that there is none."""

    def calm() -> bool:
        active = place.stack.sql("select count(*) from chat_run where status not in ('finished', 'stopped')")
        return active == [(0,)] and all(f"-{one.pid}-" in one.output() for one in workers)

    wait_until(calm, 120, "two workers with nothing to do", every=0.2)


def _wait_for(place: Place, kind: str, conversations: list[str]) -> None:
    wait_until(
        lambda: len(_events(place, kind, conversations)) >= len(conversations),
        60,
        f"{kind} of all",
        every=0.1,
    )


def _moments(place: Place, runs: set[str], since: float) -> tuple[list[float], list[float]]:
    """Milliseconds from `since` until each run was started again, and until it was shown as recovering."""

    def after(kind: str) -> dict[str, float]:
        found = _events(place, kind, [])
        return {one["run"]: one["at"] - since for one in found if one["run"] in runs and one["at"] >= since}

    wait_until(lambda: len(after("run.started")) == len(runs), 60, "all runs to go on", every=0.2)
    return list(after("run.started").values()), list(after("run.recovering").values())


def _events(place: Place, kind: str, conversations: list[str]) -> list[dict[str, Any]]:
    some = "" if not conversations else f" and conversation_id in ({','.join('?' * len(conversations))})"
    rows = place.stack.sql(
        f"select text from chat_event where type = ?{some} order by id", kind, *conversations
    )
    return [json.loads(text) for (text,) in rows]


def _row(what: str, took: list[float], lease: int, aim: str) -> Row:
    middle, most = median(took), percentile(took, 0.99)
    return Row(
        f"{what} (median / p99 of {len(took)} runs)",
        f"{middle:,.0f} / {most:,.0f} ms",
        f"{lease:,} ms lease",
        f"{middle / lease:.2f} / {most / lease:.2f}",
        aim,
    )


def _now() -> float:
    return time.time_ns() / 1_000_000
