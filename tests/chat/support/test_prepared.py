"""Questions whose SQL is put together once, on both databases."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from chat.journal.statements import key_of
from chat.models import Conversation
from chat.support.prepared import Prepared
from tests.support import rows

pytestmark = pytest.mark.django_db


def test_it_answers_what_the_queryset_would(alice: Any, bob: Any) -> None:
    hers, his = rows.conversation(alice), rows.conversation(bob)
    owner = Prepared(lambda id: Conversation.objects.filter(id=id).values_list("owner_id", "owner__username"))
    for row in (hers, his, hers):
        asked = Conversation.objects.filter(id=row.pk).values_list("owner_id", "owner__username")
        assert owner.rows("default", key_of(connection, row.pk)) == list(asked)
    assert owner.first("default", key_of(connection, uuid4())) is None


def test_values_go_where_they_belong_in_any_order(alice: Any, bob: Any) -> None:
    """The second value comes first in the SQL, one comes twice, and one looks like SQL."""
    row = rows.conversation(alice)
    Conversation.objects.filter(pk=row.pk).update(title="%s' OR 1=1 --")
    mine = Prepared(
        lambda owner, title: (
            Conversation.objects.filter(title=title, owner_id=owner)
            .exclude(title__gt=title)
            .values_list("pk")
        )
    )
    assert len(mine.rows("default", alice.pk, "%s' OR 1=1 --")) == 1
    assert mine.rows("default", alice.pk, "x' OR 1=1 --") == []
    assert mine.rows("default", bob.pk, "%s' OR 1=1 --") == []


def test_its_sql_is_djangos_and_is_made_once(alice: Any) -> None:
    made: list[int] = []

    def build(id: Any) -> Any:
        made.append(1)
        return Conversation.objects.filter(id=id).values_list("owner_id")[:1]

    owner, key = Prepared(build), key_of(connection, rows.conversation(alice).pk)
    with CaptureQueriesContext(connections["default"]) as asked:
        assert [owner.first("default", key) for _ in range(3)] == [(alice.pk,)] * 3
    assert made == [1] and len(asked) == 3
    assert all("LIMIT 1" in one["sql"] for one in asked.captured_queries)
