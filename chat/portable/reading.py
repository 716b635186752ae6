"""An exported conversation, read as what it is: text from anywhere. Pure.

bytes ─► JSON, bounded in size, depth and numbers ─► events in an unbroken order, each of this release or of one
that it can read ─► Document, or BadImport with a sentence for people
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from agents import borders
from agents import events as e
from agents.branches import MAX_BRANCHES
from agents.recording import settings_digest
from chat.portable import FORMAT, MAX_FILES_BYTES
from chat.session.contract import next_tag

#: Events of one conversation, and characters of one.
MAX_EVENTS = 200_000
MAX_EVENT = 2_000_000
MAX_FILES = 1_000
MAX_SETTINGS = 1_000
#: Whole numbers that every reader of JSON has exactly, and that a column of 32 bits holds.
MAX_INTEGER = 2**53
MAX_SMALL = 2**31 - 1
SMALL = ("attempt", "ordinal", "items")
#: Words that decide nothing and may be of a later release, and the longest that a column holds.
WORDS = {"code": 30, "limit": 30, "reason": 20}


class BadImport(ValueError):
    """It is no conversation that can be taken in. The text says why, for people."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event as it is told today: `raw` is its JSON, `event` what it says."""

    raw: dict[str, Any]
    event: e.Event


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An attached file; `data` None: the export names it only."""

    name: str
    media_type: str
    size: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Here:
    """The conversation of this installation that a document was made of: its files are shared, and its people known."""

    conversation: UUID
    files: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Document:
    """A conversation that was read, and nothing in it believed beyond its form."""

    title: str
    agent: str
    created_at: int
    events: list[StoredEvent]
    files: dict[str, StoredFile]
    settings: dict[str, str]
    here: Here | None = None


def read(data: bytes, max_bytes: int) -> Document:
    """The conversation in a file. Raises BadImport."""
    if len(data) > max_bytes:
        raise _bad(_("The file is larger than {most} bytes."), most=f"{max_bytes:,}")
    try:
        found = borders.document(data)
    except borders.BadDocument:
        raise _bad(_("This is no JSON that can be read.")) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise _bad(_("This is no exported conversation of the form {form}."), form=FORMAT)
    events = list(_events(found.get("events")))
    created = events[0].event
    assert isinstance(created, e.ConversationCreated)
    return Document(
        created.title[:200],
        created.agent[:100],
        created.at,
        events,
        dict(_files(found.get("files"))),
        dict(_settings(found.get("settings"))),
    )


def _bad(words: str, **values: Any) -> BadImport:
    return BadImport(gettext(words).format(**values))


# ---- events ----


def _events(found: Any) -> Iterator[StoredEvent]:
    if not isinstance(found, list) or not found:
        raise _bad(_("It has no events."))
    if len(found) > MAX_EVENTS:
        raise _bad(_("It has more than {most} events."), most=f"{MAX_EVENTS:,}")
    tag, branches = "", 0
    for seq, one in enumerate(found, start=1):
        text = one.get("text") if isinstance(one, dict) else None
        if not isinstance(text, str) or len(text) > MAX_EVENT:
            raise _bad(_("Event {seq} has no text, or too much of it."), seq=seq)
        if one.get("seq") != seq:
            raise _bad(_("Event {seq} is missing, or not in its place."), seq=seq)
        tag = next_tag(tag, text)
        if one.get("tag") != tag:
            raise _bad(_("Event {seq} is not as it was exported: the chain of tags breaks here."), seq=seq)
        stored = stored_event(text, seq)
        branches += isinstance(stored.event, e.BranchOpened)
        if isinstance(stored.event, e.ConversationCreated) != (seq == 1):
            raise _bad(
                _("A conversation begins once, with its first event; event {seq} is another."), seq=seq
            )
        if branches > MAX_BRANCHES:
            raise _bad(_("It has more than {most} branches."), most=MAX_BRANCHES)
        yield stored


def stored_event(text: str, seq: int) -> StoredEvent:
    """The event of a text. One of a later release that may be ignored is kept as it is; no other is. Raises
    BadImport."""
    try:
        borders.document(text)
        raw = json.loads(text)  # as it is: U+0000 may stand in an event
        _bounded(raw)
        event = e.from_json(text)
    except (ValueError, RecursionError):
        raise _bad(_("Event {seq} cannot be read."), seq=seq) from None
    if isinstance(event, e.UnknownEvent):
        if not event.ignorable:
            told = _("Event {seq} ({type}) cannot be read by this release: {why}.")
            raise _bad(told, seq=seq, type=event.type[:40], why=event.why[:200])
    else:
        raw = e.VOCABULARY.upcast(raw)
    return StoredEvent(raw, event)


def _bounded(raw: Any) -> None:
    """Raises ValueError for numbers and words that no column holds."""
    if isinstance(raw, dict):
        for name, value in raw.items():
            if name in WORDS and isinstance(value, str) and len(value) > WORDS[name] and _of_column(raw):
                raise ValueError(name)
            if name in SMALL and isinstance(value, int) and not 0 <= value <= MAX_SMALL:
                raise ValueError(name)
            if name == "at" and (not isinstance(value, int) or value < 0):
                raise ValueError(name)
            _bounded(value)
    elif isinstance(raw, list):
        for value in raw:
            _bounded(value)
    elif isinstance(raw, int) and abs(raw) > MAX_INTEGER:
        raise ValueError("a number is too large")


def _of_column(raw: dict[str, Any]) -> bool:
    return str(raw.get("type")).startswith(("run.", "call."))


# ---- files and settings ----


def _files(found: Any) -> Iterator[tuple[str, StoredFile]]:
    if found is None:
        return
    if not isinstance(found, dict) or len(found) > MAX_FILES:
        raise _bad(_("Its files are not as an export has them."))
    room = MAX_FILES_BYTES
    for id, told in found.items():
        data = _data(told)
        room -= len(data or b"")
        if room < 0:
            raise _bad(_("Its files are larger than {most} bytes together."), most=f"{MAX_FILES_BYTES:,}")
        yield (
            id,
            StoredFile(
                str(told.get("name", ""))[:200], str(told.get("media_type", "")), len(data or b""), data
            ),
        )


def _data(told: Any) -> bytes | None:
    if not isinstance(told, dict) or not isinstance(told.get("data", ""), str):
        raise _bad(_("Its files are not as an export has them."))
    if "data" not in told:
        return None
    try:
        data = base64.b64decode(told["data"], validate=True)
    except (binascii.Error, ValueError):
        raise _bad(_("Its files are not as an export has them.")) from None
    if hashlib.sha256(data).hexdigest() != told.get("sha256"):
        raise _bad(_("A file is not as it was exported: its digest differs."))
    return data


def _settings(found: Any) -> Iterator[tuple[str, str]]:
    """Settings whose digest is theirs. One out of which a key was taken has another, and is left out."""
    if found is None:
        return
    if not isinstance(found, dict) or len(found) > MAX_SETTINGS:
        raise _bad(_("Its settings are not as an export has them."))
    for digest, text in found.items():
        if isinstance(text, str) and len(text) <= MAX_EVENT and settings_digest(text) == digest:
            yield digest, text


def dumped(raw: dict[str, Any]) -> str:
    """An event's JSON as the text that is stored."""
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":"))
