"""Every test that touches the database passes on PostgreSQL as it does on SQLite."""

from __future__ import annotations

import os
import re
import subprocess
import sys

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


@pytest.mark.slow
def test_database_tests_pass_on_postgresql_too(postgres: Postgres) -> None:
    """The suites run a second time in a child pytest, whose output is shown when it fails."""
    postgres.execute("CREATE DATABASE second_run")
    # Not dropped at the end (--reuse-db), because pools of other threads may still hold it: the cluster goes anyway.
    options = ["-q", "--reuse-db", "-m", "both_databases and not exhaustive", "-p", "no:cacheprovider"]
    # Two, because they mostly wait: one alone takes longer than all other tests together.
    options += ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "tests"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        | {"HOLDFAST_TEST_DATABASE": postgres.url("second_run")},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout[-2000:]
    assert int(passed[1]) > 100
