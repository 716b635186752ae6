"""Schedules in the admin: the form holds the same rules, and staff see what became of each due time."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import ensure_default_agent
from chat.entrances.schedules import editing
from chat.entrances.schedules.models import Schedule, ScheduleDelivery, ScheduleFiring
from chat.entrances.schedules.validation import Draft
from chat.support.clock import wall_ms

LIST = "/admin/schedules/schedule/"


@pytest.fixture
def staff(charlie: Any) -> Client:
    ensure_default_agent()
    client = Client()
    client.force_login(charlie)
    return client


def form(alice: Any, **changes: Any) -> dict[str, Any]:
    return {
        "owner": alice.pk, "name": "News", "prompt": "What is new?", "agent": "", "kind": "cron",
        "cron": "0 9 * * *", "zone": "Europe/Berlin", "every_s": "", "at_text": "", "ends_text": "",
        "missed": "once", "most": "10", "place": "new", "conversation": "", "deliver_kind": "", "deliver_address": "",
        **changes,
    }  # fmt: skip


def row_of(alice: Any, **changes: Any) -> Schedule:
    draft = Draft(name="News", prompt="What is new?", cron="0 9 * * *", zone="Europe/Berlin")
    return editing.create(alice, draft.model_copy(update=changes))[0]


def test_one_is_made_and_changed(staff: Client, alice: Any) -> None:
    assert staff.get(f"{LIST}add/").status_code == 200
    answer = staff.post(f"{LIST}add/", form(alice))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = Schedule.objects.get()
    assert (row.owner, row.cron, row.state) == (alice, "0 9 * * *", "active") and row.next_at
    page = staff.get(f"{LIST}{row.pk}/change/").content.decode()
    assert page.count("09:00 +0") == 5, "the next five times"
    interval = form(
        alice, kind="interval", every_s="3600", at_text="2037-01-01T09:00", ends_text="2037-02-01T09:00+00:00"
    )
    answer = staff.post(f"{LIST}{row.pk}/change/", interval)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    changed = Schedule.objects.get()
    assert (changed.kind, changed.every_ms, changed.pk, changed.created_at) == (
        "interval",
        3_600_000,
        row.pk,
        row.created_at,
    )
    page = staff.get(f"{LIST}{row.pk}/change/").content.decode()
    assert 'value="2037-01-01T09:00+01:00"' in page and 'value="2037-02-01T10:00+01:00"' in page
    # Saved again as it is shown, it stays the same.
    again = form(
        alice,
        kind="interval",
        every_s="3600",
        at_text="2037-01-01T09:00+01:00",
        ends_text="2037-02-01T10:00+01:00",
    )
    staff.post(f"{LIST}{row.pk}/change/", again)
    assert Schedule.objects.get().next_at == changed.next_at


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cron": "x"}, "cron"),
        ({"zone": "x"}, "zone"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 32_001}, "prompt"),
        ({"kind": "interval", "every_s": "1"}, "every_s"),
        ({"kind": "once", "at_text": "never"}, "at_text"),
        ({"ends_text": "2020-01-01T00:00"}, "ends_text"),
        ({"most": "0"}, "most"),
        ({"conversation": str(uuid4()), "place": "same"}, "conversation"),
        ({"deliver_kind": "email", "deliver_address": "a@b.example"}, "deliver_address"),
        ({"deliver_kind": "feishu", "deliver_address": "bot:oc_1"}, "deliver_address"),
    ],
)
def test_bad_input_is_said_of_its_field(staff: Client, alice: Any, changes: Any, field: str) -> None:
    answer = staff.post(f"{LIST}add/", form(alice, **changes))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert Schedule.objects.count() == 0


def test_staff_may_send_results_to_another_address(staff: Client, alice: Any, settings: Any) -> None:
    settings.HOLDFAST_EMAIL = True
    answer = staff.post(f"{LIST}add/", form(alice, deliver_kind="email", deliver_address="team@example.com"))
    assert answer.status_code == 302
    assert Schedule.objects.get().deliver_address == "team@example.com"


def test_actions(staff: Client, alice: Any) -> None:
    row = row_of(alice)

    def act(name: str) -> str:
        answer = staff.post(LIST, {"action": name, "_selected_action": [str(row.pk)]}, follow=True)
        return answer.content.decode()

    act("pause")
    assert Schedule.objects.get().state == "paused"
    act("go_on")
    assert Schedule.objects.get().state == "active"
    assert "runs within a few seconds" in act("run_now")
    assert ScheduleFiring.objects.get().manual
    for _ in range(editing.MAX_MANUAL):
        page = act("run_now")
    assert "has not begun yet" in page
    Schedule.objects.update(kind="once", at=5, state="paused")
    assert "It has ended" in act("go_on")


def test_the_history_shows_what_became_of_each_time_and_escapes_it(staff: Client, alice: Any) -> None:
    row = row_of(alice, name="<b>News</b>")
    one = editing.record(row, wall_ms())
    place = uuid4()
    ScheduleFiring.objects.filter(pk=one.pk).update(
        state="over", outcome="finished", detail="<script>x</script>", conversation=place, run="r-1"
    )
    parcel = ScheduleDelivery.objects.create(
        firing=one,
        kind="email",
        address="a@b.example",
        subject="s",
        text="<i>t</i>",
        created_at=1,
        state="dead",
    )
    pages = [
        staff.get(LIST),
        staff.get(f"/admin/schedules/schedulefiring/?schedule={row.pk}"),
        staff.get(f"/admin/schedules/schedulefiring/{one.pk}/change/"),
        staff.get("/admin/schedules/scheduledelivery/"),
        staff.get(f"/admin/schedules/scheduledelivery/{parcel.pk}/change/"),
    ]
    for page in pages:
        text = page.content.decode()
        assert page.status_code == 200
        assert "<script>x" not in text and "<b>News" not in text and "<i>t" not in text
    assert f"/admin/chat/conversation/{place}/change/" in pages[1].content.decode()
    assert "/admin/chat/run/?q=r-1" in pages[2].content.decode()
    assert "/schedulefiring/?schedule=" in pages[0].content.decode()
    staff.post(
        "/admin/schedules/scheduledelivery/",
        {"action": "resend", "sure": "1", "_selected_action": [str(parcel.pk)]},
    )
    assert ScheduleDelivery.objects.get().state == "pending"


def test_staff_without_permission_see_nothing(alice: Any, bob: Any) -> None:
    bob.is_staff = True
    bob.save()
    client = Client()
    client.force_login(bob)
    row_of(alice)
    assert client.get(LIST).status_code == 403
    bob.user_permissions.add(Permission.objects.get(codename="view_schedule"))
    page = client.get(LIST)
    assert page.status_code == 200 and 'value="run_now"' not in page.content.decode()


def test_the_list_says_what_became_of_each_last_run_in_as_many_statements_for_many_as_for_one(
    staff: Client, alice: Any
) -> None:
    def fired(row: Schedule, due: int, state: str, outcome: str = "") -> None:
        ScheduleFiring.objects.create(schedule=row, due=due, state=state, outcome=outcome, created_at=due)

    first = row_of(alice, name="First")
    fired(first, 1, "over", "finished")
    fired(first, 2, "skipped")
    with CaptureQueriesContext(connection) as one:
        assert "finished" in staff.get(LIST).content.decode()
    for name, state in (("Second", "fired"), ("Third", "failed"), ("Fourth", "skipped")):
        fired(row_of(alice, name=name), 1, state)
    with CaptureQueriesContext(connection) as many:
        page = staff.get(LIST).content.decode()
    assert "in its conversation" in page and "could not be begun" in page
    assert len(many) <= len(one)
