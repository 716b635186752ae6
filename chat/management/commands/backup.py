"""`manage.py backup FOLDER`: the database and the files, while everything runs."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.backup.manifest import BackupError
from chat.backup.taking import remove_unfinished, take


class Command(BaseCommand):
    help = (
        "Writes a backup into a new folder: the database as it is at one moment, and the files. Nobody has to stop. "
        "Keys are not in it: keep DJANGO_SECRET_KEY elsewhere (docs/backup.md)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The folder; `--no-files` for a storage that has backups of its own."""
        parser.add_argument("folder", type=Path)
        parser.add_argument("--no-files", action="store_true", help="The database alone.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what was written."""
        folder: Path = options["folder"].expanduser().resolve()
        fresh = not folder.exists()
        try:
            made = take(folder, self.stdout.write, with_files=not options["no_files"])
        except BackupError as problem:
            if fresh:
                remove_unfinished(folder)
            raise CommandError(str(problem)) from None
        self.stdout.write(
            f"{folder} is a backup: {made.conversations:,} conversations, {made.events:,} events at least."
        )
