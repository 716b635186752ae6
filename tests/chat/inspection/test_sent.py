"""What the model was sent, made again from the database: the very bytes that a real HTTP server got."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents import events as e
from agents.dialects.opening import open_model
from agents.models import ensure_default_agent
from agents.spec import AgentSpec
from chat.commands import CreateBody
from chat.inspection import base
from chat.models import Event, Fault, RequestSettings
from chat.replay.sent import NotKept, as_curl, sent_at
from chat.session.sessions import Sessions
from tests.chat.runs.test_runner import House
from tests.support import rows
from tests.support.provider import Json, Provider, Reply, completion, json_reply


@pytest.fixture
async def house(sessions: Sessions, alice: Any, redis_url: str) -> Any:
    await sync_to_async(ensure_default_agent)()
    house = House(sessions, alice.pk)
    house.bench.gate.set()
    yield house
    for task in house.tasks:
        task.cancel()
    await asyncio.gather(*house.tasks, return_exceptions=True)


def answering(path: str, body: Json) -> Reply:
    """Asks for a tool once per question, then answers."""
    if body["messages"][-1]["role"] == "tool":
        return completion("Looked at it: ✓ 你好")
    call = {
        "index": 0,
        "id": f"call_{len(body['messages'])}",
        "function": {"name": "look", "arguments": "{}"},
    }
    return completion("", [call])


def refusing(path: str, body: Json) -> Reply:
    return json_reply(400, {"error": {"message": "No tool call found, somehow", "code": "E_4711"}})


async def talk(house: House, provider: Provider, profile: str, *texts: str) -> None:
    spec = replace(
        house.spec or AgentSpec("a", "A"),
        base_url=provider.url,
        model="gpt-test",
        prompt="You help. é",
        profile=profile,
    )
    house.spec = spec
    await house.submit(CreateBody(kind="create", title="Tea"))
    for text in texts:
        await house.ask(text)
        await house.finish(house.worker(open_model(spec, "sk-secret-key")))


def starts(conversation: str) -> list[int]:
    found = Event.objects.filter(conversation_id=conversation, type="step.started").order_by("seq")
    return list(found.values_list("seq", flat=True))


async def test_every_request_is_made_again_as_the_server_got_it(house: House) -> None:
    async with Provider(answering) as provider:
        await talk(house, provider, "openai-chat", "one", "two")
        seqs = await sync_to_async(starts)(house.conversation)
        assert len(seqs) == len(provider.raw) == 4
        for seq, (path, raw) in zip(seqs, provider.raw, strict=True):
            sent = await sync_to_async(sent_at)(house.conversation, seq)
            assert sent.text.encode() == raw
            assert sent.same is True and sent.violations == []
            assert sent.url.endswith(path)
        assert await sync_to_async(RequestSettings.objects.count)() == 1


@pytest.mark.parametrize(
    "profile", ["anthropic-messages", "gemini-native", "openai-responses", "openai-chat"]
)
async def test_so_is_every_form_of_a_request_that_is_refused(house: House, profile: str) -> None:
    async with Provider(refusing) as provider:
        await talk(house, provider, profile, "poison")
        seqs = await sync_to_async(starts)(house.conversation)
        assert len(seqs) == len(provider.raw) >= 2
        for seq, (path, raw) in zip(seqs, provider.raw, strict=True):
            sent = await sync_to_async(sent_at)(house.conversation, seq)
            assert sent.text.encode() == raw and sent.same is True
            assert sent.url.endswith(path)


async def test_the_command_of_a_shell_sends_the_same_bytes_and_holds_no_key(house: House) -> None:
    async with Provider(answering) as provider:
        await talk(house, provider, "openai-chat", 'it\'s "quoted" $HOME `id` \\ 你好\nHOLDFAST_BODY')
        (seq, *_) = await sync_to_async(starts)(house.conversation)
        sent = await sync_to_async(sent_at)(house.conversation, seq)
        command = as_curl(sent)
        assert "sk-secret-key" not in command and "$API_KEY" in command
        before = provider.raw[0]
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", command, env={"API_KEY": "sk-mine", "PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert b"look" in out
        assert provider.raw[-1][1].rstrip(b"\n") == before[1]
        assert provider.keys[-1].endswith("sk-mine")


@pytest.mark.django_db
class TestPage:
    def started(self, row: Any, **request: Any) -> None:
        facts = e.RequestFacts(**request) if request else None
        event = e.StepStarted(at=1, run="r", step="r.1", model="m", request=facts)
        Event.objects.create(
            conversation=row, seq=2, type="step.started", at=1, text=e.to_json(event), tag="t"
        )

    def page(self, client: Any, row: Any, seq: int = 2) -> Any:
        return client.get(base.address("chat_conversation_request", row.pk, seq))

    def test_what_cannot_be_made_again_says_why(self, admin_client: Any, alice: Any) -> None:
        row = rows.conversation(alice)
        assert "No request was made" in self.page(admin_client, row, 1).content.decode()
        self.started(row)
        assert "earlier release" in self.page(admin_client, row).content.decode()
        Event.objects.filter(seq=2).delete()
        self.started(row, settings="x", window=1, since=1, digest="d")
        assert "were not kept" in self.page(admin_client, row).content.decode()
        with pytest.raises(NotKept):
            sent_at(row.pk, 2)

    def test_a_request_that_differs_says_so_and_shows_what_was_refused(
        self, admin_client: Any, alice: Any
    ) -> None:
        row = rows.conversation(alice)
        profile = {"name": "openai-chat", "title": "OpenAI"}
        settings = {
            "address": "https://api.example/v1", "profile": profile, "model": "m", "account": "",
            "prompt": "<b>Be kind</b>", "tools": [],
        }  # fmt: skip
        RequestSettings.objects.create(digest="x", text=json.dumps(settings), created_at=1)
        self.started(row, settings="x", window=60_000, since=1, digest="d")
        Fault.objects.create(
            conversation=row, run="r", step="r.1", kind="E1", status=400, text="<i>No tool call</i>",
            model="m", request="{}", profile="openai-chat", address="x", digest="d", created_at=1,
        )  # fmt: skip
        html = self.page(admin_client, row).content.decode()
        assert "not quite what was sent" in html and "POST https://api.example/v1/chat/completions" in html
        assert "&lt;b&gt;Be kind" in html and "<b>Be kind" not in html
        assert "E1 400" in html and "&lt;i&gt;No tool call" in html
        assert "curl -sS" in html and "$API_KEY" in html

    def test_who_may_not_read_it_is_refused(self, client: Any, alice: Any, bob: Any) -> None:
        row = rows.conversation(alice)
        bob.is_staff = True
        bob.save()
        client.force_login(bob)
        assert self.page(client, row).status_code == 403
