"""The bookmarks of an owner in SQL. Plain functions, for a database thread (`chat.support.database.ask`)."""

from typing import TYPE_CHECKING

from agents.tools import kept_by
from holdfast_example.bookmarks.models import Bookmark

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: Bookmarks of one person; more would not fit into a result.
MAX_BOOKMARKS = 200


class Full(Exception):
    """The person has MAX_BOOKMARKS already."""


def add(owner: str, key: str, url: str, title: str) -> None:
    """Keep an address. The same key again changes nothing. Raises Full."""
    account, person = kept_by(owner)
    if has(owner, key):
        return
    if _of(owner).count() >= MAX_BOOKMARKS:
        raise Full
    kept = {"url": url, "title": title, "person": person}
    Bookmark.objects.get_or_create(owner_id=account, key=key, defaults=kept)


def has(owner: str, key: str) -> bool:
    """Whether the call with this key has left its bookmark."""
    return _of(owner).filter(key=key).exists()


def all_of(owner: str) -> list[dict[str, str]]:
    """What a person has, oldest first: `url` and `title`."""
    rows = _of(owner).order_by("id")
    return [{"url": row.url, "title": row.title} for row in rows[:MAX_BOOKMARKS]]


def _of(owner: str) -> "QuerySet[Bookmark]":
    account, person = kept_by(owner)
    return Bookmark.objects.filter(owner_id=account, person=person)
