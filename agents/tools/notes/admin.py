"""The notes in Django's admin."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from agents.tools.notes.models import Note

if TYPE_CHECKING:  # Django's own classes take no type argument when the program runs.
    _NoteAdmin = admin.ModelAdmin[Note]
else:
    _NoteAdmin = admin.ModelAdmin


@admin.register(Note)
class NoteAdmin(_NoteAdmin):
    """What agents wrote down; people can read and delete it here, never write."""

    list_display = ("number", "owner", "person", "created_at", "deleted_at")
    list_select_related = ("owner",)
    search_fields = ("text", "owner__username")
    readonly_fields = (
        *("owner", "person", "number", "text", "key", "conversation", "created_at", "deleted_at"),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Note | None = None) -> bool:
        return False
