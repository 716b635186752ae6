"""Looks that go by an index of a few rows find it before they know what is bound to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model, QuerySet

from chat.entrances.schedules.delivery import PENDING as TO_SEND
from chat.entrances.schedules.models import ScheduleDelivery
from chat.entrances.triggers.dispatch import PENDING
from chat.entrances.triggers.models import TriggerFiring
from chat.entrances.triggers.retention import FULL
from chat.support.fixed import fixed

pytestmark = pytest.mark.django_db

LOOKS: dict[str, Callable[[], QuerySet[Any]]] = {
    "trigger_pending": lambda: TriggerFiring.objects.filter(PENDING, next_at__lte=5),
    "trigger_full": lambda: TriggerFiring.objects.filter(FULL, created_at__lt=5),
    "schedule_outbox": lambda: ScheduleDelivery.objects.filter(TO_SEND, next_at__lte=5),
}


@pytest.mark.parametrize("index", LOOKS)
def test_the_index_is_used(index: str) -> None:
    rows: QuerySet[Model] = LOOKS[index]()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert index in rows.explain()
    assert list(rows) == []


@pytest.mark.parametrize("value", ["", "it's", "a b", "pending'--", "PENDING"])
def test_only_a_plain_word_stands_in_a_statement(value: str) -> None:
    with pytest.raises(ValueError, match="no word"):
        fixed(TriggerFiring, "state", value)
