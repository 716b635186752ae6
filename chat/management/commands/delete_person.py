"""`manage.py delete_person NAME`: a person with all their conversations and files, for good."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat import erasure
from chat.session.errors import StoreUnavailable


class Command(BaseCommand):
    help = (
        "Deletes a person with everything that is theirs, for good. Safe to interrupt and to repeat: it goes on "
        "where it was."
    )

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
        try:
            for gone in erasure.erase(user):
                self.stdout.write(f"{gone} conversations deleted")
        except erasure.Protected as problem:
            raise CommandError(str(problem)) from None
        except StoreUnavailable as problem:
            raise CommandError(
                f"{problem} Repeat it when Redis is back: it goes on where it was."
            ) from problem
        self.stdout.write(f"{options['username']} is deleted.")
