"""The index follows the journal: what is said is found, what is changed is found as it stands, what is gone is not."""

from __future__ import annotations

import uuid
from random import Random
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from agents import events as e
from agents.models import ensure_default_agent
from chat.models import Call, Conversation, Message, QueueFailure, SearchProgress, SearchText, Step
from chat.retention.purge import purge
from chat.search import finding, indexer
from chat.search.fields import FTS
from chat.search.finding import Filters
from chat.search.query import parse
from chat.search.service import Indexing
from chat.session.sessions import Sessions
from chat.support.clock import now_ms
from tests.support import rows
from tests.support.branching import Branching
from tests.support.indexed import catch_up, say, tell

pytestmark = pytest.mark.django_db


def found(owner: Any, typed: str, **filters: Any) -> list[str]:
    return [hit.found.text for hit in finding.search(owner.pk, parse(typed), Filters(**filters)).hits]


def in_index(owner: Any) -> int:
    """Rows that the database's own full-text index still has of these tests' words."""
    if connection.vendor == "postgresql":
        return SearchText.objects.count()
    with connection.cursor() as cursor:
        asked = f'"{owner.pk}:words" OR "{owner.pk}:title"'
        cursor.execute(f"SELECT count(*) FROM {FTS} WHERE {FTS} MATCH %s", [asked])
        return int(cursor.fetchone()[0])


async def test_after_each_event_of_a_branching_history_the_index_is_what_stands(
    sessions: Sessions, alice: Any
) -> None:
    await sync_to_async(ensure_default_agent)()
    story = Branching(Random(11), str(uuid.uuid4()))
    await sessions.journal.create(story.conversation, alice.pk, "assistant", "T", "web", 1)
    await sessions.append(story.conversation, lambda view: list(story.appends[0]))
    place = uuid.UUID(story.conversation)

    def stands() -> set[tuple[str, str, int, str]]:
        said = Message.objects.exclude(kind="notice")
        wanted = {("message", one.message, one.seq, one.branch) for one in said if one.body["text"].strip()}
        steps = {one.step: one for one in Step.objects.all()}
        wanted |= {
            ("answer", one.step, one.seq, one.branch)
            for one in steps.values()
            if one.status != "streaming" and one.body["text"].strip()
        }
        for call in Call.objects.exclude(result=""):
            step = steps[call.step]
            wanted.add(("result", call.call, step.seq, step.branch))
        return wanted

    def check() -> None:
        while indexer.index(place, now_ms()):
            pass
        kept = SearchText.objects.exclude(kind="title").values_list("kind", "key", "seq", "branch")
        assert set(kept) == stands()

    for _ in range(60):
        told = len(story.appends)
        story.step()
        for events in story.appends[told:]:
            await sessions.append(story.conversation, lambda view, events=events: list(events))  # type: ignore[misc]
        await sync_to_async(check)()
    assert len(story.lists) > 2, "the seed tells of no branches"
    # The same from the beginning, in bites.
    await sync_to_async(SearchText.objects.all().delete)()
    await sync_to_async(indexer.again)(place)
    await sync_to_async(check)()


def test_a_message_is_found_as_it_stands_and_not_as_it_was(alice: Any) -> None:
    row = rows.conversation(alice)
    said = say(row, "an old secret")
    catch_up(row)
    assert found(alice, "secret") == ["an old secret"]
    said.body = {**said.body, "text": "something new"}
    said.save()
    assert found(alice, "secret") == [], "what is shown is checked, even before the index has heard of it"
    tell(row, e.MessageEdited(at=1, message=said.message, text="something new", by="alice"))
    catch_up(row)
    assert found(alice, "secret") == [] and len(found(alice, "new")) == 1
    said.delete()
    tell(row, e.MessageWithdrawn(at=2, message=said.message, by="alice"))
    catch_up(row)
    assert not SearchText.objects.filter(kind="message").exists()


def test_with_a_conversation_its_words_are_gone_from_the_index_itself(alice: Any) -> None:
    for number in range(3):
        row = rows.conversation(alice, "a title")
        say(row, f"words {number}")
        catch_up(row)
    before = in_index(alice)
    assert before == 6
    purge(Conversation.objects.filter(pk=row.pk))
    assert in_index(alice) == 4 and not SearchProgress.objects.filter(pk=row.pk).exists()
    indexer.forget(Conversation.objects.values_list("pk", flat=True))
    assert in_index(alice) == 0 and not SearchProgress.objects.exists()


def test_a_text_that_raises_is_set_aside_and_the_others_are_found(alice: Any) -> None:
    row = rows.conversation(alice)
    broken = say(row, "broken words")
    say(row, "other words")
    Message.objects.filter(pk=broken.pk).update(body={**broken.body, "text": 17})
    catch_up(row)
    assert len(found(alice, "other")) == 1
    aside = QueueFailure.objects.get()
    assert aside.queue == "search.text" and aside.key.endswith(broken.message) and aside.aside
    Message.objects.filter(pk=broken.pk).update(body=broken.body)
    indexer.TEXTS.again(aside.key)
    assert len(found(alice, "broken")) == 1


def test_two_workers_read_a_conversation_once(alice: Any) -> None:
    row = rows.conversation(alice)
    say(row, "words")
    now = now_ms()
    progress = SearchProgress.objects.create(conversation=row)
    assert indexer.CLAIM.take(SearchProgress.objects.filter(pk=row.pk), now, now + indexer.CLAIM_MS)
    assert not indexer.index(row.pk, now), "somebody else is at it"
    progress.refresh_from_db()
    assert progress.seq == 0
    # That one died.
    indexer.index(row.pk, now + indexer.CLAIM_MS)
    assert len(found(alice, "words")) == 1


@pytest.mark.django_db(transaction=True)
async def test_what_was_there_before_the_index_is_read_in_its_turn_and_what_is_new_at_once(
    alice: Any,
) -> None:
    def make() -> None:
        for number in range(3):
            say(rows.conversation(alice, at=rows.START - number), "long ago")
        say(rows.conversation(alice, at=now_ms()), "just now")

    await sync_to_async(make)()
    service = Indexing()
    assert await service.round() == 4
    assert await service.round() == 0
    assert await sync_to_async(found)(alice, "long ago") == ["long ago"] * 3
    assert await sync_to_async(found)(alice, "just") == ["just now"]


@pytest.mark.parametrize("status", ["queued", "running", "waiting", "recovering"])
def test_a_conversation_whose_run_goes_on_has_its_turn_once_it_is_quiet(alice: Any, status: str) -> None:
    now = now_ms()
    row = rows.conversation(alice, at=now)
    say(row, "words")
    since = now - 60_000
    assert indexer.behind(since, now) == [row.pk]
    Conversation.objects.filter(pk=row.pk).update(run_status=status, updated_at=now)
    assert indexer.behind(since, now) == []
    assert indexer.behind(since, now + indexer.QUIET_MS + 1) == [row.pk]
    Conversation.objects.filter(pk=row.pk).update(run_status="finished")
    assert indexer.behind(since, now) == [row.pk]
