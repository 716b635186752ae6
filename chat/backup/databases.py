"""Copies of a database, and back: each engine by its own means.

    SQLite       its online backup, in one step: a snapshot, beside whoever writes
    PostgreSQL   pg_dump (one snapshot, beside whoever writes) and pg_restore (one transaction), not older than the
                 server

A password goes to these programs by a file that only we may read, never by their command line.
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.recorder import MigrationRecorder

from chat.backup.manifest import BackupError

#: How the copy is called in the folder.
COPIES = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
#: Options of a connection that libpq knows and Django's pool does not.
LIBPQ = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "target_session_attrs")


def engine() -> str:
    """`sqlite` or `postgresql`."""
    return connections[DEFAULT_DB_ALIAS].vendor


def dump(folder: Path) -> Path:
    """Copy the database as it is at one moment; the copy. Raises BackupError."""
    target = folder / COPIES[engine()]
    if engine() == "sqlite":
        target.touch(0o600)
        connection = connections[DEFAULT_DB_ALIAS]
        connection.ensure_connection()
        with closing(sqlite3.connect(target)) as copy:
            # In one step: a copy in several begins anew whenever somebody writes in between.
            connection.connection.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode=DELETE")
    else:
        with _address() as address:
            _run(
                "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file", target, "-d", address
            )
    _sync(target)
    return target


def load(copy: Path) -> None:
    """Put a copy in the place of an empty database, at once or not at all. Raises BackupError."""
    connections.close_all()
    if engine() == "sqlite":
        name = Path(str(connections[DEFAULT_DB_ALIAS].settings_dict["NAME"]))
        draft = name.with_name(f"{name.name}.restored")
        draft.touch(0o600)
        shutil.copyfile(copy, draft)
        _sync(draft)
        # What was written to the empty one, and is not in its file yet, must not be applied to the new one.
        for end in ("-wal", "-shm"):
            name.with_name(name.name + end).unlink(missing_ok=True)
        draft.replace(name)
        _sync(name.parent)
        return
    with _address() as address:
        _run(
            "pg_restore", "--clean", "--if-exists", "--no-owner", "--no-privileges", "--exit-on-error",
            "--single-transaction", "-d", address, copy,
        )  # fmt: skip


def occupied() -> str:
    """What is in the database, if it is not an empty one: made, migrated perhaps, and never used. Empty: nothing."""
    connection = connections[DEFAULT_DB_ALIAS]
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for table, what in (("chat_conversation", "conversations"), ("auth_user", "users")):
            if table in tables:
                cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(table)} LIMIT 1")
                if cursor.fetchone():
                    return what
    return "" if not tables or "django_migrations" in tables else "tables of something else"


def migrations() -> dict[str, str]:
    """The last migration of each app that was applied."""
    applied = MigrationRecorder(connections[DEFAULT_DB_ALIAS]).applied_migrations()
    found: dict[str, str] = {}
    for app, name in sorted(applied):
        found[app] = name
    return found


@contextmanager
def _address() -> Iterator[str]:
    """The database for libpq's programs."""
    known: dict[str, Any] = connections[DEFAULT_DB_ALIAS].settings_dict
    options = {key: value for key, value in known["OPTIONS"].items() if key in LIBPQ}
    parts = {
        "host": known["HOST"],
        "port": known["PORT"],
        "user": known["USER"],
        "dbname": known["NAME"],
        **options,
    }
    with tempfile.TemporaryDirectory(prefix="holdfast-backup-") as folder:
        if known["PASSWORD"]:
            file = Path(folder) / "password"
            file.touch(0o600)
            escaped = str(known["PASSWORD"]).replace("\\", "\\\\").replace(":", "\\:")
            file.write_text(f"*:*:*:*:{escaped}\n")
            parts["passfile"] = str(file)
        yield " ".join(f"{name}={_quoted(value)}" for name, value in parts.items() if value not in ("", None))


def _quoted(value: Any) -> str:
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def _run(program: str, *arguments: Any) -> None:
    found = shutil.which(program) or _installed(program)
    if found is None:
        raise BackupError(
            f"{program} was not found. Install PostgreSQL's client programs (Debian: postgresql-client), not older "
            "than the server; or take the copy with the server's own means (docs/backup.md)."
        )
    done = subprocess.run([found, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise BackupError(f"{program} failed: {done.stderr.strip()[-1000:]}")


def _installed(program: str) -> str | None:
    """Debian's newest, which it does not put into PATH for every version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return str(found[-1]) if found else None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
