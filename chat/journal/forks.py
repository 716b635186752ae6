"""From where another way on departs: before an answer that is made again, or a message that is said anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from agents import branches as b
from chat.journal.journal import Journal
from chat.journal.on_path import on, path_of
from chat.models import Conversation, Message, Step
from chat.session import paths


@dataclass(frozen=True, slots=True)
class Departure:
    """A place from which another way goes on: with what `parent`'s path has below `before`. `cause` is the message that
    is answered there."""

    parent: str
    before: int
    cause: str


async def of_answer(journal: Journal, conversation: str, item: str) -> Departure | None:
    """The place before an answer: behind the newest message before this step or notice. None: there is none of this id,
    or nobody had asked for anything."""
    return await journal.ask(lambda: _of_answer(conversation, item, journal.using))


async def of_message(journal: Journal, conversation: str, message: str) -> Departure | None:
    """The place of a message. None: there is none of this id."""
    return await journal.ask(lambda: _of_message(conversation, message, journal.using))


def _of_answer(conversation: str, item: str, using: str) -> Departure | None:
    said, steps = _rows(conversation, using)
    found = (
        steps.filter(step=item).values("seq", "branch").first()
        or said.filter(message=item, kind="notice").values("seq", "branch").first()
    )
    if found is None:
        return None
    view = _branches(conversation, using)
    path = path_of(view, found["branch"])
    before = on(said, path).filter(kind="message", seq__lt=found["seq"]).order_by("-seq")
    cause = before.values("seq", "message").first()
    if cause is None:
        return None
    # What stands between, but for notes, is what was answered so far.
    first = on(steps, path).filter(seq__gt=cause["seq"]).order_by("seq").values_list("seq", flat=True).first()
    told = on(said, path).filter(seq__gt=cause["seq"], kind="notice").order_by("seq")
    notice = told.values_list("seq", flat=True).first()
    place = min(seq for seq in (first, notice, found["seq"]) if seq is not None)
    return _departure(view, said, steps, found["branch"], place, cause["message"])


def _of_message(conversation: str, message: str, using: str) -> Departure | None:
    said, steps = _rows(conversation, using)
    found = said.filter(message=message, kind="message").values("seq", "branch").first()
    if found is None:
        return None
    view = _branches(conversation, using)
    return _departure(view, said, steps, found["branch"], found["seq"], message)


def _departure(
    view: Any,
    said: "QuerySet[Message]",
    steps: "QuerySet[Step]",
    branch: str,
    before: int,
    cause: str,
) -> Departure:
    def has_items(of: str, below: int) -> bool:
        return any(rows.filter(branch=of, seq__lt=below).exists() for rows in (said, steps))

    parent, place = b.departure(paths.branches_of(view), branch, before, has_items)
    return Departure(parent, place, cause)


def _rows(conversation: str, using: str) -> "tuple[QuerySet[Message], QuerySet[Step]]":
    of: Mapping[str, Any] = {"conversation_id": UUID(conversation)}
    return Message.objects.using(using).filter(**of), Step.objects.using(using).filter(**of)


def _branches(conversation: str, using: str) -> Any:
    rows = Conversation.objects.using(using).filter(id=UUID(conversation))
    return rows.values_list("branches", flat=True).first()
