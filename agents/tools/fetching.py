"""Reading a page of the public internet without being led anywhere else (the guard behind `fetch_url`).

Each hop of a redirect goes the same way: check the address as written, look its host up once, check every
answer, and connect to one of the checked answers. The name is never looked up a second time, so an answer
that changes in between (DNS rebinding) changes nothing. Proxies from the environment are not used: they
would look the name up again.
"""

import asyncio
import ipaddress
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore
import httpx

from agents.tools.addresses import Network, Resolver, SystemResolver, allowed_addresses, is_within
from agents.tools.definition import ToolError
from agents.tools.texts import media_type

MAX_REDIRECTS = 5
#: Bytes of a body, as it is sent and also after decompression.
MAX_BYTES = 2 * 1024 * 1024
#: Seconds for everything together, redirects included; a server that drips bytes gains nothing.
TOTAL_SECONDS = 20.0
#: Seconds for one connection attempt, and addresses of one host that are tried.
CONNECT_SECONDS = 5.0
MAX_ATTEMPTS = 3
MAX_URL = 2_000

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = [
    (b"User-Agent", b"Holdfast/0.1"),
    (b"Accept", b"text/html, text/*;q=0.9, application/json;q=0.9, application/xml;q=0.8"),
    (b"Accept-Encoding", b"gzip"),
    (b"Connection", b"close"),
]


@dataclass(frozen=True)
class Page:
    """What was found: `address` after all redirects, `kind` the media type in lower case."""

    address: str
    kind: str
    charset: str
    body: bytes
    #: What the server calls this version, for asking later whether there is another one.
    etag: str = ""
    modified: str = ""
    #: The server says that it is the version that was known; there is no body.
    unchanged: bool = False


