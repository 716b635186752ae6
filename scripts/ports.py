"""Loopback ports: which number is one, whether somebody listens there, and a claim on it. Standard library only."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import socket
import tempfile
from pathlib import Path


def port_number(text: str) -> int:
    """The number of a port. Raises argparse.ArgumentTypeError, which says what to do."""
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"PORT must be a number between 1 and 65535, and {text!r} is none. Choose another: make run PORT=8000"
    )


class Arguments(argparse.ArgumentParser):
    """A parser that says in one line what is wrong, without its usage."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Print the line, and end with status 2."""
        self.exit(2, f"{message.partition('argument --port: ')[2] or message}\n")


def trouble_with(port: int) -> str:
    """Why nobody can listen on 127.0.0.1:`port`, in a line that says what to do; '' if it is free."""
    with socket.socket() as probe:
        # Without it a port counts as taken for a minute after a server with open connections has ended.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return f"Port {port} needs administrator rights. Choose another: make run PORT=8000"
        except OSError:
            other = port + 1 if port < 65535 else 8000
            return f"Port {port} is in use. Stop what listens there or choose another: make run PORT={other}"
    return ""


def claim(port: int) -> int:
    """A handle on `port` that no other start of Holdfast gets; keep it open for as long as the port is to be ours. The
    kernel lets go of it when the process ends. Raises OSError if another start has it."""
    return exclusive(Path(tempfile.gettempdir()) / f"holdfast-port-{port}")


def claim_port(preferred: int) -> tuple[int, int]:
    """`preferred` if nobody listens there or is about to, otherwise a port that the system chooses; with the handle of
    its claim. Between the look and the moment when our server listens, another start of Holdfast would find the port
    free, too: the claim keeps it away. Keep the handle open for as long as the server is to have the port."""
    for port in (preferred, *[0] * 20):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            chosen: int = probe.getsockname()[1]
            return chosen, claim(chosen)
    raise RuntimeError("No loopback port is free.")


def exclusive(path: Path) -> int:
    """A handle that holds the file's lock; the kernel lets go of it when the process ends. Raises OSError if another
    process holds it, or the file is not ours."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle
