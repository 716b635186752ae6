"""Ten seconds of chaos as part of the tests, a minute in `make test-long`; `make chaos` makes long runs
(docs/guarantees.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recovery.chaos.__main__ import lines
from tests.recovery.chaos.run import Plan, run
from tests.support.more import more_of

pytestmark = [pytest.mark.recovery, pytest.mark.slow, pytest.mark.usefixtures("demanding")]

#: In its first run this seed found a worker that was stopped past its lease and had its effect when it went on.
SEED = 1


@pytest.mark.parametrize("seconds", more_of(10, 60))
def test_nothing_is_lost_and_nothing_happens_twice(seconds: int, database_template: Path) -> None:
    """Few people at an easy pace, so that half a core is enough and other tests can run beside it."""
    plan = Plan(
        seed=SEED, seconds=seconds, conversations=4, pace_ms=4_000, gap_s=(0.5, 3.5), rest_s=90, traces=True
    )
    report = run(plan, database_template)
    print("\n".join(lines(report)))
    assert report.violations == [], "\n".join([*report.violations, report.outputs])
    assert report.faults and report.figures.counts["messages acknowledged"] > 0
    assert report.figures.counts["spans"] > 0
