"""Whom an address stands for, where somebody is counted by it."""

import ipaddress

#: Bits of an IPv6 address that one customer of a provider has at least: the rest they choose themselves.
NETWORK_BITS = 64


def network_of(address: str) -> str:
    """By what a client is counted: an IPv4 address, however it is written, or the /64 of an IPv6 one. What is no
    address stands for itself."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0].strip("[]"))
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    if (mapped := found.ipv4_mapped) is not None:
        return str(mapped)
    return str(ipaddress.ip_network((found, NETWORK_BITS), strict=False))
