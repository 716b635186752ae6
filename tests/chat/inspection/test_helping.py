"""What an operator may do besides looking: each with and without permission, twice, too late, and with Redis away."""

from __future__ import annotations

import gc
import json
import re
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import connection

from agents import events as e
from chat.commands import ApproveBody, CreateBody, SendBody
from chat.inspection import base
from chat.models import Call, Conversation, Event, Run
from chat.session.contract import next_tag
from chat.session.sessions import Sessions
from tests.chat.inspection.test_operating import House, form_of, house, now, say, staff, uid

__all__ = ["house", "staff"]


def asking(house: House) -> Call:
    """A call of Alice's that asks whether it may run."""
    house.submit(CreateBody(kind="create", title="Rent"))
    house.submit(SendBody(kind="send", message=uid(), text="pay the rent"))
    run, at = Run.objects.get().run, now()
    step = f"{run}.1"
    id = e.call_id(house.conversation, step, 0)
    arguments = '{"to":"<b>Bo</b>"}'
    call = e.ProposedCall(call=id, ordinal=0, name="pay", arguments=arguments)
    house.tell(
        e.RunStarted(at=at, run=run, attempt=1, fence=1, worker="w1"),
        e.StepStarted(at=at, run=run, step=step),
        e.StepFinished(at=at, run=run, step=step, text="", calls=(call,)),
        e.ApprovalAsked(at=at, step=step, call=id, digest=e.approval_digest("pay", arguments)),
        e.RunWaiting(at=at, run=run, reason="approval"),
    )
    return Call.objects.get()


def hidden(staff: Any, page: str, **query: str) -> dict[str, str]:
    html = staff.get(page, query).content.decode()
    return dict(re.findall(r'<input type="hidden" name="(command|back|digest)"(?: value="([^"]*)")?', html))


def log_of(row: Any) -> list[str]:
    return list(
        LogEntry.objects.filter(object_id=str(row.pk)).order_by("pk").values_list("change_message", flat=True)
    )


class TestApproval:
    @pytest.mark.parametrize(("decision", "status"), [("approve", "queued"), ("refuse", "cancelled")])
    def test_W8_an_operator_says_a_word_and_the_conversation_shows_whose_it_was(
        self, staff: Any, house: House, decision: str, status: str
    ) -> None:
        call = asking(house)
        page = base.address("chat_call_approve", call.pk)
        assert (
            page in staff.get(base.address("chat_conversation_change", house.conversation)).content.decode()
        )
        html = staff.get(page).content.decode()
        assert "&lt;b&gt;Bo" in html and "<b>Bo" not in html
        sent = {**hidden(staff, page), "decision": decision, "note": "not today"}
        assert "Recorded" in say(staff.post(page, sent, follow=True))
        call.refresh_from_db()
        assert call.status == status
        said = json.loads(Event.objects.get(type="approval.decided").text)
        assert (said["by"], said["note"]) == ("charlie", "not today")
        assert f"Decided: {decision}." in log_of(call)
        # The same page again has one effect; a new one finds nothing to decide (W5, W7).
        staff.post(page, sent)
        assert house.types().count("approval.decided") == 1
        assert "does not wait" in say(staff.get(page, follow=True))

    def test_W7_who_comes_after_the_owner_changes_nothing(self, staff: Any, house: House) -> None:
        call = asking(house)
        page = base.address("chat_call_approve", call.pk)
        sent = {**hidden(staff, page), "decision": "approve"}
        house.submit(ApproveBody(kind="approve", call=call.call, digest=sent["digest"], decision="refuse"))
        assert "somebody was faster" in say(staff.post(page, sent, follow=True))
        assert house.types().count("approval.decided") == 1

    def test_with_redis_away_nothing_is_done_and_the_page_may_be_sent_again(
        self, staff: Any, house: House, settings: Any
    ) -> None:
        call = asking(house)
        page = base.address("chat_call_approve", call.pk)
        sent = {**hidden(staff, page), "decision": "approve"}
        redis, settings.HOLDFAST_REDIS_URL = settings.HOLDFAST_REDIS_URL, "redis://127.0.0.1:1/0"
        response = staff.post(page, sent)
        assert response.status_code == 200 and "Try again" in say(response)
        settings.HOLDFAST_REDIS_URL = redis
        assert "Recorded" in say(staff.post(page, sent, follow=True))

    def test_W11_a_viewer_is_refused(self, client: Any, house: House, bob: Any) -> None:
        call = asking(house)
        viewer(client, bob)
        page = base.address("chat_call_approve", call.pk)
        assert client.get(page).status_code == 403
        assert client.post(page, {"command": uid(), "decision": "approve"}).status_code == 403
        assert (
            page
            not in client.get(base.address("chat_conversation_change", house.conversation)).content.decode()
        )


