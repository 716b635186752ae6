"""A conversation copied: what is shown of it, or what stands before a place, as a new one of its owner's.

The path that is shown is told as an export would tell it (`cutting.py`), and taken in as one (`store.py`) under a new
id. Nothing of the original changes. Its files are shared, and what it took to make its answers counts there alone.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext

from agents import branches as b
from agents import events as e
from chat.journal.on_path import on, path_of
from chat.models import Conversation, Event, Message, Step
from chat.portable.cutting import Kept, cut
from chat.portable.reading import BadImport, Document, Here, StoredEvent, stored_event
from chat.portable.store import Imported, bring_in
from chat.session.paths import branches_of
from chat.support.clock import now_ms

#: Events of a conversation that is copied while somebody waits. A longer one is exported, and imported by an
#: administrator.
MAX_EVENTS = 20_000


class NoSuchItem(ValueError):
    """The conversation has no item of this id."""


@dataclass(frozen=True, slots=True)
class _Path:
    """What a copy shows: rows of messages and steps, and up to which place; None: to the end."""

    path: b.Path | None
    upto: int | None


def copy(row: Conversation, id: UUID, owner: Any, by: str, upto: str = "") -> Imported:
    """Make a copy of a conversation, with the id `id`: of the branch that is shown, or, up to the item `upto`, of the
    branch that it stands on. `by` closes what was open. Asks SQL. Raises NoSuchItem, BadImport, and Taken."""
    if row.head_seq > MAX_EVENTS:
        told = gettext("It has more than {most} events.")
        raise BadImport(told.format(most=f"{MAX_EVENTS:,}"))
    return bring_in(document(row, upto), owner, by, id=id)


def document(row: Conversation, upto: str = "") -> Document:
    """What is copied, as an export that was read. Raises NoSuchItem and BadImport."""
    way = _way(row, upto)
    kept = _kept(row, way)
    told = Event.objects.filter(conversation=row, seq__lte=row.head_seq).order_by("seq")
    events = [
        (seq, stored_event(text, seq))
        for seq, text in told.values_list("seq", "text").iterator(chunk_size=500)
    ]
    if not events or not isinstance(events[0][1].event, e.ConversationCreated):
        raise BadImport(gettext("It has no events."))
    first = events[0][1].event
    origin = e.CopiedFrom(conversation=str(row.pk), title=row.title, item=upto)
    created = e.ConversationCreated(at=now_ms(), title=row.title, agent=first.agent, copied_from=origin)
    rest = list(cut(events, kept))
    opened = StoredEvent(created.model_dump(), created)
    return Document(
        title=created.title,
        agent=created.agent,
        created_at=created.at,
        events=[opened, *rest],
        files={},
        settings={},
        here=Here(row.pk, _files(rest)),
    )


def _way(row: Conversation, upto: str) -> _Path:
    if not upto:
        return _Path(path_of(row.branches), None)
    found = (
        row.messages.filter(message=upto).values_list("seq", "branch").first()
        or row.steps.filter(step=upto).values_list("seq", "branch").first()
    )
    if found is None:
        raise NoSuchItem(upto)
    return _Path(path_of(row.branches, found[1]), found[0])


def _kept(row: Conversation, way: _Path) -> Kept:
    said = list(on(Message.objects.filter(conversation=row), way.path).values_list("seq", "message", "kind"))
    steps = list(on(Step.objects.filter(conversation=row), way.path).values_list("seq", "step"))
    upto = way.upto
    here = {id for seq, id, kind in said if kind in ("message", "note") and (upto is None or seq <= upto)}
    here |= {id for seq, id in steps if upto is None or seq <= upto}
    notices = {seq for seq, _id, kind in said if kind == "notice" and (upto is None or seq <= upto)}
    places = [*(seq for seq, _id, _kind in said), *(seq for seq, _id in steps)]
    later = [seq for seq in places if upto is not None and seq > upto]
    branches = branches_of(row.branches)
    runs = dict(row.runs.exclude(branch="").values_list("run", "branch")) if branches else {}

    def covers(run: str, last: int) -> bool:
        if upto is not None and last > upto:
            return False
        return way.path is None or b.covers(b.path(branches, runs.get(run, b.MAIN)), last, way.path)

    return Kept(frozenset(here), frozenset(notices), min(later, default=None), covers)


def _files(events: list[StoredEvent]) -> frozenset[UUID]:
    """The files of the messages that are copied, also of those that say something else now."""
    found: set[UUID] = set()
    for one in events:
        if isinstance(one.event, e.MessageAdded | e.MessageEdited):
            found |= {UUID(file.id) for file in one.event.attachments}
    return frozenset(found)
