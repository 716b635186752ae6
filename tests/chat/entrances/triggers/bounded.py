"""Nothing that people or strangers choose takes long: generated paths, patterns, templates and cron expressions, each
read as the admin reads it and then run on a payload or a text of 64 KiB, in a thread beside an event loop.

    python -m tests.chat.entrances.triggers.bounded --count 1000000 --seed 7          (make bounded)

They come in batches, each from a seed of its own, which one process works off at a time; as many processes as there are
cores (`--jobs`). `--batch N` repeats one batch alone, as it was, and says what was slow in it.

Time is the thread's own: what others do with the processor is not counted. A stall of the loop is the time that this
process computed between two ticks of it, while no more than one of them ended: between two of them the interpreter
changes hands, and a loop that had no turn then was not let onto a processor by the machine.
"""

import argparse
import asyncio
import gc
import multiprocessing
import os
import random
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.conf import settings

from chat.entrances.schedules import plan
from chat.entrances.triggers import matching, templating
from tests.chat.entrances.triggers import hostile

#: Milliseconds: of one of them, and of the loop.
MAX_MS = 50.0
MAX_STALL_MS = 100.0
#: Of one batch: some seconds of work.
BATCH = 5_000
#: A moment from which cron expressions are looked at (ms).
NOW = 1_796_000_000_000


@dataclass
class Outcome:
    """What a run came to. Times in ms. `slowest`, by kind: (time, what was written, place of what it ran on, batch)."""

    count: int = 0
    stall: float = 0.0
    slowest: dict[str, tuple[float, str, int, int]] = field(default_factory=dict)
    came_to: Counter[str] = field(default_factory=Counter)
    spent: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def worst(self) -> float:
        return max(found[0] for found in self.slowest.values())

    @property
    def good(self) -> bool:
        return self.worst < MAX_MS and self.stall < MAX_STALL_MS

    def add(self, other: "Outcome") -> None:
        """What another process came to."""
        self.count += other.count
        self.stall = max(self.stall, other.stall)
        self.came_to.update(other.came_to)
        for kind, ms in other.spent.items():
            self.spent[kind] += ms
        for kind, found in other.slowest.items():
            self.slowest[kind] = max(found, self.slowest.get(kind, found))

    def lines(self) -> list[str]:
        """For people."""
        told = [f"{self.count:,} in all; the loop's longest stall {self.stall:.1f} ms"]
        for kind, (ms, text, on, batch) in sorted(self.slowest.items()):
            mine = sorted(
                (key.partition(":")[2], n) for key, n in self.came_to.items() if key.startswith(kind)
            )
            states = ", ".join(f"{state} {n:,}" for state, n in mine)
            told.append(f"{kind:9} {states}; {self.spent[kind] / 1e3:.0f} s, the slowest {ms:.1f} ms")
            told.append(f"{'':9} batch {batch}, {len(text)} characters, on {on}: {text[:300]!r}")
        return told