def make_groups() -> None:
    """As the migration has made them: tests that commit empty every table."""
    migration = import_module("chat.migrations.0018_groups_of_operators")
    migration.make(apps, SimpleNamespace(connection=connection))


def viewer(client: Any, user: Any, group: str = "viewer") -> None:
    make_groups()
    user.is_staff = True
    user.save()
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)


def pages(house: House) -> dict[str, str]:
    run = Run.objects.get()
    return {
        "offer": base.address("chat_run_offer", run.pk),
        "fail": base.address("chat_run_fail", run.pk),
        "rebuild": base.address("chat_conversation_rebuild", house.conversation),
    }


class TestHelp:
    def test_a_run_that_nobody_works_on_is_marked_as_failed_once(self, staff: Any, house: House) -> None:
        house.doubt()
        page, run = pages(house)["fail"], Run.objects.get()
        assert page in staff.get(base.address("chat_run_change", run.pk)).content.decode()
        sent = form_of(staff, page)
        assert "marked as failed" in say(staff.post(page, sent, follow=True))
        run.refresh_from_db()
        assert (run.status, run.code) == ("failed", "internal") and "charlie" in run.detail
        assert not Call.objects.filter(status="in_doubt").exists()
        assert "fail." in log_of(run)
        assert "over already: failed" in say(staff.post(page, sent, follow=True))
        assert house.types().count("run.failed") == 1

    def test_a_run_that_a_worker_owns_is_left_to_it(self, staff: Any, house: House) -> None:
        house.doubt()
        house.with_sessions(lambda sessions: sessions.take(house.conversation, "w9", 60_000))
        page = pages(house)["fail"]
        assert "Stop it instead" in say(staff.post(page, form_of(staff, page), follow=True))
        assert "run.failed" not in house.types()

    def test_a_queued_run_is_offered_to_the_workers_and_one_that_waits_is_not(
        self, staff: Any, house: House
    ) -> None:
        house.submit(CreateBody(kind="create", title="Rent"))
        house.submit(SendBody(kind="send", message=uid(), text="hello"))
        page = pages(house)["offer"]
        for _ in range(2):
            assert "was offered" in say(staff.post(page, form_of(staff, page), follow=True))
        assert house.types().count("run.queued") == 1
        Run.objects.update(status="waiting")
        assert "no worker is to be looked for" in say(staff.get(page, follow=True))

    def test_S6_a_session_is_rebuilt_from_SQL_and_says_the_same_under_a_new_epoch(
        self, staff: Any, house: House
    ) -> None:
        house.doubt()

        async def look(sessions: Sessions) -> Any:
            view = await sessions.load(house.conversation)
            return view.position, view.state

        before, state = house.with_sessions(look)
        page = pages(house)["rebuild"]
        assert "built anew" in say(staff.post(page, form_of(staff, page), follow=True))
        after, again = house.with_sessions(look)
        assert again == state and (after.seq, after.tag) == (before.seq, before.tag)
        assert after.epoch != before.epoch
        assert "rebuild." in log_of(Conversation.objects.get())

    def test_with_redis_away_nothing_is_done(self, staff: Any, house: House, settings: Any) -> None:
        house.doubt()
        forms = {name: form_of(staff, page) for name, page in pages(house).items() if name != "offer"}
        before = house.types()
        settings.HOLDFAST_REDIS_URL = "redis://127.0.0.1:1/0"
        for name, sent in forms.items():
            response = staff.post(pages(house)[name], sent)
            assert response.status_code == 200 and "Try again" in say(response)
        assert list(Event.objects.order_by("seq").values_list("type", flat=True)) == before

    @pytest.mark.filterwarnings(
        # The queue's client leaves them behind where it cannot connect; see tests/chat/runs/test_queue.py.
        "ignore:Unclosed <MemoryObject:ResourceWarning",
        "ignore:.*MemoryObject:pytest.PytestUnraisableExceptionWarning",
    )
    def test_a_run_is_not_offered_while_redis_is_away_and_not_once_it_has_gone_on(
        self, staff: Any, house: House, settings: Any
    ) -> None:
        house.submit(CreateBody(kind="create", title="Rent"))
        house.submit(SendBody(kind="send", message=uid(), text="hello"))
        page = pages(house)["offer"]
        sent = form_of(staff, page)
        redis, settings.HOLDFAST_REDIS_URL = settings.HOLDFAST_REDIS_URL, "redis://127.0.0.1:1/0"
        response = staff.post(page, sent)
        assert response.status_code == 200 and "Nothing was done" in say(response)
        gc.collect()
        settings.HOLDFAST_REDIS_URL = redis
        assert log_of(Run.objects.get()) == []
        house.tell(
            e.RunStarted(at=now(), run=Run.objects.get().run, attempt=1, fence=1, worker="w1"),
        )
        assert "no worker is to be looked for" in say(staff.post(page, sent, follow=True))
        assert log_of(Run.objects.get()) == []

    def test_S6_a_session_is_rebuilt_twice_and_with_what_came_meanwhile(
        self, staff: Any, house: House
    ) -> None:
        house.doubt()
        page = pages(house)["rebuild"]
        sent = form_of(staff, page)
        house.submit(SendBody(kind="send", message=uid(), text="and the heating"))
        before = house.types()

        async def look(sessions: Sessions) -> Any:
            view = await sessions.load(house.conversation)
            return view.position.seq, view.state

        shown = house.with_sessions(look)
        for _ in range(2):
            assert "built anew" in say(staff.post(page, sent, follow=True))
            assert house.with_sessions(look) == shown and house.types() == before

    def test_a_conversation_that_was_deleted_meanwhile_is_left_alone(self, staff: Any, house: House) -> None:
        house.doubt()
        forms = {name: form_of(staff, page) for name, page in pages(house).items() if name != "offer"}
        Conversation.objects.update(deleted_at=1)
        for name, sent in forms.items():
            assert "was deleted" in say(staff.post(pages(house)[name], sent, follow=True))
        assert "run.failed" not in house.types()

    def test_W11_a_viewer_is_shown_nothing_of_it_and_refused_and_an_operator_is_not(
        self, client: Any, house: House, bob: Any
    ) -> None:
        house.doubt()
        viewer(client, bob)
        before = house.types()
        for page in pages(house).values():
            assert client.get(page).status_code == 403
            assert client.post(page, {"command": uid()}).status_code == 403
        html = client.get(base.address("chat_conversation_change", house.conversation)).content.decode()
        assert "/rebuild/" not in html and "export." not in html
        assert house.types() == before
        bob.groups.set([Group.objects.get(name="operator")])
        for name, page in pages(house).items():
            assert client.get(page).status_code in (200, 302), name
        assert (
            "/rebuild/"
            in client.get(base.address("chat_conversation_change", house.conversation)).content.decode()
        )


