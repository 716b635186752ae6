"""The table of notes. It belongs to the app `agents`, whose migrations made it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from agents.tools import StoredNote


class Note(models.Model):
    """One note that an agent wrote down for a person. `key` makes writing it twice impossible."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notes")
    #: Who it is, of somebody who is no user here: the owner is the account in which it is kept then.
    person = models.CharField(max_length=60, blank=True, default="", db_default="")
    number = models.PositiveIntegerField(help_text=_("Counts per person; not used again after a deletion."))
    text = models.TextField()
    key = models.CharField(max_length=100, help_text=_("Idempotency key of the call that wrote it."))
    #: The conversation in which it was written down; empty: by a release that did not keep it.
    conversation = models.CharField(max_length=64, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        ordering: ClassVar = ["owner", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "person", "number"], name="agents_note_number_per_person"
            ),
            models.UniqueConstraint(fields=["owner", "key"], name="agents_note_key_per_owner"),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"

    def stored(self) -> StoredNote:
        """The note as the notes tool sees it."""
        return StoredNote(number=self.number, text=self.text)
