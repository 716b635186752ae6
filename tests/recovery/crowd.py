"""A crowd of runs on two workers, of which one dies every few seconds: how soon each run goes on (rule R4).

`make crowd` (`python -m tests.recovery.crowd --runs 20 50 100 200`) prints, for each size, the time from a kill to
`run.started` of the same run, in leases; and what becomes of a crowd of which one run kills whoever performs it.
`never` counts the runs that were not started again before the end, ten leases after the last kill.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.recovery.chaos.model import Model
from tests.recovery.chaos.run import give_tools
from tests.support import template
from tests.support.postgres import Postgres
from tests.support.processes import Process, Stack, password
from tests.support.waiting import wait_until
from tests.support.wire import Wire, login

TOOLS = ("look", "boom")
#: What each run does: it looks at something for so many milliseconds, so often; far longer than anybody measures.
LOOK_MS, LOOKS = 8_000, 200
ENDS = ("run.finished", "run.failed", "run.stopped")
#: Conversations begun through one socket.
BATCH = 10
#: Leases after the last kill at which a run that is not back counts as lost for good.
REST = 10
#: Workers that die are started again at once; this is how often that is looked at (seconds).
POLL_S = 0.05


@dataclass(frozen=True)
class Crowd:
    """What to do."""

    runs: int
    seconds: float = 60
    every_s: float = 10
    lease_ms: int = 5_000
    postgres: bool = False
    #: Told to leave (SIGTERM) instead of killed.
    gently: bool = False


@dataclass
class Seen:
    """What came of it: milliseconds from each kill to running again, by run; and what never came back."""

    hits: int = 0
    hit: int = 0
    again: list[int] = field(default_factory=list)
    never: int = 0
    #: Runs that ended, by status and code: nobody here ends by itself.
    ended: list[tuple[str, str]] = field(default_factory=list)

    def line(self, crowd: Crowd) -> str:
        """For people."""
        leases = [ms / crowd.lease_ms for ms in self.again]
        return (
            f"{crowd.runs:>4} runs, {self.hits} hits, {self.hit} runs lost their worker: "
            f"p50 {share(leases, 0.5):.2f}, p99 {share(leases, 0.99):.2f} leases; never {self.never}; "
            f"ended {len(self.ended)} {sorted(set(self.ended))}"
        )


@dataclass
class Found:
    """What became of a crowd with a run that kills whoever performs it."""

    deaths: int
    status: str
    code: str
    seconds: float
    #: For each of the other runs: how often it lost its owner, and how often for longer than half a lease.
    interrupted: list[int]
    delayed: list[int]
    ended: int

    def line(self, crowd: Crowd) -> str:
        """For people."""
        most = math.log2(crowd.runs) + 2
        return (
            f"{crowd.runs:>4} runs with one that kills: {self.status} ({self.code}) after {self.deaths} deaths "
            f"(at most {most:.1f}) and {self.seconds:.1f} s; of the others {sum(n > 0 for n in self.interrupted)} "
            f"were interrupted, at most {max(self.interrupted, default=0)} times, and delayed at most "
            f"{max(self.delayed, default=0)} times by more than half a lease; {self.ended} ended"
        )


def share(values: list[float], part: float) -> float:
    """The value below which that part of them lies; NaN if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else math.nan


