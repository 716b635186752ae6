"""A database of an earlier release is carried over and back: every row, every permission, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from tests.support import upgrading
from tests.support.more import more_of
from tests.support.postgres import Postgres

#: The last migration of `chat` of release 0.1, in which the entrances were no apps.
BEFORE = ("chat", "0008_feishu_asked_card")
MOVED = {
    "feishu": {"feishuapp", "feishuuser", "feishumessage", "feishulane", "feishuturn", "feishudelivery"},
    "schedules": {"schedule", "schedulefiring", "scheduledelivery"},
    "triggers": {"trigger", "triggerfiring", "triggerscan"},
}
#: Apps that have come since, and need tables of `chat` that it did not have.
SINCE = ("retention", "telemetry")
GRANTED = ("view_feishulane", "change_feishudelivery", "change_trigger", "view_schedulefiring", "view_call")
ADDED_TO = ("auth_group", "auth_group_permissions")


@pytest.fixture(params=["sqlite", "postgres"])
def old(request: Any, tmp_path: Path, postgres: Postgres, django_db_blocker: Any) -> Iterator[str]:
    """The alias of an empty database."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    else:
        postgres.execute("CREATE DATABASE upgraded")
        url = postgres.url("upgraded")
    with django_db_blocker.unblock(), upgrading.known(url, f"upgraded_{request.param}") as alias:
        yield alias
    if request.param == "postgres":
        postgres.execute("DROP DATABASE upgraded WITH (FORCE)")


def permissions(alias: str, apps: Any) -> set[tuple[str, str, int]]:
    """(app, codename, id) of what the group may."""
    group = apps.get_model("auth", "Group").objects.using(alias).get(name="Helpers")
    found = group.permissions.using(alias).values_list("content_type__app_label", "codename", "pk")
    return set(found)


def kept(found: upgrading.Rows, rows: upgrading.Rows) -> upgrading.Rows:
    """Of the tables that the new release adds rows of its own to (its groups of operators), those that were there."""
    return {
        table: [row for row in found[table] if table not in ADDED_TO or row in rows[table]] for table in found
    }


def owners(alias: str, apps: Any) -> dict[str, set[str]]:
    """The models that each of our apps has, by their content types."""
    rows = apps.get_model("contenttypes", "ContentType").objects.using(alias).all()
    found: dict[str, set[str]] = {}
    for app, model in rows.values_list("app_label", "model"):
        found.setdefault(app, set()).add(model)
    return found


def appoint(alias: str, apps: Any) -> None:
    """A group that may see and change some of it, a user who may too, and a line of the admin's log."""
    users, group = apps.get_model("auth", "User"), apps.get_model("auth", "Group")
    allowed = apps.get_model("auth", "Permission").objects.using(alias).filter(codename__in=GRANTED)
    helpers = group.objects.using(alias).create(name="Helpers")
    helpers.permissions.set(allowed)
    user = users.objects.using(alias).get()
    user.user_permissions.set(allowed)
    lane = apps.get_model("contenttypes", "ContentType").objects.using(alias).get(model="feishulane")
    apps.get_model("admin", "LogEntry").objects.using(alias).create(
        user=user, content_type=lane, object_id="1", object_repr="a lane", action_flag=2
    )


@pytest.mark.exhaustive
@pytest.mark.parametrize("old", ["sqlite", "postgres"], indirect=True)
def test_every_row_and_permission_is_carried_over_and_back_and_over_again(old: str) -> None:
    apps = upgrading.migrate(old, *_first(old))
    upgrading.fill(old, apps)
    appoint(old, apps)
    rows, granted = upgrading.rows(old), permissions(old, apps)
    assert {f"chat_{model}" for models in MOVED.values() for model in models} <= {
        table for table, found in rows.items() if found
    }
    assert {app for app, _, _ in granted} == {"chat"} and len(granted) == len(GRANTED)
    for _ in range(2):
        new = upgrading.migrate(old)
        assert kept(upgrading.rows(old, rows), rows) == rows
        moved = {(_app_of(codename), codename, pk) for _, codename, pk in granted}
        assert permissions(old, new) == moved
        assert {app: owners(old, new)[app] for app in MOVED} == MOVED
        assert not set.union(*MOVED.values()) & owners(old, new)["chat"]
        apps = upgrading.migrate(old, BEFORE)
        assert kept(upgrading.rows(old, rows), rows) == rows
        assert permissions(old, apps) == granted
        assert not set(MOVED) & set(owners(old, apps))


def _first(alias: str) -> list[tuple[str, str]]:
    """What that release had migrated to."""
    leaves = MigrationLoader(connections[alias]).graph.leaf_nodes()
    return [BEFORE, *(leaf for leaf in leaves if leaf[0] not in ("chat", *MOVED, *SINCE))]


def _app_of(codename: str) -> str:
    model = codename.partition("_")[2]
    return next((app for app, models in MOVED.items() if model in models), "chat")


@pytest.mark.parametrize("old", more_of("postgres", "sqlite"), indirect=True)
def test_a_line_of_the_log_that_came_before_the_migration_stays(old: str) -> None:
    """A process of the new release, started before the migration ran, may name a content type of the new app."""
    apps = upgrading.migrate(old, *_first(old))
    upgrading.fill(old, apps)
    appoint(old, apps)
    types = apps.get_model("contenttypes", "ContentType").objects.using(old)
    early = types.create(app_label="feishu", model="feishulane")
    log = apps.get_model("admin", "LogEntry").objects.using(old)
    log.update(content_type=early)
    kept = types.get(app_label="chat", model="feishulane")
    new = upgrading.migrate(old)
    assert new.get_model("admin", "LogEntry").objects.using(old).get().content_type_id == kept.pk
    assert {app for app, codename, _ in permissions(old, new) if codename == "view_feishulane"} == {"feishu"}


def test_nothing_is_left_to_migrate(db: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
