"""What agents have noted for a person, over HTTP: seen, changed and ended by that person alone (rule W11)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from agents.models import Note
from agents.tools.notes.store import NoteStorage
from agents.tools.notes.tool import NOTE_CHARS
from chat.entrances.web import notes
from chat.support.database import ask
from tests.support import hurry, rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def full_buckets() -> None:
    """Nobody has asked yet."""
    for allowance in (notes.reading, notes.writing):
        allowance.forget()


@pytest.fixture
def as_alice(client: Any, alice: Any) -> Any:
    client.force_login(alice)
    return client


def noted(owner: Any, number: int, text: str = "milk", person: str = "", **fields: Any) -> Note:
    return Note.objects.create(
        owner=owner, person=person, number=number, text=text, key=f"{person}{number}", **fields
    )


def listed(client: Any) -> list[Any]:
    found: list[Any] = client.get("/api/notes").json()["notes"]
    return found


def put(client: Any, number: int, text: Any) -> Any:
    return client.patch(f"/api/notes/{number}", json.dumps({"text": text}), content_type="application/json")


def test_they_are_shown_newest_first_with_where_they_were_written_down(as_alice: Any, alice: Any) -> None:
    place = rows.conversation(alice, "Shopping")
    noted(alice, 1, conversation=str(place.id))
    noted(alice, 2, "bread")
    newer, older = listed(as_alice)
    assert (newer["number"], newer["text"], newer["conversation"], newer["agent"]) == (2, "bread", None, None)
    assert (older["conversation"], older["title"], older["agent"]) == (
        str(place.id),
        "Shopping",
        place.agent,
    )
    place.deleted_at = 1
    place.save()
    assert listed(as_alice)[1]["conversation"] is None, "what was deleted is not led to"


async def test_a_note_of_the_tool_knows_its_conversation(alice: Any) -> None:
    await NoteStorage(ask).add_note(str(alice.pk), "k", "milk", "0190a000-0000-7000-8000-000000000001")
    assert (await Note.objects.aget()).conversation == "0190a000-0000-7000-8000-000000000001"


def test_one_is_put_in_other_words_and_one_is_forgotten(as_alice: Any, alice: Any) -> None:
    noted(alice, 1)
    noted(alice, 2)
    assert put(as_alice, 1, " oat milk ").json()["text"] == "oat milk"
    assert as_alice.delete("/api/notes/2").status_code == 200
    assert [(one["number"], one["text"]) for one in listed(as_alice)] == [(1, "oat milk")]
    gone = Note.objects.get(number=2)
    assert gone.text == "" and gone.deleted_at is not None, "its number and key stay taken (rule T3)"
    assert as_alice.delete("/api/notes/2").status_code == 404
    assert put(as_alice, 2, "again").status_code == 404
    assert put(as_alice, 10**30, "no such number").status_code == 404


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty"), (" \u200b ", "empty"), (None, "empty"), ("x" * (NOTE_CHARS + 1), "too_long")],
)
def test_what_cannot_be_noted_is_said_at_its_field(as_alice: Any, alice: Any, text: Any, code: str) -> None:
    noted(alice, 1)
    answer = put(as_alice, 1, text)
    assert (answer.status_code, answer.json()["fields"]["text"]["code"]) == (400, code)
    assert listed(as_alice)[0]["text"] == "milk"


def test_all_of_ones_own_are_forgotten_at_once_and_nobody_elses(as_alice: Any, alice: Any, bob: Any) -> None:
    noted(alice, 1)
    noted(alice, 2)
    noted(alice, 1, person="guest:6f1d")
    noted(bob, 1)
    assert as_alice.delete("/api/notes").json() == {"removed": 2}
    assert listed(as_alice) == []
    assert Note.objects.filter(deleted_at=None).count() == 2


def test_W11_nobody_sees_changes_or_ends_what_is_anothers_or_a_guests(
    as_alice: Any, alice: Any, bob: Any
) -> None:
    noted(bob, 1)
    noted(alice, 7, person="guest:6f1d")
    assert listed(as_alice) == []
    for number in (1, 7):
        assert put(as_alice, number, "mine now").status_code == 404
        assert as_alice.delete(f"/api/notes/{number}").status_code == 404
    assert set(Note.objects.values_list("text", flat=True)) == {"milk"}


def test_strangers_and_pages_of_others_get_nothing(alice: Any) -> None:
    noted(alice, 1)
    assert Client().get("/api/notes").status_code == 401
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.get("/api/notes").status_code == 200
    assert client.delete("/api/notes").status_code == 403
    assert Note.objects.filter(deleted_at=None).exists()


def test_who_changes_too_fast_waits(as_alice: Any, alice: Any) -> None:
    answer = hurry.refused(lambda: as_alice.delete("/api/notes"), notes.writing, alice.pk)
    assert answer.json()["code"] == "too_fast" and answer["Retry-After"]
