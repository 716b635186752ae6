"""The page of a conversation: what people see, and where the time of each run went."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents import events as e
from agents.lifecycle import type_of
from chat.inspection import base
from chat.inspection.prose import prose
from chat.models import Attachment, Conversation, Event
from tests.support import rows

AT = rows.START


def story(row: Conversation, run: str, seq: int) -> None:
    """A run in the journal whose worker was killed in the middle of its tool."""
    step = f"{run}.1"
    call = e.ProposedCall(
        call="c12345678", ordinal=0, name="research", arguments='{"topic": "tea"}', provider_id="call_theirs"
    )
    events: list[e.Event] = [
        e.RunQueued(at=AT, run=run, cause="m"),
        e.RunStarted(at=AT + 300, run=run, attempt=1, fence=1, worker="worker-one"),
        e.StepStarted(at=AT + 310, run=run, step=step, model="demo"),
        e.StepFinished(
            at=AT + 1_000, run=run, step=step, text="", calls=(call,), first_at=AT + 500,
            usage=e.Usage(input=1_200, output=30, cost=2_500_000),
        ),
        e.CallStarted(at=AT + 1_010, step=step, call=call.call, attempt=1, fence=1, worker="worker-one"),
        e.RunRecovering(at=AT + 9_000, run=run, reason="lease_lost"),
        e.RunStarted(at=AT + 9_100, run=run, attempt=2, fence=2, worker="worker-two"),
        e.CallStarted(at=AT + 9_110, step=step, call=call.call, attempt=2, fence=2, worker="worker-two"),
        e.CallSettled(
            at=AT + 9_500, step=step, call=call.call, attempt=2, status="failed", result="<b>no tea</b>",
            preview="no tea", size=6, code="tool_error",
        ),
        e.RunFinished(at=AT + 9_600, run=run),
    ]  # fmt: skip
    Event.objects.bulk_create(
        Event(
            conversation=row,
            seq=seq + n,
            type=type_of(type(event)),
            at=event.at,
            text=e.to_json(event),
            tag="t",
        )
        for n, event in enumerate(events)
    )


@pytest.fixture
def row(alice: Any) -> Conversation:
    row = rows.conversation(alice, run_status="finished")
    run = rows.run(row, 2)
    story(row, run.run, 2)
    return row


def page(client: Any, row: Conversation, **query: Any) -> str:
    response = client.get(base.address("chat_conversation_change", row.pk), query)
    assert response.status_code == 200
    return str(response.content.decode())


def test_R4_the_waterfall_shows_the_gap_both_tries_and_all_ids(admin_client: Any, row: Conversation) -> None:
    html = page(admin_client, row)
    assert "1 model call, 2 tool calls, 1 lost worker" in html
    assert html.count('class="hf-span hf-k-tool') == 2
    assert "hf-k-gap" in html and "lease_lost" in html and "noticed 8.0 s later" in html
    assert "worker-one" in html and "worker-two" in html
    assert "call_theirs" in html and "c12345678" in html and ".1</dd>" in html
    assert "1,200 → 30" in html and "$0.0025" in html
    assert "hf-bar-first" in html and "0.19 s" in html, "the first token"
    assert "tool_error" in html and "&lt;b&gt;no tea&lt;/b&gt;" in html
    assert "style=" not in re.sub(r"<head>.*?</head>", "", html, flags=re.S)
    assert "<script" not in html[html.index('class="hf-transcript"') :].partition("</ol>")[0]


def test_a_runs_own_page_has_its_waterfall_too(admin_client: Any, row: Conversation) -> None:
    run = row.runs.get()
    html = admin_client.get(base.address("chat_run_change", run.pk)).content.decode()
    assert "hf-k-gap" in html and "1 lost worker" in html


def test_the_page_asks_as_many_questions_for_many_runs_as_for_one(
    admin_client: Any, row: Conversation, alice: Any
) -> None:
    page(admin_client, row)
    with CaptureQueriesContext(
        connection,
    ) as few:
        page(admin_client, row)
    other = rows.conversation(alice)
    for number in range(12):
        seq = 2 + 20 * number
        story(other, rows.run(other, seq).run, seq)
        rows.message(other, seq + 15, f"hello {number}")
    with CaptureQueriesContext(connection) as many:
        assert page(admin_client, other).count("1 lost worker") == 12
    assert len(many) <= len(few) + 1, "the calls of steps"
    assert len(many) < 20


def test_answers_are_markdown_and_nothing_of_them_acts() -> None:
    html = prose(
        "# Tea\n\n**strong** [good](https://example.com) [bad](javascript:alert(1)) ![spy](https://spy.example/p.png)\n\n"
        "<script>alert(1)</script>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\n<b>code</b>\n```"
    )
    assert "<h1>Tea</h1>" in html and "<strong>strong</strong>" in html and "<table>" in html
    assert 'rel="noopener noreferrer nofollow"' in html
    assert "<script" not in html and "&lt;script&gt;" in html and "<img" not in html
    assert 'href="javascript' not in html and "spy.example" not in html and "[spy]" in html
    assert "&lt;b&gt;code" in html


@pytest.mark.parametrize(
    "text", ["![<img src=x onerror=1>](x)", "![a]('\"><script>)", "[x](data:text/html,1)", "`<i>`"]
)
def test_no_markdown_gets_an_element_of_its_own(text: str) -> None:
    html = prose(text)
    assert not re.search(r"<(?!/?(div|p|code|a)\b)", html), html
    assert "data:text/html" not in html or "href" not in html


def test_the_files_of_a_message_are_shown_and_served_to_who_may_read(
    admin_client: Any, client: Any, row: Conversation, alice: Any, bob: Any
) -> None:
    id = uuid.uuid4()
    file = Attachment(
        id=id,
        owner=alice,
        conversation=row,
        name="tea.txt",
        media_type="text/plain",
        size=4,
        sha256="x",
        created_at=1,
    )
    file.file.save("tea", ContentFile(b"leaf"), save=True)
    said = rows.message(row, 40, "look")
    said.body["attachments"] = [{"id": str(id), "name": "tea.txt", "media_type": "text/plain", "size": 4}]
    said.save()
    address = base.address("chat_conversation_file", row.pk, id)
    assert address in page(admin_client, row) and "tea.txt" in page(admin_client, row)
    answer = admin_client.get(address)
    assert answer.content == b"leaf" and "sandbox" in answer["Content-Security-Policy"]
    other = rows.conversation(alice)
    assert admin_client.get(base.address("chat_conversation_file", other.pk, id)).status_code == 404
    bob.is_staff = True
    bob.save()
    client.force_login(bob)
    assert client.get(address).status_code == 403
