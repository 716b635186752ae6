"""`python -m tests.recovery.outages`: break the stores of a running Holdfast in every way, check what is left.

make outages DURATION=600 SEED=7
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from pathlib import Path

from tests.recovery.chaos.run import Plan
from tests.recovery.outages.kinds import KINDS
from tests.recovery.outages.run import run


def main() -> int:
    """Parse, run, print. Status 1: violations."""
    parser = argparse.ArgumentParser(prog="python -m tests.recovery.outages", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long things break (600)")
    parser.add_argument("--conversations", type=int, default=10)
    parser.add_argument("--seed", type=int, default=None, help="decides about outages and people (random)")
    parser.add_argument("--lease", type=int, default=2_000, help="lease in ms (2000)")
    parser.add_argument("--pace", type=int, default=3_000, help="ms between two messages of a person (3000)")
    parser.add_argument("--rest", type=float, default=90, help="seconds to come to rest afterwards (90)")
    parser.add_argument("--only", default="", help=f"kinds to use, by comma (all): {', '.join(KINDS)}")
    parser.add_argument("--keep", type=Path, default=None, help="folder for logs and ledger")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if chosen.seed is None else chosen.seed
    print(f"seed {seed}, {chosen.seconds:g} s, {chosen.conversations} conversations", flush=True)
    plan = Plan(
        seed=seed,
        seconds=chosen.seconds,
        conversations=chosen.conversations,
        lease_ms=chosen.lease,
        pace_ms=chosen.pace,
        rest_s=chosen.rest,
        keep=chosen.keep,
    )
    begun = time.monotonic()
    # So that a run that is told to end takes its processes with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    outages = run(plan, [name.strip() for name in chosen.only.split(",") if name.strip()] or tuple(KINDS))
    print("\n".join(outages.lines()))
    print(f"{time.monotonic() - begun:.0f} s in all")
    return 1 if outages.report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
