"""`manage.py setup_trial`: a login and an agent, so that a first try needs no set-up by hand."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.models import ensure_default_agent
from chat.support.kept import kept

NAME = "demo"
# Easy to read out and to type: no letters or digits that look alike.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class Command(BaseCommand):
    """Makes the trial's login and the default agent, or finds them; changes nothing that exists."""

    help = "Creates the trial's login (an administrator) and the default agent of a trial. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--password`: set this password instead of one that is made up and kept in the data folder."""
        parser.add_argument(
            "--password", default="", help="The password to set; otherwise one is made up and kept."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line: the name and the password, separated by a blank."""
        if not settings.HOLDFAST_TRIAL:
            raise CommandError(
                "setup_trial creates an administrator whose password lies in the data folder, so it only runs "
                "in a trial (HOLDFAST_TRIAL=1). Use `manage.py createsuperuser` for a real installation."
            )
        ensure_default_agent()
        password = options["password"] or kept_password()
        user, created = get_user_model().objects.get_or_create(
            username=NAME, defaults={"is_staff": True, "is_superuser": True}
        )
        if created or not user.check_password(password):
            user.set_password(password)
            user.save()
        self.stdout.write(f"{NAME} {password}")


def kept_password() -> str:
    """The password in the data folder (readable by its owner only); made up at the first call."""

    def make() -> str:
        return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(3))

    return kept(settings.HOLDFAST_DATA / "demo_password", make)
