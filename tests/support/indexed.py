"""Conversations that search has read, for tests of what it finds."""

from __future__ import annotations

from agents import events as e
from chat.models import Conversation, Event, Message
from chat.search import indexer
from chat.support.clock import now_ms
from tests.support import rows


def tell(row: Conversation, *events: e.Event) -> None:
    """Put events behind the head of a conversation, as the journal does."""
    for event in events:
        row.head_seq += 1
        text = e.to_json(event)
        Event.objects.create(
            conversation=row,
            seq=row.head_seq,
            type=getattr(event, "type", ""),
            at=event.at,
            text=text,
            tag="t",
        )
    row.save(update_fields=["head_seq"])


def say(row: Conversation, text: str) -> Message:
    """A message with its event."""
    made = rows.message(row, row.head_seq + 1, text)
    tell(row, e.MessageAdded(at=made.at, message=made.message, text=text))
    return made


def catch_up(row: Conversation) -> None:
    """Have it read to its end."""
    while indexer.index(row.pk, now_ms()):
        pass
