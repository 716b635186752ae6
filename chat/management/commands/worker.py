"""`manage.py worker`: perform runs until told to end."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chat import cells
from chat.worker import main


class Command(BaseCommand):
    """Starts one worker process. Several may run beside each other."""

    help = "Performs runs of agents until SIGTERM or SIGINT; runs that are under way are handed over."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """`--alone` is for workers, not for people."""
        parser.add_argument(
            "--alone",
            nargs=3,
            metavar=("CONVERSATION", "RUN", "NAME"),
            help="Perform only this run, under this name, and end. A worker starts this for a run that may have taken "
            "other workers down; it ends when its standard input does.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the worker; returns when it has left."""
        if options["alone"]:
            return cells.main(*options["alone"])
        return main()
