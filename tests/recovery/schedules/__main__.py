"""`python -m tests.recovery.schedules`: 200 schedules, three workers, one killed every few seconds, clock changes in
two zones; then every due time must have been one run. Status 1: violations.

make schedules SEED=7 DATABASE=postgres
"""

from __future__ import annotations

import argparse
import random
import signal
import sys

from tests.recovery.schedules.run import STRETCHES, Plan, run


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.recovery.schedules", description=__doc__)
    parser.add_argument("--schedules", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="decides who is killed where (random)")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--kill", type=float, default=4.0, help="seconds between two kills (4)")
    parser.add_argument("--pace", type=float, default=1.5, help="seconds for a quarter of an hour (1.5)")
    parser.add_argument(
        "--stretches", type=int, default=len(STRETCHES), help="how many clock changes (all four)"
    )
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if chosen.seed is None else chosen.seed
    print(f"seed {seed}, {chosen.database}", flush=True)
    # So that a run that is told to end takes its processes with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    plan = Plan(
        seed=seed,
        schedules=chosen.schedules,
        stretches=tuple(STRETCHES)[: chosen.stretches],
        postgres=chosen.database == "postgres",
        kill_s=chosen.kill,
        pace_s=chosen.pace,
    )
    report = run(plan)
    print("\n".join(report.lines()))
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
