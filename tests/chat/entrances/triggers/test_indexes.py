"""Looks that go by themselves find the few rows they are for by the index of these, also among very many others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from chat.entrances.triggers.models import FULL, TriggerFiring

pytestmark = pytest.mark.django_db

LOOKS: dict[str, Callable[[], QuerySet[Any]]] = {
    "trigger_pending": lambda: TriggerFiring.objects.filter(state="pending", next_at__lte=5),
    "trigger_full": lambda: TriggerFiring.objects.filter(FULL, created_at__lt=5),
}


@pytest.mark.parametrize("index", LOOKS)
def test_the_index_is_used(index: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert index in LOOKS[index]().explain()
