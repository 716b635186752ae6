"""`manage.py worker`: perform runs until told to end."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from chat.runs.isolated.fork_server import fork_early
from chat.runs.worker import main
from chat.start import refuse_unfit
from chat.support.arenas import few_arenas
from chat.support.tasks import end_process


class Command(BaseCommand):
    """Starts one worker process. Several may run beside each other."""

    help = "Performs runs of agents until SIGTERM or SIGINT; runs that are under way are handed over."
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the worker; returns when it has left. Ends at once where it must not work."""
        few_arenas()
        fork_early()
        refuse_unfit()
        main()
        end_process()
