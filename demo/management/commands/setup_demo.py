"""`manage.py setup_demo`: a login and an agent that shows every tool, so that a first try needs no set-up by hand."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from agents.models import ensure_default_agent

#: What the demo's agent may use beside the tools that every new agent gets. It keeps what people ask it to note.
ALSO = ("notes",)


class Command(BaseCommand):
    """Makes the agent of a trial without a key, and the trial's login; changes nothing that exists."""

    help = "Creates the default agent of a trial with the demo model, and the trial's login. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--password`: as `setup_trial`."""
        parser.add_argument(
            "--password", default="", help="The password to set; otherwise one is made up and kept."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what `setup_trial` prints: the name and the password."""
        ensure_default_agent(also=ALSO)
        call_command("setup_trial", password=options["password"], stdout=self.stdout)
