"""`make run`: everything under one supervisor, ended by Ctrl-C without a trace, and kept for the next start."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from scripts import ports as claims
from scripts import prepare
from scripts.processes import take_folder
from tests.support import ports
from tests.support.ports import claim_port
from tests.support.processes import ROOT, clean_environment
from tests.support.waiting import wait_until


class Run:
    """A `python -m scripts.stack`, which is what `make run` becomes once all is prepared."""

    def __init__(
        self, data: Path, port: int, *, folder: Path = ROOT, python: Path = Path(sys.executable), **env: str
    ) -> None:
        self.data = data
        self.port = port
        self.started = time.monotonic()
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [python, "-m", "scripts.stack", "--port", str(port)],
            cwd=folder,
            env=clean_environment(HOLDFAST_DATA=str(data), **env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A terminal sends Ctrl-C to the whole foreground group: so does the test.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        # Closed here, too: a test that fails does not come to `wait`, and the next one of its process is told of it.
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))

    def until(self, pattern: str, seconds: float = 120) -> re.Match[str]:
        """The first line that it printed with this pattern."""

        def look() -> re.Match[str] | None:
            assert self.process.poll() is None or self._reader.is_alive(), self.text()
            return next((found for line in self.lines if (found := re.search(pattern, line))), None)

        return wait_until(look, seconds, f"{pattern!r} in the output; it is:\n{self.text()}")

    def text(self) -> str:
        """All that it printed."""
        return "\n".join(self.lines)

    def children(self) -> dict[int, str]:
        """Process ids and command lines of everything that runs for this data folder, but itself."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == self.process.pid:
                continue
            try:
                environment = (folder / "environ").read_bytes()
                shown = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                works_in = os.readlink(folder / "cwd")
            except OSError:
                continue
            # Valkey writes its title over its environment, but it works inside the data folder.
            ours = f"HOLDFAST_DATA={self.data}".encode() in environment.split(b"\0")
            if shown and (ours or works_in.startswith(str(self.data))):
                found[int(folder.name)] = shown
        return found

    def pid_of(self, part: str) -> int:
        """The one process with `part` in its command line, copies that it has made of itself aside."""
        first = self.first_of(part)
        assert len(first) == 1, self.children()
        return first.pop()

    def first_of(self, part: str) -> set[int]:
        """Processes with `part` in their command line, copies that they have made of themselves aside."""
        pids = self.pids_of(part)
        return {pid for pid in pids if _parent(pid) not in pids}

    def taken_by(self, part: str, connections: int) -> dict[int, int]:
        """How many of so many connections each process with `part` in its command line has taken, if any."""
        with ExitStack() as stack:
            for _ in range(connections):
                stack.enter_context(socket.create_connection(("127.0.0.1", self.port), 10))
            mine = {
                row.split()[9]
                for row in Path("/proc/net/tcp").read_text().splitlines()[1:]
                if row.split()[1] == f"0100007F:{self.port:04X}" and row.split()[3] == "01"
            }
            taken = {pid: len(mine & _sockets(pid)) for pid in self.first_of(part)}
        return {pid: count for pid, count in taken.items() if count}

    def pids_of(self, part: str) -> set[int]:
        """All processes with `part` in their command line: a worker's fork server is a copy of its worker."""
        return {pid for pid, shown in self.children().items() if part in shown}

    def end(self, number: int = signal.SIGINT) -> int:
        """Ctrl-C (or another signal to the group); the exit status."""
        os.killpg(self.process.pid, number)
        return self.wait()

    def wait(self) -> int:
        """Its exit status, once it has ended and all its output is here."""
        status = self.process.wait(120)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


def _sockets(pid: int) -> set[str]:
    """The inodes of its sockets (Linux)."""
    inodes = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed in the meantime
            if found := re.match(r"socket:\[(\d+)\]", os.readlink(one)):
                inodes.add(found[1])
    return inodes


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def used(data: Path, database_template: Path) -> Path:
    """A data folder with a database from an earlier start: to migrate an empty one takes ten seconds."""
    data.mkdir(mode=0o700)
    shutil.copy(database_template, data / "holdfast.sqlite3")
    return data


@pytest.fixture
def run(data: Path) -> Iterator[Run]:
    one = Run(data, claim_port())
    yield one
    if one.process.poll() is None:
        one.end(signal.SIGTERM)
    elif one._reader.is_alive():
        one.wait()


