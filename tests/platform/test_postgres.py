"""Every test that touches the database passes on PostgreSQL as it does on SQLite."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import Postgres
from tests.support.processes import ROOT


def test_cluster_is_private_and_real(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url()) as connection:
        row = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('server_version_num')::int >= 140000, user"
        ).fetchone()
    assert row == ("127.0.0.1", True, "holdfast")
    assert os.stat(postgres.folder / "cluster").st_uid != 0


#: The second run in two halves side by side, each with a database of its own: they mostly wait.
HALVES = (
    ("tests/chat/messenger", "tests/chat/entrances"),
    ("tests", "--ignore=tests/chat/messenger", "--ignore=tests/chat/entrances"),
)


@pytest.mark.slow
def test_database_tests_pass_on_postgresql_too(postgres: Postgres, tmp_path: Path) -> None:
    """The suites run a second time in child processes of pytest, whose output is shown when they fail."""
    # Not dropped at the end (--reuse-db), because pools of other threads may still hold it: the cluster goes anyway.
    options = ["-q", "--reuse-db", "-m", "both_databases and not exhaustive", "-p", "no:cacheprovider"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    running: list[tuple[subprocess.Popen[bytes], Path]] = []
    for number, half in enumerate(HALVES):
        postgres.execute(f"CREATE DATABASE second_run_{number}")
        shown = tmp_path / f"half{number}"
        with shown.open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "pytest", *options, *half],
                cwd=ROOT,
                env=kept | {"HOLDFAST_TEST_DATABASE": postgres.url(f"second_run_{number}")},
                stdout=output,
                stderr=output,
            )
        running.append((child, shown))
    try:
        for child, _ in running:
            child.wait(1200)
    finally:
        for child, _ in running:
            child.kill()
    for child, shown in running:
        text = shown.read_text()
        assert child.returncode == 0, text[-8000:]
        passed = re.search(r"(\d+) passed", text)
        assert passed, text[-2000:]
        assert int(passed[1]) > 100
