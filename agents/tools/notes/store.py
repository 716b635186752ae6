"""What tools keep for people, over the table of notes."""

from asgiref.sync import sync_to_async
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from agents.tools import StoredNote
from agents.tools.notes.models import Note


class NoteStorage:
    """The `Storage` of the tools, over the table of notes. Owners are primary keys of users, as text."""

    async def add_note(self, owner: str, key: str, text: str) -> StoredNote:
        """Write a note; the same key again returns the note that the first one wrote."""
        return await sync_to_async(_add_note)(owner, key, text)

    async def note_by_key(self, owner: str, key: str) -> StoredNote | None:
        """The note that the call with this key wrote, even if it was deleted since."""
        note = await _owned(owner).filter(key=key).afirst()
        return note.stored() if note else None

    async def list_notes(self, owner: str) -> list[StoredNote]:
        """The owner's notes, oldest first."""
        found = _owned(owner).filter(deleted_at=None).order_by("number")
        return [note.stored() async for note in found]

    async def delete_note(self, owner: str, number: int) -> bool:
        """Forget a note's text. Its number and key stay taken; False if the owner has no such note."""
        found = _owned(owner).filter(number=number, deleted_at=None)
        return await found.aupdate(text="", deleted_at=timezone.now()) == 1


def _owned(owner: str) -> models.QuerySet[Note]:
    return Note.objects.filter(owner_id=int(owner))


def _add_note(owner: str, key: str, text: str) -> StoredNote:
    for _ in range(5):
        try:
            with transaction.atomic():
                if note := _owned(owner).filter(key=key).first():
                    return note.stored()
                last = _owned(owner).aggregate(models.Max("number"))["number__max"]
                return Note.objects.create(
                    owner_id=int(owner), number=(last or 0) + 1, text=text, key=key
                ).stored()
        except IntegrityError:
            continue  # Another call took the number, or wrote this very note, at the same moment: look again.
    raise RuntimeError("a note could not be written: its number was taken five times in a row")
