"""What agents have noted for a person, over HTTP, for that person alone (rule W11).

    GET, DELETE     /api/notes            all of them, newest first; forget all of them
    PATCH, DELETE   /api/notes/<number>   {"text": …}: put it in other words; forget it

Notes of guests who speak in a chat of this person's account are theirs: nobody sees those here. Moments are
milliseconds since the Unix epoch.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext
from ninja import Router
from pydantic import BaseModel

from agents.borders import is_blank
from agents.tools.notes.models import Note
from agents.tools.notes.store import forget, notes_of, rewrite
from agents.tools.notes.tool import MAX_NOTES, NOTE_CHARS
from chat.authorization import logged_in
from chat.entrances.web.shapes import Forgotten, NoteEntry, NoteList
from chat.http.pages import Door, Nothing, answers
from chat.http.refusals import RequestRefused, allowance
from chat.models import Conversation

#: Bytes of a request: the longest note in any language, and the rest.
MAX_BYTES = 20_000
#: Requests of one user in this process.
reading = allowance(burst=60, rate=5)
writing = allowance(burst=40, rate=2)
ROUTER = Router(auth=Door(reading, writing, MAX_BYTES))


class Rewording(BaseModel):
    """A note in other words. Its length is looked at where it can be said in the reader's language."""

    text: Any = None


NO_WORDS = Rewording()


@ROUTER.get("/notes", response=answers(NoteList))
def listing(request: HttpRequest) -> NoteList:
    """All notes of the user, newest first. `conversation` and `agent` are null where it is not known, or is gone."""
    # A few more than there may be: two calls may have passed the limit at the same moment.
    return NoteList(notes=_entries(_mine(request)[: 2 * MAX_NOTES], _owner(request)), most=MAX_NOTES)


@ROUTER.patch("/notes/{int:number}", response=answers(NoteEntry))
def change(request: HttpRequest, number: int, wanted: Rewording = NO_WORDS) -> NoteEntry:
    """Put a note in other words."""
    text = wanted.text
    if not isinstance(text, str) or is_blank(text):
        raise _invalid("empty", gettext("Write what is to be remembered."))
    text = text.strip()
    if len(text) > NOTE_CHARS:
        raise _invalid("too_long", gettext("At most {max} characters.").format(max=f"{NOTE_CHARS:,}"))
    if not rewrite(_mine(request).filter(number=number), text):
        raise _gone()
    return _entries(_mine(request).filter(number=number), _owner(request))[0]


@ROUTER.delete("/notes/{int:number}", response=answers(Nothing))
def remove(request: HttpRequest, number: int) -> Nothing:
    """Forget one."""
    if not forget(_mine(request).filter(number=number)):
        raise _gone()
    return Nothing()


@ROUTER.delete("/notes", response=answers(Forgotten))
def remove_all(request: HttpRequest) -> Forgotten:
    """Forget all of them; how many that were."""
    return Forgotten(removed=forget(_mine(request)))


def _owner(request: HttpRequest) -> int:
    owner = request.user.pk
    assert owner is not None  # only who is logged in gets here (chat/http/pages.py)
    return owner


def _mine(request: HttpRequest) -> Any:
    user: Any = request.user
    # Always so for who is logged in; it stands here so that the table of rights holds for this door, too.
    if not logged_in(user.pk, user.pk, active=user.is_active).may("see_notes"):
        raise RequestRefused(403, "forbidden", gettext("You may not do this."))
    return notes_of(user.pk)


def _entries(rows: Iterable[Note], owner: int) -> list[NoteEntry]:
    """Notes with the conversations in which they were written down; one query more for all of them."""
    found = list(rows)
    named = {id for row in found if (id := _uuid(row.conversation)) is not None}
    alive = Conversation.objects.filter(id__in=named, owner_id=owner, deleted_at=None)
    places = {
        id: {"title": title, "agent": agent} for id, title, agent in alive.values_list("id", "title", "agent")
    }
    return [_entry(row, places) for row in found]


def _entry(row: Note, places: dict[UUID, dict[str, str]]) -> NoteEntry:
    id = _uuid(row.conversation)
    place = places.get(id) if id is not None else None
    return NoteEntry(
        number=row.number,
        text=row.text,
        created_at=int(row.created_at.timestamp() * 1000),
        conversation=str(id) if place else None,
        title=place["title"] if place else None,
        agent=place["agent"] if place else None,
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _invalid(code: str, told: str) -> RequestRefused:
    return RequestRefused(400, "invalid", told, fields={"text": {"code": code, "detail": told}})


def _gone() -> RequestRefused:
    return RequestRefused(404, "not_found", gettext("You have no such note."))
