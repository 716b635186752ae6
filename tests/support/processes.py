"""A whole Holdfast for tests: real web, worker and demo model processes, started as in production.

The commands come from scripts/processes.py, the ports are free loopback ports, the data folder is temporary.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from scripts.processes import command
from tests.support.ports import claim_port
from tests.support.preloaded import Preloaded
from tests.support.replicated import Replicated
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
# What a child may inherit: everything else is given to it by name, so that no setting of ours leaks in.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
PEOPLE = ("alice", "bob", "charlie")


def password(person: str) -> str:
    """The password of Alice, Bob or Charlie."""
    return f"{person}-password"


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of a child process: what every program needs, and `more`."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | more


class Process:
    """One process of a stack; survives being started again after its death."""

    #: Whether those that start as usual are forked from a process that has imported the libraries. Tests do that;
    #: measurements do not.
    preloaded = False

    def __init__(
        self, name: str, argv: list[str], env: dict[str, str], log: Path, folder: Path = ROOT
    ) -> None:
        self.name = name
        self.folder = folder
        self.argv = argv
        self.env = env
        self.log = log
        self._popen: subprocess.Popen[bytes] | Preloaded | None = None

    @property
    def pid(self) -> int:
        """Its process id while it was started last."""
        assert self._popen is not None, f"{self.name} was never started"
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def start(self) -> None:
        """Start it; does not wait until it is ready."""
        assert not self.alive, f"{self.name} runs already"
        with self.log.open("ab") as log:
            if self.preloaded and self._usual():
                self._popen = Preloaded(self.argv, self.env, log.fileno())
                return
            self._popen = subprocess.Popen(
                self.argv, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _usual(self) -> bool:
        """Whether it is a process of this release in the environment of the tests, which nothing reaches from below:
        no library is put before others, no setting is for the interpreter."""
        ours = self.argv[:2] == [sys.executable, "-m"] and self.argv[2:] and self.folder == ROOT
        return bool(ours and not _special(self.env))

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self._popen is not None
        self._popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        assert self._popen is not None
        self._popen.wait(10)

    def pause(self) -> None:
        """SIGSTOP: alive, but nothing moves."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after `pause`."""
        self.signal(signal.SIGCONT)

    def stop(self, seconds: float = 15) -> int:
        """Ask it to end (SIGTERM) and wait; killed when it does not. The exit status (negative: a signal)."""
        assert self._popen is not None
        if self._popen.poll() is None:
            self.resume()
            self._popen.terminate()
            try:
                self._popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._popen.wait()

    def output(self, last: int = 4000) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-last:] if self.log.exists() else ""

    @property
    def written(self) -> int:
        """Bytes that it has written so far."""
        return self.log.stat().st_size if self.log.exists() else 0

    def lets_go(self, since: int) -> bool:
        """Whether a worker has said, beyond so many bytes, that it lets go of the one run it had: it saw first that its
        lease was lost, or that somebody writes with a newer fence, or that the run is over."""
        return self.says("the lease was lost", since) or self.says("is left alone (", since)

    def says(self, words: str, since: int = 0) -> bool:
        """Whether it has written these words, beyond so many bytes."""
        return words in self.log.read_bytes()[since:].decode(errors="replace")