class Trial:
    """One batch of a seed."""

    def __init__(self, seed: int, batch: int = 0) -> None:
        self.rng = random.Random(f"{seed}:{batch}")
        self.batch = batch
        self.payloads, self.texts = _documents(seed)
        self.outcome = Outcome()

    def one(self) -> None:
        """Generate one, run it, and note what it took."""
        kinds = hostile.KINDS
        (kind,) = self.rng.choices(list(kinds), [weight for weight, _ in kinds.values()])
        text, on = kinds[kind][1](self.rng), self.rng.randrange(1_000)
        began = time.thread_time()
        came_to = getattr(self, f"_{kind}")(text, on)
        ms = (time.thread_time() - began) * 1e3
        result = self.outcome
        result.count += 1
        result.came_to[f"{kind}:{came_to}"] += 1
        result.spent[kind] += ms
        if ms > result.slowest.get(kind, (-1.0,))[0]:
            result.slowest[kind] = (ms, text, on, self.batch)

    def _path(self, text: str, on: int) -> str:
        payload = self.payloads[on % len(self.payloads)]
        try:
            matching.path_of(text)
        except matching.UnusablePattern:
            return "refused"
        try:
            return "found" if matching.matches("contains", "Q", matching.value_at(text, payload)) else "ran"
        except matching.UnusablePattern:
            return "ended"

    def _pattern(self, text: str, on: int) -> str:
        try:
            matching.pattern_of(text)
        except matching.UnusablePattern:
            return "refused"
        return "found" if matching.matches("regex", text, self.texts[on % len(self.texts)]) else "ran"

    def _template(self, text: str, on: int) -> str:
        refused = templating.unreadable(text) or len(templating.fields(text)) > templating.MAX_FIELDS
        templating.roots(text)
        filled = templating.fill(text, {"payload": self.payloads[on % len(self.payloads)]})
        assert len(filled) <= templating.MAX_TEXT
        return "refused" if refused else "ran"

    def _cron(self, text: str, on: int) -> str:
        zone = ("UTC", "Europe/Berlin", "Asia/Shanghai", "Australia/Lord_Howe")[on % 4]
        wanted = plan.Plan("cron", zone, text)
        if plan.problems(wanted, least=60_000, now=NOW):
            return "refused"
        plan.upcoming(wanted, NOW)
        return "ran"


@lru_cache(maxsize=2)
def _documents(seed: int) -> tuple[list[Any], list[str]]:
    rng = random.Random(seed)
    made = hostile.payloads(rng), hostile.texts(rng)
    gc.freeze()  # these documents are not garbage to be looked through, as a delivery's is not
    return made


async def run(count: int, seed: int, batch: int = 0) -> Outcome:
    """Run the first `count` of a batch in a thread."""
    trial = Trial(seed, batch)

    def work() -> None:
        for _ in range(count):
            trial.one()

    working = asyncio.create_task(asyncio.to_thread(work))
    wall, cpu, ended = time.perf_counter(), time.process_time(), 0
    while not working.done():
        await asyncio.sleep(0.002)
        wall_now, cpu_now = time.perf_counter(), time.process_time()
        if trial.outcome.count - ended <= 1:
            stall = min(wall_now - wall, cpu_now - cpu) * 1e3
            trial.outcome.stall = max(trial.outcome.stall, stall)
        wall, cpu, ended = wall_now, cpu_now, trial.outcome.count
    await working
    return trial.outcome


def in_process(count: int, seed: int, batch: int) -> Outcome:
    """A batch, in a process of its own."""
    if not settings.configured:
        settings.configure(USE_I18N=False)  # plans say what is wrong with them in words
    return asyncio.run(run(count, seed, batch))


def split(count: int, seed: int, jobs: int, told: Any = None) -> Outcome:
    """All batches of `count`, in so many processes; `told(outcome)` is called after each."""
    whole = Outcome()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        begun = [
            pool.submit(in_process, min(BATCH, count - first), seed, first // BATCH)
            for first in range(0, count, BATCH)
        ]
        for one in as_completed(begun):
            whole.add(one.result())
            if told is not None:
                told(whole)
    return whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--batch", type=int)
    given = parser.parse_args()
    began = last = time.monotonic()
    print(f"seed {given.seed}, {given.jobs} processes", flush=True)

    def told(so_far: Outcome) -> None:
        nonlocal last
        if time.monotonic() - last > 10:
            last = time.monotonic()
            rate = so_far.count / (last - began)
            print(f"{so_far.lines()[0]}; {rate:.0f} a second, the slowest {so_far.worst:.1f} ms", flush=True)

    if given.batch is not None:
        outcome = in_process(BATCH, given.seed, given.batch)
    else:
        outcome = split(given.count, given.seed, given.jobs, told)
    seconds = time.monotonic() - began
    print("\n".join(outcome.lines()))
    print(f"{seconds:.0f} s, {outcome.count / seconds:.0f} a second")
    print(f"none over {MAX_MS:.0f} ms" if outcome.good else "TOO SLOW")
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
