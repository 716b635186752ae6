"""`python -m tests.recovery.chaos`: break a running Holdfast for a while, check what is left. Status 1: violations.

make chaos DURATION=600 CONVERSATIONS=50 SEED=7 DATABASE=postgres
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from pathlib import Path

from tests.recovery.chaos.run import Plan, Report, run

#: So many people that each waits this long for each of the others keep two cores busy, and not more: on a machine that
#: is full all the time, recovery times are the lengths of queues.
PACE_EACH_MS = 300


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.recovery.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long things break (60)")
    parser.add_argument("--conversations", type=int, default=10)
    parser.add_argument("--seed", type=int, default=None, help="decides about faults and people (random)")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--lease", type=int, default=2_000, help="lease in ms (2000)")
    parser.add_argument(
        "--pace",
        type=int,
        default=None,
        help="ms between two messages of a person (3000, with many people more)",
    )
    parser.add_argument(
        "--gap", type=float, default=2.5, help="at most so many seconds between two faults (2.5)"
    )
    parser.add_argument("--rest", type=float, default=60, help="seconds to come to rest afterwards (60)")
    parser.add_argument("--pages", type=int, default=2, help="real pages in Chromium that look on (2)")
    parser.add_argument("--only", default="", help="faults to use, by comma (all)")
    parser.add_argument("--keep", type=Path, default=None, help="folder for logs, database and ledger")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if chosen.seed is None else chosen.seed
    print(
        f"seed {seed}, {chosen.seconds:g} s, {chosen.conversations} conversations, {chosen.database}",
        flush=True,
    )
    plan = Plan(
        seed=seed,
        seconds=chosen.seconds,
        conversations=chosen.conversations,
        postgres=chosen.database == "postgres",
        lease_ms=chosen.lease,
        pace_ms=chosen.pace or max(3_000, PACE_EACH_MS * chosen.conversations),
        rest_s=chosen.rest,
        gap_s=(0.3, chosen.gap),
        only=tuple(name for name in chosen.only.split(",") if name),
        pages=chosen.pages,
        traces=True,
        keep=chosen.keep,
    )
    began = time.monotonic()
    # So that a run that is told to end takes its processes with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    report = run(plan)
    print("\n".join(lines(report)))
    print(f"{time.monotonic() - began:.0f} s in all")
    return 1 if report.violations else 0


def lines(report: Report) -> list[str]:
    """The report for people; the last line is the verdict."""
    shown = [*report.figures.rows(), *report.figures.in_leases(report.plan.lease_ms)]
    shown += [f"VIOLATION {line}" for line in report.violations[:50]]
    shown.append(f"seed {report.plan.seed}: {len(report.violations)} violations")
    return shown


if __name__ == "__main__":
    sys.exit(main())
