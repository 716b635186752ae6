"""The table of bookmarks."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class Bookmark(models.Model):
    """An address that an agent keeps for a person. `key` is that of the call: the same call again adds nothing."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    #: Who it is, of somebody in a chat who is no user here; `owner` is the account then (agents.tools.kept_by).
    person = models.CharField(max_length=60, blank=True, default="", db_default="")
    url = models.CharField(max_length=1_000)
    title = models.CharField(max_length=200, blank=True)
    key = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "key"], name="example_bookmark_key"),
        ]

    def __str__(self) -> str:
        return self.title or self.url
