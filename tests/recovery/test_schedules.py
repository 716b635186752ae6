"""Every due time is one run, with workers that die all the time and a clock that runs over a change of summer time.

The whole proof (200 schedules, four clock changes) is `make schedules`; this is a small one of it.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.recovery.schedules.run import Plan, expected, run

pytestmark = [pytest.mark.recovery, pytest.mark.slow, pytest.mark.usefixtures("demanding")]


@pytest.mark.exhaustive
def test_every_due_time_is_one_run_however_often_workers_die(database_template: Path) -> None:
    plan = Plan(
        seed=3,
        schedules=20,
        stretches=("Berlin springs forward",),
        kill_s=1.5,
        step=timedelta(minutes=30),
        pace_s=0.5,
        rest_s=90,
    )
    report = run(plan, database_template)
    print("\n".join(report.lines()))
    assert report.violations == [], report.outputs[-6000:]
    # Each of these is a SIGKILL between two writes that belong together.
    assert set(report.killed_themselves) >= {"schedules.received", "schedules.fired", "inbox.applied"}
    assert report.runs == report.due == len(expected(plan)) > 40 and report.effects > 5
