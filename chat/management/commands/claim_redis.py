"""`manage.py claim_redis`: take this installation's place in Redis over from another that is gone, or empty it after a
backup of the database was restored."""

import asyncio
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.installation import installation, read
from chat.runs.presence import PRESENCE
from chat.session.errors import StoreUnavailable
from chat.session.store import RedisStore
from chat.support.redis_address import queue_name


class Command(BaseCommand):
    help = (
        "Takes the place in Redis that REDIS_URL and HOLDFAST_REDIS_PREFIX name over from another installation, after "
        "the database was moved or restored. It is emptied: conversations come back from the database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """`--force`: also from one whose workers are there."""
        parser.add_argument(
            "--force", action="store_true", help="Even though a worker has shown itself there lately."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what was done. Fails while a worker is there."""
        mine = installation()
        try:
            self.stdout.write(asyncio.run(_take_over(mine.claim, force=options["force"])))
        except StoreUnavailable as problem:
            raise CommandError(str(problem)) from problem


async def _take_over(mine: str, *, force: bool) -> str:
    store = RedisStore(
        settings.HOLDFAST_REDIS_URL,
        idle_ttl_ms=settings.HOLDFAST_IDLE_TTL_MS,
        log_entries=settings.HOLDFAST_LOG_EVENTS,
        prefix=settings.HOLDFAST_REDIS_PREFIX,
    )
    try:
        found = await store.claimed()
        if not force and await store.lease(PRESENCE) is not None:
            raise CommandError(
                "A worker has shown itself there within the last 15 seconds. End the other installation's processes, "
                "wait a moment and try again; --force does not wait."
            )
        gone = await store.take_over(mine, queue_name(settings.HOLDFAST_REDIS_PREFIX))
    finally:
        await store.aclose()
    other = read(found)
    if found == mine:
        return f"This place in Redis was this installation's already; it is emptied of {gone} keys."
    before = f" from the installation with the database {other.database}" if other else ""
    return f"This place in Redis is taken over{before}, and emptied of {gone} keys."
