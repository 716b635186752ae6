"""A private PostgreSQL cluster for tests: in a temporary folder, on a free loopback port, never as root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from tests.support.ports import claim_port
from tests.support.waiting import wait_until

MISSING = (
    "PostgreSQL is needed for the tests and initdb was not found in PATH or /usr/lib/postgresql. "
    "Install the package `postgresql`."
)


def find_binaries() -> Path | None:
    """The folder of `initdb` and `postgres`: in PATH (links followed) or Debian's, newest version first."""
    for program in ("initdb", "postgres", "pg_ctl"):
        found = shutil.which(program)
        if found and (Path(found).resolve().parent / "initdb").exists():
            return Path(found).resolve().parent
    candidates = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(candidates, key=lambda folder: float(folder.parent.name), default=None)


def unprivileged_user() -> str | None:
    """Whom to run as when we are root, because PostgreSQL refuses root; None when we are somebody already."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise RuntimeError("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` here.")


class Postgres:
    """One cluster with one superuser, `holdfast`, without password, on loopback only. `settings` are the server's own,
    by name, such as `max_connections="20"`. `binaries`: the programs of another version than this machine's. `copies`:
    the port of a server whose standby this one is."""

    def __init__(
        self,
        binaries: Path | None = None,
        *,
        port: int | None = None,
        copies: int | None = None,
        **settings: str,
    ) -> None:
        self.settings = settings
        self.binaries = binaries
        self.copies = copies
        self.port = port or claim_port()
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-postgres-"))
        self.process: subprocess.Popen[bytes] | None = None
        user = unprivileged_user()
        self._as: dict[str, Any] = {}
        self._command: list[str] = []
        self._quiet: dict[str, Any] = {}
        if user:
            entry = pwd.getpwnam(user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self._as = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def url(self, database: str = "postgres", user: str = "holdfast") -> str:
        """The address for DATABASE_URL."""
        return f"postgres://{user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> Postgres:
        """Make the cluster and wait until it answers (at most 30 s)."""
        binaries = self.binaries or find_binaries()
        if binaries is None:
            raise RuntimeError(MISSING)
        cluster = self.folder / "cluster"
        quiet: dict[str, Any] = {"cwd": self.folder, "stdin": subprocess.DEVNULL, **self._as}
        quiet["env"] = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        make = ["initdb", "-A", "trust", "-E", "UTF8"]
        if self.copies is not None:
            make = ["pg_basebackup", "-h", "127.0.0.1", "-p", str(self.copies), "-R", "-c", "fast"]
        made = subprocess.run(
            [binaries / make[0], "-D", cluster, "-U", "holdfast", "--no-sync", *make[1:]],
            capture_output=True,
            text=True,
            **quiet,
        )
        if made.returncode:
            raise RuntimeError(f"{make[0]} failed:\n{made.stdout}{made.stderr}")
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": 200,
            "shared_buffers": "32MB",
            **self.settings,
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self._command = [str(binaries / "postgres"), "-D", str(cluster), *map(str, settings)]
        self._quiet = quiet
        self.resume()
        return self

    def give(self, path: Path) -> Path:
        """Have a file belong to whom the server runs as, and readable by nobody else."""
        path.chmod(0o600)
        if self._as:
            os.chown(path, self._as["user"], self._as["group"])
        return path

    def halt(self) -> None:
        """End it as a restart does (fast shutdown): connections are closed, the data stays. Then `resume`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)

    def resume(self) -> None:
        """Start the server on the data that is there, and wait until it answers (at most 30 s)."""
        with (self.folder / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, **self._quiet)
        wait_until(self._answers, 30, f"PostgreSQL on port {self.port} to answer")

    def pause(self) -> None:
        """Stop answering without closing connections (SIGSTOP), the processes behind connections included."""
        self._signal_all(signal.SIGSTOP)

    def unpause(self) -> None:
        """Go on after `pause`."""
        self._signal_all(signal.SIGCONT)

    def limit_files(self, most: int) -> None:
        """Have the kernel refuse what would make a file longer than this (RLIMIT_FSIZE; -1: no limit), as on a full
        disk. What must be written for the server to go on ends it; `revive` then."""
        assert self.process is not None
        for pid in (self.process.pid, *self._children()):
            # By the user that they belong to: to change another's limits wants more than root has in a container.
            limit = "unlimited" if most < 0 else str(most)
            argv = ["prlimit", "--pid", str(pid), f"--fsize={limit}:"]
            subprocess.run(argv, capture_output=True, **self._as)

    def revive(self) -> None:
        """Start it again, if it has ended."""
        assert self.process is not None
        if self.process.poll() is not None:
            self.resume()

    @contextlib.contextmanager
    def full(self, database: str, user: str) -> Iterator[None]:
        """While this holds, another program takes every connection that comes free."""
        over = threading.Event()

        def take() -> None:
            with contextlib.ExitStack() as held:
                while not over.wait(0.01):
                    with contextlib.suppress(psycopg.OperationalError):
                        held.enter_context(psycopg.connect(self.url(database, user), connect_timeout=2))

        greedy = threading.Thread(target=take)
        greedy.start()
        try:
            yield
        finally:
            over.set()
            greedy.join()

    def _children(self) -> list[int]:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()] if children.exists() else []

    def _signal_all(self, number: int) -> None:
        assert self.process is not None
        # The postmaster first when stopping, so that it starts no more; the others are its children.
        self.process.send_signal(number)
        for child in self._children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended:\n{(self.folder / 'postgres.log').read_text()[-2000:]}")
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def execute(self, statement: str) -> None:
        """Run a statement outside a transaction, such as CREATE DATABASE."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def stop(self) -> None:
        """End at once (SIGQUIT needs no clean files: they are removed)."""
        if self.process is not None and self.process.poll() is None:
            self.unpause()
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(20)
        self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Postgres:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def running() -> Iterator[Postgres]:
    """For a fixture: a cluster while it is needed."""
    with Postgres() as server:
        yield server
