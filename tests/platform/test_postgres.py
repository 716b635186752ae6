"""Tests that touch the database pass on PostgreSQL as they do on SQLite: with `make test` those of raw statements and
of locks, with `make test-long` those of all our own SQL, and with `make test-postgres` every one."""

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


#: Where most of it is: the journal, its limits and its search, what several take from at once, and what is set aside.
#: In one part, because each part makes a database of its own.
RAW_SQL = (
    (
        "tests/chat/entrances/triggers/test_poison.py",
        "tests/chat/journal",
        "tests/chat/limits",
        "tests/chat/messenger/test_lanes.py",
        "tests/chat/runs/test_sweeper.py",
        "tests/chat/search",
        "tests/chat/test_inbox.py",
    ),
)
#: Whose SQL the two databases may take differently: raw statements, row locks, several writers, searches, migrations,
#: and what must not fail within a transaction.
OWN_SQL = (
    (
        "tests/agents/serving",
        "tests/agents/test_models.py",
        "tests/agents/tools/test_notes.py",
        "tests/chat/files/test_attachments.py",
        "tests/chat/inspection/test_finding.py",
        "tests/chat/inspection/test_pages.py",
        "tests/chat/inspection/test_set_aside.py",
        "tests/chat/inspection/test_timetravel.py",
        "tests/chat/journal",
        "tests/chat/limits",
        "tests/chat/runs/test_known_agents.py",
        "tests/chat/runs/test_many_waiting.py",
        "tests/chat/runs/test_sweeper.py",
        "tests/chat/runs/test_trials.py",
        "tests/chat/session/test_recovery.py",
        "tests/chat/support",
        "tests/chat/test_branches.py",
        "tests/chat/test_inbox.py",
        "tests/chat/test_installation.py",
        "tests/chat/test_later_release.py",
        "tests/chat/test_plans.py",
        "tests/chat/titles/test_service.py",
        "tests/chat/telemetry",
        "tests/chat/tokens",
    ),
    (
        "tests/chat/entrances/api/test_api.py",
        "tests/chat/entrances/feishu/test_store.py",
        "tests/chat/entrances/openai_api/test_answering.py",
        "tests/chat/entrances/schedules/test_api.py",
        "tests/chat/entrances/schedules/test_poison.py",
        "tests/chat/entrances/triggers/test_api.py",
        "tests/chat/entrances/triggers/test_poison.py",
        "tests/chat/entrances/triggers/test_polling.py",
        "tests/chat/entrances/triggers/test_watching.py",
        "tests/chat/entrances/web/test_api.py",
        "tests/chat/entrances/web/test_keeping.py",
        "tests/chat/messenger/test_lanes.py",
        "tests/chat/messenger/test_told.py",
        "tests/chat/portable",
        "tests/chat/replay",
        "tests/chat/retention/test_for_good.py",
        "tests/chat/search",
    ),
)
#: Packages whose SQL is run on both databases elsewhere, and by which tests.
ELSEWHERE = {
    "agents/tools/notes": "tests/agents/tools/test_notes.py",
    "chat/backup": "tests/platform/test_backup.py",
    "chat/telemetry/bundle": "tests/chat/management/test_support_bundle.py",
}
#: All that touches the database, with `make test-postgres`. In parts side by side, each with a database of its own:
#: they mostly wait.
EVERYTHING = (
    ("tests/chat/messenger", "tests/chat/entrances"),
    ("tests", "--ignore=tests/chat/messenger", "--ignore=tests/chat/entrances"),
)


def test_every_package_with_sql_of_its_own_is_among_them() -> None:
    own = re.compile(r"select_for_update|\.cursor\(|RawSQL|\.vendor\b|bulk_create|IntegrityError")
    paths = [path for name in ("agents", "chat") for path in (ROOT / name).rglob("*.py")]
    packages = {path.parent.relative_to(ROOT) for path in paths if own.search(path.read_text())}
    packages = {str(one) for one in packages if one.name != "migrations"}
    assert len(packages) > 8
    named = [one for part in OWN_SQL for one in part]
    assert set(RAW_SQL[0]) <= set(named)
    assert all((ROOT / name).exists() for name in (*named, *ELSEWHERE.values()))
    lost = [one for one in packages if not any(name.startswith(f"tests/{one}") for name in named)]
    assert sorted(set(lost) - set(ELSEWHERE)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "least"),
    [
        pytest.param(RAW_SQL, 120, id="raw SQL"),
        pytest.param(OWN_SQL, 300, id="own SQL", marks=pytest.mark.exhaustive),
        pytest.param(EVERYTHING, 1_000, id="everything", marks=pytest.mark.exhaustive),
    ],
)
def test_database_tests_pass_on_postgresql_too(
    parts: tuple[tuple[str, ...], ...], least: int, postgres: Postgres, tmp_path: Path
) -> None:
    """The suites run a second time in child processes of pytest, whose output is shown when they fail."""
    # Not dropped at the end (--reuse-db), because pools of other threads may still hold it: the cluster goes anyway.
    options = ["-q", "--reuse-db", "-m", "both_databases and not exhaustive", "-p", "no:cacheprovider"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    running: list[tuple[subprocess.Popen[bytes], Path]] = []
    for number, part in enumerate(parts):
        database = f"second_run_{len(parts[0])}_{number}"
        postgres.execute(f"CREATE DATABASE {database}")
        shown = tmp_path / f"part{number}"
        with shown.open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "pytest", *options, *part],
                cwd=ROOT,
                env=kept | {"HOLDFAST_TEST_DATABASE": postgres.url(database)},
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
    count = 0
    for child, shown in running:
        text = shown.read_text()
        assert child.returncode == 0, text[-8000:]
        passed = re.search(r"(\d+) passed", text)
        assert passed, text[-2000:]
        count += int(passed[1])
    assert count > least
