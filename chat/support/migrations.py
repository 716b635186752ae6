"""What migrations of tables that have grown need, so that the release before goes on working beside them, and so that
they can be interrupted at any moment and begun again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connections, transaction
from django.db.migrations import AddField, AddIndex, AlterField, SeparateDatabaseAndState


@contextmanager
def noted_as_it_is_done(alias: str, migration: Any, *, adds: bool = True) -> Iterator[None]:
    """What a migration does and the note that it was done are one transaction within this. PostgreSQL builds indexes in
    none, so there a migration with `atomic = False` is done operation by operation: what an interrupted try has added
    already is not added again (`adds`: it is applied, not taken back)."""
    connection = connections[alias]
    if connection.vendor != "sqlite" and not migration.atomic:
        if adds:
            migration.operations = list(_missing(connection, migration))
        yield
        return
    sqlite = connection.vendor == "sqlite"
    if sqlite:
        connection.disable_constraint_checking()  # it can only be said outside of a transaction
    try:
        with transaction.atomic(using=alias):
            yield
    finally:
        if sqlite:
            connection.enable_constraint_checking()


def _missing(connection: Any, migration: Any) -> Iterator[Any]:
    """Its operations; a column that is there needs to be known only. Indexes of ours see to it themselves."""
    for operation in migration.operations:
        if isinstance(operation, AddField) and _has(connection, migration.app_label, operation):
            yield SeparateDatabaseAndState(state_operations=[operation])
        else:
            yield operation


def _has(connection: Any, label: str, operation: AddField) -> bool:
    try:
        table = apps.get_model(label, operation.model_name)._meta.db_table
    except LookupError:
        return False  # it has gone since, and with it whoever was interrupted here
    field = operation.field.clone()
    field.set_attributes_from_name(operation.name)
    with connection.cursor() as cursor:
        return field.column in {
            one.name for one in connection.introspection.get_table_description(cursor, table)
        }


class AddIndexGently(AddIndex):
    """`AddIndex` without a lock against those who write: PostgreSQL builds it beside them. The migration needs
    `atomic = False`. One that was interrupted, which PostgreSQL keeps and does not use, is made again."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        name = schema_editor.quote_name(self.index.name)
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        schema_editor.add_index(model, self.index, concurrently=True)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if schema_editor.connection.vendor != "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        schema_editor.execute(
            f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}"
        )


class WithoutOwnIndex(AlterField):
    """`AlterField` to a foreign key with `db_index=False`: drops the index, and does nothing else. On SQLite Django
    would write the whole table anew. The migration needs `atomic = False`."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        connection, model = schema_editor.connection, to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(connection.alias, model):
            return
        beside = "CONCURRENTLY " if connection.vendor == "postgresql" else ""
        for name in self._own(connection, model):
            schema_editor.execute(f"DROP INDEX {beside}IF EXISTS {schema_editor.quote_name(name)}")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        connection, model = schema_editor.connection, to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(connection.alias, model) and not self._own(connection, model):
            schema_editor.execute(
                schema_editor._create_index_sql(model, fields=[model._meta.get_field(self.name)])
            )

    def _own(self, connection: Any, model: Any) -> list[str]:
        """The names of the indexes that the field alone has."""
        named = {index.name for index in model._meta.indexes}
        column = model._meta.get_field(self.name).column
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, model._meta.db_table)
        return [
            name
            for name, one in found.items()
            if one["index"] and not one["unique"] and one["columns"] == [column] and name not in named
        ]
