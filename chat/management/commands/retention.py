"""`manage.py retention`: what is removed after how long, how much that would be now, and a round at once."""

import asyncio
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.retention.models import Round
from chat.retention.rounds import Retention
from chat.retention.table import UnknownPolicy, days_of, due, find, policies, set_days
from chat.runtime import close, current
from chat.session.errors import Unavailable
from chat.support.clock import now_ms, wall_ms

#: Rows that are counted of one policy.
MAX_COUNTED = 1_000_000


class Command(BaseCommand):
    help = (
        "Removes what is older than its policy says, as workers do every hour. Safe to interrupt and to repeat: it "
        "goes on where it was. With --dry-run it counts and changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """`--dry-run`, `--only NAME`, `--set NAME=DAYS`."""
        parser.add_argument("--dry-run", action="store_true", help="Say what would go; change nothing.")
        parser.add_argument("--only", default="", metavar="NAME", help="Only this policy.")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=DAYS",
            help="Set a policy (DAYS or never) and remove nothing. May be given several times.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what there is, and remove it if that was wanted."""
        try:
            if options["only"]:
                find(options["only"])
            for one in options["set"]:
                self._set(one)
        except UnknownPolicy as problem:
            raise CommandError(str(problem)) from None
        if options["set"] or options["dry_run"]:
            self._count(options["only"])
            return
        try:
            removed = asyncio.run(_round(options["only"]))
        except Unavailable as problem:
            raise CommandError(
                f"{problem} What was removed is removed; workers go on with the rest."
            ) from None
        if removed is None:
            holder = Round.objects.values_list("claimed_by", flat=True).first()
            raise CommandError(f"{holder} is at it. Retention in the admin shows how far it is.")
        for name, count in removed.items():
            self.stdout.write(f"{count:>10,} {name}")

    def _set(self, text: str) -> None:
        name, _, days = text.partition("=")
        if days != "never" and not days.isdecimal():
            raise CommandError(f"{text}: write NAME=DAYS, or NAME=never.")
        set_days(name, None if days == "never" else int(days), now_ms())

    def _count(self, only: str) -> None:
        days, now = days_of(), wall_ms()
        for policy in policies():
            if only in ("", policy.name):
                rows = due(policy, days[policy.name], now)
                count = "–" if rows is None else f"{rows.order_by()[:MAX_COUNTED].count():,}"
                after = "never" if rows is None else f"{days[policy.name]} days"
                self.stdout.write(f"{count:>10} {policy.name:<22} {after:<12} {policy.label}")


async def _round(only: str) -> dict[str, int] | None:
    runtime = current()
    try:
        me = f"manage.py retention, process {os.getpid()}"
        return await Retention(runtime.sessions, runtime.database, me).round(now=True, only=only)
    finally:
        await close()
