"""`manage.py rotate_keys`: everything that is stored encrypted comes under the present DJANGO_SECRET_KEY."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.support import rotation


class Command(BaseCommand):
    """Old keys are read from DJANGO_SECRET_KEY_FALLBACKS. May be stopped and started again at any time, while web and
    workers go on."""

    help = (
        "Seal every stored secret again with DJANGO_SECRET_KEY, that older keys (DJANGO_SECRET_KEY_FALLBACKS) have "
        "sealed. Tells what none of the keys opens; then the status is 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only tell what is under which key")
        parser.add_argument("--batch", type=int, default=rotation.BATCH, help="rows that are read at a time")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line for each column, one for each row that cannot be read."""
        if options["batch"] < 1:
            raise CommandError("--batch must be at least 1.")
        work = rotation.count if options["dry_run"] else rotation.rotate
        lost, left = 0, 0
        for column in rotation.columns():
            found = work(column, options["batch"])
            self.stdout.write(f"{column.label}: {told(found)}")
            for pk in found.unreadable:
                self.stdout.write(
                    f"  {column.label}, row {pk}: none of the keys opens it; enter it again in the admin"
                )
            lost, left = lost + len(found.unreadable), left + found.old
        if lost:
            raise CommandError(
                f"{lost} secrets could not be read. Put the key with which they were stored into "
                "DJANGO_SECRET_KEY_FALLBACKS and start this again, or enter them again in the admin."
            )
        if left:
            self.stdout.write(f"{left} secrets are under older keys. Start this (again), without --dry-run.")
            return
        self.stdout.write(
            "Every stored secret is under DJANGO_SECRET_KEY. Before you empty DJANGO_SECRET_KEY_FALLBACKS: addresses "
            "of webhooks that were given out under an older key end with it (docs/security.md)."
        )


def told(found: rotation.Count) -> str:
    """What is under which key, in words."""
    parts = [f"{found.by_key.get(0, 0)} under the present key"]
    parts += [
        f"{found.by_key.get(number, 0)} under older key {number}" for number in range(1, rotation.keys())
    ]
    if found.unreadable:
        parts.append(f"{len(found.unreadable)} unreadable")
    return ", ".join(parts)
