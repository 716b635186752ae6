"""Which addresses are public, and looking up names. The guard of everything that fetches what a model names."""

import asyncio
import ipaddress
import socket
from collections.abc import Collection
from typing import Protocol

from agents.tools.definition import ToolError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Seconds that a name may take to resolve.
RESOLVE_SECONDS = 5.0
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
#: Not marked by the standard library as anything but global: the anycast relay of 6to4, local-use NAT64,
#: IPv4-compatible addresses, Teredo, and the long obsolete site-local block.
_REFUSED = tuple(
    ipaddress.ip_network(block)
    for block in ("192.88.99.0/24", "64:ff9b:1::/48", "::/96", "2001::/32", "fec0::/10", "5f00::/16")
)


class UnknownHost(ToolError):
    """A name that could not be looked up, now."""


class Resolver(Protocol):
    """Looks up the addresses of a host name."""

    async def resolve(self, host: str, port: int) -> list[str]:
        """All addresses of the host as text. Raises OSError if there are none."""
        ...


class SystemResolver:
    """The resolver of the operating system."""

    async def resolve(self, host: str, port: int) -> list[str]:
        """All addresses, in the system's order of preference."""
        look_up = asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found = await asyncio.wait_for(look_up, RESOLVE_SECONDS)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet, also when it wraps another one.

    Private, loopback, link-local (cloud metadata), carrier-grade NAT, multicast, reserved and unspecified
    addresses are not; neither is an IPv6 form (mapped, 6to4, NAT64) of an IPv4 address that is not.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            return False
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        if address in _SIX_TO_FOUR:
            return is_public(ipaddress.IPv4Address((int(address) >> 80) & 0xFFFF_FFFF))
    refused = address.is_multicast or address.is_reserved or address.is_unspecified or not address.is_global
    return not refused and not any(address in block for block in _REFUSED if block.version == address.version)


def is_within(address: Address, networks: Collection[Network]) -> bool:
    """Whether an address lies in one of these networks, as it is written: what wraps another one does not."""
    return any(address in one for one in networks if one.version == address.version)


async def allowed_addresses(
    resolver: Resolver, host: str, port: int, networks: Collection[Network] = ()
) -> list[str]:
    """The addresses to connect to for a host, looked up once; connect to these and to nothing else.

    Raises ToolError if the name is unknown or if *any* of its addresses is neither public nor in one of `networks`,
    which the operator allows: a name that has both is no honest name. The addresses are not told: a model has no
    business with the inside of the network.
    """
    try:
        found = [ipaddress.ip_address(text) for text in await resolver.resolve(host, port)]
    except TimeoutError:
        raise UnknownHost(f"The name {host} could not be looked up in time. Try again later.") from None
    except (OSError, ValueError):
        found = []
    if not found:
        raise UnknownHost(f"There is no host named {host}. Check the address.")
    if not all(is_public(address) or is_within(address, networks) for address in found):
        raise ToolError(f"{host} is not on the public internet; only public addresses can be read.")
    return [str(address) for address in found]


async def public_addresses(resolver: Resolver, host: str, port: int) -> list[str]:
    """As `allowed_addresses`, on the public internet alone."""
    return await allowed_addresses(resolver, host, port)
