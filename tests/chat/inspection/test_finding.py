"""The list of conversations: what a search finds, what the filters leave, and what a page of it costs."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.inspection.finding import MAX_FOUND, find, named, words_of
from chat.models import Conversation, Fault, Message, Run
from chat.support.clock import now_ms
from tests.support import rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def chats(alice: Any, bob: Any) -> dict[str, Conversation]:
    """Two conversations, of which the first has one of everything that can be looked for."""
    one = rows.conversation(alice, "Rent of May", run_status="failed", updated_at=now_ms())
    rows.message(one, 2, 'please pay "the rent" für Zoë')
    run = rows.run(
        one, 3, status="failed", code="model_rejected", detail="It said: teapot expected", worker="w-17"
    )
    rows.step(
        one, run, 4, "I have paid it, 你好",
        {"call": "aB3dE6gH9", "provider_id": "call_Kx81", "name": "pay", "result": "receipt 4711"},
    )  # fmt: skip
    fault = Fault.objects.create(
        conversation=one, run=run.run, step=f"{run.run}.1", kind="E1", status=400, digest="d1" * 32, model="gpt-x",
        profile="openai", address="https://x", request="{}", created_at=1,
        text="No tool call found for function call output with call_id aB3dE6gH9.",
    )  # fmt: skip
    other = rows.conversation(bob, "Weather", entrance="feishu", updated_at=rows.START)
    rows.message(other, 2, "is it going to rain yesterday")
    return {"one": one, "other": other, "run": run, "fault": fault}  # type: ignore[dict-item]


def found(typed: str) -> list[str]:
    return sorted(find(Conversation.objects.all(), typed).values_list("title", flat=True))


@pytest.mark.parametrize(
    "typed",
    [
        "aB3dE6gH9",
        "call_Kx81",
        "(call_Kx81)",
        "No tool call found for function call output with call_id aB3dE6gH9.",
        "Error code: 400 - {'error': {'message': \"No tool output found for function call call_Kx81.\"}}",
        "rent",
        '"the rent"',
        "rent zoë" if connection.vendor == "postgresql" else "rent Zoë",
        "你好",
        "receipt",
        "4711",
        "teapot expected",
        "model_rejected",
        "w-17",
        "gpt-x",
        "alice",
        "d1" * 32,
        "alice aB3dE6gH9",
    ],
)
def test_a_search_finds_what_has_the_word_or_the_id(chats: Any, typed: str) -> None:
    assert found(typed) == ["Rent of May"]


def test_ids_of_runs_messages_and_conversations_are_found(chats: Any) -> None:
    message = Message.objects.get(conversation=chats["one"])
    for id in (chats["one"].pk, chats["run"].run, message.message, f"{chats['run'].run}.1"):
        assert found(str(id)) == ["Rent of May"], id


@pytest.mark.parametrize(
    "typed",
    [
        "nothing-like-it",
        "bob aB3dE6gH9",
        "rent weather",
        "00000000-0000-4000-8000-00000000abcd",
        "\0",
        "%",
        "ended_at",
    ],
)
def test_what_is_not_there_is_not_found(chats: Any, typed: str) -> None:
    assert found(typed) == ([] if typed != "\0" else ["Rent of May", "Weather"])


def test_a_rare_word_beside_a_frequent_one_is_found_however_old_it_is(chats: Any, bob: Any) -> None:
    """Newer than it there are more matches of the frequent word than are read of any."""
    assert found("the receipt") == found("4711 pay") == ["Rent of May"]
    busy = rows.conversation(bob, "Busy", updated_at=now_ms())
    kept = {"conversation": busy, "kind": "message", "at": 1, "body": {"text": "pay the receipt"}}
    Message.objects.bulk_create(
        Message(**kept, seq=seq, message=f"m{seq}") for seq in range(9, 10 + MAX_FOUND)
    )
    assert found("pay 4711") == found("4711 pay the") == found("aB3dE6gH9 the") == ["Rent of May"]
    assert found("the pay") == ["Busy"], "of words that are all frequent, the newest matches count"
    assert found("pay the teapot") == found("the May pay") == ["Rent of May"], "wherever the rare one stands"


def test_a_word_that_many_runs_have_is_found_in_what_people_say_too(chats: Any, bob: Any) -> None:
    """One kind of text has more matches than are read; the others are looked through all the same."""
    busy = rows.conversation(bob, "Busy", updated_at=now_ms())
    Run.objects.bulk_create(
        Run(
            conversation=busy, run=f"r{seq}", seq=seq, status="failed", code="rain", queued_at=1, updated_at=1
        )
        for seq in range(9, 10 + MAX_FOUND)
    )
    assert found("rain") == ["Busy", "Weather"]
    assert found("rain yesterday") == ["Weather"] == found("rain is")


def test_nine_letters_may_be_a_word_all_the_same(chats: Any) -> None:
    assert named("yesterday") and found("yesterday") == ["Weather"]


def test_words_lose_what_stands_around_them() -> None:
    assert words_of("call_1, 'call_2'; (call_3)。 “x”") == ["call_1", "call_2", "call_3", "x"]


class TestList:
    def titles(self, client: Any, query: str) -> list[str]:
        answer = client.get(f"/admin/chat/conversation/?{query}")
        assert answer.status_code == 200
        html = answer.content.decode()
        return [title for title in ("Rent of May", "Weather") if f">{title}</a>" in html]

    @pytest.mark.parametrize(
        ("query", "title"),
        [
            ("needs=errors", "Rent of May"),
            ("needs=refused", "Rent of May"),
            ("within=3600000", "Rent of May"),
            ("came_by=feishu", "Weather"),
            ("owner_name=bob", "Weather"),
            ("q=call_Kx81", "Rent of May"),
            ("run_state=none", "Weather"),
        ],
    )
    def test_filters(self, admin_client: Any, chats: Any, query: str, title: str) -> None:
        assert self.titles(admin_client, query) == [title]

    def test_what_waits_for_people(self, admin_client: Any, chats: Any) -> None:
        assert self.titles(admin_client, "needs=approval") == []
        rows.run(chats["other"], 5, status="waiting", reason="approval", ended_at=None)
        assert self.titles(admin_client, "needs=approval") == ["Weather"]
        run = Run.objects.filter(conversation=chats["one"]).get()
        rows.step(chats["one"], rows.run(chats["one"], 8), 9, "", {"status": "in_doubt", "call": "x" * 9})
        assert run and self.titles(admin_client, "needs=in_doubt") == ["Rent of May"]

    def test_a_run_at_work_whose_lease_nobody_holds(
        self, admin_client: Any, chats: Any, redis_url: str, settings: Any
    ) -> None:
        assert self.titles(admin_client, "needs=stale") == []
        rows.run(chats["other"], 5, status="running", ended_at=None)
        assert self.titles(admin_client, "needs=stale") == ["Weather"]
        before, settings.HOLDFAST_REDIS_URL = settings.HOLDFAST_REDIS_URL, "redis://127.0.0.1:1/0"
        html = admin_client.get("/admin/chat/conversation/?needs=stale").content.decode()
        assert "Redis does not answer" in html
        settings.HOLDFAST_REDIS_URL = before

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "q=call_Kx81",
            "q=rent+alice",
            "needs=refused&run_state=failed",
            "needs=in_doubt&within=3600000",
        ],
    )
    def test_a_page_asks_a_bounded_number_of_questions(
        self, admin_client: Any, chats: Any, alice: Any, query: str
    ) -> None:
        address = f"/admin/chat/conversation/?{query}"
        admin_client.get(address)
        with CaptureQueriesContext(connection) as few:
            admin_client.get(address)
        for number in range(60):
            rows.conversation(alice, f"Rent of May {number}", run_status="failed", updated_at=now_ms())
        with CaptureQueriesContext(connection) as many:
            assert admin_client.get(address).status_code == 200
        assert len(many) <= len(few) + 1, "one more counts what lies beyond a page"
        assert len(many) <= 24

    def test_no_stored_text_reaches_a_list_as_html(self, admin_client: Any, chats: Any) -> None:
        Conversation.objects.filter(pk=chats["one"].pk).update(title="<script>x</script>", run_status="<b>")
        html = admin_client.get("/admin/chat/conversation/").content.decode()
        assert "<script>x" not in html and "hf-is-<b>" not in html


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "chat", check=True, dry_run=True, verbosity=0)
