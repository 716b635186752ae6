"""A TCP proxy on loopback whose link tests can cut, stall, restore, lead elsewhere, and fill with mishaps.

It stands between a browser and the web server, or between Holdfast and a store, so that what they see is a real dead
link and not a simulated one. It runs in a thread of its own with its own event loop; every method is safe to call from
tests.
"""

import asyncio
import random
import threading
from collections.abc import Callable
from typing import Any

#: FIN, opcode 8 (close), two bytes of payload: code 1000 "normal closure" (RFC 6455, sections 5.2 and 7.4.1).
CLOSE_1000 = bytes([0x88, 0x02, 0x03, 0xE8])
#: First bytes of whole text and binary messages: FIN and opcode 1 or 2. Others (ping, close, fragments) meet no mishap.
WHOLE = (0x81, 0x82)
#: Seconds that a frame which comes late is held back, at most.
LATE_S = 0.4


class Frames:
    """Cuts one direction of a link into WebSocket frames (RFC 6455, section 5.2), so that none is ever half sent.
    What is no WebSocket, or not yet, goes through as it comes."""

    def __init__(self) -> None:
        self.upgraded = False
        self._buffer = b""
        self._head = b""

    def feed(self, data: bytes, *, answers: bool) -> list[bytes]:
        """What may be forwarded now that these bytes came. `answers`: the direction in which the upgrade is granted."""
        if self.upgraded:
            return self._cut(data)
        if not answers:
            return [data]
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end and self._head.startswith(b"HTTP/1.1 101"):
            return [data]
        self._head = b""
        if not head.startswith(b"HTTP/1.1 101"):
            return [data]
        self.upgraded = True
        return [data[: len(data) - len(rest)], *self._cut(rest)]

    def _cut(self, data: bytes) -> list[bytes]:
        self._buffer += data
        whole = []
        while (size := self._frame_size()) is not None and len(self._buffer) >= size:
            whole.append(self._buffer[:size])
            self._buffer = self._buffer[size:]
        return whole

    def _frame_size(self) -> int | None:
        if len(self._buffer) < 2:
            return None
        masked, length = self._buffer[1] & 0x80, self._buffer[1] & 0x7F
        extra = {126: 2, 127: 8}.get(length, 0)
        if len(self._buffer) < 2 + extra:
            return None
        if extra:
            length = int.from_bytes(self._buffer[2 : 2 + extra], "big")
        return 2 + extra + (4 if masked else 0) + length


class Link:
    """One proxied connection: `down` leads to who connected, `up` to the server."""

    def __init__(self, down: asyncio.StreamWriter, up: asyncio.StreamWriter) -> None:
        self.down = down
        self.up = up
        self.upgraded = False

    def abort(self) -> None:
        """Drop both sides at once, without a goodbye."""
        for writer in (self.down, self.up):
            writer.transport.abort()


class Mishaps:
    """What happens to the frames of a bad link: each is lost, repeated or late with `share` / 3."""

    def __init__(self, share: float, seed: int) -> None:
        self.share = share
        self.random = random.Random(seed)
        #: How many frames met what.
        self.met = {"lost": 0, "repeated": 0, "late": 0}

    def befall(self, frame: bytes) -> str | None:
        """What becomes of this frame; None: it goes through."""
        if frame[0] not in WHOLE or self.random.random() >= self.share:
            return None
        what = self.random.choice(list(self.met))
        self.met[what] += 1
        return what


