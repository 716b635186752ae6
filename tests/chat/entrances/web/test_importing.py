"""What somebody has exported in the web chat they bring in again, as their own (rule W11)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from agents import events as e
from agents.models import ensure_default_agent
from chat.models import Conversation
from tests.chat.portable.test_import import rows_of, told


@pytest.fixture(autouse=True)
def _ready(db: None, settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    ensure_default_agent()


def talk(owner: Any) -> Conversation:
    message, run = str(uuid.uuid4()), str(uuid.uuid4())
    return told(
        owner,
        [
            e.ConversationCreated(at=1, title="Tides", agent="assistant"),
            e.MessageAdded(at=2, message=message, text="When is high tide?"),
            e.RunQueued(at=3, run=run, cause=message),
            e.RunStarted(at=4, run=run, attempt=1, fence=1, worker="w"),
            e.StepStarted(at=5, run=run, step=f"{run}.1"),
            e.StepFinished(at=6, run=run, step=f"{run}.1", text="At noon."),
            e.RunFinished(at=7, run=run),
        ],
    )


def send(client: Any, data: bytes) -> Any:
    return client.post("/api/conversations/import", {"file": SimpleUploadedFile("c.json", data)})


def test_an_export_of_ones_own_comes_in_again(client: Any, alice: Any, bob: Any) -> None:
    row = talk(alice)
    client.force_login(alice)
    data = client.get(f"/api/conversations/{row.pk}/export?form=json").content
    client.force_login(bob)
    answer = send(client, data)
    assert answer.status_code == 201 and answer.json()["missing"] == [] and answer.json()["closed"] is False
    new = Conversation.objects.get(pk=answer.json()["id"])
    assert new.owner == bob and rows_of(new) == rows_of(row)
    listed = client.get("/api/conversations").json()["conversations"]
    assert [entry["title"] for entry in listed] == ["Tides"]


def test_the_same_import_again_has_one_effect(client: Any, alice: Any, bob: Any) -> None:
    row, id = talk(alice), str(uuid.uuid4())
    client.force_login(alice)
    data = client.get(f"/api/conversations/{row.pk}/export?form=json").content

    def sent(id: str) -> Any:
        form = {"id": id, "file": SimpleUploadedFile("c.json", data)}
        return client.post("/api/conversations/import", form)

    assert [(sent(id).status_code, sent(id).json()["id"])] == [(201, id)]
    assert Conversation.objects.count() == 2
    assert sent(str(talk(bob).pk)).json()["code"] == "id_reused"
    assert sent("x").status_code == 400


def test_what_is_no_export_or_one_too_many_is_refused(client: Any, alice: Any, settings: Any) -> None:
    client.force_login(alice)
    refused = send(client, b"{}")
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_import")
    assert client.post("/api/conversations/import", {}).status_code == 400
    talk(alice)
    settings.HOLDFAST_CONVERSATIONS_PER_USER = 1
    assert send(client, b"{}").json()["code"] == "conversations_full"
    settings.HOLDFAST_MAX_IMPORT_BYTES = 1_000
    assert send(client, json.dumps({"x": "y" * 40_000}).encode()).status_code == 413
    client.logout()
    assert send(client, b"{}").status_code == 401


def test_triggers_see_nothing_of_what_is_brought_in(client: Any, alice: Any) -> None:
    from chat.entrances.triggers import watching
    from chat.entrances.triggers.models import WATCHING, Trigger, TriggerScan

    Trigger.objects.create(owner=alice, kind=sorted(WATCHING)[0], name="t", created_at=1, updated_at=1)
    row = talk(alice)
    client.force_login(alice)
    data = client.get(f"/api/conversations/{row.pk}/export?form=json").content
    new = uuid.UUID(send(client, data).json()["id"])
    waiting = {id for _at, id in watching.behind()}
    assert row.pk in waiting and new not in waiting
    assert TriggerScan.objects.get(conversation=new).seq == row.head_seq
