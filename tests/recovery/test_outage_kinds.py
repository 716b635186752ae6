"""An outage of a store as part of the tests, more of them in `make test-long`; `make outages` makes all of them for
ten minutes."""

from __future__ import annotations

import pytest

from tests.recovery.chaos.run import Plan
from tests.recovery.outages.run import run
from tests.support.more import more_of

pytestmark = [pytest.mark.recovery, pytest.mark.slow, pytest.mark.usefixtures("demanding")]

#: Decides about the order, how long each lasts, what people say, and when a worker is killed as well. With this one the
#: failover comes last, after which nobody waits until the Sentinels agree again.
SEED = 2
#: Redis, through the Sentinels before it.
ONE = ("orderly failover",)
#: One of each sort: a failover, Redis that only reads, our login refused, SQL through a pooler that dies, SQL full.
KINDS = (
    "orderly failover",
    "read-only window",
    "rotated password",
    "pgbouncer restarted",
    "out of connections",
)


@pytest.mark.parametrize("kinds", more_of(ONE, KINDS), ids=len)
def test_R10_no_outage_of_a_store_ends_a_run_loses_a_message_or_doubles_an_effect(
    kinds: tuple[str, ...],
) -> None:
    outages = run(Plan(seed=SEED, conversations=5, pace_ms=2_000, rest_s=60), kinds, once=True)
    print("\n".join(outages.lines()))
    report = outages.report
    assert report.violations == [], "\n".join([*report.violations, report.outputs])
    assert set(outages.counts) == set(kinds) and report.figures.counts["messages acknowledged"] > 0
