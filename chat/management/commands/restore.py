"""`manage.py restore FOLDER`: a backup into an installation that nobody has used yet."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.backup.manifest import BackupError
from chat.backup.restoring import restore


class Command(BaseCommand):
    help = (
        "Restores a backup into an empty installation. End its processes before. Afterwards run claim_redis, and start "
        "them: conversations come back from the database, and runs go on."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The folder of a backup."""
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what was restored, and what is to be done now."""
        folder: Path = options["folder"].expanduser().resolve()
        try:
            made = restore(folder, self.stdout.write)
        except BackupError as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(
            f"Restored: {made.conversations:,} conversations, {made.events:,} events at least. Now run claim_redis, if "
            "Redis was used before; beside an original that still runs, give this one its own HOLDFAST_REDIS_PREFIX "
            "first. Then start web and workers."
        )
