"""The bookmarks in the admin."""

from django.contrib import admin
from django.http import HttpRequest

from holdfast_example.bookmarks.models import Bookmark


@admin.register(Bookmark)
class BookmarkAdmin(admin.ModelAdmin):
    """What agents have kept; people can read and delete it."""

    list_display = ("title", "url", "owner", "person", "created_at")
    list_select_related = ("owner",)
    search_fields = ("title", "url", "owner__username")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Bookmark | None = None) -> bool:
        return False
