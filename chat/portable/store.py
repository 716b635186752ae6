"""A conversation from a file, or a copy of one, as a new one of somebody here: all in one transaction, or nothing.

Nothing acts again. No run is begun and no call made: what was open when it was exported is closed, entrances are told
that nothing follows from it, and no event of it goes to Redis; whoever opens it has its session made from SQL.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import DataError, transaction
from django.utils.translation import gettext

from agents import closing
from agents import events as e
from agents.lifecycle import RUN
from agents.models import Agent, ensure_default_agent
from agents.recording import settings_from
from chat import decide, extensions
from chat.files import attachments, sharing
from chat.files.sniffing import UnfitFile
from chat.journal.committed import commit
from chat.journal.journal import Journal
from chat.models import Attachment, Conversation, RequestSettings, Run
from chat.portable.identities import BadId, Identities
from chat.portable.reading import BadImport, Document, Here, StoredEvent, dumped
from chat.session.contract import next_tag
from chat.session.state import run_of
from chat.support.clock import now_ms

#: Events of one statement.
BATCH = 500
#: The entrance at which an imported conversation goes on.
ENTRANCE = "web"


@dataclass
class Imported:
    """What came of it: the conversation; names of files that the export did not carry, or that are not taken here; and
    whether something open had to be closed."""

    conversation: Conversation
    missing: list[str] = field(default_factory=list)
    closed: bool = False


class Taken(Exception):
    """There is a conversation of this id already."""


def bring_in(
    document: Document, owner: Any, by: str, *, prompts: bool = False, id: UUID | None = None
) -> Imported:
    """Make the document a conversation of `owner`'s, under this `id` or any; `by` closes what was open. `prompts`: with
    the settings of its requests, which is for administrators. Asks SQL and the storage. Raises BadImport and Taken, and
    then nothing is left."""
    id, now = id or uuid4(), now_ms()
    kept: list[UUID] = []
    try:
        files, missing = _files(document, owner, kept, now)
        with transaction.atomic():
            default = ensure_default_agent().slug
            slugs = frozenset(Agent.objects.filter(enabled=True).values_list("slug", flat=True))
            agent = document.agent if document.agent in slugs else default
            told = {
                "owner": owner,
                "agent": agent,
                "title": document.title.replace("\0", "\ufffd"),
                "entrance": ENTRANCE,
                "created_at": document.created_at,
                "updated_at": now,
            }
            row, made = Conversation.objects.get_or_create(id=id, defaults=told)
            if not made:
                raise Taken
            Attachment.objects.filter(pk__in=kept).update(conversation=row)
            if document.here is not None:
                files = _shared(document.here, row)
            ids = Identities(str(id), agent, slugs, files, here=document.here is not None)
            closed = _write(str(id), document, ids, by, now)
            # Nobody has asked for these runs here: they are not of anybody's day.
            row.runs.update(person="")
            if prompts:
                _keep_settings(document, now)
            row.refresh_from_db()
            extensions.imported(id, row.head_seq)
    except DataError:
        _remove(kept)
        raise BadImport(gettext("The database cannot hold something in it.")) from None
    except BadId:
        _remove(kept)
        raise BadImport(gettext("Something in it has an id that no export writes.")) from None
    except Exception:
        _remove(kept)
        raise
    return Imported(row, missing, closed)


def _write(conversation: str, document: Document, ids: Identities, by: str, now: int) -> bool:
    """Write the events and what closes them; whether something had to be closed. Raises BadImport."""
    journal, seq, tag = Journal(), 0, ""
    state: dict[str, Any] = {}
    for batch in _batches(document.events):
        events = [_renamed(one, ids) for one in batch]
        state, seq, tag = _append(journal, conversation, state, seq, tag, events)
    ends: list[e.Event] = decide.close_run(state, by=by, now=now)
    if not ends:
        # Without a run nothing is open; what a damaged history has open all the same must not stay so.
        steps = decide.steps_of(state)
        ends = [*closing.close_calls(steps, "stopped", now, by=by), *closing.cut_off(steps, now)]
    if ends:
        state, seq, tag = _append(
            journal, conversation, state, seq, tag, [(e.to_json(event), event) for event in ends]
        )
    rows = Run.objects.filter(conversation_id=UUID(conversation), status__in=sorted(RUN.open))
    if rows.exists() or ((last := run_of(state)) is not None and last["status"] in RUN.open):
        raise BadImport(gettext("Two of its runs are at work at the same time; that is no export."))
    return bool(ends)


def _append(
    journal: Journal,
    conversation: str,
    state: dict[str, Any],
    seq: int,
    tag: str,
    events: Sequence[tuple[str, e.Event]],
) -> tuple[dict[str, Any], int, str]:
    stored: list[tuple[str, str, e.Event, None]] = []
    base, last = (seq, tag), tag
    for text, event in events:
        last = next_tag(last, text)
        stored.append((last, text, event, None))
    after, committed = commit(state, seq, stored)
    journal.archive_here(conversation, base, committed, after)
    if "moved" in after:
        after = journal.base_here(
            conversation
        ).state  # another branch is shown, whose items only the rows have
    return after, seq + len(stored), last


def _renamed(one: StoredEvent, ids: Identities) -> tuple[str, e.Event]:
    if isinstance(one.event, e.UnknownEvent):
        return one.event.text, one.event
    text = dumped(ids.rewritten(one.raw))
    event = e.from_json(text)
    if isinstance(event, e.UnknownEvent):
        raise BadImport(gettext("An event cannot be read any more once its ids are new."))
    return text, event


def _batches(events: Sequence[StoredEvent]) -> Iterator[list[StoredEvent]]:
    """The events, a batch ending where another branch is shown: its items are in the rows, and not in the state."""
    batch: list[StoredEvent] = []
    for one in events:
        batch.append(one)
        if len(batch) >= BATCH or isinstance(one.event, e.BranchOpened | e.BranchChosen):
            yield batch
            batch = []
    if batch:
        yield batch


def _files(
    document: Document, owner: Any, kept: list[UUID], now: int
) -> tuple[dict[str, e.AttachmentRef], list[str]]:
    """The files that could be kept, by their old ids; the names of the others."""
    found: dict[str, e.AttachmentRef] = {}
    missing: list[str] = []
    for old, file in document.files.items():
        if file.data is None:
            missing.append(file.name)
            continue
        try:
            row, _made = attachments.keep(owner.pk, uuid4(), file.name, file.data, now)
        except (UnfitFile, attachments.FilesFull, attachments.TooManyFiles):
            missing.append(file.name)
            continue
        kept.append(row.pk)
        found[old] = attachments.ref(row)
    return found, missing


def _shared(here: Here, row: Conversation) -> dict[str, e.AttachmentRef]:
    """The files of the conversation that is copied, as those of the new one, by their old ids."""
    found: dict[str, e.AttachmentRef] = {}
    for old, file in sharing.locked(here.conversation, here.files).items():
        found[str(old)] = attachments.ref(sharing.share(file, uuid5(row.pk, str(old)), row))
    return found


def _keep_settings(document: Document, now: int) -> None:
    """What its requests said beside the history, by digest; what this release cannot read is left out."""
    rows = []
    for digest, text in document.settings.items():
        try:
            settings_from(text)
        except (ValueError, KeyError, TypeError):
            continue
        rows.append(RequestSettings(digest=digest, text=text.replace("\0", "\ufffd"), created_at=now))
    RequestSettings.objects.bulk_create(rows, ignore_conflicts=True, batch_size=100)


def _remove(kept: list[UUID]) -> None:
    """Files that were kept for a conversation which there is not."""
    for row in Attachment.objects.filter(pk__in=kept):
        row.delete()
