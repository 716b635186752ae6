"""Broken transcripts, written straight into the journal's table, past everything that would refuse them (T1, V19)."""

import uuid
from typing import Any

import pytest

from agents import events as e
from agents.profiles import all_profiles
from agents.transcript.room import ModelSettings
from chat import models as m
from chat.journal.journal import Journal
from tests.agents.transcript.fuzz import check
from tests.support.broken import BROKEN, EVENTS
from tests.support.databases import in_thread

ALL = ModelSettings("m", "You help.", (), 2_000_000)


def write(using: str, owner: Any, events: list[e.Event]) -> str:
    """Rows as a damaged or foreign database might hold them; the tags are nobody's."""
    row = m.Conversation.objects.using(using).create(
        id=uuid.uuid4(), owner_id=owner, agent="assistant", created_at=1, updated_at=1, head_seq=len(events)
    )
    for seq, event in enumerate(events, start=1):
        kind: str = event.type  # type: ignore[attr-defined]
        text = e.to_json(event)
        m.Event.objects.using(using).create(
            conversation=row, seq=seq, type=kind, at=1, text=text, tag="0" * 16
        )
    return str(row.id)


@pytest.mark.parametrize("name", [*BROKEN, *EVENTS])
async def test_T1_what_is_broken_in_the_journal_comes_out_valid_for_every_provider(
    journal: Journal, database: str, owner: Any, name: str
) -> None:
    events = {**BROKEN, **EVENTS}[name]
    conversation = in_thread(lambda: write(database, owner, events))
    history = await journal.history(conversation)
    said = [event.text for event in events if isinstance(event, e.MessageAdded)]
    for profile in all_profiles().values():
        check(history, profile, ALL, said)
