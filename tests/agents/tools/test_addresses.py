"""Which addresses are public."""

import ipaddress

import pytest

from agents.tools import ToolError
from agents.tools.addresses import is_public, public_addresses

PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]
NOT_PUBLIC = {
    "loopback": ["127.0.0.1", "127.8.8.8", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00::1", "fc00::1"],
    "link-local": ["169.254.169.254", "fe80::1", "fe80::1%eth0"],
    "carrier-grade NAT": ["100.64.0.1", "100.127.255.255"],
    "this network": ["0.0.0.0", "0.1.2.3", "::"],
    "multicast": ["224.0.0.1", "239.255.255.250", "ff02::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "203.0.113.1", "2001:db8::1"],
    "mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"],
    "compatible": ["::127.0.0.1", "::8.8.8.8"],
    "NAT64": ["64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1"],
    "6to4": ["2002:7f00:1::1", "2002:a00:1::1", "2002:a9fe:a9fe::1", "192.88.99.1"],
    "Teredo": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "site-local": ["fec0::1"],
}


class Answers:
    """A resolver with fixed answers."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)

    async def resolve(self, host: str, port: int) -> list[str]:
        if not self.addresses:
            raise OSError("no such host")
        return self.addresses


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("kind", "address"), [(kind, one) for kind, all in NOT_PUBLIC.items() for one in all]
)
def test_not_public(kind: str, address: str):
    assert not is_public(ipaddress.ip_address(address)), kind


async def test_one_private_answer_among_public_ones_is_enough_to_refuse():
    with pytest.raises(ToolError, match="not on the public internet") as refused:
        await public_addresses(Answers("8.8.8.8", "10.0.0.7"), "mixed.example", 80)
    assert "10.0.0.7" not in str(refused.value)


async def test_a_name_without_addresses_is_said_so():
    with pytest.raises(ToolError, match=r"no host named nowhere\.example"):
        await public_addresses(Answers(), "nowhere.example", 80)
    with pytest.raises(ToolError):
        await public_addresses(Answers("not an address"), "odd.example", 80)
