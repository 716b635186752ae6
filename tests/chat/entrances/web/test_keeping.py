"""Pinning, archiving and taking along whole conversations, over HTTP (rule W11: only one's own)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from chat.entrances.web import keeping
from chat.entrances.web import protocol as p
from chat.models import Conversation
from tests.support import rows


@pytest.fixture(autouse=True)
def own_layer(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
def as_alice(client: Any, alice: Any) -> Any:
    client.force_login(alice)
    return client


def mark(client: Any, ids: list[Any], **marks: Any) -> Any:
    body = json.dumps({"ids": [str(id) for id in ids], **marks})
    return client.post("/api/marks", body, content_type="application/json")


def titles(client: Any, query: str = "") -> list[str]:
    told = p.ConversationList.model_validate(client.get(f"/api/conversations?{query}").json())
    return [entry.title for entry in told.conversations]


@pytest.fixture
def three(alice: Any) -> list[Conversation]:
    return [rows.conversation(alice, name, at=rows.START + n) for n, name in enumerate("abc")]


def test_pinned_ones_stand_first_and_on_the_first_page_only(as_alice: Any, three: list[Conversation]):
    assert mark(as_alice, [three[0].id], pinned=True).json() == {"marked": 1}
    assert titles(as_alice) == ["a", "c", "b"]
    assert titles(as_alice, "limit=1") == ["a", "c"]
    assert titles(as_alice, f"limit=1&before={three[2].updated_at}") == ["b"]
    assert titles(as_alice, "q=b") == ["b"]
    three[0].refresh_from_db()
    assert three[0].updated_at == rows.START, "a mark is no change of the conversation"
    mark(as_alice, [three[0].id], pinned=False)
    assert titles(as_alice) == ["c", "b", "a"]


def test_what_is_archived_is_in_the_archive_alone_and_comes_back(as_alice: Any, three: list[Conversation]):
    mark(as_alice, [three[0].id], pinned=True)
    assert mark(as_alice, [three[0].id, three[1].id], archived=True).json() == {"marked": 2}
    assert titles(as_alice) == ["c"]
    assert titles(as_alice, "archived=1") == ["b", "a"]
    assert titles(as_alice, "archived=1&q=a") == ["a"]
    mark(as_alice, [three[0].id], archived=False)
    assert titles(as_alice) == ["c", "a"], "and it is pinned no more"
    mark(as_alice, [three[1].id], pinned=True)
    assert titles(as_alice) == ["b", "c", "a"], "what is pinned is taken out of the archive"


def test_W11_nobody_marks_or_exports_what_is_not_theirs(as_alice: Any, bob: Any):
    other = rows.conversation(bob, "Bob's")
    assert mark(as_alice, [other.id], archived=True).json() == {"marked": 0}
    other.refresh_from_db()
    assert other.archived_at is None
    for id in (other.id, uuid.uuid4()):
        assert as_alice.get(f"/api/conversations/{id}/export").status_code == 404


def test_there_is_an_end_to_what_can_be_pinned_and_marked(as_alice: Any, alice: Any):
    assert mark(as_alice, []).status_code == 400
    assert mark(as_alice, [uuid.uuid4() for _ in range(keeping.MAX_MARKED + 1)]).status_code == 400
    many = [rows.conversation(alice, f"n{n}", at=rows.START + n).id for n in range(keeping.MAX_PINNED + 1)]
    assert mark(as_alice, many[:1], title="x").status_code == 400
    assert mark(as_alice, many[:-1], pinned=True).status_code == 200
    refused = mark(as_alice, many[-1:], pinned=True)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_pinned")
    assert mark(as_alice, many[:1], pinned=True).status_code == 200, "it is pinned already"


@pytest.fixture
def talk(alice: Any) -> Conversation:
    row = rows.conversation(alice, "Tides / 潮汐")
    rows.message(row, 2, "When is high tide?\n```\ncode\n```")
    run = rows.run(row, 3)
    call = {"arguments": '{"x": 1}', "result": "```long``` " * 100, "preview": "long"}
    rows.step(row, run, 4, "At noon.", call)
    return row


def test_markdown_is_for_people_with_whole_results_in_fences_that_hold(as_alice: Any, talk: Conversation):
    answer = as_alice.get(f"/api/conversations/{talk.id}/export")
    text = answer.content.decode()
    assert answer["Content-Type"].startswith("text/markdown")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"].startswith("attachment")
    assert text.startswith("# Tides / 潮汐\n")
    assert text.index("## Person") < text.index("When is high tide?") < text.index("At noon.")
    assert "\n````\n" + "```long``` " * 100 in text


def test_json_is_whole(as_alice: Any, talk: Conversation):
    told = as_alice.get(f"/api/conversations/{talk.id}/export?form=json").json()
    assert (told["format"], told["title"]) == ("holdfast.conversation/1", "Tides / 潮汐")
    assert told["events"] and "settings" not in told, "the prompts of agents are not their users'"
    assert [item["kind"] for item in told["items"]] == ["message", "step"]
    assert told["items"][1]["calls"][0]["result"] == "```long``` " * 100
    assert as_alice.get(f"/api/conversations/{talk.id}/export?form=exe").status_code == 400
