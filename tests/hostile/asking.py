"""A client of HTTP that sends what no library would: any bytes as a request, from any address of the loopback."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

#: Seconds in which an answer must have come, with others being asked at the same time on a busy machine.
TIMEOUT_S = 60.0
#: Seconds, and bytes, of a stream of events that are read before its reader leaves.
STREAM_S, STREAM_BYTES = 0.5, 200_000
MAX_BYTES = 30_000_000


@dataclass(frozen=True)
class Asked:
    """One request. `headers` as they go out; `length` is what Content-Length says, None for the body's own, -1 for no
    such header."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    length: int | None = None
    #: The address that it comes from, of 127.0.0.0/8.
    source: str = "127.0.0.1"

    def raw(self, host: str) -> bytes:
        """As it goes over the wire. What is no Latin-1 is left as UTF-8."""
        given = {name.lower() for name, _ in self.headers}
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        if "host" not in given:
            lines.append(f"Host: {host}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        if "connection" not in given:
            lines.append("Connection: close")
        if self.length != -1:
            lines.append(f"Content-Length: {len(self.body) if self.length is None else self.length}")
        return b"\r\n".join(_bytes(line) for line in lines) + b"\r\n\r\n" + self.body


def _bytes(line: str) -> bytes:
    try:
        return line.encode("latin-1")
    except UnicodeEncodeError:
        return line.encode("utf-8", "replace")


@dataclass(frozen=True)
class Answered:
    """What came back. The status 0: nothing, the connection was closed."""

    status: int
    head: bytes = b""
    body: bytes = b""

    def header(self, name: str) -> str:
        """A header, or ""."""
        for line in self.head.split(b"\r\n")[1:]:
            said, _, value = line.partition(b":")
            if said.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return ""


async def ask(port: int, asked: Asked) -> Answered:
    """Send it and read the answer. Raises TimeoutError when there is none in time."""
    async with asyncio.timeout(TIMEOUT_S):
        try:
            return await _ask(port, asked)
        except (ConnectionError, asyncio.IncompleteReadError):
            return Answered(0)


async def _ask(port: int, asked: Asked) -> Answered:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, limit=1 << 20, local_addr=(asked.source, 0)
    )
    try:
        writer.write(asked.raw(f"127.0.0.1:{port}"))
        try:
            await writer.drain()
            if asked.length is not None and asked.length > len(asked.body):
                writer.write_eof()  # more was promised than comes
        except ConnectionError:
            pass  # it has answered before it had read all
        return await _read(reader)
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Answered:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as nothing:
        return Answered(0, nothing.partial)
    status = int(head.split(b" ", 2)[1])
    stream = b"text/event-stream" in head.lower()
    body = b""
    try:
        async with asyncio.timeout(STREAM_S if stream else None):
            while more := await reader.read(1 << 16):
                body += more
                if len(body) > (STREAM_BYTES if stream else MAX_BYTES):
                    break
    except (TimeoutError, ConnectionError):
        pass
    return Answered(status, head, body)
