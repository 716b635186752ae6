"""`manage.py clean_attachments`: remove files that were uploaded and not sent. Workers do it by themselves, too."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chat.files.attachments import UNSENT_MS, clean
from chat.support.clock import now_ms


class Command(BaseCommand):
    help = "Removes files that were uploaded and never sent with a message."

    def add_arguments(self, parser: CommandParser) -> None:
        hours = UNSENT_MS // 3_600_000
        parser.add_argument("--hours", type=int, default=hours, help=f"older than this (default {hours})")

    def handle(self, *args: Any, **options: Any) -> None:
        removed = clean(now_ms(), options["hours"] * 3_600_000)
        self.stdout.write(f"{removed} unsent files removed.")
