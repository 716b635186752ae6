"""`manage.py delete_person NAME`: a person with all their conversations and files, for good."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat import erasure
from chat.retention.rounds import ask_for
from chat.session.errors import Unavailable


class Command(BaseCommand):
    help = "Deletes a person with everything that is theirs, for good. Safe to interrupt: workers go on where it was."

    def add_arguments(self, parser: CommandParser) -> None:
        """The username; `--yes` deletes, without it only what would be deleted is said."""
        parser.add_argument("username")
        parser.add_argument("--yes", action="store_true", help="Delete; without it nothing is changed.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what there is, and delete it if that was wanted."""
        user = get_user_model().objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError("There is nobody with this username.")
        for share in erasure.share_of(user):
            more = " or more" if share.count == erasure.MAX_COUNTED else ""
            self.stdout.write(f"{share.count:>8} {share.name}{more}")
        if not options["yes"]:
            self.stdout.write("Nothing was changed. Repeat it with --yes to delete all of it, for good.")
            return
        if kept := erasure.protection(user):
            raise CommandError(f"Give these to somebody else first: {', '.join(kept)}.")
        row, _new = ask_for("person", str(user.pk))
        try:
            done = erasure.carry_out(row)
        except Unavailable as problem:
            raise CommandError(
                f"{problem} They cannot log in any more. Workers go on with it when the stores are back."
            ) from problem
        if done is None:
            raise CommandError("A worker is at it already. Retention in the admin shows how far it is.")
        if done.state == "failed":
            raise CommandError(done.error)
        self.stdout.write(f"{done.done} conversations deleted")
        self.stdout.write(f"{options['username']} is deleted.")
