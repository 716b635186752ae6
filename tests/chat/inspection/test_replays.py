"""The pages of replays, of two runs compared, raw responses and import: who may, what they do and show."""

from __future__ import annotations

import json
import uuid
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from agents import events as e
from agents.models import ensure_default_agent
from agents.serving.models import environment_provider
from chat.inspection import base
from chat.models import Conversation, Event, RawResponse, Replay, RequestSettings, Run
from chat.portable.writing import lines
from tests.chat.inspection.test_helping import make_groups
from tests.chat.portable.test_import import told

HOSTILE = "<script>alert(1)</script>"
SETTINGS = {
    "address": "https://api.example/v1", "profile": {"name": "openai-chat", "title": "OpenAI"}, "model": "gpt-old",
    "account": "", "prompt": f"Be kind {HOSTILE}", "tools": [],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _ready(db: None, settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    ensure_default_agent()
    environment_provider()


@pytest.fixture
def row(alice: Any) -> Conversation:
    """Two runs of one step each, whose requests can be made again."""
    RequestSettings.objects.create(digest="x", text=json.dumps(SETTINGS), created_at=1)
    events: list[e.Event] = [e.ConversationCreated(at=1, title="Tea", agent="assistant")]
    for n, said in enumerate(("first answer", f"second answer {HOSTILE}")):
        message, run = str(uuid.uuid4()), str(uuid.uuid4())
        facts = e.RequestFacts(settings="x", window=60_000, since=2, digest="d")
        events += [
            e.MessageAdded(at=2, message=message, text=f"question {n}"),
            e.RunQueued(at=3, run=run, cause=message),
            e.RunStarted(at=4, run=run, attempt=1, fence=1, worker="w"),
            e.StepStarted(at=5, run=run, step=f"{run}.1", model="gpt-old", request=facts),
            e.StepFinished(at=905, run=run, step=f"{run}.1", text=said, usage=e.Usage(input=5, output=6)),
            e.RunFinished(at=906, run=run),
        ]
    return told(alice, events)


@pytest.fixture
def staff(client: Any, charlie: Any) -> Any:
    client.force_login(charlie)
    return client


def of_group(client: Any, bob: Any, name: str) -> Any:
    make_groups()
    import_module("chat.migrations.0026_replays_for_operators").give(
        apps, SimpleNamespace(connection=connection)
    )
    bob.is_staff = True
    bob.save()
    bob.groups.add(Group.objects.get(name=name))
    client.force_login(bob)
    return client


def seq_of(row: Conversation, n: int = 0) -> int:
    rows = Event.objects.filter(conversation=row, type="step.started").order_by("seq")
    return list(rows.values_list("seq", flat=True))[n]


def ask_page(row: Conversation, n: int = 0) -> str:
    return base.address("chat_conversation_replay", row.pk, seq_of(row, n))


class TestReplay:
    def test_it_is_asked_for_once_written_down_and_shown(self, staff: Any, row: Conversation) -> None:
        html = staff.get(ask_page(row)).content.decode()
        assert "the same model at the same address" in html and "gpt-old" in html
        response = staff.post(ask_page(row), {"target": "same"})
        replay = Replay.objects.get()
        assert response.status_code == 302 and response.url.endswith(f"/replay/{replay.pk}/")
        assert (replay.by, replay.whole, replay.state) == ("charlie", False, "waiting")
        page = staff.get(response.url).content.decode()
        assert "A worker will take it" in page and 'http-equiv="refresh"' in page and "first answer" in page
        assert LogEntry.objects.filter(change_message__contains="Replay of").exists()

    def test_it_is_asked_for_while_redis_is_away(self, staff: Any, row: Conversation, settings: Any) -> None:
        settings.HOLDFAST_REDIS_URL = "redis://127.0.0.1:1/0"
        response = staff.post(ask_page(row), {"target": "same"})
        assert response.status_code == 302 and Replay.objects.get().state == "waiting"
        assert staff.get(response["Location"]).status_code == 200

    def test_both_answers_stand_beside_each_other(self, staff: Any, row: Conversation) -> None:
        staff.post(ask_page(row, 1), {"target": "same", "whole": "1"})
        replay = Replay.objects.get()
        answer = {
            "step": replay.step, "model": "gpt-new", "address": "a", "profile": "p", "digest": "d", "same": None,
            "text": f"new {HOSTILE}", "reasoning": "hm", "replay": [], "finish": "stop", "ms": 1500, "first_ms": 20,
            "calls": [{"name": "look", "arguments": "{}", "answered": False}],
            "usage": {"input": 1, "output": 2, "cached": 0, "cost": 3_000_000_000},
        }  # fmt: skip
        Replay.objects.update(
            state="done", steps=[answer], detail="unrecorded_call", started_at=1, ended_at=2
        )
        html = staff.get(base.address("chat_conversation_replayed", row.pk, replay.pk)).content.decode()
        assert "second answer" in html and "gpt-new" in html and "1.50 s" in html and "$3.0000" in html
        assert "No tool is run in a replay" in html or "No tool is" in html
        assert HOSTILE not in html and "&lt;script&gt;" in html and "http-equiv" not in html

    def test_a_target_that_is_not_on_the_list_is_refused(self, staff: Any, row: Conversation) -> None:
        for target in ("https://evil.example", "provider:999:x", "agent:nobody", ""):
            assert "Choose one of the list" in staff.post(ask_page(row), {"target": target}).content.decode()
        assert not Replay.objects.exists()

    def test_viewers_see_replays_and_ask_for_none(
        self, client: Any, bob: Any, row: Conversation, charlie: Any
    ) -> None:
        Replay.objects.create(
            conversation=row, user=charlie, by="charlie", seq=seq_of(row), step="s", run="r", target="same",
            target_name="same", created_at=1,
        )  # fmt: skip
        viewer = of_group(client, bob, "viewer")
        assert viewer.get(ask_page(row)).status_code == 403
        assert viewer.post(ask_page(row), {"target": "same"}).status_code == 403
        page = base.address("chat_conversation_replayed", row.pk, Replay.objects.get().pk)
        assert viewer.get(page).status_code == 200
        assert viewer.get("/admin/chat/replay/").status_code == 200
        request = viewer.get(base.address("chat_conversation_request", row.pk, seq_of(row))).content.decode()
        assert "Send it again" not in request and "charlie" in request
        assert viewer.get(base.address("chat_conversation_import")).status_code == 403

    def test_operators_ask_for_some_and_import_nothing(
        self, client: Any, bob: Any, row: Conversation
    ) -> None:
        operator = of_group(client, bob, "operator")
        assert operator.post(ask_page(row), {"target": "same"}).status_code == 302
        assert operator.get(base.address("chat_conversation_import")).status_code == 403
        run = Run.objects.order_by("seq").first()
        assert "Replay this run" in operator.get(base.address("chat_run_change", run.pk)).content.decode()

    def test_whoever_may_not_read_the_conversation_sees_no_replay(
        self, client: Any, bob: Any, row: Conversation, charlie: Any
    ) -> None:
        replay = Replay.objects.create(
            conversation=row, user=charlie, by="charlie", seq=1, step="s", run="r", target="same",
            target_name="same", created_at=1,
        )  # fmt: skip
        bob.is_staff = True
        bob.save()
        bob.user_permissions.add(*Permission.objects.filter(codename__in=("view_replay", "send_replay")))
        client.force_login(bob)
        for page in (
            base.address("chat_conversation_replayed", row.pk, replay.pk),
            "/admin/chat/replay/",
            f"/admin/chat/replay/{replay.pk}/change/",
            ask_page(row),
        ):
            assert client.get(page).status_code in (302, 403), page

    def test_the_day_ends_it(self, staff: Any, row: Conversation, settings: Any) -> None:
        settings.HOLDFAST_REPLAYS_PER_DAY = 1
        staff.post(ask_page(row), {"target": "same"})
        assert (
            "as many requests sent again today"
            in staff.post(ask_page(row), {"target": "same"}).content.decode()
        )
        assert Replay.objects.count() == 1


class TestCompare:
    def test_two_runs_stand_beside_each_other_with_what_differs(self, staff: Any, row: Conversation) -> None:
        one, other = Run.objects.order_by("seq")
        page = base.address("chat_run_compare", one.pk)
        assert other.run in staff.get(page).content.decode()
        html = staff.get(page, {"with": other.run}).content.decode()
        assert "first answer" in html and "second answer" in html and "question 1" in html
        assert "Differs in: answer" in html and HOSTILE not in html
        assert 'class="hf-added"' in html and 'class="hf-removed"' in html
        same = staff.get(page, {"with": one.run}).content.decode()
        assert "Nothing differs" in same
        assert "no such run" in staff.get(page, {"with": "nobody's"}).content.decode()

    def test_both_conversations_count_as_read(self, staff: Any, row: Conversation, bob: Any) -> None:
        one, other = Run.objects.order_by("seq")
        staff.get(base.address("chat_run_compare", one.pk), {"with": other.run})
        assert LogEntry.objects.filter(object_id=str(row.pk), change_message="Read: compare.").count() == 1


def test_raw_responses_stand_at_their_step(staff: Any, row: Conversation) -> None:
    step = Run.objects.order_by("seq").first().run + ".1"
    RawResponse.objects.create(
        conversation=row, run="r", step=step, status=529, headers={"retry-after": "7"}, request_id="req_42",
        model="m", address="https://a", problem=f"overloaded {HOSTILE}", body=HOSTILE, size=999, began_at=1, ended_at=9,
    )  # fmt: skip
    html = staff.get(base.address("chat_conversation_request", row.pk, seq_of(row))).content.decode()
    for words in ("529", "req_42", "retry-after", "overloaded", "Only its beginning is kept"):
        assert words in html
    assert HOSTILE not in html


class TestImport:
    def upload(self, client: Any, data: bytes, owner: str = "bob") -> Any:
        file = SimpleUploadedFile("c.json", data, "application/json")
        page = base.address("chat_conversation_import")
        return client.post(page, {"file": file, "owner": owner}, follow=True)

    def test_an_export_becomes_a_conversation_of_the_chosen_owner(
        self, staff: Any, row: Conversation, bob: Any
    ) -> None:
        assert "Import…" in staff.get("/admin/chat/conversation/").content.decode()
        page = self.upload(staff, "".join(lines(row)).encode()).content.decode()
        assert "was imported" in page and "second answer" in page
        new = Conversation.objects.get(owner=bob)
        assert LogEntry.objects.filter(
            object_id=str(new.pk), change_message__contains="Imported for bob"
        ).exists()
        sent = staff.get(base.address("chat_conversation_request", new.pk, seq_of(new))).content.decode()
        assert ("not quite what was sent" in sent and "gpt-old" not in sent) or "question 0" in sent

    @pytest.mark.parametrize("data", [b"{}", b"\xff", b"x" * 2_000])
    def test_what_is_none_says_so(self, staff: Any, settings: Any, bob: Any, data: bytes) -> None:
        settings.HOLDFAST_MAX_IMPORT_BYTES = 1_500
        assert "errorlist" in self.upload(staff, data).content.decode()
        assert not Conversation.objects.exists()

    def test_nobody_gets_what_nobody_owns(self, staff: Any, row: Conversation) -> None:
        html = self.upload(staff, "".join(lines(row)).encode(), owner="nobody").content.decode()
        assert "nobody with this username" in html and Conversation.objects.count() == 1

    def test_administrators_may(self, client: Any, bob: Any, row: Conversation) -> None:
        administrator = of_group(client, bob, "administrator")
        assert administrator.get(base.address("chat_conversation_import")).status_code == 200
