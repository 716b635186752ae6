"""A command is sent, the server dies between apply and reply, the client retries ten times: one effect (W5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.more import more_of
from tests.support.processes import Stack
from tests.support.waiting import eventually
from tests.support.wire import Wire, login, new_id

PLACES = more_of("append.stored", "journal.written", "inbox.applied", "reply.written")


@pytest.fixture(scope="module")
def stack(database_template: Path) -> Iterator[Stack]:
    """One Holdfast for all of them: each has a conversation of its own, and starts the web server again."""
    with Stack(template=database_template) as own:
        yield own.up()


@pytest.mark.parametrize("place", PLACES)
async def test_W5_killed_between_apply_and_reply_and_retried_ten_times(stack: Stack, place: str) -> None:
    cookies = login(stack.address, "alice", "alice-password")
    async with Wire(stack.address, cookies) as wire:
        conversation = await wire.begin()
    command, message = new_id(), new_id()
    body = {"kind": "send", "message": message, "text": "what is 6*7?"}

    stack.process("web").stop()
    stack.start("web", HOLDFAST_DIE_AT=place)
    async with Wire(stack.address, cookies) as wire:
        await wire.send({"type": "command", "id": command, "conversation": conversation, "body": body})
        await eventually(lambda: not stack.process("web").alive, 15, f"the web server to die at {place}")
    stack.start("web", HOLDFAST_DIE_AT="")

    results = []
    for _ in range(10):
        async with Wire(stack.address, cookies) as wire:
            results.append(await wire.command(conversation, body, command))
    assert {result["status"] for result in results} <= {"applied", "duplicate"}
    # The cursor says where the session is now: the run goes on meanwhile, and under the same epoch.
    assert len({result["cursor"].partition(":")[0] for result in results}) == 1

    key = conversation.replace("-", "")
    await eventually(
        lambda: stack.sql(
            "select 1 from chat_event where conversation_id = ? and type = 'run.finished'", key
        ),
        30,
        "the one run to finish",
    )
    texts = [
        json.loads(text)
        for (text,) in stack.sql("select text from chat_event where conversation_id = ? order by seq", key)
    ]
    assert [event["message"] for event in texts if event["type"] == "message.added"] == [message]
    assert len([event for event in texts if event["type"] == "run.queued"]) == 1


async def test_W5_the_same_id_with_another_payload_is_refused(stack: Stack) -> None:
    async with Wire(stack.address, login(stack.address, "alice", "alice-password")) as wire:
        conversation = await wire.begin()
        command = new_id()
        first = {"kind": "send", "message": new_id(), "text": "what is 6*7?"}
        assert (await wire.command(conversation, first, command))["status"] == "applied"
        other = await wire.command(conversation, {**first, "text": "what is 9*9?"}, command)
    assert (other["status"], other["code"], other["retry"]) == ("rejected", "id_reused", False)
