"""The consumer in this process, where a test can hold its reader still and look inside (rules W6, W10)."""

import asyncio
import contextlib
import json
import uuid
from typing import Any

import pytest
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.test import Client

from agents import events as e
from agents.models import ensure_default_agent
from chat import runtime
from chat.entrances.web import protocol as p
from chat.entrances.web.connection import CLOSE_CROWDED, CLOSE_INTERNAL, CLOSE_POLICY
from chat.entrances.web.consumer import BrowserConsumer
from chat.entrances.web.greeting import token_of
from chat.entrances.web.leaving import sockets
from chat.entrances.web.live import live
from chat.entrances.web.outlet import LIMIT
from chat.http.limits import PLACES, RateLimits
from chat.models import Message
from chat.session.errors import JournalUnavailable
from chat.session.state import items, merge, reduce
from chat.support.database import Database, use
from config.asgi import application
from tests.support.waiting import eventually

COMMAND = "0192f0c1-2345-7000-8000-00000000000c"


@pytest.fixture
def cookie(redis_url, transactional_db, django_user_model):
    """The cookie of Alice's login, and all that a socket needs."""
    ensure_default_agent()
    client = Client()
    client.force_login(django_user_model.objects.create_user("alice", password="alice-password"))
    return f"sessionid={client.cookies['sessionid'].value}".encode()


@pytest.fixture
async def here(cookie):
    """The live parts of this process; ended with the test."""
    yield runtime.current()
    await runtime.close()
    await get_channel_layer().flush()


class Reader:
    """The server's side of a socket, driven by hand: frames leave only while `reads` is set."""

    def __init__(self, cookie: bytes) -> None:
        self.incoming: asyncio.Queue = asyncio.Queue()
        self.frames: list[dict] = []
        self.closed: int | None = None
        self.reads = asyncio.Event()
        self.reads.set()
        headers = [(b"cookie", cookie), (b"origin", b"http://localhost"), (b"host", b"localhost")]
        scope = {
            "type": "websocket",
            "path": "/ws",
            "headers": headers,
            "query_string": b"",
            "subprotocols": [],
        }
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(application(scope, self.incoming.get, self._send))

    async def _send(self, message):
        if message["type"] == "websocket.send":
            await self.reads.wait()
            p.server_frames.validate_json(message["text"])
            self.frames.append(json.loads(message["text"]))
        elif message["type"] == "websocket.close":
            self.closed = message.get("code")

    def say(self, **frame):
        self.incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    def all(self, type):
        return [frame for frame in self.frames if frame["type"] == type]

    async def hears(self, type):
        await eventually(lambda: self.all(type), 10, f"a frame {type}")
        return self.all(type)[-1]

    async def leave(self):
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(self.task, 10)


async def opened(cookie: bytes, conversation: str) -> Reader:
    reader = Reader(cookie)
    token = token_of(cookie.decode().removeprefix("sessionid="))
    reader.say(type="hello", protocol=p.PROTOCOL, tab="t", token=token)
    reader.say(type="open", conversation=conversation)
    await reader.hears("synced")
    return reader


async def made(here) -> str:
    """A conversation of Alice's."""
    from django.contrib.auth import get_user_model

    alice = await get_user_model().objects.aget(username="alice")
    conversation = str(uuid.uuid4())
    await here.sessions.create(conversation, alice.pk, "assistant", "A chat", "web")
    return conversation


async def say(here, conversation: str, text: str) -> str:
    """A message from elsewhere; the cursor after it."""
    event = e.NoteAdded(at=1, message=str(uuid.uuid4()), text=text)
    outcome = await here.sessions.append(conversation, lambda view: [event])
    return outcome.view.position.cursor


def told(frames: list[dict]) -> dict:
    """The state that a client has after these frames."""
    state: dict = {}
    for frame in frames:
        if frame["type"] == "snapshot":
            if frame["piece"] == 1:
                state = {"info": frame["state"]["info"], "run": frame["state"]["run"]}
            state |= {f"i:{item['seq']}": item for item in frame["state"]["items"]}
        elif frame["type"] == "event":
            event = e.from_json(json.dumps(frame["event"]))
            state = merge(state, reduce(state, event, frame["seq"]))
    return state


async def test_W10_a_reader_that_stands_still_holds_no_more_than_the_limit_and_is_told_to_open_again(
    cookie, here
):
    conversation = await made(here)
    reader = await opened(cookie, conversation)
    (consumer,) = sockets._open
    reader.reads.clear()
    for number in range(30):
        cursor = await say(here, conversation, f"{number} " + "x" * 30_000)
    head = cursor
    await eventually(lambda: not consumer.connection.shows(conversation), 10, "the reader to be given up on")
    assert consumer.outlet.bytes <= LIMIT
    reader.reads.set()
    resync = await reader.hears("resync")
    assert resync["reason"] == "slow"
    assert not any(frame["type"] == "event" for frame in reader.frames[reader.frames.index(resync) :])
    reader.say(type="open", conversation=conversation)
    await eventually(lambda: reader.all("synced")[-1]["cursor"] == head, 10, "the reader to be at the head")
    state = (await here.sessions.load(conversation)).state
    assert items(told(reader.frames)) == items(state)
    await reader.leave()


