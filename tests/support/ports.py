"""Free loopback ports for servers that tests start."""

from __future__ import annotations

import os
import random
import socket

# Below the range from which the kernel takes ports for outgoing connections, so that a port that is free now
# is not given to somebody's client a moment later.
LOW, HIGH = 15_000, 32_000
_random = random.Random(os.urandom(8))


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def claim_port() -> int:
    """A port that nobody listens on; random, so that parallel test processes hardly ever pick the same."""
    for _ in range(200):
        port = _random.randrange(LOW, HIGH)
        if is_free(port):
            return port
    raise RuntimeError(f"No free loopback port found between {LOW} and {HIGH}.")
