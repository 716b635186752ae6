"""Random conversations with branches, many of them: what a session shows and what every branch's request holds.

    python -m tests.agents.branching_fuzz --histories 100000 [--seed 1] [--steps 60]

Each comes from a seed of its own, which is named when it fails. tests/agents/test_branches.py does forty of the same.
"""

from __future__ import annotations

import argparse
import time
from random import Random

from agents.dialects.requests import render, validate
from agents.history import Summary
from agents.profiles import all_profiles
from agents.transcript.room import ModelSettings
from tests.support.branching import Branching


def check(seed: int, steps: int) -> int:
    """Tell one conversation, and hold it to its witness (rules S4, T2, V1 to V19); how many branches it came to."""
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
    return len(story.lists)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    began, branches = time.monotonic(), 0
    for seed in range(options.seed, options.seed + options.histories):
        branches += check(seed, options.steps)
    took = time.monotonic() - began
    print(f"{options.histories} conversations, {branches} branches, seeds from {options.seed}: {took:.0f} s")


if __name__ == "__main__":
    main()
