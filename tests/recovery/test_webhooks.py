"""Fifty webhooks at once to two web servers whose clocks differ: a short form of `make webhooks`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recovery import webhooks

pytestmark = [pytest.mark.recovery, pytest.mark.slow]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "postgres",
    [pytest.param(False, id="sqlite", marks=pytest.mark.exhaustive), pytest.param(True, id="postgres")],
)
def test_fifty_at_once_are_each_one_firing_whatever_the_servers_clocks_say(
    postgres: bool, database_template: Path
) -> None:
    report = webhooks.run(1, postgres=postgres, database_template=database_template)
    print("\n".join(report.lines()))
    assert report.violations == []
    assert report.sent >= webhooks.DISTINCT + webhooks.REPEATED
