"""A network of this process's own, in which there is nothing but loopback: what is started in it reaches nobody."""

from __future__ import annotations

import ctypes
import os
import subprocess

#: Where system programs lie that PATH need not name.
WHERE = "/usr/sbin:/sbin:/usr/local/sbin"
CLONE_NEWNET = 0x40000000


def path() -> str:
    """PATH with the folders of system programs."""
    return f"{os.environ['PATH']}:{WHERE}"


def leave() -> None:
    """Leave the machine's network for an empty one. It holds for this thread and for all that it starts from here on,
    and the kernel takes the network away, with its bridges and rules, when the last of them has ended. Needs root."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"No network of its own: {os.strerror(number)}")
    env = os.environ | {"PATH": path()}
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, capture_output=True, env=env)
