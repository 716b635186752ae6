"""`manage.py ready`: what `/readyz` says, for places without HTTP such as a worker's health check."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.readiness import PARTS
from config.health import look_around


class Command(BaseCommand):
    """Ends with status 0 when the parts that were asked for are there."""

    help = "Checks that everything that a message needs is there, by going its way."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """`parts`: what to ask for; everything if none is named."""
        parser.add_argument("parts", nargs="*", help=f"Any of: {', '.join(PARTS)}. Everything by default.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Fail with the names of what is missing."""
        wanted = options["parts"] or PARTS
        if unknown := [name for name in wanted if name not in PARTS]:
            raise CommandError(f"There is no part {unknown[0]!r}; choose from: {', '.join(PARTS)}.")
        found = async_to_sync(look_around)()
        missing = [name for name in wanted if name in found.problems]
        for name, why in found.warnings.items():
            self.stderr.write(f"{name}: {why}")
        if missing:
            raise CommandError(f"Missing: {', '.join(missing)}.")
        self.stdout.write("ready")
