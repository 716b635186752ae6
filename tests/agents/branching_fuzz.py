"""Random conversations with branches, many of them: what a session shows and what every branch's request holds.

    python -m tests.agents.branching_fuzz --histories 100000 [--seed 1] [--steps 60] [--processes 2]

Each comes from a seed of its own, which is named when it fails. tests/agents/test_branches.py does forty of the same.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from random import Random

from agents import branches as b
from agents import events as e
from agents.dialects.requests import render, validate
from agents.history import Summary
from agents.profiles import all_profiles
from agents.transcript.room import ModelSettings
from tests.support.branching import Branching

#: Histories that one process tells before it says how far it is.
PIECE = 250
#: What a search of this kind is for; a run of many in which one of them never happens has not looked.
WANTED = (
    "edits",
    "said anew",
    "retries",
    "switches",
    "switches during a call",
    "compactions",
    "compactions of a branch that is not shown",
    "calls that ended on a branch that is not shown",
)


def check(seed: int, steps: int) -> Counter[str]:
    """Tell one conversation, and hold it to its witness (rules S4, T2, V1 to V19); what happened in it, counted."""
    story = Branching(Random(seed))
    for number in range(steps):
        story.step()
        assert story.state == story.snapshot(), f"seed {seed}, step {number}, after {story.events[-1]}"
    for branch, have in story.lists.items():
        history = story.history(branch)
        ids = [item.id for item in history.items if not isinstance(item, Summary)]
        said = [id for id in have if not id.startswith("notice-")]
        compacted = len(ids) < len(history.items)
        assert set(ids) <= set(said) if compacted else ids == said, f"seed {seed}, branch {branch!r}"
        for name, profile in all_profiles().items():
            broken = validate(render(history, profile, ModelSettings("m")), profile)
            assert not broken, f"seed {seed}, branch {branch!r}, {name}: {broken}"
    return Counter(happened(story)) + Counter(branches=len(story.lists), events=len(story.events))


def happened(story: Branching) -> list[str]:
    """What is to be seen in its events, one word for each time."""
    shown, on, found, running, anew = b.MAIN, dict[str, str](), list[str](), set[str](), set[str]()
    for number, event in enumerate(story.events):
        match event:
            case e.BranchOpened():
                shown = event.branch
                after = story.events[number + 1 : number + 2]
                anew |= {event.branch} if after and isinstance(after[0], e.MessageAdded) else set()
                found.append("said anew" if event.branch in anew else "retries")
            case e.BranchChosen():
                shown = event.branch
                found += ["switches", *(["switches during a call"] if running else [])]
            case e.MessageEdited():
                found.append("edits")
            case e.RunQueued():
                on.setdefault(event.run, shown)
            case e.BranchContinued():
                on[event.run] = event.branch
            case e.StepFinished():
                on |= {event.step: on.get(event.run, shown)}
            case e.CallStarted():
                running.add(event.call)
            case e.CallSettled():
                running.discard(event.call)
                found += (
                    ["calls that ended on a branch that is not shown"] if on.get(event.step) != shown else []
                )
            case e.HistoryCompacted():
                found.append("compactions")
                found += ["compactions of a branch that is not shown"] if on.get(event.run) != shown else []
    return found


def piece(first: int, number: int, steps: int) -> Counter[str]:
    """So many histories, one after the other."""
    return sum((check(seed, steps) for seed in range(first, first + number)), Counter[str]())


def main() -> int:
    """Parse, tell, print; 1 when one of them does not hold, or when something wanted never happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.agents.branching_fuzz", description=__doc__)
    parser.add_argument("--histories", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    began, done, seen = time.monotonic(), 0, Counter[str]()
    end = options.seed + options.histories
    pieces = [(first, min(PIECE, end - first)) for first in range(options.seed, end, PIECE)]
    print(f"seeds {options.seed} to {end - 1}, {options.processes} processes", flush=True)
    with ProcessPoolExecutor(options.processes) as pool:
        told = pool.map(piece, *zip(*pieces, strict=True), [options.steps] * len(pieces))
        try:
            for (_, number), counted in zip(pieces, told, strict=True):
                done, seen = done + number, seen + counted
                if done % 5_000 < PIECE:
                    print(f"{done:,} histories, {time.monotonic() - began:.0f} s", flush=True)
        except AssertionError as failure:
            pool.shutdown(cancel_futures=True)
            print(f"After {done:,} that hold: {failure}", file=sys.stderr)
            return 1
    took = time.monotonic() - began
    print(f"{done:,} histories hold, {seen['branches']:,} branches, {seen['events']:,} events: {took:.0f} s")
    print(", ".join(f"{name}: {seen[name]:,}" for name in WANTED))
    missing = [name for name in WANTED if not seen[name]]
    if missing and done >= 1_000:
        print(f"Never happened: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing and done >= 1_000 else 0


if __name__ == "__main__":
    sys.exit(main())
