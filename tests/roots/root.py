"""A fresh Debian in a folder, and in it a person who has a clone of Holdfast and what the README names."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.containers import network
from tests.containers.bases import NODE, TRUST, Tree, tree
from tests.support.checkout import copy_to
from tests.support.ports import claim_port
from tests.support.waiting import wait_until

#: "Python 3.11+, Node 20+ and make", and the certificates with which pip and npm know their registries.
NAMED = ("python3", "make", "ca-certificates")
#: Debian 12 has no Node that is new enough: it has this machine's, as from nodejs.org.
DEBIANS = {
    "12": Tree("bookworm", (*NAMED, "libstdc++6"), (TRUST, NODE)),
    "13": Tree("trixie", (*NAMED, "nodejs", "npm"), (TRUST,)),
}
PERSON = "mia"
#: In a mount and a process namespace of its own, so that everything ends with it: the tree, who, where, and the rest.
ENTER = (
    'mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; tree=$0 who=$1 where=$2; shift 2; '
    'exec chroot --userspec="$who" "$tree" sh -euc \'cd "$0"; exec "$@"\' "$where" "$@"'
)
UNSHARE = ("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child")
#: Where registries are reached through a proxy with a certificate of its own, pip and npm must be told.
TOLD = ("PIP_CERT", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE")
#: Seconds for a first start, which downloads and builds, on a busy machine.
FIRST_S = 600
ENDS_S = 20


@dataclass
class Running:
    """`make run` in a clone, from its start to its end."""

    process: subprocess.Popen[bytes]
    log: Path
    address: str = ""
    login: str = ""
    password: str = ""
    began: float = field(default_factory=time.monotonic)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def ready(self, seconds: float) -> float:
        """Wait for the lines that a person reads; how long it took since the start. Raises AssertionError."""

        def told() -> re.Match[str] | None:
            found = re.search(
                r"Holdfast is ready:  (\S+)\n  login     (\S+)\n  password  (\S+)\n", self.said()
            )
            assert found or self.process.poll() is None, f"It has ended:\n{self.said()}"
            return found

        self.address, self.login, self.password = wait_until(
            told, seconds, lambda: f"it to be ready:\n{self.said()}", every=0.2
        ).groups()
        return time.monotonic() - self.began

    def stop(self) -> float:
        """Ctrl-C; how long it took until everything had ended. Raises AssertionError."""
        began = time.monotonic()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"It has not ended {ENDS_S} s after Ctrl-C:\n{self.said()}") from None
        assert "Holdfast has ended." in self.said(), self.said()
        return time.monotonic() - began

    def kill(self) -> None:
        """The first process of the namespace, and all others with it."""
        self.process.kill()
        self.process.wait()


class Root:
    """The tree of a Debian, unpacked for one trial, with clones in the home of PERSON."""

    def __init__(self, debian: str, folder: Path) -> None:
        self.debian = debian
        self.folder = folder / f"debian-{debian}"
        self.home = f"/home/{PERSON}"
        self.starts = 0

    def unpack(self) -> None:
        """The tree, from the cache or made now. Raises NoEngine when it cannot be made."""
        self.folder.mkdir()
        archive = tree(f"debian-{self.debian}", DEBIANS[self.debian])
        subprocess.run(["tar", "-xf", archive], cwd=self.folder, check=True)
        shutil.copy("/etc/resolv.conf", self.folder / "etc/resolv.conf")
        self._do("useradd", "--create-home", "--shell", "/bin/bash", PERSON)

    def clone(self, name: str) -> str:
        """What git would bring of this checkout, in a folder of this name in the person's home."""
        where = self.folder / self.home[1:] / name
        copy_to(where)
        self._do("chown", "-R", f"{PERSON}:{PERSON}", self.home)
        return f"{self.home}/{name}"

    def enter(self, who: str, where: str, *argv: str) -> list[str]:
        """A command line that runs `argv` inside."""
        return [*UNSHARE, "sh", "-euc", ENTER, str(self.folder), who, where, *argv]

    def run(self, *argv: str, who: str = "root", where: str = "/") -> subprocess.CompletedProcess[str]:
        """Run something inside to its end."""
        line = self.enter(who, where, *argv)
        return subprocess.run(line, env=self._env(who), capture_output=True, text=True, timeout=FIRST_S)

    def install(self, *packages: str) -> None:
        """As root, from Debian. Raises AssertionError."""
        for argv in (("update", "-qq"), ("install", "-y", "-qq", "--no-install-recommends", *packages)):
            self._do("apt-get", *argv)

    def _do(self, *argv: str) -> None:
        done = self.run(*argv)
        assert done.returncode == 0, f"{' '.join(argv)}\n{done.stdout}{done.stderr}"

    def make_run(self, where: str, port: int = 0) -> Running:
        """`make run PORT=…` by the person in a clone; the caller stops it."""
        self.starts += 1
        log = self.folder.parent / f"debian-{self.debian}-{self.starts}.log"
        line = self.enter(PERSON, where, "make", "run", f"PORT={port or claim_port()}")
        with log.open("wb") as file:
            process = subprocess.Popen(
                line,
                env=self._env(PERSON),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        return Running(process, log)

    def _env(self, who: str) -> dict[str, str]:
        """What a login gives, and the certificate of this machine's way to the registries."""
        told = {name: os.environ[name] for name in TOLD if name in os.environ}
        home = "/root" if who == "root" else self.home
        usual = {"HOME": home, "USER": who, "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        return told | usual | {"PATH": f"/usr/local/bin:/usr/bin:/bin:{network.WHERE}"}
