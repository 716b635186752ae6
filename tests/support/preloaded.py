"""Processes of ours that begin at once: forked from one that has imported the libraries, and nothing of Holdfast.

A stack of web, worker and demo model takes four seconds of a core to start, most of them for imports, and the tests
start hundreds. What is forked here is a process like any other: it has its own settings, loads Holdfast itself, is
stopped, killed and waited for. That the commands also work by themselves is shown where they are what is tested
(tests/platform), and wherever `Process` starts an interpreter because something of it matters.

    tests ── request, with descriptors for what it writes and the report ──► this process ── fork ──► python -m MODULE …
          ◄─ report: process id, and in the end its exit status ──── waits for it
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
#: What our processes import, as far as it can be imported before there are settings.
LIBRARIES = (
    "asgiref.sync",
    "channels.generic.websocket",
    "channels_redis.pubsub",
    "coredis.client",
    "cryptography.fernet",
    "django.contrib.admin.utils",
    "django.contrib.staticfiles.finders",
    "django.core.management",
    "django.core.serializers.json",
    "django.core.handlers.asgi",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.executor",
    "django.db.models",
    "django.forms",
    "django.template.backends.django",
    "django.test.signals",
    "django.urls",
    "django.views.generic",
    "h11",
    "httpcore",
    "httpx",
    "openai",
    "openai.types.responses",
    "psycopg",
    "pydantic",
    "redis.asyncio.sentinel",
    "streaq",
    "twisted.internet.endpoints",
    "twisted.web.http",
)
_REPORT = struct.Struct("=i")


class Preloaded:
    """One process, in the words of subprocess.Popen."""

    def __init__(self, argv: list[str], env: dict[str, str], log: int, errors: int | None = None) -> None:
        """`argv`: an interpreter, `-m`, and what Python's `-m` takes. It works in the project's folder, and writes into
        these descriptors; its errors into the first, too, where there is no second."""
        self.returncode: int | None = None
        self._report, theirs = os.pipe()
        fds = [log, log if errors is None else errors, theirs]
        try:
            socket.send_fds(_started()[0], [json.dumps([argv[2:], env]).encode()], fds)
        finally:
            os.close(theirs)
        self.pid = self._read()

    def poll(self) -> int | None:
        """Its exit status (negative: a signal), None while it lives."""
        if self.returncode is None and select.select([self._report], [], [], 0)[0]:
            self.returncode = self._read()
            os.close(self._report)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended. Raises subprocess.TimeoutExpired."""
        if self.poll() is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("preloaded", timeout or 0)
            self.poll()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def _read(self) -> int:
        said = os.read(self._report, _REPORT.size)
        assert said, "the process that starts processes has ended"
        return int(_REPORT.unpack(said)[0])


@functools.cache
def _started() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The process that forks, and the way to it. It ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            cwd=ROOT,
            # Settings of the tests themselves are none of its own.
            env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
    atexit.register(_stop, ours, process)
    return ours, process


def _stop(connection: socket.socket, process: subprocess.Popen[bytes]) -> None:
    connection.close()
    process.wait(10)


# ---- the process that forks ---------------------------------------------------------------------------------------


def main(descriptor: int) -> None:
    """Start what is asked for, until whoever asks is gone."""
    for name in LIBRARIES:
        importlib.import_module(name)
    # A login takes half a second of a core otherwise, and every test logs somebody in.
    importlib.import_module("django.contrib.auth.hashers").PBKDF2PasswordHasher.iterations = 1_000
    assert "twisted.internet.reactor" not in sys.modules, "Daphne chooses the reactor"
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()
    reports: dict[int, int] = {}
    requests = socket.socket(fileno=descriptor)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the tests
    watched: list[Any] = [requests, woken]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if woken in ready:
            os.read(woken, 4096)
            _reap(reports)
        if requests in ready:
            message, (log, errors, report), *_ = _receive(requests)
            argv, env = json.loads(message)
            pid = os.fork()
            if pid == 0:
                for other in (woken, wake, report, *reports.values()):
                    os.close(other)
                requests.close()
                _become(argv, env, log, errors)
            os.close(log)
            os.close(errors)
            os.write(report, _REPORT.pack(pid))
            reports[pid] = report


def _receive(requests: socket.socket) -> Any:
    received = socket.recv_fds(requests, 1 << 20, 3)
    if not received[0]:
        os._exit(0)
    return received


def _reap(reports: dict[int, int]) -> None:
    while reports:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        report = reports.pop(pid)
        with contextlib.suppress(BrokenPipeError):
            os.write(report, _REPORT.pack(os.waitstatus_to_exitcode(status)))
        os.close(report)


def _become(argv: list[str], env: dict[str, str], log: int, errors: int) -> None:
    """Be `python -m argv` from here on; does not come back."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(log, 1)
    os.dup2(errors, 2)
    os.close(log)
    os.close(errors)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.execve = _instead  # type: ignore[assignment]
    status: object = 1
    try:
        _run(argv)
        status = 0
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        _end(status)


def _instead(_: str, argv: list[str], env: dict[str, str]) -> None:
    """`scripts.processes` becomes its process by exec; here that is one module more in the same process."""
    assert argv[1] == "-m"
    os.environ.clear()
    os.environ.update(env)
    _run(argv[2:])
    sys.exit(0)


def _run(argv: list[str]) -> None:
    sys.argv = ["", *argv[1:]]
    runpy.run_module(argv[0], run_name="__main__", alter_sys=True)


def _end(status: object) -> None:
    """As an interpreter ends: threads are waited for, exit handlers run."""
    if status is not None and not isinstance(status, int):
        print(status, file=sys.stderr)
        status = 1
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status or 0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
