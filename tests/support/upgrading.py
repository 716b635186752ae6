"""A database as an earlier release left it: its migrations, a row in every table, and people with permissions."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import connections, models
from django.db.migrations.executor import MigrationExecutor

from config.values import database

#: Tables whose rows the migrations write themselves.
OF_DJANGO = ("django_migrations", "django_content_type", "auth_permission")
Rows = dict[str, list[dict[str, Any]]]
_numbers = itertools.count(1)


@contextmanager
def known(url: str, alias: str) -> Iterator[str]:
    """Have Django know the database at an address under this alias for a while."""
    settings = {
        "default": dict(connections.settings["default"]),
        alias: database("DATABASE_URL", url, Path("/")),
    }
    connections.settings[alias] = connections.configure_settings(settings)[alias]
    try:
        yield alias
    finally:
        connection: Any = connections[alias]
        connection.close()
        if getattr(connection, "pool", None) is not None:
            connection.close_pool()
        del connections[alias]
        del connections.settings[alias]


def migrate(alias: str, *targets: tuple[str, str | None]) -> Any:
    """Migrate to these targets (none: to the newest of everything), as the command does; the apps as of then."""
    executor = MigrationExecutor(connections[alias])
    wanted = list(targets) or executor.loader.graph.leaf_nodes()
    executor.migrate(wanted)
    executor = MigrationExecutor(connections[alias])
    apps = executor.loader.project_state(list(executor.loader.applied_migrations)).apps
    for config in apps.get_app_configs():
        vars(config)["models_module"] = True
        create_permissions(config, verbosity=0, using=alias, apps=apps)
    return apps


def fill(alias: str, apps: Any) -> None:
    """A row in every table of ours, whatever its columns."""
    made: dict[type[models.Model], models.Model] = {}
    wanted = [model for model in apps.get_models() if not model._meta.auto_created]
    for model in wanted:
        if model._meta.app_label not in ("contenttypes", "sessions", "auth", "admin") or _is_user(model):
            _row(alias, model, made)


def rows(alias: str, like: Rows | None = None) -> Rows:
    """All rows by table, as the database has them. `like`: only the tables and columns that were there then."""
    found = {}
    with connections[alias].cursor() as cursor:
        for table in sorted(connections[alias].introspection.table_names(cursor)):
            if table not in OF_DJANGO and (like is None or table in like):
                cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')
                names = [column[0] for column in cursor.description]
                kept = like[table][0] if like is not None and like[table] else names
                values = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
                found[table] = [{name: row.get(name) for name in kept} for row in values]
    return found


def _is_user(model: type[models.Model]) -> bool:
    return model._meta.label_lower == "auth.user"


def _row(alias: str, model: type[models.Model], made: dict[type[models.Model], models.Model]) -> models.Model:
    if model in made:
        return made[model]
    values = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            if not field.null:
                values[field.name] = _row(alias, field.related_model, made)
        elif not isinstance(field, models.AutoField) and not field.has_default():
            values[field.name] = _value(field)
    made[model] = model._base_manager.using(alias).create(**values)
    return made[model]


def _value(field: models.Field[Any, Any]) -> Any:
    if field.choices:
        return field.choices[0][0]
    if field.null:
        return None
    match field:
        case models.UUIDField():
            return uuid.uuid4()
        case models.IntegerField():
            return next(_numbers)
        case models.BooleanField():
            return True
        case models.DateTimeField():
            return "2026-11-01T00:00:00Z"
    if type(field).__name__ == "JsonText":
        return {"number": next(_numbers)}
    return f"{field.name} {next(_numbers)}"[: field.max_length]
