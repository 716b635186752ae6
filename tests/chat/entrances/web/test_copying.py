"""A conversation of one's own is copied over HTTP, up to any item, and a repeat is harmless (rule W11)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from agents.models import ensure_default_agent
from chat.models import Conversation
from tests.chat.entrances.web.test_importing import talk


@pytest.fixture(autouse=True)
def _ready(db: None, settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    ensure_default_agent()


def copy(client: Any, row: Any, **body: Any) -> Any:
    sent = {"id": str(uuid.uuid4()), **body}
    address = f"/api/conversations/{getattr(row, 'pk', row)}/copies"
    return client.post(address, sent, content_type="application/json")


def test_the_whole_or_up_to_an_item_and_the_list_has_it(client: Any, alice: Any) -> None:
    row, id = talk(alice), str(uuid.uuid4())
    client.force_login(alice)
    made = copy(client, row, id=id)
    assert made.status_code == 201 and made.json() == {"id": id, "missing": [], "closed": False}
    question = row.messages.get().message
    part = copy(client, row, message=question)
    items = client.get(f"/api/conversations/{part.json()['id']}/items?before=99").json()["items"]
    assert [item["text"] for item in items] == ["When is high tide?"]
    listed = client.get("/api/conversations").json()["conversations"]
    assert [entry["title"] for entry in listed] == ["Tides"] * 3


def test_the_same_request_again_has_one_effect(client: Any, alice: Any, settings: Any) -> None:
    row, id = talk(alice), str(uuid.uuid4())
    client.force_login(alice)
    assert copy(client, row, id=id).status_code == 201
    settings.HOLDFAST_CONVERSATIONS_PER_USER = 2
    again = copy(client, row, id=id)
    assert (again.status_code, again.json()["id"]) == (200, id), "the limit was spent by itself"
    assert Conversation.objects.count() == 2
    assert copy(client, row).json()["code"] == "conversations_full"


def test_an_id_of_something_else_is_refused(client: Any, alice: Any, bob: Any) -> None:
    row, other, bobs = talk(alice), talk(alice), talk(bob)
    client.force_login(alice)
    for taken in (other.pk, bobs.pk, row.pk):
        refused = copy(client, row, id=str(taken))
        assert (refused.status_code, refused.json()["code"]) == (409, "id_reused")
    gone = copy(client, row).json()["id"]
    Conversation.objects.filter(pk=gone).update(deleted_at=1)
    assert copy(client, row, id=gone).status_code == 409
    assert copy(client, other, id=copy(client, row).json()["id"]).status_code == 409


def test_only_ones_own_and_what_there_is(client: Any, alice: Any, bob: Any) -> None:
    row, bobs = talk(alice), talk(bob)
    client.force_login(alice)
    for not_there in (bobs, uuid.uuid4()):
        assert copy(client, not_there).status_code == 404
    assert copy(client, row, message=str(uuid.uuid4())).status_code == 404
    assert copy(client, row, message=bobs.messages.get().message).status_code == 404
    Conversation.objects.filter(pk=row.pk).update(deleted_at=1)
    assert copy(client, row).status_code == 404
    client.logout()
    assert copy(client, row).status_code == 401


@pytest.mark.parametrize("body", [{"id": "x"}, {"id": 7}, {"message": ""}, {"message": "a\0b"}, {"more": 1}])
def test_what_is_no_request_for_a_copy_is_refused(client: Any, alice: Any, body: Any) -> None:
    client.force_login(alice)
    assert copy(client, talk(alice), **body).status_code == 400


def test_a_long_one_is_refused_with_a_reason(client: Any, alice: Any) -> None:
    row = talk(alice)
    Conversation.objects.filter(pk=row.pk).update(head_seq=30_000)
    client.force_login(alice)
    refused = copy(client, row)
    assert refused.status_code == 422 and "20,000" in refused.json()["detail"]
