"""`manage.py delete_conversation ID`: one conversation with all that is kept of it, for good."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat import erasure
from chat.models import Conversation
from chat.retention.rounds import ask_for
from chat.session.errors import Unavailable


class Command(BaseCommand):
    help = (
        "Deletes a conversation with everything that is kept of it, for good, also one that its owner has deleted. "
        "Safe to interrupt: workers go on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The id; `--yes` deletes, without it only what would be deleted is said."""
        parser.add_argument("id", type=UUID)
        parser.add_argument("--yes", action="store_true", help="Delete; without it nothing is changed.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what it is, and delete it if that was wanted."""
        row = Conversation.objects.filter(pk=options["id"]).first()
        if row is None:
            raise CommandError("There is no such conversation (any more).")
        self.stdout.write(f"{row.head_seq} events, of {row.owner}")
        if not options["yes"]:
            self.stdout.write("Nothing was changed. Repeat it with --yes to delete it, for good.")
            return
        asked, _new = ask_for("conversation", str(row.pk))
        try:
            done = erasure.carry_out(asked)
        except Unavailable as problem:
            raise CommandError(f"{problem} Workers go on with it when the stores are back.") from problem
        if done is None:
            raise CommandError("A worker is at it already. Retention in the admin shows how far it is.")
        self.stdout.write(f"{row.pk} is deleted for good.")