@pytest.mark.slow
def test_a_first_start_a_death_an_end_and_a_second_start(run: Run, data: Path) -> None:
    address = run.until(r"Holdfast is ready:  (\S+)")[1]
    assert address == f"http://127.0.0.1:{run.port}"
    assert run.until(r"login     (\w+)")[1] == "demo"
    password = run.until(r"password  (\S+)")[1]
    kinds = ("supervisord", "valkey-server", "demo.server", "django worker", "config.asgi")
    first = {kind: run.pid_of(kind) for kind in kinds}
    for pid in first.values():
        assert password not in Path(f"/proc/{pid}/cmdline").read_text()

    # A worker that is killed comes back, and the terminal says so.
    before = run.pids_of("django worker")
    os.kill(first["django worker"], signal.SIGKILL)
    run.until(r"\[worker\] ended \(terminated by SIGKILL\) and is started again", 60)
    wait_until(lambda: run.pids_of("django worker") - before, 60, "a new worker")

    # Ctrl-C ends everything.
    assert run.end() == 0
    assert run.lines[-1] == "Holdfast has ended."
    # The worker's fork server sees that its worker is gone, and goes.
    wait_until(lambda: run.children() == {}, 10, "everything to end")
    prepare.check_port(run.port)

    # The second start has the same login and the same data, and as many processes as it is told.
    connection = sqlite3.connect(data / "holdfast.sqlite3")
    connection.execute("UPDATE auth_user SET first_name = 'kept'")
    connection.commit()
    connection.close()
    again = Run(data, run.port, HOLDFAST_WEB_PROCESSES="2", HOLDFAST_WORKER_PROCESSES="2")
    try:
        assert again.until(r"password  (\S+)")[1] == password
        assert time.monotonic() - again.started < 60
        connection = sqlite3.connect(data / "holdfast.sqlite3")
        assert connection.execute("SELECT username, first_name, is_superuser FROM auth_user").fetchall() == [
            ("demo", "kept", 1)
        ]
        connection.close()
        wait_until(lambda: len(again.first_of("django worker")) == 2, 30, "two workers")
        wait_until(
            lambda: len(again.taken_by("config.asgi", 60)) == 2, 30, "both web servers to be connected to"
        )
    finally:
        status = again.end(signal.SIGTERM)
    assert status == 0
    wait_until(lambda: again.children() == {}, 10, "everything to end again")


@pytest.mark.slow
@pytest.mark.exhaustive
def test_sigterm_to_it_alone_ends_everything_and_a_second_one_keeps_off_the_data(
    used: Path, run: Run, data: Path
) -> None:
    run.until(r"Holdfast is ready")
    second = Run(data, claim_port())
    assert second.wait() == 1
    assert second.lines == [f"Holdfast runs already with the data in {data}. End that one first."]
    run.process.terminate()
    assert run.wait() == 0
    wait_until(lambda: run.children() == {}, 10, "everything to end")


@pytest.mark.slow
@pytest.mark.exhaustive
def test_nothing_is_left_behind_when_it_is_killed(used: Path, run: Run) -> None:
    run.until(r"Holdfast is ready")
    run.process.kill()
    run.wait()
    wait_until(lambda: run.children() == {}, 30, "everything to end with its parent")


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_part_that_cannot_start_is_named_and_everything_ends(used: Path) -> None:
    """No machine has this address: it is for documentation."""
    run = Run(used, claim_port(), HOLDFAST_HOST="192.0.2.1")
    assert run.wait() == 1
    assert any(line.startswith("Holdfast cannot start: web does not start") for line in run.lines), run.text()
    assert run.children() == {}


def listening(port: int) -> subprocess.Popen[bytes]:
    """Somebody else's server."""
    argv = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    taken = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: claims.trouble_with(port), 20, "it to listen")
    return taken


def test_a_port_that_was_taken_while_it_was_prepared_is_one_line(data: Path) -> None:
    taken = listening(port := claim_port())
    try:
        run = Run(data, port)
        assert run.wait() == 1
        assert run.lines == [
            f"Holdfast cannot start: Port {port} is in use. Stop what listens there or choose another: "
            f"make run PORT={port + 1}"
        ]
    finally:
        taken.kill()
        taken.wait(10)


