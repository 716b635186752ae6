"""A short chaos run as part of the tests; `make chaos` makes long ones (docs/guarantees.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recovery.chaos.__main__ import lines
from tests.recovery.chaos.run import Plan, run

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

#: In its first run this seed found a worker that was stopped past its lease and had its effect when it went on.
SEED = 1


def test_nothing_is_lost_and_nothing_happens_twice_in_20_seconds_of_chaos(database_template: Path) -> None:
    report = run(Plan(seed=SEED, seconds=20, conversations=6, rest_s=60), database_template)
    print("\n".join(lines(report)))
    assert report.violations == [], report.outputs[-6000:]
    assert report.faults and report.figures.counts["messages acknowledged"] > 0
