"""Handshakes of a socket as no browser makes them, and bytes behind a good one that are no frames."""

from __future__ import annotations

import asyncio
import random
import struct

from tests.hostile import words
from tests.hostile.asking import TIMEOUT_S, Answered, Asked
from tests.hostile.browsers import METHODS
from tests.hostile.house import House, Person
from tests.hostile.watching import Watch

#: Seconds in which what is no frame may be answered.
READ_S = 0.3
ORIGINS = (
    "",
    "null",
    "http://127.0.0.1:1",
    "http://[::1",
    "http://xn--/",
    "http://127.0.0.1:99999",
    "\xff",
    "file://",
)
PATHS = (
    *(
        "/ws/",
        "/ws?a=%00",
        "/ws?cursor=" + "x" * 3_000,
        "/wss",
        "/ws/%2e%2e",
        "/",
        "/%00",
        "/ws%ED%A0%80",
        "//[",
        "//[/ws",
    ),
    *(
        "http://[/ws",
        "http://a:99999/ws",
        "/ws#a",
        "/ws?\xff",
        "/\xff",
        "*",
        "",
        "/ws;a",
        "//ws",
        "ws",
        "/c/x",
        "/healthz",
    ),
)
SAID = (
    *words.SAID,
    "a, b, \xff",
    ",",
    "0",
    "99999999999999999999",
    "²",
    "x" * 22 + "==",
    "websocket",
    "13, 13",
    "%FF%00",
    "a b",
)


def handshake(rng: random.Random, house: House, person: Person) -> Asked:
    """One that differs from a browser's in some place."""
    headers = [
        ("Host", f"127.0.0.1:{house.stack.web_port}"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
        ("Origin", house.stack.address),
        ("Cookie", person.cookies),
    ]
    method, path, chosen = "GET", "/ws", rng.random()
    if chosen < 0.2:
        headers[5] = ("Origin", rng.choice(ORIGINS))
    elif chosen < 0.4:
        path = rng.choice(PATHS)
    elif chosen < 0.45:
        method = rng.choice((*METHODS, "G\xc9T"))
    elif chosen < 0.7:
        place = rng.randrange(len(headers))
        name, value = headers[place]
        headers[place : place + 1] = rng.choice(([], [(name, value)] * 2, [(name, rng.choice(SAID))]))
    elif chosen < 0.85:
        more = ("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Sec-WebSocket-Accept", *words.HEADERS)
        headers.append((rng.choice(more), rng.choice(SAID)))
    return Asked(method, path, tuple(headers), length=-1)


def frames(rng: random.Random) -> bytes:
    """Bytes that follow a good handshake: frames as the protocol forbids them, and none."""
    out = b""
    for _ in range(rng.randrange(1, 6)):
        head = rng.choice(
            (0x81, 0x82, 0x80, 0x01, 0x00, 0x88, 0x89, 0x8A, 0x83, 0xF1, 0xC1, 0x09, rng.randrange(256))
        )
        body = rng.choice(
            (
                b"",
                b"{}",
                b"\xff",
                rng.randbytes(20),
                struct.pack("!H", rng.choice((0, 999, 1005, 1006, 5_000))),
            )
        )
        told = rng.choice((len(body), len(body), len(body), 126, 127, 125))
        mask = rng.choice((0x80, 0x80, 0x80, 0))
        out += bytes((head, mask | told))
        if told == 126:
            out += struct.pack("!H", rng.choice((len(body), 65_535)))
        elif told == 127:
            out += struct.pack("!Q", rng.choice((len(body), 2**31, 2**63, 2**64 - 1)))
        out += (b"\0\0\0\0" if mask else b"") + body
    return out


async def shake(rng: random.Random, house: House, watch: Watch, person: Person) -> None:
    """A handshake, which is refused, or taken and of no harm."""
    asked = handshake(rng, house, person)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answer = await _sent(house.stack.web_port, asked, frames(rng))
    except TimeoutError:
        watch.fault("a handshake had no answer", asked)
        return
    watch.answered(asked, answer)
    origin = dict(asked.headers).get("Origin")
    if answer.status == 101 and origin != house.stack.address:
        watch.fault("a socket of another origin", asked)


async def _sent(port: int, asked: Asked, behind: bytes) -> Answered:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(asked.raw(f"127.0.0.1:{port}"))
        head = await reader.readuntil(b"\r\n\r\n")
        status, body = int(head.split(b" ", 2)[1]), b""
        if status == 101:
            writer.write(behind)
        try:
            async with asyncio.timeout(READ_S):
                while more := await reader.read(1 << 16):
                    body += more
        except (TimeoutError, ConnectionError):
            pass
        return Answered(status, head, body)
    except (ConnectionError, asyncio.IncompleteReadError):
        return Answered(0)
    finally:
        writer.close()