class TestRedisBesideSQL:
    def page(self, staff: Any, house: House) -> str:
        return str(staff.get(base.address("chat_conversation_redis", house.conversation)).content.decode())

    def test_both_have_the_same_until_somebody_changes_one(
        self, staff: Any, house: House, valkey: Any
    ) -> None:
        house.doubt()
        assert "Both have the same" in self.page(staff, house)
        Conversation.objects.update(info={"title": "<i>Other</i>", "agent": "a", "created_at": 1})
        html = self.page(staff, house)
        assert (
            "They differ" in html
            and "info.title" in html
            and "&lt;i&gt;Other" in html
            and "<i>Other" not in html
        )
        with valkey.client() as redis:
            redis.flushall()
        assert "does not hold this session" in self.page(staff, house)

    def test_redis_that_is_away_is_said_to_be(self, staff: Any, house: House, settings: Any) -> None:
        house.doubt()
        settings.HOLDFAST_REDIS_URL = "redis://127.0.0.1:1/0"
        assert "does not answer" in self.page(staff, house)


class TestExport:
    def test_S2_the_json_has_every_event_with_a_chain_that_can_be_checked(
        self, staff: Any, house: House
    ) -> None:
        house.doubt()
        answer = staff.get(base.address("chat_conversation_export", house.conversation, "json"))
        told = json.loads(b"".join(answer.streaming_content))
        assert told["format"] == "holdfast.conversation/1" and told["owner"] == "alice"
        tag = ""
        for number, event in enumerate(told["events"], start=1):
            tag = next_tag(tag, event["text"])
            assert (event["seq"], event["tag"]) == (number, tag)
        assert told["head"] == {"seq": len(told["events"]), "tag": tag}
        assert "Exported: json." in log_of(Conversation.objects.get())

    def test_it_needs_no_redis_has_what_came_meanwhile_and_each_time_is_written_down(
        self, staff: Any, house: House, settings: Any
    ) -> None:
        house.doubt()
        page = base.address("chat_conversation_export", house.conversation, "json")
        sizes = []
        redis = settings.HOLDFAST_REDIS_URL
        for _ in range(2):
            settings.HOLDFAST_REDIS_URL = "redis://127.0.0.1:1/0"
            sizes.append(len(json.loads(b"".join(staff.get(page).streaming_content))["events"]))
            settings.HOLDFAST_REDIS_URL = redis
            house.submit(SendBody(kind="send", message=uid(), text="and the heating"))
        assert sizes[0] < sizes[1]
        assert log_of(Conversation.objects.get()).count("Exported: json.") == 2

    def test_the_markdown_has_what_was_said_and_done(self, staff: Any, house: House) -> None:
        house.doubt()
        answer = staff.get(base.address("chat_conversation_export", house.conversation, "md"))
        text = answer.content.decode()
        assert "# Rent" in text and "pay the rent" in text and "**pay** (in_doubt)" in text
        assert (
            staff.get(base.address("chat_conversation_export", house.conversation, "exe")).status_code == 404
        )

    def test_W11_a_viewer_takes_nothing_out(self, client: Any, house: House, bob: Any) -> None:
        house.doubt()
        viewer(client, bob)
        for form in ("json", "md"):
            page = base.address("chat_conversation_export", house.conversation, form)
            assert client.get(page).status_code == 403


