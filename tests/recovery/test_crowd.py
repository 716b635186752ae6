"""Twenty runs on two workers, one of which dies every six seconds; `make crowd` is the long form."""

from __future__ import annotations

import pytest

from tests.recovery.crowd import Crowd, keeps, kills

pytestmark = [pytest.mark.recovery, pytest.mark.slow, pytest.mark.usefixtures("demanding")]


@pytest.mark.exhaustive
def test_R4_a_crowd_is_back_within_two_leases_of_a_kill() -> None:
    crowd = Crowd(runs=20, seconds=12, every_s=6, lease_ms=3_000)
    seen = kills(crowd)
    print(seen.line(crowd))
    # Other tests share the machine: this bound tells runs that wait for places from runs that go on.
    assert keeps(seen, crowd, slack=3), seen.line(crowd)
