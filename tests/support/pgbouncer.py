"""A private pgbouncer before a PostgreSQL, in transaction mode: on a free loopback port, never as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from tests.support.ports import claim_port
from tests.support.postgres import unprivileged_user
from tests.support.waiting import wait_until

MISSING = "pgbouncer is needed for the tests and was not found in PATH or /usr/sbin. Install the package `pgbouncer`."


def find_pgbouncer() -> str | None:
    """The path of the program."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


class Pgbouncer:
    """`with Pgbouncer(port, database) as bouncer: bouncer.url`. Everybody is let in as `user`, without a password.
    `program`: another version than this machine's."""

    def __init__(
        self, server: int, database: str, user: str, *, pool: int = 8, program: Path | None = None
    ) -> None:
        self.program = program
        self.port = claim_port()
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-pgbouncer-"))
        self.database, self.user = database, user
        self.process: subprocess.Popen[bytes] | None = None
        (self.folder / "users.txt").write_text(f'"{user}" ""\n')
        (self.folder / "pgbouncer.ini").write_text(
            f"""[databases]
{database} = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = trust
auth_file = {self.folder / "users.txt"}
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 200
server_login_retry = 1
query_wait_timeout = 10
logfile = {self.folder / "pgbouncer.log"}
"""
        )
        self._as: dict[str, Any] = {}
        if name := unprivileged_user():
            entry = pwd.getpwnam(name)
            self._as = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)

    @property
    def url(self) -> str:
        """The address for DATABASE_URL."""
        return f"postgres://{self.user}@127.0.0.1:{self.port}/{self.database}"

    def start(self) -> Pgbouncer:
        """Start and wait until it answers (at most 10 s)."""
        program = self.program or find_pgbouncer()
        if program is None:
            raise RuntimeError(MISSING)
        self.process = subprocess.Popen(
            [str(program), "-q", str(self.folder / "pgbouncer.ini")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            **self._as,
        )
        wait_until(self._answers, 10, "pgbouncer to answer")
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "pgbouncer.log").read_text()[-2000:]
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL: all connections break."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        """End it, and remove its folder."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Pgbouncer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
