"""Frames of somebody who is logged in, on real sockets: each must be answered or refused, and the socket live on or say
why it closes."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Origin

from chat.entrances.web import protocol as p
from tests.hostile import handshakes, words
from tests.hostile.house import House, Person
from tests.hostile.watching import Watch

#: Frames that one socket sends; a few send many times as many, and are closed for it.
FRAMES, FLOOD = 26, 200
#: Seconds in which a ping must have its pong.
TIMEOUT_S = 60.0
#: What a socket may be closed with: our own codes, and those with which the library below refuses what is no frame.
CLOSES = {1000, 1001, 1002, 1003, 1006, 1007, 1009, 4008, 4011, 4012, 4013, 4401}


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128)))


def samples(rng: random.Random, house: House, person: Person) -> dict[str, Any]:
    """An honest frame of any kind; few of them say something, since each of these is a run."""
    place = house.ids(rng, person)
    if len(place) == 32:
        place = str(uuid.UUID(place))
    chosen = rng.random()
    if chosen < 0.06:
        return {"type": "hello", "protocol": p.PROTOCOL, "tab": words.plain(rng)}
    if chosen < 0.24:
        cursor = rng.choice(
            (
                None,
                "",
                "abcdef012345:1:x",
                "a:1e9:b",
                ":",
                "::",
                "a:-1:b",
                "a:" + "9" * 90 + ":b",
                words.text(rng)[:120],
            )
        )
        return {"type": "open", "conversation": place, "cursor": cursor}
    if chosen < 0.3:
        return {"type": "close", "conversation": place}
    if chosen < 0.32:
        return {"type": "ping"}
    item = rng.choice((_uuid(rng), *person.known, *house.bob.known, words.text(rng)[:90]))
    bodies: tuple[dict[str, Any], ...] = (
        {"kind": "create", "agent": rng.choice(("", "assistant", "²")), "title": words.text(rng)[:200]},
        {"kind": "stop", "run": rng.choice((None, _uuid(rng))), "withdraw": rng.random() < 0.5},
        {"kind": "rename", "title": words.text(rng)[:200]},
        {"kind": "change_agent", "agent": rng.choice(("assistant", "gone", "²"))},
        {"kind": "settle", "call": item, "decision": "happened", "result": words.text(rng)[:1_000]},
        {
            "kind": "approve",
            "call": item,
            "digest": "0" * 64,
            "decision": "approve",
            "note": words.text(rng)[:100],
        },
        {"kind": "take_back", "message": item},
        {
            "kind": "edit",
            "message": item,
            "text": words.text(rng)[:1_000],
            "attachments": [person.attachment],
        },
        {"kind": "withdraw", "message": item},
        {"kind": "try_again", "item": item, "branch": _uuid(rng), "agent": ""},
        {
            "kind": "rewrite",
            "message": item,
            "as_message": _uuid(rng),
            "branch": _uuid(rng),
            "text": "x",
            "attachments": [],
        },
        {"kind": "choose", "branch": rng.choice(("", _uuid(rng)))},
    )
    body = rng.choice(bodies)
    if rng.random() < 0.03:
        files = rng.choice(([], [], [house.bob.attachment], [person.attachment]))
        body = {
            "kind": "send",
            "message": _uuid(rng),
            "text": words.text(rng)[:2_000] or "x",
            "attachments": files,
        }
    elif rng.random() < 0.01:
        body = {"kind": "delete"}
    if body["kind"] == "create" and rng.random() < 0.9:
        place = _uuid(rng)
    id = _uuid(rng) if rng.random() < 0.95 else item
    return {"type": "command", "id": id, "conversation": place, "body": body}


def frame(rng: random.Random, house: House, person: Person) -> str | bytes:
    """One frame: of text, if it can be one."""
    chosen = rng.random()
    if chosen < 0.01:
        return rng.choice(
            (b"", b"\0" * 500, b'{"type":"ping"}', b"\xff\xfe", "x" * 131_000, "[" * 60_000, "", "\ufeff{}")
        )
    made = samples(rng, house, person)
    fields = ("type", "id", "conversation", "body", "cursor", "tab", "protocol", "kind", "text", "branch")
    raw = words.written(rng, words.changed(rng, made, fields))
    if chosen < 0.98:
        return raw.decode("utf-8", "replace")
    return raw


async def talk(rng: random.Random, house: House, watch: Watch, most: int) -> int:
    """One socket from its beginning to its end; how many frames it has sent, `most` at most."""
    person = rng.choice(house.strangers)
    if rng.random() < 0.04:
        await handshakes.shake(rng, house, watch, person)
        return 1
    try:
        socket = await _connect(house, person)
    except (InvalidHandshake, OSError, TimeoutError, EOFError) as problem:
        watch.fault("no socket", repr(problem))
        return 1
    sent: list[str | bytes] = []
    #: Set by the last pong, or when there is nothing more to come.
    pong = asyncio.Event()
    reading = asyncio.create_task(_read(socket, watch, sent, person, pong))
    reading.add_done_callback(lambda _: pong.set())
    count = min(most, FLOOD if rng.random() < 0.03 else FRAMES)
    try:
        if rng.random() < 0.95:
            await socket.send(json.dumps({"type": "hello", "protocol": p.PROTOCOL, "tab": "t"}))
        for _ in range(count):
            sent.append(frame(rng, house, person))
            await socket.send(sent[-1])
        if count <= FRAMES:
            pong.clear()
            await socket.send('{"type":"ping"}')
            await asyncio.wait_for(pong.wait(), TIMEOUT_S)
    except ConnectionClosed:
        pass
    except TimeoutError:
        watch.fault("a ping had no answer", sent[-3:])
    await socket.close()
    code = socket.close_code
    watch.report.answers[f"closed {code}"] += 1
    if code not in CLOSES:
        watch.fault(f"closed with {code}", sent[-3:])
    await reading
    watch.report.frames += max(1, len(sent))
    return max(1, len(sent))


async def _connect(house: House, person: Person) -> ClientConnection:
    address = house.stack.address
    return await connect(
        address.replace("http", "ws") + "/ws",
        origin=Origin(address),
        additional_headers={"Cookie": person.cookies},
        max_size=None,
        open_timeout=TIMEOUT_S,
        ping_interval=None,
        compression=None,
    )


async def _read(
    socket: ClientConnection, watch: Watch, sent: list[str | bytes], person: Person, answered: asyncio.Event
) -> None:
    try:
        async for data in socket:
            text = data if isinstance(data, str) else data.decode("utf-8", "replace")
            watch.heard(text.encode("utf-8", "replace"), sent[-3:])
            try:
                p.server_frames.validate_json(text)
            except ValueError as problem:
                watch.fault("no frame of ours", (text[:500], str(problem)[:500]))
                continue
            found = json.loads(text)
            kind = found["type"]
            watch.report.answers[f"{kind} {found.get('code') or found.get('status') or ''}".strip()] += 1
            if kind == "pong" or found.get("code") in ("too_fast", "hello_first"):
                answered.set()
            if kind == "result" and found["status"] == "applied":
                person.saw(found["conversation"])
            for item in found.get("state", {}).get("items", ()):
                person.saw(item["id"])
    except ConnectionClosed:
        pass
