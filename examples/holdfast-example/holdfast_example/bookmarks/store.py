"""The bookmarks of an owner in SQL. Plain functions, for a database thread (`chat.support.database.ask`)."""

from holdfast_example.bookmarks.models import Bookmark

#: Bookmarks of one person; more would not fit into a result.
MAX_BOOKMARKS = 200


class Full(Exception):
    """The person has MAX_BOOKMARKS already."""


def add(owner: str, key: str, url: str, title: str) -> None:
    """Keep an address. The same key again changes nothing. Raises Full."""
    if Bookmark.objects.filter(owner_id=int(owner), key=key).exists():
        return
    if Bookmark.objects.filter(owner_id=int(owner)).count() >= MAX_BOOKMARKS:
        raise Full
    Bookmark.objects.get_or_create(owner_id=int(owner), key=key, defaults={"url": url, "title": title})


def has(owner: str, key: str) -> bool:
    """Whether the call with this key has left its bookmark."""
    return Bookmark.objects.filter(owner_id=int(owner), key=key).exists()


def all_of(owner: str) -> list[dict[str, str]]:
    """What a person has, oldest first: `url` and `title`."""
    rows = Bookmark.objects.filter(owner_id=int(owner)).order_by("id")
    return [{"url": row.url, "title": row.title} for row in rows[:MAX_BOOKMARKS]]
