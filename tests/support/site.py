"""A web server on loopback that the guarded fetcher reaches under a public address: for tests of what reads pages."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpcore

from agents.tools.fetching import Fetcher

HERE = "93.184.216.34"


@dataclass
class Site:
    """`value` is what the one page says, as JSON unless it is bytes. Use it as an async context manager."""

    value: Any = None
    status: int = 200
    kind: str = "application/json"
    #: Whether the server knows versions: it then answers 304 to whoever has this one.
    versions: bool = False
    requests: list[str] = field(default_factory=list)
    #: Of each request, the status of its answer.
    statuses: list[int] = field(default_factory=list)
    _server: asyncio.Server | None = None

    @property
    def etag(self) -> str:
        return f'"{hash(json.dumps(self.value)) & 0xFFFF_FFFF:x}"'

    def fetcher(self, max_bytes: int = 256 * 1024) -> Fetcher:
        """The real guard, between a resolver and a dialer of our own."""
        return Fetcher(_Names(), _Dialer(self), max_bytes=max_bytes)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Site:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(request)
            body = self.value if isinstance(self.value, bytes) else json.dumps(self.value).encode()
            known = self.versions and f"If-None-Match: {self.etag}" in request
            status = 304 if known else self.status
            self.statuses.append(status)
            headers = [f"HTTP/1.1 {status} X", f"Content-Type: {self.kind}"]
            headers += [f"ETag: {self.etag}"] if self.versions else []
            headers += [] if known else [f"Content-Length: {len(body)}"]
            writer.write("\r\n".join([*headers, "", ""]).encode() + (b"" if known else body))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


class _Names:
    """Every name is that of the site, but for those that say where they are."""

    async def resolve(self, host: str, port: int) -> list[str]:
        return [host.removesuffix(".is")] if host.endswith(".is") else [HERE]


class _Dialer(httpcore.AsyncNetworkBackend):
    def __init__(self, site: Site) -> None:
        self._site = site
        self._real = httpcore.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, timeout: Any = None, local_address: Any = None, socket_options: Any = None
    ) -> Any:
        assert host == HERE
        return await self._real.connect_tcp("127.0.0.1", self._site.port, timeout)

    async def connect_unix_socket(self, path: str, timeout: Any = None, socket_options: Any = None) -> Any:
        raise AssertionError("never")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
