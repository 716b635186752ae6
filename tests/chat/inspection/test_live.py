"""The states that the admin's pages ask for again: those of the rows that one may see, and nothing else (W11)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission

from chat.inspection.live import MAX_ASKED
from chat.support.clock import now_ms
from tests.support import rows

pytestmark = pytest.mark.django_db
STATES = "/admin/chat/conversation/states/"


def test_states_are_those_of_now(admin_client: Any, alice: Any) -> None:
    busy, gone = rows.conversation(alice), rows.conversation(alice)
    page = admin_client.get("/admin/chat/conversation/").content.decode()
    assert f'data-hf-live="{busy.pk}"' in page and f'data-hf-live-at="{STATES}"' in page
    busy.run_status = "running"
    busy.save()
    gone.run_status, gone.deleted_at = "finished", now_ms()
    gone.save()
    answer = admin_client.get(f"{STATES}?ids={busy.pk},{gone.pk},{uuid4()},nothing,")
    assert answer.json() == {
        str(busy.pk): [["running", "running"]],
        str(gone.pk): [["finished", "finished"], ["deleted", "deleted"]],
    }
    assert "no-store" in answer["Cache-Control"]


def test_one_question_reads_no_more_than_a_list_shows(
    admin_client: Any, alice: Any, django_assert_max_num_queries: Any
) -> None:
    ids = ",".join(str(rows.conversation(alice).pk) for _ in range(3))
    many = ",".join(str(uuid4()) for _ in range(MAX_ASKED))
    with django_assert_max_num_queries(4):
        assert len(admin_client.get(f"{STATES}?ids={ids}").json()) == 3
    assert admin_client.get(f"{STATES}?ids={many},{ids}").json() == {}


def test_W11_staff_who_may_not_see_conversations_are_told_nothing(client: Any, alice: Any, bob: Any) -> None:
    row = rows.conversation(alice)
    assert client.get(f"{STATES}?ids={row.pk}").status_code == 302
    bob.is_staff = True
    bob.save()
    client.force_login(bob)
    assert client.get(f"{STATES}?ids={row.pk}").status_code == 403
    bob.user_permissions.add(Permission.objects.get(codename="view_conversation"))
    assert list(client.get(f"{STATES}?ids={row.pk}").json()) == [str(row.pk)]
