"""Nothing that people or strangers choose takes long: generated paths, patterns, templates and cron expressions, each
read as the admin reads it and then run on a payload or a text of 64 KiB, in a thread beside an event loop.

    python -m tests.chat.entrances.triggers.bounded --count 1000000 --seed 7

Time is the thread's own: what others do with the processor is not counted. A stall of the loop is the time that this
process computed between two ticks of it, while no more than one of them ended: between two of them the interpreter
changes hands, and a loop that had no turn then was not let onto a processor by the machine.
"""

import argparse
import asyncio
import gc
import os
import random
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import django

from chat.entrances.schedules import plan
from chat.entrances.triggers import matching, templating
from tests.chat.entrances.triggers import hostile

#: Milliseconds: of one of them, and of the loop.
MAX_MS = 50.0
MAX_STALL_MS = 100.0
#: A moment from which cron expressions are looked at (ms).
NOW = 1_796_000_000_000


@dataclass
class Outcome:
    """What a run came to. Times in ms. `slowest`: (time, kind, what was written, place of what it ran on)."""

    count: int = 0
    stall: float = 0.0
    slowest: dict[str, tuple[float, str, int]] = field(default_factory=dict)
    came_to: Counter[str] = field(default_factory=Counter)
    spent: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def worst(self) -> float:
        return max(found[0] for found in self.slowest.values())

    def lines(self) -> list[str]:
        """For people."""
        told = [f"{self.count:,} in all; the loop's longest stall {self.stall:.1f} ms"]
        for kind, (ms, text, on) in sorted(self.slowest.items()):
            mine = sorted(
                (key.partition(":")[2], n) for key, n in self.came_to.items() if key.startswith(kind)
            )
            states = ", ".join(f"{state} {n:,}" for state, n in mine)
            told.append(f"{kind:9} {states}; {self.spent[kind] / 1e3:.0f} s, the slowest {ms:.1f} ms")
            told.append(f"{'':9} {text[:90]!r} on {on}")
        return told


class Trial:
    """One run over a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.payloads = hostile.payloads(self.rng)
        self.texts = hostile.texts(self.rng)
        self.outcome = Outcome()
        gc.freeze()  # these documents are not garbage to be looked through, as a delivery's is not

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
            result.slowest[kind] = (ms, text, on)

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


async def run(count: int, seed: int, told: Any = None) -> Outcome:
    """Run `count` of them in a thread; `told(outcome)` is called now and then."""
    trial = Trial(seed)

    def work() -> None:
        for number in range(1, count + 1):
            trial.one()
            if told is not None and number % 50_000 == 0:
                told(trial.outcome)

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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    print(f"seed {given.seed}", flush=True)
    outcome = asyncio.run(run(given.count, given.seed, lambda so_far: print(so_far.lines()[0], flush=True)))
    print("\n".join(outcome.lines()))
    good = outcome.worst < MAX_MS and outcome.stall < MAX_STALL_MS
    print(f"none over {MAX_MS:.0f} ms" if good else "TOO SLOW")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
