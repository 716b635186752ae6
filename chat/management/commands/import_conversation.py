"""`manage.py import_conversation FILE --owner NAME`: an exported conversation as a new one of somebody here."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.portable.reading import BadImport, read
from chat.portable.store import bring_in


class Command(BaseCommand):
    help = (
        "Makes the JSON of an export a new conversation of somebody here. Nothing in it acts again: no run is begun, "
        "no tool is called. All of it is taken in, or nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The file and the owner's username."""
        parser.add_argument("file")
        parser.add_argument("--owner", required=True, help="Whose it will be: a username.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read it, and take it in."""
        owner = get_user_model().objects.filter(username=options["owner"]).first()
        if owner is None:
            raise CommandError("There is nobody with this username.")
        most = settings.HOLDFAST_MAX_IMPORT_BYTES
        try:
            with Path(options["file"]).open("rb") as file:
                data = file.read(most + 1)
        except OSError as problem:
            raise CommandError(f"The file cannot be read: {problem.strerror}.") from None
        try:
            done = bring_in(read(data, most), owner, owner.get_username(), prompts=True)
        except BadImport as problem:
            raise CommandError(str(problem)) from None
        row = done.conversation
        self.stdout.write(f"{row.pk}: {row.head_seq} events, for {owner.get_username()}.")
        if done.closed:
            self.stdout.write("What was open in it was closed.")
        for name in done.missing:
            self.stdout.write(f"The export does not carry a file that is taken here: {name}")
