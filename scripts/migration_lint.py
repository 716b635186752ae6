"""Migrations that the release before could not live with: it goes on working while, and after, they are applied.

    python -m scripts.migration_lint       # what is wrong, one line each; status 1 if anything is

Looks at every operation since the release before (RELEASED), in the order in which they are applied. What is meant all
the same is named in the migration, with its reason: `allowed = {"remove note.text": "nobody has read it since 0.2"}`.
docs/upgrading.md tells the rules.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from django.db import models
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from chat.support.migrations import AddIndexGently, WithoutOwnIndex

#: The last migration of each app in the release before, 0.1.0. An app that is not here is new since then.
RELEASED = {"agents": "0006_automations", "chat": "0008_feishu_asked_card"}
#: The apps whose migrations are ours.
OURS = ("agents", "chat", "feishu", "retention", "schedules", "triggers")

#: What is meant, in migrations that had landed before this file, and are not edited for it.
MEANT = {
    # Weaker than the one that it takes the place of, and the release before writes one person only: "".
    "agents 0007_note_person": ("constraint agents_note_number_per_person",),
}

#: What an operation takes away from the release before, whatever it is applied to.
TAKES_AWAY: dict[type[Any], str] = {
    operations.RemoveField: "the release before still reads it; stop reading it in one release, remove it in the next",
    operations.DeleteModel: "the release before still reads it; stop using it in one release, delete it in the next",
    operations.RenameField: "the release before knows the old name; add a new field and fill both for a release",
    operations.RenameModel: "the release before knows the old name; keep the table by db_table",
    operations.AlterModelTable: "the release before knows the old name",
}

#: What a migration in no transaction may do: `migrate` sees what of it an interrupted try has done already.
BEGUN_AGAIN = (operations.AddField, AddIndexGently, WithoutOwnIndex)


def problems(loader: MigrationLoader, released: dict[str, str] = RELEASED) -> Iterator[str]:
    """One line for each operation of ours, since the release before, that it could not live with."""
    graph = loader.graph
    old = {one for label, name in released.items() for one in graph.forwards_plan((label, name))}
    state = ProjectState(real_apps=loader.unmigrated_apps)
    done: set[tuple[str, str]] = set()
    for leaf in sorted(graph.leaf_nodes()):
        for node in graph.forwards_plan(leaf):
            if node in done:
                continue
            done.add(node)
            migration = graph.nodes[node]
            if node in old or node[0] not in OURS:
                state = migration.mutate_state(state, preserve=False)
                continue
            made: set[str] = set()
            for operation in migration.operations:
                for name, why in judge(operation, migration, state, made):
                    where = f"{node[0]} {node[1]}"
                    if name not in getattr(migration, "allowed", {}) and name not in MEANT.get(where, ()):
                        yield f"{where}: {name}: {why}"
                operation.state_forwards(node[0], state)


def judge(operation: Any, migration: Any, state: ProjectState, made: set[str]) -> Iterator[tuple[str, str]]:
    """(what it does, what is wrong with it); nothing if it does no harm. `made`: the models of this migration so far,
    which nobody else has."""
    if isinstance(operation, operations.SeparateDatabaseAndState):
        for one in operation.database_operations:
            yield from judge(one, migration, state, made)
        return
    if isinstance(operation, operations.RunPython | operations.RunSQL) and not operation.reversible:
        yield type(operation).__name__, "it cannot be taken back; name what undoes it (or RunPython.noop)"
    if not migration.atomic and not isinstance(operation, BEGUN_AGAIN):
        yield (
            type(operation).__name__,
            "interrupted in no transaction, it could not be begun again; put it into a migration of its own",
        )
    if isinstance(operation, operations.CreateModel):
        made.add(operation.name_lower)
    model = getattr(operation, "model_name_lower", getattr(operation, "name_lower", ""))
    if not model or model in made:
        return
    for kind, why in TAKES_AWAY.items():
        if isinstance(operation, kind):
            yield _name("remove", model, operation), why
    if isinstance(operation, operations.AddField) and _refuses(operation.field):
        yield (
            _name("add", model, operation),
            "the release before inserts rows without it; give it a db_default, or null",
        )
    if isinstance(operation, operations.AlterField):
        was = state.models[migration.app_label, model].fields[operation.name]
        if why := _narrower(was, operation.field):
            yield _name("alter", model, operation), why
    if isinstance(operation, operations.AddIndex):
        if not isinstance(operation, AddIndexGently):
            yield f"index {operation.index.name}", "nobody writes while it is built; use AddIndexGently"
        elif migration.atomic:
            yield (
                f"index {operation.index.name}",
                "PostgreSQL builds it in no transaction; set atomic = False",
            )
    if isinstance(operation, operations.AddConstraint):
        yield (
            f"constraint {operation.constraint.name}",
            "the release before may write what it refuses, and nobody writes while all rows are looked at",
        )


def _name(verb: str, model: str, operation: Any) -> str:
    return f"{verb} {model}.{operation.name}" if hasattr(operation, "model_name") else f"{verb} {model}"


def _refuses(field: Any) -> bool:
    """Whether the database refuses a row that does not name the column."""
    return not field.many_to_many and not field.null and not field.has_db_default()


def _narrower(was: Any, field: Any) -> str:
    """What the database would refuse after the change and took before; '' if nothing."""
    if was.null and not field.null:
        return "the release before may write NULL"
    if was.has_db_default() and not field.has_db_default() and not field.null:
        return "the release before inserts rows without it; keep the db_default"
    if was.get_internal_type() != field.get_internal_type() and not isinstance(field, models.TextField):
        return "another type rewrites the table while nobody reads or writes it; add a new field"
    if (field.max_length or 0) and (was.max_length is None or field.max_length < was.max_length):
        return "the release before may write longer texts"
    return "unique now, which the release before does not know" if field.unique and not was.unique else ""


def main() -> int:
    """Print what is wrong; the exit status."""
    with tempfile.TemporaryDirectory() as data:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
            "HOLDFAST_DATA": data,
        }
        import django

        django.setup()
        found = list(problems(MigrationLoader(None)))
    print("\n".join(found) or "Migrations: the release before can live with them.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
