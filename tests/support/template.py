"""A migrated database with Alice, Bob, Charlie and the default agent: made once in a session of tests, copied by all.

To migrate an empty database takes ten seconds of a core, and the tests need dozens that are filled. The first process
of a session that wants one makes it, and keeps it in a folder that all processes of the session know;
commands that run without pytest make their own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgres import find_binaries
from tests.support.processes import PEOPLE, clean_environment, django, password

#: The variable that names the folder of the session.
KEPT = "HOLDFAST_TEST_TEMPLATES"
#: What the template was before anybody was put into it, beside it.
MIGRATED = "migrated.sqlite3"
FILL = """
from django.core.management import call_command
from django.db import connection
call_command("migrate", interactive=False, verbosity=0)
if {migrated!r}:
    connection.cursor().execute("VACUUM INTO %s", [{migrated!r}])
from django.contrib.auth import get_user_model
from agents.models import ensure_default_agent
for name, word, staff in {people!r}:
    get_user_model().objects.create_user(name, password=word, is_staff=staff, is_superuser=staff)
ensure_default_agent(also=("notes",))
"""


def begin_session() -> bool:
    """Make the folder of a session, unless this process belongs to one already. Whether it did: `end_session` then."""
    if KEPT in os.environ:
        return False
    os.environ[KEPT] = tempfile.mkdtemp(prefix="holdfast-templates-")
    return True


def end_session() -> None:
    """Remove what the session has kept."""
    shutil.rmtree(os.environ.pop(KEPT), ignore_errors=True)


def fill(database: str, data: Path, binaries: Path | None = None) -> None:
    """Migrate the empty database at this address and put the people and the default agent into it. `binaries`: the
    programs of a PostgreSQL of another version than this machine's, which reads no dump of that one's."""
    if KEPT not in os.environ or database.startswith("sqlite"):
        _fill(database, data)
        return
    with _kept(f"postgres-{binaries.parent.name}.sql" if binaries else "postgres.sql") as dump:
        if dump.exists():
            _client(
                binaries, "psql", "--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-f", str(dump), database
            )
        else:
            _fill(database, data)
            _client(binaries, "pg_dump", "--no-owner", "--no-privileges", "-f", str(dump), database)


def make_sqlite(folder: Path) -> Path:
    """A filled SQLite file, complete in itself (nothing left in a -wal file): the session's, or a new one in `folder`.
    Copy it, never change it."""
    if KEPT not in os.environ:
        return _made(folder / "template.sqlite3")
    with _kept("template.sqlite3") as path:
        return path if path.exists() else _made(path)


def copy_migrated(path: Path) -> None:
    """A SQLite file with all tables and nobody in it, for the database of a test process: copied from the session's."""
    shutil.copy(make_sqlite(path.parent).with_name(MIGRATED), path)


def _made(path: Path) -> Path:
    with tempfile.TemporaryDirectory() as data:
        making = Path(data) / "template.sqlite3"
        _fill(f"sqlite:///{making}", Path(data), Path(data) / MIGRATED)
        assert not making.with_name("template.sqlite3-wal").exists()
        shutil.move(Path(data) / MIGRATED, path.with_name(MIGRATED))
        shutil.move(making, path)
    return path


def _fill(database: str, data: Path, migrated: Path | None = None) -> None:
    people = [(name, password(name), name == "charlie") for name in PEOPLE]
    env = clean_environment(DJANGO_SECRET_KEY="of-tests-" * 8, HOLDFAST_DATA=str(data), DATABASE_URL=database)
    done = django("shell", "-v", "0", "-c", FILL.format(people=people, migrated=str(migrated or "")), env=env)
    if done.returncode:
        raise RuntimeError(f"The database could not be filled:\n{done.stdout}{done.stderr}")


@contextmanager
def _kept(name: str) -> Iterator[Path]:
    """A file of the session; who asks for it meanwhile waits until it was made."""
    path = Path(os.environ[KEPT]) / name
    with path.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path


def _client(binaries: Path | None, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs, which Debian installs beside its server."""
    binaries = binaries or find_binaries()
    assert binaries is not None
    done = subprocess.run([binaries / program, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")