async def test_W10_a_slow_reader_of_a_stream_gets_fewer_larger_parts_and_the_same_text(cookie, here):
    conversation = await made(here)
    run, step = "run-1", "run-1.1"
    cause = str(uuid.uuid4())
    await here.sessions.append(
        conversation,
        lambda view: [
            e.MessageAdded(at=1, message=cause, text="go"),
            e.RunQueued(at=1, run=run, cause=cause),
            e.RunStarted(at=1, run=run, attempt=1, fence=0, worker="w"),
            e.StepStarted(at=1, run=run, step=step),
        ],
    )
    reader = await opened(cookie, conversation)
    (consumer,) = sockets._open
    reader.reads.clear()
    fence = (await here.sessions.take(conversation, "w", 60_000)) or 0
    offset, spoken = 0, ""
    for number in range(120):
        text = f"{number}字🙂 "
        await here.sessions.part(conversation, fence, step, offset, text)
        offset += len(text.encode("utf-16-le")) // 2
        spoken += text
        if number % 6 == 0:
            await asyncio.sleep(0.02)  # the feed's tick, so that it does not merge all of them itself
    cursor = await say(here, conversation, "the end")
    await eventually(lambda: str(cursor) in str(list(consumer.outlet._waiting)), 10, "the end to be queued")
    reader.reads.set()
    await eventually(lambda: any(f["cursor"] == cursor for f in reader.all("event")), 10, "the end")
    parts = reader.all("part")
    assert "".join(part["text"] for part in parts) == spoken
    # One part may have been on its way when the reader stopped.
    assert len(parts) <= 3
    await reader.leave()


async def test_W6_when_a_socket_closes_nothing_of_it_stays_behind(cookie, here):
    conversation = await made(here)
    await (await opened(cookie, conversation)).leave()  # what the process shares is there now
    before = asyncio.all_tasks()
    readers = [await opened(cookie, conversation) for _ in range(3)]
    assert here.feed.watched == 1 and len(sockets) == 3
    for reader in readers:
        await reader.leave()
    assert here.feed.watched == 0 and len(sockets) == 0
    await eventually(lambda: asyncio.all_tasks() <= before, 5, "its tasks to end")


async def test_closing_a_conversation_ends_its_frames_and_the_socket_stays(cookie, here):
    conversation = await made(here)
    reader = await opened(cookie, conversation)
    reader.say(type="close", conversation=conversation)
    reader.say(type="ping")
    await reader.hears("pong")
    assert here.feed.watched == 0
    await say(here, conversation, "unheard")
    reader.say(type="open", conversation=conversation)
    await eventually(lambda: len(reader.all("synced")) == 2, 10, "it to be opened again")
    assert reader.all("event") == []
    await reader.leave()


async def test_S7_after_a_flush_of_redis_the_reader_goes_on_in_a_new_epoch(cookie, here, valkey):
    conversation = await made(here)
    reader = await opened(cookie, conversation)
    await say(here, conversation, "before")
    await reader.hears("event")
    valkey.flush()
    cursor = await say(here, conversation, "after")
    await reader.hears("resync")
    reader.say(type="open", conversation=conversation)
    await eventually(lambda: reader.all("synced")[-1]["cursor"] == cursor, 10, "the head")
    assert [item["text"] for item in items(told(reader.frames))] == ["before", "after"]
    await reader.leave()


HELLO = {"type": "hello", "protocol": p.PROTOCOL, "tab": "t", "token": token_of("a-session")}


def communicator(consumer: type[BrowserConsumer]) -> WebsocketCommunicator:
    """A socket of a session, whose person is put into its scope."""
    return WebsocketCommunicator(consumer.as_asgi(), "/ws", headers=[(b"cookie", b"sessionid=a-session")])


class Hasty(BrowserConsumer):
    limits = RateLimits(hello_ms=100)


async def test_a_socket_that_never_says_hello_is_closed(here, django_user_model):
    alice = await django_user_model.objects.aget(username="alice")
    socket = communicator(Hasty)
    socket.scope["user"] = alice
    connected, _ = await socket.connect()
    assert connected
    assert json.loads(await socket.receive_from(5))["code"] == "hello_first"
    assert await socket.receive_output(5) == {"type": "websocket.close", "code": CLOSE_POLICY}
    await socket.disconnect()


async def test_a_socket_that_says_hello_late_but_in_time_stays(here, django_user_model):
    alice = await django_user_model.objects.aget(username="alice")
    socket = communicator(Hasty)
    socket.scope["user"] = alice
    await socket.connect()
    await socket.send_json_to(HELLO)
    assert json.loads(await socket.receive_from(5))["type"] == "welcome"
    assert await socket.receive_nothing(0.3)
    await socket.disconnect()


