"""What the page is answered over HTTP, besides the frames of its protocol. Moments are milliseconds since the Unix
epoch, ids are UUIDs."""

from typing import Any

from pydantic import Field

from chat.http.pages import Shape


class ItemPage(Shape):
    """The protocol's `ItemPage`, whose items are passed on as the reducer made them, also one of another release."""

    items: list[Any]
    more: bool


class Timeline(Shape):
    """The spans of a run (chat/journal/timeline.py). `cut`: it has more than are told."""

    run: str
    now: int
    spans: list[dict[str, Any]]
    cut: bool


class Marked(Shape):
    """How many conversations have a mark now that was asked for."""

    marked: int


class Begun(Shape):
    """A conversation that began whole. `missing`: names of files that did not come along; `closed`: open calls were
    closed in it."""

    id: str
    missing: list[str]
    closed: bool


class NoteEntry(Shape):
    """What an agent noted, and where, as far as that is known and still there."""

    number: int
    text: str
    created_at: int
    conversation: str | None
    title: str | None
    agent: str | None


class NoteList(Shape):
    notes: list[NoteEntry]
    #: How many there may be.
    most: int


class Forgotten(Shape):
    removed: int = Field(description="How many notes.")
