"""The admin's page of retention, and "delete for good": with and without permission, twice, late, with Redis away."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission

from chat import erasure
from chat.commands import CreateBody, SendBody
from chat.inspection import base
from chat.models import Conversation, Event, Run
from chat.retention.models import Erasure, PolicyDays, Round
from chat.retention.rounds import is_asked_for
from chat.retention.table import days_of, policies
from tests.chat.inspection.test_operating import House, house, say, staff, uid

__all__ = ["house", "staff"]

PAGE = "/admin/retention/"


def fields(**changes: str) -> dict[str, str]:
    """The form as it is shown, with some fields changed."""
    days = {name: "" if one is None else str(one) for name, one in days_of().items()}
    return days | changes


def grant(user: Any, *names: str) -> None:
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=names))


class TestPage:
    def test_it_says_what_goes_after_how_long_and_counts_it(self, staff: Any, house: House) -> None:
        house.submit(CreateBody(kind="create", title="Rent"))
        Conversation.objects.update(deleted_at=1)
        html = staff.get(PAGE).content.decode()
        assert all(f'name="{one.name}"' in html for one in policies())
        row = re.search(
            r"<tr>(?:(?!</tr>).)*conversations that their owners have deleted.*?</tr>", html, re.S
        )
        assert row is not None and re.search(r"<td>30</td>\s*<td>1</td>", row[0])
        assert PAGE in staff.get("/admin/").content.decode()

    def test_nothing_is_changed_before_the_new_counts_were_seen(self, staff: Any, house: House) -> None:
        house.submit(CreateBody(kind="create", title="Rent"))
        Conversation.objects.update(updated_at=1)
        page = staff.post(PAGE, {**fields(conversations="400"), "check": "1"})
        html = page.content.decode()
        assert page.status_code == 200 and "cannot be brought back" in html
        assert re.search(r"<td>[^<]*<input[^>]*hidden[^>]*>400</td>\s*<td>never</td>\s*<td>1</td>", html)
        assert not PolicyDays.objects.exists() and Conversation.objects.count() == 1
        assert "were changed" in say(
            staff.post(PAGE, {**fields(conversations="400"), "save": "1"}, follow=True)
        )
        assert days_of()["conversations"] == 400
        entry = LogEntry.objects.get(object_id="conversations")
        assert (entry.change_message, entry.user.username) == ("Days: never → 400.", "charlie")
        assert Conversation.objects.count() == 1 and not Round.objects.filter(next_at=0).exists()
        # The same page again changes nothing and writes nothing down.
        staff.post(PAGE, {**fields(conversations="400"), "save": "1"})
        assert LogEntry.objects.filter(object_id="conversations").count() == 1

    def test_what_is_out_of_bounds_is_refused_with_a_word(self, staff: Any, house: House) -> None:
        page = staff.post(PAGE, {**fields(log="3"), "save": "1"})
        assert "greater than or equal to 30" in page.content.decode()
        assert days_of()["log"] is None

    def test_a_round_is_begun_by_hand_and_the_log_says_so(self, staff: Any, house: House) -> None:
        Round.objects.update_or_create(number=1, defaults={"next_at": 10**15})
        assert "begins within seconds" in say(staff.post(PAGE, {**fields(), "now": "1"}, follow=True))
        assert Round.objects.get().next_at == 0
        assert LogEntry.objects.get(object_repr="round").change_message == "Begun by hand."

    def test_progress_is_shown(self, staff: Any, house: House) -> None:
        Round.objects.create(
            number=1, policy="faults", removed={"faults": 1234}, claimed_until=10**15, started_at=1
        )
        Erasure.objects.create(kind="person", key="7", asked_at=1, state="running", done=250, total=5000)
        html = staff.get(PAGE).content.decode()
        assert "a worker is at it" in html and "refused requests, with their bodies: 1,234" in html
        assert "250 / 5,000" in html

    def test_W11_without_permission_there_is_no_page_and_no_change(
        self, client: Any, house: House, bob: Any
    ) -> None:
        client.force_login(bob)
        grant(bob)
        assert client.get(PAGE).status_code == 403
        assert PAGE not in client.get("/admin/").content.decode()
        grant(bob, "view_policydays")
        html = client.get(PAGE).content.decode()
        assert "would go now" in html and '<input type="submit"' not in html.split("<main")[-1]
        for button in ("check", "save", "now"):
            assert client.post(PAGE, {**fields(faults="1"), button: "1"}).status_code == 403
        assert days_of()["faults"] == 90


class TestForGood:
    def test_it_is_written_down_and_done(self, staff: Any, house: House) -> None:
        house.submit(CreateBody(kind="create", title="Rent"))
        page = base.address("chat_conversation_erase", house.conversation)
        assert (
            page in staff.get(base.address("chat_conversation_change", house.conversation)).content.decode()
        )
        html = staff.get(page).content.decode()
        assert "cannot be taken back" in html and Conversation.objects.count() == 1
        assert "within seconds" in say(staff.post(page, {"command": uid()}, follow=True))
        asked = Erasure.objects.get()
        assert (asked.kind, asked.key, str(asked.asked_by)) == ("conversation", house.conversation, "charlie")
        assert (
            LogEntry.objects.get(object_id=house.conversation, change_message="erase.").user == asked.asked_by
        )
        # Twice: the same wish.
        assert "already" in say(staff.post(page, {"command": uid()}, follow=True))
        assert Erasure.objects.count() == 1
        done = erasure.carry_out(asked)
        assert done is not None and done.state == "over"
        assert Conversation.objects.count() == Event.objects.count() == 0
        assert staff.post(page, {"command": uid()}).status_code == 404
        # Who did it is known, and what it was called is not.
        assert LogEntry.objects.get(change_message="erase.").object_repr == "–"

    def test_one_that_changed_meanwhile_and_has_a_run_at_work_goes_whole(
        self, staff: Any, house: House
    ) -> None:
        house.submit(CreateBody(kind="create", title="Rent"))
        page = base.address("chat_conversation_erase", house.conversation)
        staff.get(page)
        house.submit(SendBody(kind="send", message=uid(), text="pay the rent"))
        staff.post(page, {"command": uid()})
        assert Run.objects.get().status == "queued"
        erasure.carry_out(Erasure.objects.get())
        assert Conversation.objects.count() == Run.objects.count() == 0
        assert house.submit(SendBody(kind="send", message=uid(), text="and again")).code == "not_found"

    def test_one_that_its_owner_deleted_meanwhile_goes_as_well(self, staff: Any, house: House) -> None:
        house.submit(CreateBody(kind="create", title="Rent"))
        page = base.address("chat_conversation_erase", house.conversation)
        house.with_sessions(lambda sessions: sessions.delete(house.conversation))
        assert "within seconds" in say(staff.post(page, {"command": uid()}, follow=True))
        erasure.carry_out(Erasure.objects.get())
        assert Conversation.objects.count() == 0

    def test_with_redis_away_it_is_written_down_all_the_same(
        self, staff: Any, house: House, settings: Any
    ) -> None:
        house.submit(CreateBody(kind="create", title="Rent"))
        page = base.address("chat_conversation_erase", house.conversation)
        redis, settings.HOLDFAST_REDIS_URL = settings.HOLDFAST_REDIS_URL, "redis://127.0.0.1:1/0"
        assert "within seconds" in say(staff.post(page, {"command": uid()}, follow=True))
        assert is_asked_for("conversation", house.conversation)
        settings.HOLDFAST_REDIS_URL = redis
        assert erasure.carry_out(Erasure.objects.get()) is not None
        assert Conversation.objects.count() == 0

    @pytest.mark.parametrize("may", [("view_conversation",), ("view_conversation", "change_conversation")])
    def test_W11_whoever_may_not_is_refused(
        self, client: Any, house: House, bob: Any, may: tuple[str, ...]
    ) -> None:
        house.submit(CreateBody(kind="create", title="Rent"))
        client.force_login(bob)
        grant(bob, *may)
        page = base.address("chat_conversation_erase", house.conversation)
        assert client.get(page).status_code == client.post(page, {"command": uid()}).status_code == 403
        assert (
            page
            not in client.get(base.address("chat_conversation_change", house.conversation)).content.decode()
        )
        assert not Erasure.objects.exists()
