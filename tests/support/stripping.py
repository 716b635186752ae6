"""A reverse proxy on loopback that puts a server below a path, as `proxy_pass` of nginx with a slash at its end: what
comes for the path is passed on without it, anything else is not found."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Any


class Stripping:
    """`with Stripping("/chat", port) as proxy:` serves `http://127.0.0.1:{proxy.port}/chat/…`. `strip=False` passes the
    path on as it came."""

    def __init__(self, prefix: str, target: int, *, strip: bool = True) -> None:
        self.prefix, self.target, self.strip = prefix, target, strip
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        #: Both ends of all connections, dropped in the end: one with something left to write would outlive its loop.
        self._ends: list[asyncio.StreamWriter] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Stripping:
        self._thread.start()
        opening = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in self._ends:
            end.transport.abort()
        await asyncio.sleep(0.01)  # for what the loop does when a connection is gone

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._ends.append(writer)
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.match(rb"(\w+) (%s)(/\S*|) " % re.escape(self.prefix.encode()), head)
        if found is None:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        kept = b"" if self.strip else found[2]
        head = found[1] + b" " + kept + (found[3] or b"/") + b" " + head[found.end() :]
        if not re.search(rb"\r\nupgrade:", head, re.IGNORECASE):
            # One request per connection: the next one would have to be looked at, too.
            head = re.sub(rb"\r\nconnection:[^\r]*", b"", head, flags=re.IGNORECASE)
            head = head[:-2] + b"Connection: close\r\n\r\n"
        there, onward = await asyncio.open_connection("127.0.0.1", self.target)
        self._ends.append(onward)
        onward.write(head)
        try:
            back = asyncio.create_task(_pump(there, writer))
            on = asyncio.create_task(_pump(reader, onward))
            await back
            on.cancel()
            await asyncio.gather(on, return_exceptions=True)
        finally:
            onward.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
