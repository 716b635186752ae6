"""A backup is taken while people chat and runs go on, and restored into an empty installation, which goes on."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.support import template
from tests.support.postgres import Postgres, find_binaries
from tests.support.processes import ROOT, Stack
from tests.support.tab import Tab, log_in
from tests.support.valkey import Valkey
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

FAST = {"HOLDFAST_LEASE_MS": "3000", "HOLDFAST_RENEW_MS": "1000", "HOLDFAST_SWEEP_MS": "1000"}


@pytest.fixture(params=["sqlite", "postgres"])
def pair(
    request: pytest.FixtureRequest, database_template: Path, tmp_path: Path
) -> Iterator[tuple[Stack, Stack]]:
    """An installation, and an empty one of the same kind with a Redis of its own."""
    if request.param == "sqlite":
        with Stack(template=database_template, env=FAST) as one, Stack(env=FAST) as other:
            yield one, other
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    for name in ("backup_original", "backup_restored"):
        postgres.execute(f"DROP DATABASE IF EXISTS {name}")
        postgres.execute(f"CREATE DATABASE {name}")
    template.fill(postgres.url("backup_original"), tmp_path)
    with (
        Stack(database=postgres.url("backup_original"), env=FAST) as one,
        Stack(database=postgres.url("backup_restored"), env=FAST) as other,
    ):
        yield one, other


def key(stack: Stack, conversation: str) -> Any:
    return UUID(conversation).hex if stack.database.startswith("sqlite") else UUID(conversation)


def refused(stack: Stack, *argv: str) -> str:
    """What a command says that fails."""
    command = [sys.executable, "manage.py", *argv]
    done = subprocess.run(command, cwd=ROOT, env=stack.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    return done.stderr


class Talker:
    """Somebody who says one thing after the other, and remembers when each was acknowledged."""

    def __init__(self, tab: Tab) -> None:
        self.tab, self.conversations = tab, []  # type: ignore[var-annotated]
        self.acknowledged: list[tuple[float, str, str]] = []

    async def begin(self, count: int) -> None:
        self.conversations = [await self.tab.create() for _ in range(count)]
        for conversation in self.conversations:
            await self.says(conversation, "research tides for 6 seconds")

    async def says(self, conversation: str, text: str) -> None:
        text = f"{text} #{len(self.acknowledged)}"
        done = await self.tab.message(conversation, text)
        assert done["status"] == "applied", done
        self.acknowledged.append((time.monotonic(), conversation, text))

    async def goes_on(self) -> None:
        """Until cancelled."""
        while True:
            conversation = await self.tab.create()
            await self.says(conversation, "what is 6*7?")
            self.conversations.append(conversation)


def said(stack: Stack) -> set[str]:
    """Every message of the journal."""
    rows = stack.sql("SELECT text FROM chat_event WHERE type = 'message.added'")
    return {json.loads(text)["text"] for (text,) in rows}


@pytest.mark.exhaustive
async def test_nothing_acknowledged_before_it_is_missing_and_runs_go_on(
    pair: tuple[Stack, Stack], tmp_path: Path
) -> None:
    original, restored = pair
    original.up()
    folder = tmp_path / "backup"
    (original.data / "media" / "attachments" / "ab").mkdir(parents=True)
    (original.data / "media" / "attachments" / "ab" / "file").write_bytes(b"a file" * 1000)
    async with Tab(original, await log_in(original, "alice")) as tab:
        talker = Talker(tab)
        await talker.begin(4)
        talking = asyncio.create_task(talker.goes_on())
        await eventually(lambda: len(talker.acknowledged) > 8, 20, "somebody to have said a lot")
        began = time.monotonic()
        printed = await asyncio.to_thread(original.manage, "backup", str(folder))
        ended = time.monotonic()
        assert not talking.done(), "nobody had to stop"
        talking.cancel()
    assert f"{folder} is a backup" in printed
    during = [one for one in talker.acknowledged if began < one[0] < ended]
    assert during, "somebody spoke while it was taken"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["files"], manifest["missing"]) == (1, 0)
    # The original is gone, with its Redis.
    for process in original.processes.values():
        process.kill()
    printed = restored.manage("restore", str(folder))
    assert "WARNING" not in printed and "Restored" in printed
    before = {text for at, _, text in talker.acknowledged if at < began}
    there = said(restored)
    assert before <= there <= said(original)
    assert (restored.data / "media" / "attachments" / "ab" / "file").read_bytes() == b"a file" * 1000
    active = "SELECT COUNT(*) FROM chat_run WHERE status IN ('queued', 'running', 'recovering')"
    assert restored.sql(active)[0][0] >= 4, "runs were going on"
    restored.up()
    await eventually(lambda: restored.sql(active)[0][0] == 0, 60, "the runs to end")
    for conversation in talker.conversations[:4]:
        rows = restored.sql(
            "SELECT seq, type FROM chat_event WHERE conversation_id = ? ORDER BY seq",
            key(restored, conversation),
        )
        assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1))
        assert [kind for _, kind in rows].count("run.finished") == 1, rows
    async with Tab(restored, await log_in(restored, "alice")) as tab:
        state = await tab.open(talker.conversations[0])
        assert state["conversation"] == talker.conversations[0]
        assert (await tab.message(talker.conversations[0], "are you there?"))["status"] == "applied"


def test_of_several_servers_the_one_that_takes_writes_is_copied(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    postgres.execute("DROP DATABASE IF EXISTS backup_several")
    postgres.execute("CREATE DATABASE backup_several")
    template.fill(postgres.url("backup_several"), tmp_path)
    with Postgres(copies=postgres.port) as standby:
        standby.execute("SELECT pg_wal_replay_pause()")  # it never hears of what is written now
        places = f"127.0.0.1:{standby.port},127.0.0.1:{postgres.port}"
        with Stack(database=f"postgres://holdfast@{places}/backup_several", valkey=valkey) as several:
            with psycopg.connect(postgres.url("backup_several")) as connection:
                connection.execute("UPDATE agents_agent SET prompt = 'Said to the primary.'")
            several.manage("backup", str(tmp_path / "backup"))
    binaries = find_binaries()
    assert binaries is not None
    shown = ["--data-only", "-t", "agents_agent", "-f", "-", str(tmp_path / "backup" / "database.dump")]
    done = subprocess.run([str(binaries / "pg_restore"), *shown], capture_output=True, text=True)
    assert "Said to the primary." in done.stdout, done.stderr


@pytest.mark.exhaustive
def test_what_cannot_be_restored_is_refused_with_a_word(database_template: Path, tmp_path: Path) -> None:
    folder, other = tmp_path / "one", tmp_path / "two"
    with Stack(template=database_template) as used, Stack() as empty:
        used.manage("backup", str(folder))
        assert "is not empty" in refused(used, "backup", str(folder))
        assert "its database has users" in refused(used, "restore", str(folder))
        assert "is no backup" in refused(empty, "restore", str(other))
        manifest = json.loads((folder / "manifest.json").read_text())

        def broken(**changes: Any) -> str:
            shutil.copytree(folder, other)
            (other / "manifest.json").write_text(json.dumps(manifest | changes))
            said = refused(empty, "restore", str(other))
            shutil.rmtree(other)
            return said

        assert "has the format 9" in broken(format=9)
        assert "damaged" in broken(digest="0" * 64)
        assert "is of postgresql" in broken(engine="postgresql")
        later = manifest["migrations"] | {"chat": "9999_of_another_time"}
        assert "later release (chat.9999_of_another_time)" in broken(migrations=later)
        shutil.copytree(folder, other)
        (other / "manifest.json").unlink()
        assert "not finished" in refused(empty, "restore", str(other))
        assert empty.sql("SELECT COUNT(*) FROM sqlite_master") == [(0,)], "nothing was changed"
        # Another key: it is restored, and said.
        empty.env["DJANGO_SECRET_KEY"] = "another-one-" * 8
        assert "DJANGO_SECRET_KEY is not the one of the backup" in empty.manage("restore", str(folder))
        assert empty.sql("SELECT COUNT(*) FROM auth_user") == used.sql("SELECT COUNT(*) FROM auth_user")
        assert oct((folder / manifest["database"]).stat().st_mode)[-3:] == "600"


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_copy_beside_its_original_does_not_get_into_its_redis(
    database_template: Path, tmp_path: Path
) -> None:
    with Stack(template=database_template) as original, Stack() as copy:
        original.start("worker")
        original.manage("ready", "redis")
        original.manage("backup", str(tmp_path / "backup"))
        copy.manage("restore", str(tmp_path / "backup"))
        copy.env["REDIS_URL"] = original.env["REDIS_URL"]
        done = subprocess.run(
            [sys.executable, "-m", "scripts.processes", "worker"],
            cwd=ROOT, env=copy.env, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 1 and "of which this database is a copy" in done.stderr
        copy.env["HOLDFAST_REDIS_PREFIX"] = "copy"
        assert copy.manage("ready", "redis") == "ready\n"
