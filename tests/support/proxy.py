"""A TCP proxy on loopback whose link tests can cut, stall, restore, and close like a server would.

It stands between a browser and the web server, so that what a page sees is a real dead link and not a
simulated one. It runs in a thread of its own with its own event loop; every method is safe to call from tests.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

#: FIN, opcode 8 (close), two bytes of payload: code 1000 "normal closure" (RFC 6455, sections 5.2 and 7.4.1).
CLOSE_1000 = bytes([0x88, 0x02, 0x03, 0xE8])


class FrameBoundary:
    """Follows server → client WebSocket bytes, to know when no frame is half sent (RFC 6455, section 5.2)."""

    def __init__(self) -> None:
        self._buffer = b""
        self._upgraded = False

    def feed(self, data: bytes) -> None:
        """Take bytes that were just forwarded."""
        self._buffer += data
        if not self._upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._buffer = b""
                return
            self._upgraded, self._buffer = True, rest
        while (size := self._frame_size()) is not None and len(self._buffer) >= size:
            self._buffer = self._buffer[size:]

    @property
    def clean(self) -> bool:
        """Whether this is a WebSocket and the next byte would begin a frame."""
        return self._upgraded and not self._buffer

    def _frame_size(self) -> int | None:
        if len(self._buffer) < 2:
            return None
        length = self._buffer[1] & 0x7F
        if length < 126:
            return 2 + length
        extra = 2 if length == 126 else 8
        if len(self._buffer) < 2 + extra:
            return None
        return 2 + extra + int.from_bytes(self._buffer[2 : 2 + extra], "big")


class Link:
    """One proxied connection."""

    def __init__(self, down: asyncio.StreamWriter, up: asyncio.StreamWriter) -> None:
        self.down = down
        self.up = up
        self.boundary = FrameBoundary()

    def abort(self) -> None:
        """Drop both sides at once, without a goodbye."""
        for writer in (self.down, self.up):
            writer.transport.abort()


class Proxy:
    """`with Proxy(target_port) as proxy: …  proxy.port` – all traffic goes through until `cut()` or `stall()`."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="proxy")
        self._links: set[Link] = set()
        self._open = True
        self._flowing: asyncio.Event | None = None
        self._server: asyncio.Server | None = None

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def cut(self) -> None:
        """Break every connection and refuse new ones, until `restore()`."""
        self._run(self._cut)

    def restore(self) -> None:
        """Let connections through again, and let stalled bytes flow."""
        self._run(self._restore)

    def stall(self) -> None:
        """Keep every connection open but let nothing through: a half-open link."""
        self._run(lambda: self._flowing and self._flowing.clear())

    def close_cleanly(self) -> int:
        """Send a close frame with code 1000 on every idle WebSocket, as a server does; returns how many."""
        closed = 0

        def close() -> None:
            nonlocal closed
            for link in list(self._links):
                if link.boundary.clean:
                    link.down.write(CLOSE_1000)
                    link.up.transport.abort()
                    closed += 1

        self._run(close)
        return closed

    @property
    def websockets(self) -> int:
        """How many of the open connections are WebSockets."""
        return sum(1 for link in list(self._links) if link.boundary._upgraded)

    def _run(self, action: Callable[[], Any]) -> None:
        async def wrapped() -> None:
            action()

        self._call(wrapped())

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _start(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self._restore()
        self._cut()
        # Aborted connections end their tasks by themselves; to cancel them would be logged as an error.
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if rest:
            await asyncio.wait(rest, timeout=5)

    def _cut(self) -> None:
        self._open = False
        for link in list(self._links):
            link.abort()

    def _restore(self) -> None:
        self._open = True
        assert self._flowing is not None
        self._flowing.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, up_writer)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pipe(reader, up_writer, None), self._pipe(up_reader, writer, link.boundary)
            )
        finally:
            self._links.discard(link)
            link.abort()

    async def _pipe(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, boundary: FrameBoundary | None
    ) -> None:
        assert self._flowing is not None
        try:
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
                if boundary is not None:
                    boundary.feed(data)
            if writer.can_write_eof():
                writer.write_eof()
        except (ConnectionError, OSError):
            writer.transport.abort()