class Proxy:
    """`with Proxy(target_port) as proxy: …  proxy.port` – all traffic goes through until `cut()` or `stall()`."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="proxy")
        self._links: set[Link] = set()
        self._open = True
        self._mishaps: Mishaps | None = None
        self._flowing: asyncio.Event | None = None
        self._server: asyncio.Server | None = None

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(40)
        self._loop.close()

    def cut(self) -> None:
        """Break every connection and refuse new ones, until `restore()`."""
        self._run(self._cut)

    def restore(self) -> None:
        """Let connections through again, let stalled bytes flow, and end mishaps."""
        self._run(self._restore)

    def stall(self) -> None:
        """Keep every connection open but let nothing through: a half-open link."""
        self._run(lambda: self._flowing and self._flowing.clear())

    def mangle(self, share: float, seed: int) -> Mishaps:
        """Lose, repeat and hold back this share of the WebSocket frames, in both directions, until `restore()`. What
        is held back is overtaken by what follows."""
        mishaps = Mishaps(share, seed)
        self._run(lambda: setattr(self, "_mishaps", mishaps))
        return mishaps

    def lead_to(self, target_port: int, *, keep: bool = False) -> None:
        """Lead new connections to another server, as a virtual address does after a failover. Those that are open
        break, or are kept where they are."""

        def move() -> None:
            self.target_port = target_port
            if not keep:
                for link in list(self._links):
                    link.abort()

        self._run(move)

    def close_cleanly(self) -> int:
        """Send a close frame with code 1000 on every WebSocket, as a server does; returns how many."""
        closed = 0

        def close() -> None:
            nonlocal closed
            for link in list(self._links):
                if link.upgraded:
                    link.down.write(CLOSE_1000)
                    link.up.transport.abort()
                    closed += 1

        self._run(close)
        return closed

    @property
    def websockets(self) -> int:
        """How many of the open connections are WebSockets."""
        return sum(1 for link in list(self._links) if link.upgraded)

    def _run(self, action: Callable[[], Any]) -> None:
        async def wrapped() -> None:
            action()

        self._call(wrapped())

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(40)

    async def _start(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        assert self._server is not None
        # No more is accepted, but the server closes last: asyncio leaks what it has accepted for a closed server.
        for listener in self._server.sockets:
            self._loop.remove_reader(listener.fileno())
        self._restore()
        self._cut()
        # Aborted connections end their tasks by themselves; to cancel them would be logged as an error. One that was
        # accepted a moment ago has no task yet, or gets another one: look until there was none for some turns.
        end, calm = self._loop.time() + 30, 0
        while calm < 5 and self._loop.time() < end:
            rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            calm = 0 if rest else calm + 1
            if rest:
                await asyncio.wait(rest, timeout=1)
            await asyncio.sleep(0)
        self._server.close()

    def _cut(self) -> None:
        self._open = False
        for link in list(self._links):
            link.abort()

    def _restore(self) -> None:
        self._open = True
        self._mishaps = None
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
        if not self._open:  # cut meanwhile
            link.abort()
            return
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pipe(link, reader, up_writer, answers=False),
                self._pipe(link, up_reader, writer, answers=True),
            )
        finally:
            self._links.discard(link)
            link.abort()

    async def _pipe(
        self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        assert self._flowing is not None
        frames = Frames()
        try:
            while data := await reader.read(65536):
                await self._flowing.wait()
                frames.upgraded = frames.upgraded or link.upgraded
                for piece in frames.feed(data, answers=answers):
                    self._forward(piece, writer, link.upgraded)
                link.upgraded = link.upgraded or frames.upgraded
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
        except (ConnectionError, OSError):
            writer.transport.abort()

    def _forward(self, piece: bytes, writer: asyncio.StreamWriter, is_frame: bool) -> None:
        what = self._mishaps.befall(piece) if self._mishaps is not None and is_frame else None
        if what == "lost":
            return
        if what == "late" and self._mishaps is not None:
            self._loop.call_later(self._mishaps.random.uniform(0.02, LATE_S), _write_late, writer, piece)
            return
        writer.write(piece)
        if what == "repeated":
            writer.write(piece)


def _write_late(writer: asyncio.StreamWriter, piece: bytes) -> None:
    try:
        if not writer.transport.is_closing():
            writer.write(piece)
    except RuntimeError:
        pass  # this side has ended meanwhile (write_eof), and asyncio has no question for that
