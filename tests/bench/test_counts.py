"""What a turn, a token and a reconnect ask of the stores has not grown: counted, compared with bench/counts.json."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.counts import differences
from tests.support.processes import ROOT, clean_environment


def test_counts_are_as_they_are_stored(database_template: Path) -> None:
    """`make bench-check`. A count that was meant to change is stored anew by `make bench-counts`."""
    argv = [sys.executable, "-m", "bench.counts", "--quick", "--template", str(database_template)]
    done = subprocess.run(
        argv, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_count_that_grows_or_shrinks_is_told() -> None:
    stored = {"turn": {"sql": 40.0, "trips": 20.0}}
    assert differences({"turn": {"sql": 40.0, "trips": 20.1}}, stored) == []
    assert "42, more than the stored 40" in differences({"turn": {"sql": 42.0, "trips": 20.0}}, stored)[0]
    assert "18, less than the stored 20" in differences({"turn": {"sql": 40.0, "trips": 18.0}}, stored)[0]


def test_a_count_that_is_new_or_gone_is_told() -> None:
    assert "Store it" in differences({"turn": {"sql": 1.0}}, {})[0]
    assert "Store it" in differences({}, {"turn": {"sql": 1.0}})[0]
