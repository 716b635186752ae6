"""`manage.py ready`: what `/readyz` says, for places without HTTP such as a worker's health check."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.health import look_around

PARTS = ("database", "redis", "worker")


class Command(BaseCommand):
    """Ends with status 0 when the parts that were asked for are there."""

    help = "Checks that database, Redis and a worker are there."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """`parts`: what to ask for; everything if none is named."""
        parser.add_argument("parts", nargs="*", help=f"Any of: {', '.join(PARTS)}. Everything by default.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Fail with the names of what is missing."""
        wanted = options["parts"] or PARTS
        if unknown := [name for name in wanted if name not in PARTS]:
            raise CommandError(f"There is no part {unknown[0]!r}; choose from: {', '.join(PARTS)}.")
        parts = async_to_sync(look_around)()
        missing = [name for name in wanted if not parts[name]]
        if missing:
            raise CommandError(f"Missing: {', '.join(missing)}.")
        self.stdout.write("ready")
