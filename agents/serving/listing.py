"""Asking a provider which models it has: one GET, under the guard of everything that fetches a typed address.

The address is looked up once and only what was found is connected to. It must be on the public internet, unless the
environment names its server: `OPENAI_BASE_URL`, `HOLDFAST_MODEL_KEYS` or `HOLDFAST_PRIVATE_PROVIDERS`. Redirects are
not followed, because the key would go along. Time and size are limited, and what is in the answer is not believed to
be what it should be.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import httpcore
import httpx
from django.conf import settings
from django.utils.translation import gettext as _

from agents.errors import AgentsError
from agents.serving.keys import environment_keys, server
from agents.tools.addresses import Resolver, SystemResolver, public_addresses
from agents.tools.definition import ToolError
from agents.tools.fetching import Pinned, trust

#: Seconds for everything together, and for one connection attempt.
TOTAL_S = 15.0
CONNECT_S = 5.0
#: Bytes of the answer. A gateway to all the world's models lists a megabyte.
MAX_BYTES = 4 * 1024 * 1024
#: Models that are kept, and characters of a name.
MAX_MODELS = 1_000
MAX_NAME = 200
#: Where servers say how much a model reads and writes together: vLLM, gateways, Mistral, Gemini, Groq.
_WINDOWS = ("max_model_len", "context_length", "max_context_length", "inputTokenLimit", "context_window")


class CannotList(AgentsError):
    """The models could not be listed. The message is for a person, and holds no key."""


@dataclass(frozen=True)
class Listed:
    """A model that a server says it has. `window`: tokens, where the server tells."""

    name: str
    window: int | None = None

    def row(self) -> dict[str, Any]:
        """As `ModelProvider.listed` keeps it."""
        return asdict(self)


async def list_models(
    address: str,
    key: str,
    dialect: str = "chat",
    *,
    resolver: Resolver | None = None,
    dialer: httpcore.AsyncNetworkBackend | None = None,
    total_s: float = TOTAL_S,
) -> list[Listed]:
    """The models of the server at `address`, by name. Raises CannotList."""
    try:
        async with asyncio.timeout(total_s):
            addresses = await reachable(address, resolver or SystemResolver())
            url = httpx.URL(f"{address.rstrip('/')}/models")
            body = await _get(url, addresses, _headers(dialect, key), dialer or httpcore.AnyIOBackend())
    except (TimeoutError, httpcore.TimeoutException):
        raise CannotList(
            _("The server did not answer within %(seconds)g seconds.") % {"seconds": total_s}
        ) from None
    except httpcore.ConnectError as error:
        untrusted = "certificate" in str(error).lower()
        raise CannotList(
            _("The server has no valid certificate.") if untrusted else _("The server cannot be reached.")
        ) from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, httpx.InvalidURL):
        raise CannotList(_("The server broke off or did not speak HTTP.")) from None
    found = read(body)
    if not found:
        raise CannotList(_("The server's answer names no models. Enter the models by hand."))
    return found


async def reachable(address: str, resolver: Resolver) -> list[str]:
    """What to connect to for an address. Raises CannotList for one that is inside the network and that the environment
    does not name."""
    url = httpx.URL(address)
    port = url.port or (443 if url.scheme == "https" else 80)
    if may_be_private(address):
        try:
            return await resolver.resolve(url.host, port)
        except (OSError, TimeoutError):
            raise CannotList(
                _("There is no host named %(host)s. Check the address.") % {"host": url.host}
            ) from None
    try:
        return await public_addresses(resolver, url.host, port)
    except ToolError as error:
        if "not on the public internet" in str(error):
            raise CannotList(
                _(
                    "%(host)s is not on the public internet. If it is yours, add %(host)s to "
                    "HOLDFAST_PRIVATE_PROVIDERS and start web and workers again."
                )
                % {"host": url.netloc.decode()}
            ) from None
        raise CannotList(
            _("There is no host named %(host)s. Check the address.") % {"host": url.host}
        ) from None


def may_be_private(address: str) -> bool:
    """Whether the environment names the server of an address, so that it may be inside the network."""
    named = {*environment_keys()}
    return server(address) in named or server(address)[1] in {
        name.lower() for name in settings.HOLDFAST_PRIVATE_PROVIDERS
    }


def read(body: bytes) -> list[Listed]:
    """The models that an answer names, by name, each once; nothing of what is not a name. Never raises."""
    try:
        answer = json.loads(body)
    except ValueError:
        return []
    rows = answer
    if isinstance(answer, Mapping):
        rows = answer.get("data") or answer.get("models")
    if not isinstance(rows, Iterable) or isinstance(rows, str | Mapping):
        return []
    found = (_listed(row) for row in rows)
    by_name = {one.name: one for one in found if one is not None}
    return sorted(by_name.values(), key=lambda one: one.name)[:MAX_MODELS]


def _listed(row: Any) -> Listed | None:
    if isinstance(row, str):
        row = {"id": row}
    if not isinstance(row, Mapping):
        return None
    name = row.get("id") or row.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable():
        return None
    meta = row.get("meta")
    places = [
        *(row.get(field) for field in _WINDOWS),
        meta.get("n_ctx") if isinstance(meta, Mapping) else None,
    ]
    window = next((one for one in places if type(one) is int and 0 < one < 10**9), None)
    return Listed(name.removeprefix("models/"), window)


def _headers(dialect: str, key: str) -> list[tuple[bytes, bytes]]:
    """What each API wants its key in."""
    carried: dict[str, dict[str, str]] = {
        "anthropic": {"x-api-key": key, "anthropic-version": "2023-06-01"},
        "gemini": {"x-goog-api-key": key},
    }
    named = carried.get(dialect, {"Authorization": f"Bearer {key}"}) if key else {}
    try:
        return [(name.encode(), value.encode("ascii")) for name, value in named.items()]
    except UnicodeEncodeError:
        raise CannotList(_("The key holds letters that no key has. Enter it again.")) from None


async def _get(
    url: httpx.URL,
    addresses: list[str],
    headers: list[tuple[bytes, bytes]],
    dialer: httpcore.AsyncNetworkBackend,
) -> bytes:
    tls = await asyncio.to_thread(trust)
    sent = [
        (b"Host", url.netloc),
        (b"User-Agent", b"Holdfast/0.1"),
        (b"Accept", b"application/json"),
        (b"Accept-Encoding", b"identity"),
        (b"Connection", b"close"),
        *headers,
    ]
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    limits = {"connect": CONNECT_S, "read": TOTAL_S, "write": CONNECT_S, "pool": CONNECT_S}
    async with (
        httpcore.AsyncConnectionPool(
            ssl_context=tls, network_backend=Pinned(addresses, dialer), max_connections=1
        ) as pool,
        pool.stream("GET", target, headers=sent, extensions={"timeout": limits}) as response,
    ):
        if response.status in (401, 403):
            raise CannotList(
                _("The server refused the key (HTTP %(status)d).") % {"status": response.status}
                if headers
                else _("The server wants a key (HTTP %(status)d).") % {"status": response.status}
            )
        if response.status != 200:
            raise CannotList(
                _(
                    "The server does not list its models (HTTP %(status)d). Check the address, or enter them by hand."
                )
                % {"status": response.status}
            )
        body = bytearray()
        async for chunk in response.aiter_stream():
            body += chunk
            if len(body) > MAX_BYTES:
                raise CannotList(_("The server's answer is too large."))
        return bytes(body)
