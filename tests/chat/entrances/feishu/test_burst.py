"""A small run of burst.py; `make feishu-burst` runs the whole of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chat.entrances.feishu.burst import Plan, run

pytestmark = [pytest.mark.recovery, pytest.mark.slow, pytest.mark.usefixtures("demanding")]


@pytest.mark.exhaustive
def test_five_deliveries_of_each_event_to_two_servers_are_one_answer_in_order_within_limits(
    database_template: Path,
) -> None:
    report = run(Plan(calm=0, shuffled=6, chats=6, each=8, seed=2), database_template)
    print("\n".join(report.figures))
    assert report.violations == []
