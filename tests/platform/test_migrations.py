"""The release before lives with our migrations: the linter finds what it could not live with, and `migrate` does not
make everybody wait behind it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState

from chat.support.migrations import AddIndexGently
from scripts.migration_lint import RELEASED, judge, problems
from tests.support.postgres import Postgres
from tests.support.processes import ROOT, clean_environment
from tests.support.waiting import wait_until


def test_all_of_ours_can_be_lived_with() -> None:
    loader = MigrationLoader(None)
    assert list(problems(loader)) == []
    assert all((label, name) in loader.graph.nodes for label, name in RELEASED.items())


def found(operation: Any, *, atomic: bool = True, made: set[str] = set()) -> list[str]:  # noqa: B006
    """What is said of one operation on a table `note` that the release before has."""
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("text", models.CharField(max_length=100, null=True)),
        ("number", models.IntegerField(db_default=0)),
    ]
    state.add_model(ModelState("chat", "Note", fields))
    migration = SimpleNamespace(app_label="chat", atomic=atomic)
    return [f"{name}: {why}" for name, why in judge(operation, migration, state, set(made))]


INDEX = models.Index(fields=["text"], name="note_text")
CHECK = models.CheckConstraint(condition=models.Q(number__gt=0), name="note_number")


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (
            migrations.AddField("note", "x", models.IntegerField(default=1)),
            "add note.x: the release before inserts",
        ),
        (migrations.RemoveField("note", "text"), "remove note.text: the release before still reads it"),
        (migrations.RenameField("note", "text", "words"), "the release before knows the old name"),
        (migrations.DeleteModel("Note"), "the release before still reads it"),
        (migrations.RenameModel("Note", "Memo"), "keep the table by db_table"),
        (migrations.AlterModelTable("note", "notes"), "the release before knows the old name"),
        (migrations.AlterField("note", "text", models.CharField(max_length=100)), "may write NULL"),
        (migrations.AlterField("note", "text", models.CharField(max_length=50, null=True)), "longer texts"),
        (migrations.AlterField("note", "number", models.IntegerField(default=0)), "keep the db_default"),
        (migrations.AlterField("note", "number", models.BigIntegerField(db_default=0)), "rewrites the table"),
        (migrations.AddIndex("note", INDEX), "index note_text: nobody writes while it is built"),
        (AddIndexGently("note", INDEX), "set atomic = False"),
        (migrations.AddConstraint("note", CHECK), "constraint note_number: the release before may write"),
        (migrations.RunPython(lambda *_: None), "RunPython: it cannot be taken back"),
        (migrations.RunSQL("SELECT 1"), "RunSQL: it cannot be taken back"),
        (
            migrations.SeparateDatabaseAndState(database_operations=[migrations.DeleteModel("Note")]),
            "the release before still reads it",
        ),
    ],
)
def test_what_the_release_before_could_not_live_with_is_found(operation: Any, said: str) -> None:
    lines = found(operation)
    assert len(lines) == 1 and said in lines[0], lines


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("note", "x", models.IntegerField(db_default=1)),
        migrations.AddField("note", "x", models.IntegerField(null=True)),
        migrations.AddField("note", "x", models.ManyToManyField("chat.note")),
        migrations.AlterField("note", "text", models.TextField(null=True)),
        migrations.AlterField("note", "text", models.CharField(max_length=200, null=True)),
        migrations.RunPython(lambda *_: None, migrations.RunPython.noop),
        migrations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True))]),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("Note")]),
    ],
)
def test_what_it_does_not_notice_is_fine(operation: Any) -> None:
    assert found(operation) == []


def test_a_table_of_the_same_migration_is_nobody_elses() -> None:
    assert found(migrations.AddIndex("other", INDEX), made={"other"}) == []
    assert found(AddIndexGently("note", INDEX), atomic=False) == []


def manage(
    url: str, data: Path, *arguments: str, program: tuple[str, ...] = ("manage.py",)
) -> subprocess.Popen[str]:
    """`manage.py`, or another program of Python's, with this database."""
    env = clean_environment(
        DJANGO_SECRET_KEY="of-tests-" * 8,
        HOLDFAST_DATA=str(data),
        DATABASE_URL=url,
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    argv = [sys.executable, *program, *arguments]
    return subprocess.Popen(
        argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def over(process: subprocess.Popen[str]) -> str:
    """What it said, once it has ended well."""
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return said


def test_in_no_transaction_there_is_nothing_that_could_not_be_begun_again() -> None:
    longer = migrations.AlterField("note", "text", models.TextField(null=True))
    assert "could not be begun again" in found(longer, atomic=False)[0]
    assert found(migrations.AddField("note", "x", models.IntegerField(null=True)), atomic=False) == []


# ---- interrupted ---------------------------------------------------------------------------------------------------

#: `migrate`, which is killed when it is about to note that one of these was done: {app: name}.
KILLED = """
import os, signal, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection
def look(execute, sql, params, many, context):
    if sql.startswith('INSERT INTO "django_migrations"') and {killed!r}.get(params[0]) == params[1]:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, params, many, context)
with connection.execute_wrapper(look):
    call_command("migrate", *{target!r}, interactive=False, verbosity=0)
"""
#: Tables whose indexes come afterwards; columns beside an index that PostgreSQL builds in no transaction.
MOMENTS = [
    ("auth", "0001_initial"),
    ("chat", "0013_plans_that_do_not_grow"),
    ("chat", "0020_pinned_and_archived"),
]


@pytest.mark.slow
@pytest.mark.exhaustive  # make first-starts is killed at this moment, too
@pytest.mark.parametrize("vendor", ["sqlite", "postgresql"])
def test_killed_before_it_has_noted_what_it_did_it_is_begun_again_and_goes_on(
    vendor: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'killed.sqlite3'}"
    if vendor == "postgresql":
        server = request.getfixturevalue("postgres")
        server.execute("CREATE DATABASE killed")
        url = server.url("killed")
    target = ("chat", "0021")
    for app, name in MOMENTS:
        script = KILLED.format(killed={app: name}, target=target)
        killed = manage(url, tmp_path, "-c", script, program=())
        assert killed.wait(120) == -signal.SIGKILL, killed.communicate()[0]
        killed.communicate()
    said = over(manage(url, tmp_path, "migrate", *target))
    assert "Applying chat.0020_pinned_and_archived... OK" in said
    assert "Applying chat.0019" not in said
    checked = over(manage(url, tmp_path, "showmigrations", "--plan", "chat"))
    assert "[X]  chat.0021" in checked


# ---- on PostgreSQL --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_change_that_would_wait_lets_the_others_through_and_is_tried_again(
    postgres: Postgres, tmp_path: Path
) -> None:
    postgres.execute("CREATE DATABASE gently")
    url = postgres.url("gently")
    over(manage(url, tmp_path, "migrate", "chat", "0008"))
    with psycopg.connect(url) as holder:
        holder.execute("LOCK TABLE chat_event IN ACCESS SHARE MODE")  # as a long look at the table does
        changing = manage(url, tmp_path, "migrate")
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        with psycopg.connect(url, autocommit=True) as other:

            def waits() -> bool:
                return other.execute(waiting).fetchone() != (0,)

            wait_until(waits, 60, "the change to wait for the table")
            # Somebody who reads comes behind the change, and is through as soon as that gives up.
            began = time.monotonic()
            other.execute("SELECT count(*) FROM chat_event")
            assert time.monotonic() - began < 10
            wait_until(waits, 60, "the change to be tried again")
        holder.rollback()
    assert "A table is in use; trying again" in over(changing)
    with psycopg.connect(url) as connection:
        connection.execute("SELECT version FROM chat_event")


@pytest.mark.slow
@pytest.mark.exhaustive
def test_an_index_that_was_interrupted_is_made_again_and_can_be_taken_back(
    postgres: Postgres, tmp_path: Path
) -> None:
    postgres.execute("CREATE DATABASE halfway")
    url = postgres.url("halfway")
    over(manage(url, tmp_path, "migrate", "chat", "0011"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE INDEX event_type ON chat_event (type)")
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'event_type'::regclass")
        over(manage(url, tmp_path, "migrate"))
        own = "SELECT count(*) FROM pg_indexes WHERE tablename = 'chat_event' AND indexdef LIKE '%(conversation_id)'"
        assert connection.execute(own).fetchone() == (0,), "the unique key of conversation and seq covers it"
        there = (
            "SELECT indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relname = 'event_type'"
        )
        assert connection.execute(there).fetchall() == [(True,)]
        over(manage(url, tmp_path, "migrate", "chat", "0011"))
        assert connection.execute(there).fetchall() == []
        assert connection.execute(own).fetchone() == (1,)
