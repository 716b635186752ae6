"""`manage.py setup_agent`: the agent that new conversations start with."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from agents.models import ensure_default_agent


class Command(BaseCommand):
    """Makes a default agent if there is none; changes nothing that exists."""

    help = "Creates the default agent if there is none. Safe to repeat; edit it in the admin."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print which agent is the default now."""
        self.stdout.write(f"Default agent: {ensure_default_agent()}")
