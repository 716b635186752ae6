"""An outage of each store as part of the tests, a few more in `make test-long`; `make outages` makes all of them for
ten minutes."""

from __future__ import annotations

import pytest

from tests.recovery.chaos.run import Plan
from tests.recovery.outages.run import run

pytestmark = [pytest.mark.recovery, pytest.mark.slow, pytest.mark.usefixtures("demanding")]

#: Decides about the order, how long each lasts, what people say, and when a worker is killed as well. With this one the
#: failover comes last, after which nobody waits until the Sentinels agree again.
SEED = 2
#: Redis and SQL, each through what stands before it.
TWO = ("orderly failover", "pgbouncer restarted")
#: One of each sort: a failover, Redis that only reads, our login refused, SQL through a pooler that dies, SQL full.
KINDS = (
    "orderly failover",
    "read-only window",
    "rotated password",
    "pgbouncer restarted",
    "out of connections",
)


@pytest.mark.parametrize("kinds", [TWO, pytest.param(KINDS, marks=pytest.mark.exhaustive)], ids=len)
def test_R10_no_outage_of_a_store_ends_a_run_loses_a_message_or_doubles_an_effect(
    kinds: tuple[str, ...],
) -> None:
    outages = run(Plan(seed=SEED, conversations=5, pace_ms=2_000, rest_s=60), kinds, once=True)
    print("\n".join(outages.lines()))
    report = outages.report
    assert report.violations == [], "\n".join([*report.violations, report.outputs])
    assert set(outages.counts) == set(kinds) and report.figures.counts["messages acknowledged"] > 0
