"""A person is deleted with all that is theirs, in batches, and nothing of anybody else's."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import large
from chat import erasure
from chat.entrances.feishu.models import FeishuApp, FeishuLane
from chat.entrances.schedules.models import ScheduleFiring
from chat.entrances.triggers.models import TriggerFiring
from chat.inspection import people
from chat.models import Conversation, Event, Run
from chat.retention.erasing import Eraser
from chat.retention.models import Erasure
from chat.retention.rounds import ask_for
from chat.runtime import opened
from chat.support.clock import now_ms

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_url")]


@pytest.fixture
def crowd() -> tuple[Any, Any]:
    """Two people with thirty conversations each, and all that hangs on them."""
    large.fill(large.Size(60, people=2, chats_every=3), now_ms())
    first, second = get_user_model().objects.order_by("pk")
    FeishuApp.objects.update(owner=second)
    return first, second


def rows_of(user: Any) -> dict[str, int]:
    """How many rows there are that lead to somebody."""
    return {share.name: share.count for share in erasure.share_of(user)}


def test_what_would_go_is_counted_without_loading_it(crowd: tuple[Any, Any]) -> None:
    first, _ = crowd
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = rows_of(first)
    assert found["conversations"] == 30
    assert found["events"] == 30 * 2 * len(large.TURN)
    assert all("COUNT(" in query["sql"].upper() for query in queries)


def erase(user: Any) -> Erasure | None:
    return erasure.carry_out(ask_for("person", str(user.pk))[0])


def test_a_person_is_deleted_with_everything_and_nobody_else(crowd: tuple[Any, Any]) -> None:
    first, second = crowd
    before = rows_of(second)
    done = erase(first)
    assert done is not None and (done.state, done.done, done.total) == ("over", 30, 30)
    assert not get_user_model().objects.filter(pk=first.pk).exists()
    assert rows_of(first) == {}
    assert rows_of(second) == before
    owners = {second.pk}
    assert set(Conversation.objects.values_list("owner", flat=True)) == owners
    assert set(Event.objects.values_list("conversation__owner", flat=True)) == owners
    assert set(Run.objects.values_list("conversation__owner", flat=True)) == owners
    assert set(FeishuLane.objects.values_list("owner", flat=True)) == owners
    assert set(TriggerFiring.objects.values_list("trigger__owner", flat=True)) == owners
    assert set(ScheduleFiring.objects.values_list("schedule__owner", flat=True)) == owners


def test_it_goes_on_where_it_was_interrupted_and_they_cannot_log_in_meanwhile(crowd: tuple[Any, Any]) -> None:
    first, _ = crowd
    row, _new = ask_for("person", str(first.pk))
    first.refresh_from_db()
    assert not first.is_active

    class Died(Exception):
        pass

    async def renew(gone: int) -> None:
        if gone >= 20:
            raise Died

    async def work() -> None:
        async with opened() as runtime:
            await Eraser(runtime.sessions, runtime.database).person(first.pk, renew=renew)

    with pytest.raises(Died):
        async_to_sync(work)()
    assert Conversation.objects.filter(owner=first).count() == 10
    done = erasure.carry_out(row)
    assert done is not None and done.state == "over"
    assert rows_of(first) == {}


def test_who_owns_what_others_need_is_kept_whole(crowd: tuple[Any, Any]) -> None:
    _, second = crowd
    done = erase(second)
    assert done is not None and done.state == "failed"
    assert done.error.startswith("Give these to somebody else first: ") and "Large" in done.error
    assert Conversation.objects.filter(owner=second).count() == 30


def test_the_command_asks_first_and_then_deletes(crowd: tuple[Any, Any]) -> None:
    first, second = crowd
    said = StringIO()
    call_command("delete_person", first.username, stdout=said)
    assert "30 conversations" in said.getvalue() and "Nothing was changed." in said.getvalue()
    assert Conversation.objects.filter(owner=first).count() == 30
    call_command("delete_person", first.username, "--yes", stdout=said)
    assert said.getvalue().endswith(f"30 conversations deleted\n{first.username} is deleted.\n")
    with pytest.raises(CommandError, match="There is nobody"):
        call_command("delete_person", first.username)
    with pytest.raises(CommandError, match="Give these to somebody else first"):
        call_command("delete_person", second.username, "--yes", stdout=said)


def test_the_admin_says_how_much_goes_and_deletes_it(crowd: tuple[Any, Any], admin_client: Client) -> None:
    first, _ = crowd
    address = f"/admin/auth/user/{first.pk}/delete/"
    page = admin_client.get(address).content.decode()
    assert "conversations: 30" in page and "events: 360" in page
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    assert not get_user_model().objects.filter(pk=first.pk).exists()
    assert rows_of(first) == {}


def test_the_admin_leaves_a_person_with_very_many_conversations_to_the_workers(
    crowd: tuple[Any, Any], admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = crowd
    monkeypatch.setattr(people, "MAX_HERE", 20)
    page = admin_client.post(f"/admin/auth/user/{first.pk}/delete/", {"post": "yes"}, follow=True)
    assert "A worker deletes all that is theirs" in page.content.decode()
    assert Conversation.objects.filter(owner=first).count() == 30
    asked = Erasure.objects.get()
    assert (asked.kind, asked.key, asked.state) == ("person", str(first.pk), "waiting")
    assert str(asked.asked_by) == "admin"
    # Again, in another way: it is the same wish. Who owns what others need is not even asked about.
    ticked = {"action": "delete_selected", "_selected_action": [first.pk, second.pk], "post": "yes"}
    admin_client.post("/admin/auth/user/", ticked)
    assert Erasure.objects.get() == asked
    second.refresh_from_db()
    assert second.is_active