def test_two_starts_with_one_port_in_the_same_moment_are_told_apart(data: Path) -> None:
    """The first has not bound it yet."""
    port = claim_port()
    first = claims.claim(port)
    try:
        run = Run(data, port)
        assert run.wait() == 1
        assert run.lines == [
            f"Holdfast cannot start: Another Holdfast is about to use port {port}. Choose another: "
            f"make run PORT={port + 1}"
        ]
    finally:
        os.close(first)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_when_somebody_was_quicker_another_port_is_chosen_and_it_starts(used: Path) -> None:
    """The demo model's port is taken between its choice and the moment when its server listens."""
    run = Run(used, claim_port(), HOLDFAST_DEMO_PORT=str(demo := claim_port()))
    run.until(r"Starting …")
    taken = listening(demo)
    try:
        run.until(r"A port was taken in the meantime; starting with another")
        run.until(r"Holdfast is ready")
        assert run.end() == 0
    finally:
        taken.kill()
        taken.wait(10)
        if run.process.poll() is None:
            run.end(signal.SIGTERM)


@pytest.mark.slow
def test_sigterm_while_it_migrates_ends_it_at_once(data: Path) -> None:
    """Somebody holds the database, so that the migration waits for him."""
    data.mkdir()
    holder = sqlite3.connect(data / "holdfast.sqlite3", isolation_level=None)
    holder.execute("PRAGMA journal_mode=WAL")
    holder.execute("BEGIN IMMEDIATE")
    run = Run(data, claim_port())
    try:
        wait_until(lambda: run.pids_of("migrate"), 60, "the migration to begin")
        began = time.monotonic()
        run.process.terminate()
        assert run.wait() == 0
        assert time.monotonic() - began < 12
        assert run.lines == ["Starting …", "Holdfast has ended."]
        wait_until(lambda: run.children() == {}, 10, "the migration to end")
    finally:
        holder.close()


@pytest.mark.slow
@pytest.mark.exhaustive
def test_it_starts_in_a_folder_with_a_blank_a_percent_sign_and_chinese_in_its_path(
    tmp_path: Path, database_template: Path
) -> None:
    """Copies of what is here, compiled as it is, so that the checkout and its environment have such a path, too."""
    checkout = tmp_path / "100% 我的 聊天"
    checkout.mkdir()
    for name in ("agents", "chat", "config", "demo", "scripts", "templates", "locale"):
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, checkout / name)
    shutil.copy(ROOT / "manage.py", checkout)
    (checkout / "data").mkdir(mode=0o700)
    shutil.copy(database_template, checkout / "data/holdfast.sqlite3")
    (checkout / ".venv").symlink_to(Path(sys.prefix))
    run = Run(checkout / "data", claim_port(), folder=checkout, python=checkout / ".venv/bin/python")
    try:
        run.until(r"Holdfast is ready")
        assert run.end() == 0
    finally:
        if run.process.poll() is None:
            run.end(signal.SIGTERM)
    assert (checkout / "data/logs/web.log").exists()


def test_ctrl_c_while_make_run_becomes_it_and_while_it_imports_is_no_error() -> None:
    """The signal is kept while one program becomes the other, and is heard before the imports."""
    become = (
        "import os, signal, sys; from scripts import signals; signals.hold(signals.CTRL_C); "
        "os.kill(os.getpid(), signal.SIGINT); os.execv(sys.executable, [sys.executable, '-m', 'scripts.stack'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", become], cwd=ROOT, env=clean_environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_valkey_waits_until_the_one_of_a_killed_start_has_let_go_of_the_folder(tmp_path: Path) -> None:
    """The folder is held by the program that the process becomes, for as long as that runs."""
    become = (
        "import os, sys; from pathlib import Path; from scripts.processes import take_folder; "
        "assert take_folder(Path(sys.argv[1])); os.execvp('sleep', ['sleep', '60'])"
    )
    first = subprocess.Popen([sys.executable, "-c", become, tmp_path], cwd=ROOT)
    try:
        cmdline = Path(f"/proc/{first.pid}/cmdline")
        wait_until(lambda: cmdline.read_bytes().startswith(b"sleep"), 30, "it to become another program")
        assert not take_folder(tmp_path, 0.3)
    finally:
        first.kill()
        first.wait(10)
    held = os.open(tmp_path / "lock", os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(held)


def test_two_starts_at_the_same_moment_take_different_ports() -> None:
    """Nobody listens yet when both look."""
    wanted = ports.claim_port()
    (first, claim), (second, other) = claims.claim_port(wanted), claims.claim_port(wanted)
    try:
        assert first == wanted
        assert second != wanted
    finally:
        os.close(claim)
        os.close(other)
    again, claim = claims.claim_port(wanted)
    os.close(claim)
    assert again == wanted
