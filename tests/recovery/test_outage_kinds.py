"""A few outages of both stores as part of the tests; `make outages` makes all of them for ten minutes."""

from __future__ import annotations

import pytest

from tests.recovery.chaos.run import Plan
from tests.recovery.outages.run import run

pytestmark = [pytest.mark.recovery, pytest.mark.slow, pytest.mark.usefixtures("demanding")]

#: Decides about the order, how long each lasts, what people say, and when a worker is killed as well. With this one the
#: failover comes last, after which nobody waits until the Sentinels agree again.
SEED = 2
#: One of each sort: a failover, Redis that only reads, our login refused, SQL through a pooler that dies, SQL full.
KINDS = (
    "orderly failover",
    "read-only window",
    "rotated password",
    "pgbouncer restarted",
    "out of connections",
)


def test_R10_no_outage_of_a_store_ends_a_run_loses_a_message_or_doubles_an_effect() -> None:
    outages = run(Plan(seed=SEED, conversations=5, pace_ms=2_000, rest_s=60), KINDS, once=True)
    print("\n".join(outages.lines()))
    report = outages.report
    assert report.violations == [], "\n".join([*report.violations, report.outputs])
    assert set(outages.counts) == set(KINDS) and report.figures.counts["messages acknowledged"] > 0