def run_module(*words: str, env: Mapping[str, str], seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """`python -m words` in the project's folder, until its end: as `subprocess.run`, but it begins at once. Raises
    subprocess.TimeoutExpired."""
    argv = [sys.executable, "-m", *words]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process: subprocess.Popen[bytes] | Preloaded
        if Process.preloaded and not _special(env):
            process = Preloaded(argv, dict(env), out.fileno(), errors.fileno())
        else:
            process = subprocess.Popen(
                argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=errors
            )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            raise
        out.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(argv, status, out.read().decode(), errors.read().decode())


def django(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One of Django's commands, with our settings: as `run_module`."""
    return run_module("django", *arguments, env={**env, "DJANGO_SETTINGS_MODULE": "config.settings"})


def _special(env: Mapping[str, str]) -> bool:
    """Whether something in it is for the interpreter, or puts a library before others."""
    found = {name for name in env if name.startswith(("LD_", "PYTHON"))}
    return bool(found - {"PYTHONUNBUFFERED", "LD_LIBRARY_PATH"})


def end(process: subprocess.Popen[Any] | None, seconds: float = 10) -> None:
    """SIGTERM, if it has not ended yet, and SIGKILL when it is not gone in time."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(seconds)


class Stack:
    """Processes that belong together: `with Stack() as stack: stack.start("web")`.

    template  a migrated SQLite file with Alice, Bob and Charlie to copy (fixture `database_template`), or
    database  the address of a migrated database to use as it is
    valkey    a server to share; otherwise the stack has one of its own, with AOF, ended with it
    env       more settings, for every process
    python    the interpreter of an environment into which Holdfast was installed: its processes are started there
    """

    def __init__(
        self,
        *,
        template: Path | None = None,
        database: str | None = None,
        valkey: Valkey | Replicated | None = None,
        env: Mapping[str, str] | None = None,
        python: Path | None = None,
    ) -> None:
        self.python = python
        self.data = Path(tempfile.mkdtemp(prefix="holdfast-stack-"))
        self.web_port = claim_port()
        self.demo_port = claim_port()
        self._own_valkey = valkey is None
        self.valkey: Valkey | Replicated = valkey or Valkey(aof=True)
        if template is not None:
            shutil.copy(template, self.data / "holdfast.sqlite3")
        self.database = database or f"sqlite:///{self.data / 'holdfast.sqlite3'}"
        self.env = clean_environment(
            DJANGO_SECRET_KEY="only-for-tests-" + "x" * 50,
            DJANGO_INSECURE_HTTP="1",
            HOLDFAST_DATA=str(self.data),
            DATABASE_URL=self.database,
            REDIS_URL=self.valkey.url,
            HOLDFAST_PORT=str(self.web_port),
            HOLDFAST_DEMO_PORT=str(self.demo_port),
            PYTHONUNBUFFERED="1",
            # Tests say in a minute, and have answered in a day, what no person does.
            **({"HOLDFAST_COMMANDS_PER_MINUTE": "0", "HOLDFAST_RUNS_PER_DAY": "0"} | dict(env or {})),
        )
        self.processes: dict[str, Process] = {}

    @property
    def address(self) -> str:
        """The web server's address, without a slash at the end."""
        return f"http://127.0.0.1:{self.web_port}"

    def process(self, label: str) -> Process:
        """The process that was started under this label."""
        return self.processes[label]

    def start(self, name: str, label: str = "", *, folder: Path = ROOT, **env: str) -> Process:
        """Start web, worker or demo, and wait until web and demo answer. `label` tells two workers apart; `folder` has
        the code of another release."""
        label = label or name
        process = self.processes.get(label)
        if process is None or env:
            argv = command(name)
            if self.python is not None:
                argv, folder = [str(self.python), *argv[1:]], self.data
            process = Process(label, argv, self.env | env, self.data / f"{label}.log", folder)
            self.processes[label] = process
        process.start()
        if name == "web":
            self.wait(label, lambda: self.status("/healthz") == 200, 30)
        elif name == "demo":
            self.wait(label, lambda: _status(f"http://127.0.0.1:{self.demo_port}/") is not None, 30)
        return process

    def up(self, *, workers: int = 1) -> Stack:
        """Start the demo model, web and workers, and wait until `/readyz` says that all of it is there."""
        self.start("demo")
        for number in range(workers):
            self.start("worker", f"worker{number + 1}" if number else "worker")
        self.start("web")
        self.wait("web", lambda: self.status("/readyz") == 200, 30)
        return self

    def wait(self, label: str, condition: Any, seconds: float) -> None:
        """Wait for a condition; fails at once, with its last output, when the process has ended."""

        def check() -> bool:
            process = self.processes[label]
            assert process.alive, f"{label} has ended:\n{process.output()}"
            return bool(condition())

        try:
            wait_until(check, seconds, f"{label} to be ready")
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.outputs()}") from None

    def pause(self, process: Process) -> None:
        """SIGSTOP at a moment when it does not hold SQLite's one write lock: everybody else would wait for that."""

        def paused() -> bool:
            process.pause()
            if not self.database.startswith("sqlite"):
                return True
            connection = sqlite3.connect(self.data / "holdfast.sqlite3", timeout=0.3, isolation_level=None)
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError:
                process.resume()
                return False
            finally:
                connection.close()
            return True

        wait_until(paused, 10, f"{process.name} to be between two writes")

    def status(self, path: str) -> int | None:
        """The HTTP status of a page, None when nobody answers."""
        return _status(self.address + path)

    def json(self, path: str) -> Any:
        """The JSON of a page, whatever its status."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return json.load(answer)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query against the stack's database; placeholders are `?`."""
        if self.database.startswith("sqlite"):
            connection = sqlite3.connect(self.data / "holdfast.sqlite3", timeout=20)
            try:
                with connection:
                    return connection.execute(statement, values).fetchall()
            finally:
                connection.close()
        with psycopg.connect(self.database) as postgres:
            cursor = postgres.execute(statement.replace("?", "%s"), values)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def stuck(self, table: str) -> Iterator[None]:
        """While this holds nobody writes: SQLite's one write lock is taken, or this table of PostgreSQL's."""
        if self.database.startswith("sqlite"):
            connection = sqlite3.connect(self.data / "holdfast.sqlite3", timeout=20, isolation_level=None)
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield
            finally:
                connection.close()
            return
        with psycopg.connect(self.database) as postgres:
            postgres.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield

    def manage(self, *arguments: str, folder: Path = ROOT) -> str:
        """Run `manage.py` (of another release in `folder`) with the stack's settings; what it printed."""
        if self.python is None and folder == ROOT:
            done = django(*arguments, env=self.env)
        else:
            before = (
                [sys.executable, "manage.py"]
                if self.python is None
                else [str(self.python), "-m", "scripts.cli", "manage"]
            )
            done = subprocess.run(
                [*before, *arguments],
                cwd=folder if self.python is None else self.data,
                env=self.env,
                capture_output=True,
                text=True,
                timeout=120,
            )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def outputs(self, last: int = 4_000) -> str:
        """The ends of all logs, for a failure message."""
        return "\n".join(f"--- {label} ---\n{one.output(last)}" for label, one in self.processes.items())

    def __enter__(self) -> Stack:
        if self._own_valkey:
            self.valkey.start()
        return self

    def __exit__(self, *_: object) -> None:
        alive = [process for process in self.processes.values() if process.alive]
        for process in alive:  # all are told before the first is waited for
            process.resume()
            process.signal(signal.SIGTERM)
        for process in alive:
            process.stop(5)
        if self._own_valkey:
            self.valkey.stop()
        shutil.rmtree(self.data, ignore_errors=True)


def _status(url: str) -> int | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code
    except OSError:
        return None