class TestReading:
    def test_reading_somebodys_conversation_is_written_down_once_in_a_while(
        self, client: Any, house: House, bob: Any
    ) -> None:
        call = house.doubt()[0]
        viewer(client, bob)
        page = base.address("chat_conversation_change", house.conversation)
        for _ in range(3):
            client.get(page)
        client.get(base.address("chat_call_change", call.pk))
        row = Conversation.objects.get()
        assert log_of(row) == ["Read: transcript.", "Read: call."]
        assert {entry.user_id for entry in LogEntry.objects.filter(object_id=str(row.pk))} == {bob.pk}

    def test_ones_own_is_not_and_who_is_refused_has_read_nothing(
        self, client: Any, house: House, alice: Any, bob: Any
    ) -> None:
        house.doubt()
        page = base.address("chat_conversation_change", house.conversation)
        viewer(client, alice)
        assert client.get(page).status_code == 200
        bob.is_staff = True
        bob.save()
        client.force_login(bob)
        assert client.get(page).status_code == 403
        assert log_of(Conversation.objects.get()) == []


@pytest.mark.django_db
class TestGroups:
    def test_a_group_of_that_name_is_left_as_it_is(self) -> None:
        Group.objects.get_or_create(name="viewer")[0].permissions.clear()
        make_groups()
        assert self.of("viewer") == set()

    def of(self, name: str) -> set[str]:
        found = Permission.objects.filter(group__name=name).select_related("content_type")
        return {f"{one.content_type.app_label}.{one.codename}" for one in found}

    def test_each_may_more_than_the_one_before(self) -> None:
        Group.objects.all().delete()
        make_groups()
        look, help, set_up = (self.of(name) for name in ("viewer", "operator", "administrator"))
        assert look < help < set_up
        assert all(".view_" in one for one in look) and "chat.view_fault" in look
        assert {"chat.change_call", "chat.change_run", "chat.change_conversation"} == {
            one for one in help - look if "queuefailure" not in one
        }
        assert "agents.change_agent" in set_up and "chat.delete_conversation" not in set_up

    def test_the_permissions_are_those_that_django_makes(self) -> None:
        assert Permission.objects.filter(codename="view_conversation").count() == 1

    def test_who_has_no_rights_sees_nothing_of_conversations(self, client: Any, bob: Any, alice: Any) -> None:
        from tests.support import rows

        rows.conversation(alice, "Secret plan")
        bob.is_staff = True
        bob.save()
        client.force_login(bob)
        html = client.get("/admin/").content.decode()
        assert "/admin/chat/" not in html
        for model in ("conversation", "run", "call", "fault", "event", "message", "step"):
            assert client.get(f"/admin/chat/{model}/?q=Secret").status_code == 403

    def test_the_sidebar_speaks_an_operators_words(self, admin_client: Any) -> None:
        html = admin_client.get("/admin/").content.decode()
        places = [
            html.index(f">{title}<") for title in ("Conversations", "Refused requests", "Agents", "Users")
        ]
        assert places == sorted(places)
        for title in ("Inspect", "Configure", "People"):
            assert re.search(rf">\s*{title}\s*<", html)
