"""What the HTTP API reads from SQL: plain functions for a database thread. The bodies of items are as the reducer made
them, and are passed on as they are."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from chat.entrances.api import shapes as s
from chat.journal import on_path
from chat.models import Call, Conversation, Message, Step, listed

END = 2**62


def page(user: int, query: str, after: str, limit: int) -> s.ConversationPage:
    """A page of a user's conversations, beyond the place `after` (as `next` named it; what names none is ignored)."""
    found = listed(user).order_by("-updated_at", "-id")
    if query:
        found = found.filter(title__icontains=query)
    if (place := _place(after)) is not None:
        at, id = place
        found = found.filter(Q(updated_at__lt=at) | Q(updated_at=at, id__lt=id))
    rows = list(found.defer("info", "run", "window", "branches", "seen")[: limit + 1])
    more, rows = len(rows) > limit, rows[:limit]
    last = f"{rows[-1].updated_at}_{rows[-1].id}" if more else None
    return s.ConversationPage(conversations=[_entry(row) for row in rows], next=last)


def _place(text: str) -> tuple[int, UUID] | None:
    at, _, id = text.partition("_")
    if not (at.isascii() and at.isdigit() and len(at) < 19):
        return None
    try:
        return int(at), UUID(id)
    except ValueError:
        return None


def _entry(row: Conversation) -> s.ConversationOut:
    status: Any = row.run_status or None
    return s.ConversationOut(
        id=row.id,
        title=row.title,
        agent=row.agent,
        entrance=row.entrance,
        created_at=row.created_at,
        updated_at=row.updated_at,
        run_status=status,
    )


def is_own(user: int, conversation: UUID) -> bool:
    """Whether a conversation is in this user's list."""
    return listed(user).filter(pk=conversation).exists()


def items(conversation: UUID, before: int, limit: int) -> dict[str, Any]:
    """`ItemPage`: the newest items before a place, in order, of the branch that is shown."""
    rows: list[tuple[int, Any]] = []
    branches = Conversation.objects.filter(pk=conversation).values_list("branches", flat=True).first()
    path = on_path.path_of(branches)
    for kind in (Message, Step):
        rows += _newest(on_path.on(kind.objects.filter(conversation=conversation), path), before, limit + 1)
    rows.sort(key=lambda row: row[0], reverse=True)
    more, rows = len(rows) > limit, rows[:limit]
    return {"items": [body for _, body in reversed(rows)], "next": rows[-1][0] if more else None}


def _newest(found: "QuerySet[Any]", before: int, limit: int) -> list[tuple[int, Any]]:
    return list(found.filter(seq__lt=before).order_by("-seq").values_list("seq", "body")[:limit])


def call(conversation: UUID, call: str) -> s.CallOut | None:
    """A call whole; None: there is none of this id."""
    row = Call.objects.filter(conversation=conversation, call=call).first()
    if row is None:
        return None
    status: Any = row.status
    return s.CallOut(id=row.call, name=row.name, arguments=row.arguments, result=row.result, status=status)