@contextmanager
def system(crowd: Crowd, folder: Path) -> Iterator[Stack]:
    """Two workers, one web server and a model that does as it is told."""
    with Model() as model:
        env = {
            "HOLDFAST_TOOL_MODULES": "tests.recovery.chaos.tools,tests.recovery.poison",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_MODEL": "chaos",
            "HOLDFAST_LEASE_MS": str(crowd.lease_ms),
            "HOLDFAST_RENEW_MS": str(crowd.lease_ms // 3),
            "HOLDFAST_SWEEP_MS": str(crowd.lease_ms // 3),
            "HOLDFAST_COMMANDS_PER_MINUTE": "60000",
            "HOLDFAST_WORKER_CONCURRENCY": str(max(64, crowd.runs)),
            # A hundred runs on one worker do not stop it from ending itself when it is stuck.
            "HOLDFAST_STUCK_MS": "60000",
        }
        if not crowd.postgres:
            with Stack(template=template.make_sqlite(folder), env=env) as stack:
                yield _up(stack)
            return
        with Postgres() as server:
            server.execute("CREATE DATABASE crowd")
            url = server.url("crowd")
            template.fill(url, folder)
            with Stack(database=url, env=env) as stack:
                yield _up(stack)


def _up(stack: Stack) -> Stack:
    give_tools(stack, *TOOLS)
    stack.sql("UPDATE agents_agent SET max_steps = 500, max_seconds = 86400")
    return stack.up(workers=2)


async def begin(stack: Stack, plans: list[str]) -> list[str]:
    """A conversation for each plan, all begun; their ids."""
    begun: list[str] = []
    cookies = login(stack.address, "alice", password("alice"))
    for start in range(0, len(plans), BATCH):
        # What runs stream is sent to whoever began them: a socket that has only a few to read.
        async with Wire(stack.address, cookies) as wire:
            for plan in plans[start : start + BATCH]:
                begun.append(await wire.begin())
                await wire.say(begun[-1], plan, seconds=30)
    return begun


def look(times: int = LOOKS) -> str:
    """The plan of a run that only looks."""
    return f"[look {LOOK_MS} 0] " * times + "say 1"


def events(stack: Stack) -> dict[str, list[Any]]:
    """What happened to runs, by conversation, in order."""
    told: dict[str, list[Any]] = defaultdict(list)
    rows = stack.sql("SELECT conversation_id, text FROM chat_event WHERE type LIKE ? ORDER BY id", "run.%")
    for conversation, text in rows:
        told[str(UUID(str(conversation)))].append(json.loads(text))
    return told


def running(stack: Stack) -> int:
    """How many runs somebody performs."""
    return int(stack.sql("SELECT count(*) FROM chat_run WHERE status = 'running'")[0][0])


def kills(crowd: Crowd) -> Seen:
    """Hit one of two workers every few seconds, in turn, and see how soon its runs go on."""
    with tempfile.TemporaryDirectory() as folder, system(crowd, Path(folder)) as stack:
        asyncio.run(begin(stack, [look()] * crowd.runs))
        wait_until(lambda: running(stack) == crowd.runs, 60, "all runs to be under way", every=0.2)
        hits: list[tuple[int, int]] = []
        began = time.monotonic()
        for number in range(int(crowd.seconds / crowd.every_s)):
            time.sleep(max(0.0, began + number * crowd.every_s - time.monotonic()))
            process = stack.process("worker2" if number % 2 else "worker")
            hits.append((_now(), process.pid))
            process.stop() if crowd.gently else process.kill()
            process.start()
        patience = REST * crowd.lease_ms / 1000
        try:
            wait_until(lambda: not judge(events(stack), hits).never, patience, "all to be back", every=0.5)
        except AssertionError:
            pass  # what is not back is counted
        told = events(stack)
        if os.environ.get("CROWD_LOGS"):
            print(stack.outputs())
        return judge(told, hits)


def judge(told: dict[str, list[Any]], hits: list[tuple[int, int]]) -> Seen:
    """What these hits, (milliseconds, process id), did to the runs."""
    seen = Seen(hits=len(hits))
    for one in told.values():
        for at, pid in hits:
            if (run := _owned(one, at, pid)) is None:
                continue
            seen.hit += 1
            again = next(
                (e["at"] for e in one if e["at"] >= at and (e["type"], e.get("run")) == ("run.started", run)),
                None,
            )
            if again is None:
                seen.never += 1
            else:
                seen.again.append(again - at)
        seen.ended += [(e["type"], e.get("code", "")) for e in one if e["type"] in ENDS]
    return seen


def _owned(told: list[Any], at: int, pid: int) -> str | None:
    """The run of this conversation that the process, or one of its children, performed at that moment."""
    owner: tuple[str, str] | None = None
    for event in told:
        if event["at"] > at:
            break
        if event["type"] == "run.started":
            owner = (event["run"], event["worker"])
        elif event["type"] in (*ENDS, "run.waiting", "run.recovering", "run.queued"):
            owner = None
    return owner[0] if owner is not None and f"-{pid}-" in owner[1] else None


def killer(crowd: Crowd) -> Found:
    """A crowd with one run that kills whoever performs it, and workers that are started again."""
    with tempfile.TemporaryDirectory() as folder, system(crowd, Path(folder)) as stack:
        plans = [look()] * (crowd.runs - 1)
        asyncio.run(begin(stack, plans))
        wait_until(lambda: running(stack) == crowd.runs - 1, 60, "all runs to be under way", every=0.2)
        began = time.monotonic()
        (bad,) = asyncio.run(begin(stack, ["[boom 1000 0] say 1"]))

        def over() -> bool:
            _revive([stack.process("worker"), stack.process("worker2")])
            return any(event["type"] in ENDS for event in events(stack)[bad])

        try:
            wait_until(over, 30 * crowd.lease_ms / 1000, "the killer to be found", every=POLL_S)
        except AssertionError:
            pass  # what it came to is told below
        took = time.monotonic() - began
        _revive([stack.process("worker"), stack.process("worker2")])
        try:
            wait_until(lambda: running(stack) >= crowd.runs - 1, 5 * crowd.lease_ms / 1000, "the others", 0.2)
        except AssertionError:
            pass
        if os.environ.get("CROWD_LOGS"):
            print(stack.outputs())
        told = events(stack)
    mine = told.pop(bad)
    end = next((event for event in mine if event["type"] in ENDS), {"type": "open"})
    losses = [e for e in mine if e["type"] == "run.recovering" and e["reason"] in ("lease_lost", "crashed")]
    others = list(told.values())
    return Found(
        deaths=len(losses),
        status=end["type"],
        code=end.get("code", ""),
        seconds=took,
        interrupted=[len(_pauses(one)) for one in others],
        delayed=[sum(ms > crowd.lease_ms / 2 for ms in _pauses(one)) for one in others],
        ended=sum(event["type"] in ENDS for one in others for event in one),
    )


def _pauses(told: list[Any]) -> list[int]:
    """How long a run was without an owner, each time: from its loss being seen to running again, and a lease more where
    it was the lease that told."""
    pauses: list[int] = []
    lost: int | None = None
    for event in told:
        if event["type"] == "run.recovering" and lost is None:
            lost = event["at"]
            pauses.append(10**9 if event["reason"] == "lease_lost" else 0)
        elif event["type"] == "run.started" and lost is not None:
            pauses[-1] += event["at"] - lost
            lost = None
    return pauses


def _revive(workers: list[Process]) -> None:
    for worker in workers:
        if not worker.alive:
            worker.start()


def _now() -> int:
    return time.time_ns() // 1_000_000


def main(arguments: list[str]) -> int:
    """Print what is seen; the exit status says whether the bars were kept (up to 100 runs)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[20, 50, 100, 200])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--lease", type=int, default=5_000, help="milliseconds")
    parser.add_argument("--every", type=float, default=10, help="seconds between two kills")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--term", action="store_true", help="tell workers to leave instead of killing them")
    parser.add_argument("--only", choices=("kills", "killer"))
    given = parser.parse_args(arguments)
    kept = True
    for runs in given.runs:
        crowd = Crowd(runs, given.seconds, given.every, given.lease, given.postgres, given.term)
        if given.only != "killer":
            seen = kills(crowd)
            print(seen.line(crowd), flush=True)
            kept = kept and (runs > 100 or keeps(seen, crowd))
        if given.only != "kills":
            found = killer(crowd)
            print(found.line(crowd), flush=True)
            kept = kept and (runs > 100 or finds(found, crowd))
    return 0 if kept else 1


def keeps(seen: Seen, crowd: Crowd, *, slack: float = 1.0) -> bool:
    """Whether the runs were back soon enough: p50 within 1.1 leases, p99 within 2, none never, none ended. `slack`: so
    many times as much, on a machine that has other things to do."""
    leases = [ms / crowd.lease_ms / slack for ms in seen.again]
    return (
        not seen.never
        and not seen.ended
        and share(leases, 0.5) <= 1.1
        and share(leases, 0.99) <= 2
        and bool(leases)
    )


def finds(found: Found, crowd: Crowd) -> bool:
    """Whether the killer was found soon enough, and nobody else was held up twice or ended."""
    return (
        found.code == "crashed_too_often"
        and found.deaths <= math.log2(crowd.runs) + 2
        and max(found.delayed, default=0) <= 1
        and not found.ended
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
