"""The network of the machine as it was before a private dockerd: it leaves its bridge and its rules behind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Chains that dockerd makes, in the tables `filter` and `nat`.
CHAINS = ("DOCKER", "DOCKER-USER", "DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2")
#: Where system programs lie that PATH need not name.
WHERE = "/usr/sbin:/sbin:/usr/local/sbin"
BRIDGE = Path("/sys/class/net/docker0")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


def path() -> str:
    """PATH with the folders of system programs."""
    return f"{os.environ['PATH']}:{WHERE}"


@contextmanager
def left_as_it_was() -> Iterator[None]:
    """Take back what a dockerd adds within. Where another one has been at work before, its bridge and rules stay."""
    bridge, rules, forwarding = BRIDGE.exists(), _rules("filter"), FORWARDING.read_text()
    try:
        yield
    finally:
        if not bridge and BRIDGE.exists():
            _ask("ip", "link", "delete", "docker0")
        if not any(rule[:2] == ["-N", "DOCKER"] for rule in rules):
            for table in ("filter", "nat"):
                _remove(table)
            for rule in rules:
                if rule[:2] == ["-P", "FORWARD"]:
                    _ask("iptables", "-w", *rule)
            FORWARDING.write_text(forwarding)


def ours(rule: list[str]) -> bool:
    """Whether a rule, as `iptables -S` writes it, is dockerd's: it is in one of its chains, goes there, or is about its
    bridges."""
    if rule[0] != "-A":
        return False
    bridge = any(word == "docker0" or word.startswith("br-") for word in rule)
    return bridge or bool(set(CHAINS) & set(rule)) or rule[2:4] == ["-s", "172.17.0.0/16"]


def _remove(table: str) -> None:
    for rule in filter(ours, _rules(table)):
        _ask("iptables", "-w", "-t", table, "-D", *rule[1:])
    for name in CHAINS:
        _ask("iptables", "-w", "-t", table, "-X", name)


def _rules(table: str) -> list[list[str]]:
    return [line.split() for line in _ask("iptables", "-w", "-t", table, "-S").splitlines()]


def _ask(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, env=os.environ | {"PATH": path()}).stdout
