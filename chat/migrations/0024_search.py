"""The index of search (chat/search). It is empty at first: the workers read the conversations that there are in their turn.

A later migration that has SQLite make `chat_searchtext` anew (AlterField, RemoveField) loses its triggers: make them
again with `keep_words` of this file.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import NotSupportedError, migrations, models

from chat.search.fields import FTS, WordsField

#: Rows are short, so that many fit on a page: what a common word finds is sorted by these. The words lie beside them.
POSTGRESQL = (
    "ALTER TABLE chat_searchtext SET (toast_tuple_target = 128)",
    "ALTER TABLE chat_searchtext ALTER COLUMN words SET STORAGE EXTERNAL",
    "CREATE INDEX search_words ON chat_searchtext USING gin (words) WITH (fastupdate = off)",
)
#: The words of `chat_searchtext`, with triggers that follow it, whoever deletes.
SQLITE = (
    f"""CREATE VIRTUAL TABLE {FTS} USING fts5(words, content='chat_searchtext', content_rowid='id', detail='none',
    columnsize=0, tokenize="ascii tokenchars ':'")""",
    f"""CREATE TRIGGER chat_searchtext_added AFTER INSERT ON chat_searchtext BEGIN
    INSERT INTO {FTS}(rowid, words) VALUES (new.id, new.words); END""",
    f"""CREATE TRIGGER chat_searchtext_gone AFTER DELETE ON chat_searchtext BEGIN
    INSERT INTO {FTS}({FTS}, rowid, words) VALUES ('delete', old.id, old.words); END""",
    f"""CREATE TRIGGER chat_searchtext_changed AFTER UPDATE OF words ON chat_searchtext BEGIN
    INSERT INTO {FTS}({FTS}, rowid, words) VALUES ('delete', old.id, old.words);
    INSERT INTO {FTS}(rowid, words) VALUES (new.id, new.words); END""",
)


def keep_words(apps, schema_editor):
    """Make what the words are found by."""
    connection = schema_editor.connection
    if connection.vendor == "postgresql":
        for statement in POSTGRESQL:
            schema_editor.execute(statement)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')")
        if not cursor.fetchone()[0]:
            raise NotSupportedError(
                "This SQLite has no full-text search (FTS5), which Holdfast needs. Use the Python of your system or of "
                "python.org, which have it, or PostgreSQL (DATABASE_URL)."
            )
        for statement in SQLITE:
            cursor.execute(statement)


def forget_words(apps, schema_editor):
    """Undo that; PostgreSQL's index goes with its table."""
    if schema_editor.connection.vendor == "sqlite":
        with schema_editor.connection.cursor() as cursor:
            for trigger in ("added", "gone", "changed"):
                cursor.execute(f"DROP TRIGGER chat_searchtext_{trigger}")
            cursor.execute(f"DROP TABLE {FTS}")


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("chat", "0023_deleted_conversations_are_found"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchProgress",
            fields=[
                (
                    "conversation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="chat.conversation",
                    ),
                ),
                ("seq", models.BigIntegerField(db_default=0, default=0)),
                ("claimed_until", models.BigIntegerField(db_default=0, default=0)),
            ],
            options={"verbose_name": "progress of search", "verbose_name_plural": "progress of search"},
        ),
        migrations.CreateModel(
            name="SearchText",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=8)),
                ("key", models.CharField(blank=True, max_length=80)),
                ("item", models.CharField(blank=True, max_length=80)),
                ("seq", models.BigIntegerField()),
                ("branch", models.CharField(blank=True, max_length=36)),
                ("at", models.BigIntegerField()),
                ("words", WordsField()),
                (
                    "conversation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="chat.conversation",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "text that can be found",
                "verbose_name_plural": "texts that can be found",
                "indexes": [models.Index(fields=["owner", "-at", "-id"], name="search_newest")],
                "constraints": [
                    models.UniqueConstraint(fields=("conversation", "kind", "key"), name="search_text")
                ],
            },
        ),
        migrations.RunPython(keep_words, forget_words),
    ]
