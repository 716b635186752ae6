"""The work that is counted: turns, parts of streaming text, and sockets that come back. Django must be set up.

Each function prepares and returns what does the work so many times.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any
from uuid import uuid4

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model

from agents.dialects.base import CallDelta, Delta, FinishDelta, TextDelta
from bench.histories import write_history
from bench.pieces import begin_streaming
from chat.commands import SendBody
from chat.decide import run_id
from chat.entrances.web.greeting import token_of
from chat.entrances.web.protocol import PROTOCOL
from chat.inbox import Sender
from chat.runs.dependencies import installed_dependencies
from chat.runs.runner import Runner
from chat.runtime import current


@dataclass(frozen=True)
class Work:
    """`run(number)` is what is counted; `settle` comes after it and is not."""

    run: Callable[[int], Awaitable[None]]
    settle: Callable[[], Awaitable[None]]


#: Messages of a conversation in which turns are taken, and of those that sockets show.
HISTORY = 40
#: Seconds in which the feed has read once more what was opened.
TICK_S = 0.15


class ScriptedModel:
    """Asks for the calculator, then answers."""

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        if body["messages"][-1]["role"] == "tool":
            yield TextDelta("It is four.")
            yield FinishDelta("stop")
        else:
            yield CallDelta(0, "one", "calculator", '{"expression": "2 + 2"}')
            yield FinishDelta("tool_calls")


async def turns(warm_up: int) -> Work:
    """Turns of one conversation, one after the other: sent through the inbox, performed by a worker's runner."""
    runtime = current()
    user = await sync_to_async(get_user_model().objects.get)(username="alice")
    who = Sender(user.pk, name="alice")
    conversation = await write_history(user.pk, HISTORY)
    dependencies = replace(installed_dependencies(runtime.database), model=lambda spec: ScriptedModel())
    runner = Runner(
        runtime.sessions,
        runtime.queue.put_first,
        dependencies,
        worker="counted",
        lease_ms=settings.HOLDFAST_LEASE_MS,
        renew_ms=settings.HOLDFAST_RENEW_MS,
        queue_next=runtime.queue.put,
    )

    async def work(number: int) -> None:
        for _ in range(number):
            message = str(uuid4())
            body = SendBody(kind="send", message=message, text="How much is two and two?")
            sent = await runtime.inbox.submit(who, conversation, str(uuid4()), body)
            assert sent.status == "applied", sent
            done = await runner.perform(conversation, run_id(conversation, message))
            assert done == "owned", done

    await work(warm_up)
    run = (await runtime.sessions.load(conversation)).state["run"]
    assert run["status"] == "finished", run
    return Work(work, _nothing)


async def streams(number: int) -> Work:
    """Parts of streaming text, of so many runs of one worker at the same moment."""
    sessions = current().sessions
    user = await sync_to_async(get_user_model().objects.get)(username="alice")
    conversations = [str(uuid4()) for _ in range(number)]
    for conversation in conversations:
        await begin_streaming(sessions, user.pk, conversation)
    sent = 0

    async def work(parts: int) -> None:
        nonlocal sent
        for _ in range(parts // number):
            text = "two or three words "
            await asyncio.gather(
                *(sessions.part(one, 0, f"{one}.1", sent * len(text), text) for one in conversations)
            )
            sent += 1

    await work(2 * number)
    return Work(work, _nothing)


async def reconnects(number: int) -> Work:
    """Sockets that come back at the same moment, each to a conversation of its own."""
    from config.asgi import application

    users = await sync_to_async(_log_in)(number)
    conversations = [await write_history(user, HISTORY) for user, _ in users]

    async def come(cookie: str, conversation: str) -> WebsocketCommunicator:
        headers = [(b"cookie", cookie.encode()), (b"host", b"localhost"), (b"origin", b"http://localhost")]
        socket = WebsocketCommunicator(application, "/ws", headers=headers)
        connected, code = await socket.connect(timeout=10)
        assert connected, code
        token = token_of(cookie.removeprefix("sessionid="))
        hello = {"type": "hello", "protocol": PROTOCOL, "tab": "counted", "token": token}
        await socket.send_to(json.dumps(hello))
        await socket.send_to(json.dumps({"type": "open", "conversation": conversation, "cursor": None}))
        while json.loads(await socket.receive_from(timeout=10))["type"] != "synced":
            pass
        return socket

    open_ones: list[WebsocketCommunicator] = []

    async def work(sockets: int) -> None:
        coming = [come(cookie, one) for (_, cookie), one in zip(users[:sockets], conversations, strict=False)]
        open_ones.extend(await asyncio.gather(*coming))
        await asyncio.sleep(TICK_S)

    async def leave() -> None:
        for socket in open_ones:
            await socket.disconnect()
        open_ones.clear()

    for _ in range(3):
        await work(number)
        await leave()
    return Work(work, leave)


async def _nothing() -> None:
    """There is nothing to settle."""


def _log_in(count: int) -> list[tuple[int, str]]:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    found = []
    for number in range(count):
        user, _ = get_user_model().objects.get_or_create(
            username=f"counted{number}", defaults={"password": "x"}
        )
        session = store()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        found.append((user.pk, f"sessionid={session.session_key}"))
    return found
