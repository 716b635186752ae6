"""The journal is proven by writing to it, and by room that is asked for."""

import asyncio
import threading
from typing import Any

import pytest
from django.db import connection

from chat.journal import probe
from chat.models import Installation
from chat.session.errors import JournalUnavailable
from chat.support.database import Database


@pytest.mark.django_db(transaction=True)
def test_the_row_is_written_and_nothing_else_is_left() -> None:
    before = Installation.objects.get().probed_at
    tables = set(connection.introspection.table_names())
    for _ in range(3):
        probe.write("default")
    assert Installation.objects.get().probed_at > before
    assert set(connection.introspection.table_names()) - tables <= {"holdfast_probe"}
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_temp.holdfast_probe")
            assert cursor.fetchone()[0] == 0


@pytest.mark.django_db(transaction=True)
def test_a_row_that_is_gone_is_made_again() -> None:
    Installation.objects.all().delete()
    probe.write("default")
    assert Installation.objects.count() == 1


async def test_a_database_that_hangs_has_one_look_at_most() -> None:
    """However often it is asked. What hangs here is the work itself, as a driver does whose server stands still."""
    hanging, asked = threading.Event(), []

    class Hanging(Database):
        async def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
            asked.append(work)
            return await super().run(lambda: hanging.wait(10))

    database = Hanging()
    look = probe.JournalProbe(database)
    found = await asyncio.gather(*(look.look(0.1) for _ in range(5)), return_exceptions=True)
    found.append(*await asyncio.gather(look.look(0.1), return_exceptions=True))
    assert all(isinstance(one, JournalUnavailable) for one in found) and len(asked) == 1
    hanging.set()
    await look.look(5)
    await asyncio.to_thread(database.close)
