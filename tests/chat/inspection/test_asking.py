"""What is chosen in a list asks first: each such action with and without permission, twice, on rows that changed
meanwhile, with Redis away. Those that are done on a page of one row: test_operating.py, test_helping.py."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from chat import set_aside
from chat.entrances.feishu.models import FeishuDelivery, FeishuLane, FeishuMessage
from chat.entrances.schedules import editing
from chat.entrances.schedules.models import ScheduleDelivery
from chat.entrances.triggers.models import TriggerFiring
from chat.inspection.asking import MOST
from chat.messenger.models import SET_ASIDE
from chat.models import Conversation, QueueFailure
from chat.retention.rounds import is_asked_for
from chat.support.clock import wall_ms
from tests.chat.entrances.feishu.conftest import make_app
from tests.chat.inspection.test_authority import schedule_of, trigger_of
from tests.chat.inspection.test_many import form_of
from tests.chat.inspection.test_retention import grant
from tests.chat.inspection.test_set_aside import aside, queue
from tests.support import rows

__all__ = ["queue"]


def feishu_delivery(alice: Any) -> Any:
    app = make_app(slug=uuid.uuid4().hex, app_id=uuid.uuid4().hex)
    lane = FeishuLane.objects.create(app=app, chat_id="oc", conversation=uuid.uuid4(), owner=app.owner)
    return FeishuDelivery.objects.create(
        lane=lane, uuid=uuid.uuid4(), content="{}", created_at=1, state="dead"
    )


def feishu_message(alice: Any) -> Any:
    app = make_app(slug=uuid.uuid4().hex, app_id=uuid.uuid4().hex)
    given = {"chat_id": "oc", "sender": "ou", "event": {}, "sent_at": 1, "received_at": 1}
    reason = f"{SET_ASIDE} TypeError: no"
    return FeishuMessage.objects.create(**given, app=app, message_id="om", state="refused", reason=reason)


def schedule_delivery(alice: Any) -> Any:
    firing = editing.record(schedule_of(alice), wall_ms())
    return ScheduleDelivery.objects.create(
        firing=firing, kind="email", address="a@b.example", subject="s", text="t", created_at=1, state="dead"
    )


def trigger_firing(alice: Any) -> Any:
    return TriggerFiring.objects.create(
        trigger=trigger_of(alice), key="k", state="failed", seen={"payload": {}}, created_at=1
    )


def queue_failure(alice: Any) -> Any:
    (made,) = [one for name, one in set_aside._queues.items() if name == "of the test"]
    aside(made, "a")
    return QueueFailure.objects.get()


@dataclass(frozen=True)
class Act:
    """An action of a list: how a row is made that it is for, and how that changes before somebody says yes."""

    make: Callable[[Any], Any]
    name: str
    #: Whether it was done.
    done: Callable[[Any], bool]
    #: What somebody else does meanwhile, after which it may not be done.
    meanwhile: dict[str, Any] | None
    #: Permissions without which it cannot be done, beside the one to look.
    needs: tuple[str, ...]


def state_of(row: Any) -> str:
    return str(type(row).objects.values_list("state", flat=True).get(pk=row.pk))


ACTS = {
    "delivery of Feishu": Act(
        feishu_delivery,
        "resend",
        lambda row: state_of(row) == "pending",
        {"state": "sent"},
        ("change_feishudelivery",),
    ),
    "message of Feishu": Act(
        feishu_message,
        "take_again",
        lambda row: state_of(row) == "received",
        {"state": "taken", "reason": ""},
        ("change_feishumessage",),
    ),
    "delivery of a schedule": Act(
        schedule_delivery,
        "resend",
        lambda row: state_of(row) == "pending",
        {"state": "sent"},
        ("change_scheduledelivery",),
    ),
    "firing of a trigger": Act(
        trigger_firing,
        "again",
        lambda row: state_of(row) == "pending",
        {"state": "fired"},
        ("change_triggerfiring", "change_user"),
    ),
    "row of a queue": Act(
        queue_failure,
        "try_again",
        lambda row: not QueueFailure.objects.exists(),
        {"aside": False},
        ("change_queuefailure",),
    ),
    "conversation": Act(
        lambda alice: rows.conversation(alice),
        "erase",
        lambda row: is_asked_for("conversation", str(row.pk)),
        None,
        ("delete_conversation",),
    ),
}


@pytest.fixture
def client(client: Any, bob: Any, settings: Any) -> Any:
    """Staff with no more rights than are given; Redis is away."""
    settings.HOLDFAST_REDIS_URL = "redis://127.0.0.1:1/0"
    client.force_login(bob)
    return client


def list_of(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_changelist")


def chosen(client: Any, act: Act, row: Any) -> Any:
    return client.post(
        list_of(row), {"action": act.name, "index": "0", "_selected_action": [str(row.pk)]}, follow=True
    )


def log_of(row: Any, act: Act) -> int:
    return LogEntry.objects.filter(object_id=str(row.pk), change_message=f"{act.name}.").count()


@pytest.mark.django_db
@pytest.mark.usefixtures("queue")
class TestEach:
    @pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
    def test_it_asks_is_done_once_and_is_written_down(
        self, client: Any, bob: Any, alice: Any, act: Act
    ) -> None:
        row = act.make(alice)
        grant(bob, f"view_{row._meta.model_name}", *act.needs)
        assert f'<option value="{act.name}">' in client.get(list_of(row)).content.decode()
        page = chosen(client, act, row)
        html = page.content.decode()
        assert form_of(page)["_selected_action"] == [str(row.pk)] and "No, take me back" in html
        assert not act.done(row) and log_of(row, act) == 0
        sent = form_of(page)
        for _ in range(2):
            client.post(list_of(row), sent)
            assert act.done(row)
        assert log_of(row, act) == 1

    @pytest.mark.parametrize(
        "act",
        [one for one in ACTS.values() if one.meanwhile],
        ids=[n for n, a in ACTS.items() if a.meanwhile],
    )
    def test_what_somebody_else_did_meanwhile_stands(
        self, client: Any, bob: Any, alice: Any, act: Act
    ) -> None:
        row = act.make(alice)
        grant(bob, f"view_{row._meta.model_name}", *act.needs)
        sent = form_of(chosen(client, act, row))
        type(row).objects.filter(pk=row.pk).update(**act.meanwhile or {})
        client.post(list_of(row), sent)
        now = type(row).objects.get(pk=row.pk)
        assert {name: getattr(now, name) for name in act.meanwhile or {}} == act.meanwhile
        assert log_of(row, act) == 0

    @pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
    def test_W11_without_any_of_its_permissions_nothing_is_done(
        self, client: Any, bob: Any, alice: Any, act: Act
    ) -> None:
        row = act.make(alice)
        look = f"view_{row._meta.model_name}"
        for missing in act.needs:
            grant(bob, look, *(one for one in act.needs if one != missing))
            chosen(client, act, row)
            client.post(list_of(row), {"action": act.name, "sure": "1", "_selected_action": [str(row.pk)]})
            assert not act.done(row), missing
        assert log_of(row, act) == 0

    def test_W11_who_may_delete_and_not_look_deletes_nothing(self, client: Any, bob: Any, alice: Any) -> None:
        """Of the other actions the permission to change is one to look, as Django has it."""
        row, act = rows.conversation(alice), ACTS["conversation"]
        grant(bob, *act.needs)
        sent = {"action": act.name, "sure": "1", "_selected_action": [str(row.pk)]}
        assert client.post(list_of(row), sent).status_code == 403
        assert not act.done(row)


def test_every_action_that_asks_is_in_the_table() -> None:
    found = {
        (model.__name__, name)
        for model, of in admin.site._registry.items()
        for name in of.actions or ()
        if getattr(getattr(of, str(name), None), "asks", False)
    }
    assert len(found) == len(ACTS) and {name for _, name in found} == {act.name for act in ACTS.values()}


@pytest.mark.django_db
def test_more_than_one_page_can_name_are_refused(client: Any, bob: Any, alice: Any) -> None:
    grant(bob, "view_conversation", "delete_conversation")
    made = [
        Conversation(id=uuid.uuid4(), owner=alice, agent="assistant", created_at=1, updated_at=number)
        for number in range(MOST + 1)
    ]
    Conversation.objects.bulk_create(made)
    sent = {"action": "erase", "index": "0", "select_across": "1", "_selected_action": [str(made[0].pk)]}
    page = client.post(list_of(made[0]), sent, follow=True)
    assert "Choose fewer" in page.content.decode()