@dataclass(frozen=True)
class Known:
    """The version of a page that somebody has already: its ETag and Last-Modified, as the server gave them."""

    etag: str = ""
    modified: str = ""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What asks for the page only if it is another one."""
        said = ((b"If-None-Match", self.etag), (b"If-Modified-Since", self.modified))
        return [(name, value.encode("latin-1", "replace")) for name, value in said if value]


NOTHING = Known()


class Pinned(httpcore.AsyncNetworkBackend):
    """Connects to addresses that have been checked, whatever name is asked for. TLS and the Host header
    keep the name, because httpcore takes them from the request."""

    def __init__(self, addresses: list[str], dialer: httpcore.AsyncNetworkBackend) -> None:
        self._addresses = addresses
        self._dialer = dialer

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._addresses[:MAX_ATTEMPTS]:
            try:
                return await self._dialer.connect_tcp(address, port, timeout=CONNECT_SECONDS)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("no sockets of the file system")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True)
class Fetcher:
    """Fetches pages under the guard. `dialer` gets addresses that have been checked, never names."""

    resolver: Resolver
    dialer: httpcore.AsyncNetworkBackend
    ports: frozenset[int] = frozenset({80, 443})
    #: Networks that may be read besides the public internet, on any port.
    networks: tuple[Network, ...] = ()
    tls: ssl.SSLContext | None = None
    max_bytes: int = MAX_BYTES
    total_seconds: float = TOTAL_SECONDS

    async def fetch(
        self, url: str, known: Known = NOTHING, may_follow: Callable[[str], bool] | None = None
    ) -> Page:
        """The page at `url`, or word that it still is the `known` one. `may_follow` is asked of each address that a
        redirect leads to, before anything is looked up; None: all are followed. Raises ToolError, in words for the
        model, for everything that stands in the way."""
        try:
            async with asyncio.timeout(self.total_seconds):
                return await self._follow(self._checked(url), known, may_follow)
        except TimeoutError:
            raise ToolError(f"The page did not arrive within {self.total_seconds:g} seconds.") from None
        except httpcore.TimeoutException:
            raise ToolError("The server did not answer in time.") from None
        except httpcore.ConnectError as error:
            untrusted = "certificate" in str(error).lower()
            raise ToolError(
                "The server has no valid certificate." if untrusted else "The server cannot be reached."
            ) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol):
            raise ToolError("The server broke off or did not speak HTTP.") from None

    def check(self, url: str) -> None:
        """Refuse an address as it is written, without looking anything up. Raises ToolError."""
        self._checked(url)

    async def _follow(
        self, url: httpx.URL, known: Known, may_follow: Callable[[str], bool] | None = None
    ) -> Page:
        for _ in range(MAX_REDIRECTS + 1):
            async with self._get(url, known) as response:
                if response.status == 304 and known.headers:
                    return Page(str(url), "", "", b"", known.etag, known.modified, unchanged=True)
                if response.status not in _REDIRECTS:
                    return await self._page(url, response)
                target = _header(response, b"location")
            if not target:
                raise ToolError(f"{url} redirects without saying where to.")
            try:
                following = self._checked(str(url.join(target)))
            except httpx.InvalidURL:
                raise ToolError(f"{url} redirects to something that is no address.") from None
            if may_follow is not None and not may_follow(str(following)):
                raise ToolError(
                    f"{url} redirects to {following}, on another host, which was not asked. If that page is needed, "
                    "call the tool with that address; a person is asked first."
                )
            url = following
        raise ToolError(f"There were more than {MAX_REDIRECTS} redirects.")

    def _checked(self, text: str) -> httpx.URL:
        """The address, if it is one that may be asked for at all. Its host is checked when it is looked up."""
        if len(text) > MAX_URL:
            raise ToolError(f"The address is longer than {MAX_URL} characters.")
        try:
            url = httpx.URL(text.strip())
            host = url.host  # is read from its ASCII form only now, and may be none
        except (httpx.InvalidURL, ValueError):
            raise ToolError("This is not an address. Write it like https://example.com/page.") from None
        if url.scheme not in ("http", "https") or not host:
            raise ToolError("Only whole http and https addresses can be read, like https://example.com/page.")
        if url.userinfo:
            raise ToolError("Addresses with a name or password in them are not read. Take it out.")
        if not self.networks:
            self._check_port(url)
        return url

    def _check_port(self, url: httpx.URL) -> None:
        if _port(url) not in self.ports:
            raise ToolError(f"Port {_port(url)} is not read, only the usual ports of http and https.")

    async def look_up(self, url: str) -> list[str]:
        """The addresses that would be connected to for an address as it is written. Raises ToolError."""
        return await self._addresses(self._checked(url))

    async def _addresses(self, url: httpx.URL) -> list[str]:
        found = await allowed_addresses(self.resolver, url.host, _port(url), self.networks)
        if not all(is_within(ipaddress.ip_address(one), self.networks) for one in found):
            self._check_port(url)
        return found

    @asynccontextmanager
    async def _get(self, url: httpx.URL, known: Known) -> AsyncIterator[httpcore.Response]:
        addresses = await self._addresses(url)
        # Made once and in a thread: reading all the certificates takes a tenth of a second.
        tls = self.tls or await asyncio.to_thread(trust)
        async with httpcore.AsyncConnectionPool(
            ssl_context=tls, network_backend=Pinned(addresses, self.dialer), max_connections=1
        ) as pool:
            # The fragment stays here; httpx has already escaped the rest.
            target = httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            )
            headers = [(b"Host", url.netloc), *_HEADERS, *known.headers]
            limits = {"connect": CONNECT_SECONDS, "read": 10.0, "write": 10.0, "pool": 5.0}
            async with pool.stream(
                "GET", target, headers=headers, extensions={"timeout": limits}
            ) as response:
                yield response

    async def _page(self, url: httpx.URL, response: httpcore.Response) -> Page:
        if response.status >= 400:
            raise ToolError(f"{url} answered with HTTP status {response.status}.")
        kind, charset = media_type(_header(response, b"content-type"))
        if not _is_text(kind):
            raise ToolError(
                f"{url} is {kind or 'of no stated type'}; only text, HTML, JSON and XML can be read."
            )
        coding = _header(response, b"content-encoding").lower()
        if coding not in ("", "identity", "gzip", "x-gzip"):
            raise ToolError(f"{url} is compressed as {coding[:20]!r}, which was not asked for.")
        length = _header(response, b"content-length")
        if length.isascii() and length.isdigit() and int(length[:20]) > self.max_bytes:
            raise self._too_large(url)
        body = await self._body(url, response, coding.endswith("gzip"))
        etag, modified = _header(response, b"etag"), _header(response, b"last-modified")
        return Page(str(url), kind, charset, body, etag, modified)

    async def _body(self, url: httpx.URL, response: httpcore.Response, gzip: bool) -> bytes:
        inflate = zlib.decompressobj(wbits=31) if gzip else None
        body = bytearray()
        received = 0
        async for chunk in response.aiter_stream():
            received += len(chunk)
            try:
                # One byte more than allowed is enough to know; a bomb is never unpacked any further.
                body += inflate.decompress(chunk, self.max_bytes + 1 - len(body)) if inflate else chunk
            except zlib.error:
                raise ToolError(f"{url} is said to be gzip but is not.") from None
            if max(received, len(body)) > self.max_bytes:
                raise self._too_large(url)
        if inflate is not None and not inflate.eof:
            raise ToolError(f"{url} broke off in the middle.")
        return bytes(body)

    def _too_large(self, url: httpx.URL) -> ToolError:
        return ToolError(f"{url} is larger than {self.max_bytes // 1024:,} KiB and is not read.")


@cache
def trust() -> ssl.SSLContext:
    """The certificates that are believed, read once."""
    return httpcore.default_ssl_context()


def default_fetcher() -> Fetcher:
    """The fetcher of the real internet."""
    return Fetcher(SystemResolver(), httpcore.AnyIOBackend())


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or kind.endswith(("/json", "/xml", "+json", "+xml"))


def _header(response: httpcore.Response, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), "")


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)
