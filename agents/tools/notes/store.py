"""What tools keep for people, over the table of notes."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from agents.tools import StoredNote, kept_by
from agents.tools.notes.models import Note

T = TypeVar("T")


class AskDatabase(Protocol):
    """How async code asks SQL: returns what `work` returns, run in a thread that may use the database."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


class NoteStorage:
    """The `Storage` of the tools, over the table of notes. Owners are told as in `ToolContext.owner`. Raises what `ask`
    raises when the database is away, and ToolError where nobody is known whose notes they could be."""

    def __init__(self, ask: AskDatabase) -> None:
        self._ask = ask

    async def add_note(self, owner: str, key: str, text: str, conversation: str = "") -> StoredNote:
        """Write a note; the same key again returns the note that the first one wrote."""
        return await self._ask(lambda: _add_note(owner, key, text, conversation))

    async def note_by_key(self, owner: str, key: str) -> StoredNote | None:
        """The note that the call with this key wrote, even if it was deleted since."""
        note = await self._ask(_owned(owner).filter(key=key).first)
        return note.stored() if note else None

    async def list_notes(self, owner: str) -> list[StoredNote]:
        """The owner's notes, oldest first."""
        found = _owned(owner).filter(deleted_at=None).order_by("number")
        return await self._ask(lambda: [note.stored() for note in found])

    async def delete_note(self, owner: str, number: int) -> bool:
        """Forget a note's text. Its number and key stay taken; False if the owner has no such note."""
        found = _owned(owner).filter(number=number)
        return await self._ask(lambda: forget(found)) == 1


# ---- for the person themselves: plain functions for a database thread ----


def notes_of(user_id: int) -> "models.QuerySet[Note]":
    """What agents have noted for this user, newest first; nothing that was noted for guests in their account."""
    return Note.objects.filter(owner_id=user_id, person="", deleted_at=None).order_by("-number")


def rewrite(found: "models.QuerySet[Note]", text: str) -> int:
    """Put another text into those of these notes that are still there; how many that were."""
    return found.filter(deleted_at=None).update(text=text)


def forget(found: "models.QuerySet[Note]") -> int:
    """Forget the texts of these notes; how many that were. Their numbers and keys stay taken."""
    return found.filter(deleted_at=None).order_by().update(text="", deleted_at=timezone.now())


def _owned(owner: str) -> models.QuerySet[Note]:
    account, person = kept_by(owner)
    return Note.objects.filter(owner_id=account, person=person)


def _add_note(owner: str, key: str, text: str, conversation: str) -> StoredNote:
    for _ in range(5):
        try:
            with transaction.atomic():
                if note := _owned(owner).filter(key=key).first():
                    return note.stored()
                last = _owned(owner).aggregate(models.Max("number"))["number__max"]
                account, person = kept_by(owner)
                row = Note(owner_id=account, person=person, number=(last or 0) + 1, text=text, key=key)
                row.conversation = conversation[:64]
                row.save(force_insert=True)
                return row.stored()
        except IntegrityError:
            continue  # Another call took the number, or wrote this very note, at the same moment: look again.
    raise RuntimeError("a note could not be written: its number was taken five times in a row")
