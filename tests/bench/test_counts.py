"""What a turn, a token and a reconnect ask of the stores has not grown: counted, compared with bench/counts.json."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.counts import STORED, differences
from tests.support.processes import ROOT, clean_environment


def counted(database_template: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "bench.counts", "--quick", "--template", str(database_template), *arguments]
    return subprocess.run(
        argv, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=120
    )


def test_counts_are_as_they_are_stored(database_template: Path) -> None:
    """`make bench-check`. A count that was meant to change is stored anew by `make bench-counts`."""
    done = counted(database_template)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.exhaustive
def test_the_check_fails_when_a_turn_asks_two_statements_more_and_passes_once_they_are_stored(
    database_template: Path, tmp_path: Path
) -> None:
    """It is all the same whether the code asks more than the file says, or the file says less than the code asks."""
    other = tmp_path / "counts.json"
    stored = json.loads(STORED.read_text())
    turn = "turn with a tool call"
    stored[turn]["sql"] -= 2
    other.write_text(json.dumps(stored))
    done = counted(database_template, "--stored", str(other))
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1 and f"{turn}, sql:" in line and "more than the stored" in line
    assert counted(database_template, "--stored", str(other), "--write").returncode == 0
    assert counted(database_template, "--stored", str(other)).returncode == 0


def test_make_bench_check_is_this_check_and_lets_its_status_through() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "bench-check"],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    (line,) = [line for line in done.stdout.splitlines() if "bench.counts" in line]
    assert line.split(" -m ")[1].strip() == "bench.counts", line


def test_a_count_that_grows_or_shrinks_is_told() -> None:
    stored = {"turn": {"sql": 40.0, "trips": 20.0}}
    assert differences({"turn": {"sql": 40.0, "trips": 20.1}}, stored) == []
    assert "42, more than the stored 40" in differences({"turn": {"sql": 42.0, "trips": 20.0}}, stored)[0]
    assert "18, less than the stored 20" in differences({"turn": {"sql": 40.0, "trips": 18.0}}, stored)[0]


def test_a_count_that_is_new_or_gone_is_told() -> None:
    assert "Store it" in differences({"turn": {"sql": 1.0}}, {})[0]
    assert "Store it" in differences({}, {"turn": {"sql": 1.0}})[0]