async def test_W9_a_socket_is_accepted_at_once_told_to_wait_and_let_in_when_it_is_its_turn(
    here, django_user_model
):
    """What it says meanwhile is kept, and one that leaves the queue is not let in."""
    alice = await django_user_model.objects.aget(username="alice")
    admission = live().admission
    admission.TELL_S = 0.1

    async def come() -> WebsocketCommunicator:
        socket = communicator(BrowserConsumer)
        socket.scope["user"] = alice
        assert (await socket.connect())[0]
        await socket.send_json_to(HELLO)
        await socket.send_json_to({"type": "ping"})
        return socket

    async with contextlib.AsyncExitStack() as all_places:
        for _ in range(PLACES):
            await all_places.enter_async_context(admission.turn())
        first, gone = await come(), await come()
        assert json.loads(await first.receive_from(5))["type"] == "wait"
        await gone.disconnect()
        assert sockets.of(alice.pk) == 0
    heard: list[str] = []
    while heard[-1:] != ["pong"]:
        heard.append(json.loads(await first.receive_from(5))["type"])
    assert [one for one in heard if one != "wait"] == ["welcome", "pong"]
    assert sockets.of(alice.pk) == 1
    await first.disconnect()
    assert len(sockets) == 0


class Away(Database):
    """A database that does not answer."""

    async def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        raise JournalUnavailable("It is away.")


async def test_W9_without_a_database_a_socket_is_sent_back_for_another_try(cookie):
    """To take it for logged out would be a lie, and would end the tab's tries."""
    use(Away())
    reader = Reader(cookie)
    await eventually(lambda: reader.closed is not None, 10, "the socket to be closed")
    assert reader.closed == CLOSE_INTERNAL and reader.frames == []
    await reader.leave()
    await runtime.close()


class Narrow(BrowserConsumer):
    limits = RateLimits(sockets=2)


async def test_W11_one_socket_too_many_of_a_user_is_told_to_come_back_later(here, django_user_model):
    alice = await django_user_model.objects.aget(username="alice")
    bob = await django_user_model.objects.acreate_user("bob", password="bob-password")

    async def come(user) -> WebsocketCommunicator:
        socket = communicator(Narrow)
        socket.scope["user"] = user
        assert (await socket.connect())[0]
        await socket.send_json_to(HELLO)
        return socket

    first, second = await come(alice), await come(alice)
    for welcome in (first, second):
        assert json.loads(await welcome.receive_from(5))["type"] == "welcome"
    third = await come(alice)
    goaway = json.loads(await third.receive_from(5))
    assert goaway["reason"] == "crowded" and goaway["after_ms"] >= 30_000
    assert await third.receive_output(5) == {"type": "websocket.close", "code": CLOSE_CROWDED}
    await third.disconnect()
    other = await come(bob)
    assert json.loads(await other.receive_from(5))["type"] == "welcome"
    await first.disconnect()
    again = await come(alice)
    assert json.loads(await again.receive_from(5))["type"] == "welcome"
    for socket in (second, other, again):
        await socket.disconnect()
    assert len(sockets) == 0


@pytest.mark.parametrize("escaped", [True, False])
async def test_text_that_no_database_takes_arrives_with_what_is_missing_marked(cookie, here, escaped):
    conversation, message = await made(here), str(uuid.uuid4())
    reader = await opened(cookie, conversation)
    text = "a\0b\ud800c\ud83d\ude00 \\u0000"
    body = {"kind": "send", "message": message, "text": text}
    frame = {"type": "command", "id": COMMAND, "conversation": conversation, "body": body}
    raw = json.dumps(frame) if escaped else json.dumps(frame).replace("\\u0000", "\0", 1)
    reader.incoming.put_nowait({"type": "websocket.receive", "text": raw})
    result = await reader.hears("result" if escaped else "error")
    if escaped:
        assert result["status"] == "applied", result
        row = await Message.objects.aget(message=message)
        assert row.body["text"] == "a�b�c😀 \\u0000"
    else:
        # A bare U+0000 is no JSON: the frame is refused, and the socket goes on.
        assert result["code"] == "bad_frame" and not result["retry"]
        reader.say(type="ping")
        await reader.hears("pong")
    await reader.leave()


async def test_a_person_sends_no_more_commands_a_minute_than_the_setting_says(cookie, here, settings):
    settings.HOLDFAST_COMMANDS_PER_MINUTE = 3
    conversation = await made(here)
    reader, other = await opened(cookie, conversation), await opened(cookie, conversation)
    for number in range(5):
        body = {"kind": "rename", "title": f"Title {number}"}
        command = f"0192f0c1-2345-7000-8000-{number:012x}"
        (reader if number % 2 else other).say(
            type="command", id=command, conversation=conversation, body=body
        )
        await eventually(
            lambda number=number: len(reader.all("result") + other.all("result")) == number + 1,
            10,
            "a result",
        )
    results = reader.all("result") + other.all("result")
    assert sorted(one["status"] for one in results) == ["applied"] * 3 + ["rejected"] * 2
    refused = [one for one in results if one["status"] == "rejected"]
    assert all(one["retry"] and one["code"] == "too_fast" for one in refused)
    await reader.leave()
    await other.leave()
