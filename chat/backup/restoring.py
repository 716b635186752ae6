"""Restoring a backup into an installation that nobody has used yet.

Files come first and the database last, in one step: a restore that was interrupted leaves a database that is empty
still, and the next one goes on.
"""

from collections.abc import Callable
from pathlib import Path

from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from chat.backup import databases, files
from chat.backup.manifest import BackupError, Manifest, read, same_key


def restore(folder: Path, told: Callable[[str], None]) -> Manifest:
    """Put a backup in the place of an empty installation, and bring it up to this release. No process may run on it.
    Raises BackupError before anything is changed, or with the database as empty as it was."""
    manifest = read(folder)
    if manifest.engine != databases.engine():
        raise BackupError(
            f"This backup is of {manifest.engine}, and DATABASE_URL names {databases.engine()}. Restore it there."
        )
    if there := databases.occupied():
        raise BackupError(
            f"This installation is not empty: its database has {there}. Restore into a new database and a new "
            "HOLDFAST_DATA, and change over then."
        )
    if later := _unknown(manifest):
        raise BackupError(f"This backup is of a later release ({', '.join(later)}). Install that one.")
    if not same_key(manifest.key):
        told(
            "WARNING: DJANGO_SECRET_KEY is not the one of the backup. Stored keys and secrets cannot be opened, and "
            "everybody must log in again. Put the key of then into DJANGO_SECRET_KEY_FALLBACKS (docs/backup.md)."
        )
    count = files.copy_in(folder / files.FOLDER)
    told(f"{count:,} files")
    databases.load(folder / manifest.database)
    told("the database")
    call_command("migrate", interactive=False, verbosity=0)
    return manifest


def _unknown(manifest: Manifest) -> list[str]:
    """Migrations of the backup that this release does not have; of apps that are not installed here nothing is said."""
    known = MigrationLoader(None, ignore_no_migrations=True)
    return [
        f"{app}.{name}"
        for app, name in manifest.migrations.items()
        if app in known.migrated_apps and (app, name) not in known.disk_migrations
    ]
