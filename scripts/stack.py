"""`make run` after preparation: migrate, start everything under one supervisor, show where it is, end it all.

this process ── supervisord ──┬─ valkey   (unless REDIS_URL names another)
  prints, watches,            ├─ demo     (unless a model of one's own is configured)
  passes on the end           ├─ worker
                              └─ web
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config.paths import BASE_DIR, DEFAULT_DATA
from config.values import Values, names_a_model
from scripts import supervise
from scripts.logtail import Tail
from scripts.processes import PYTHON, end_with_parent

VALKEY_PORT = 6380
DEMO_PORT = 8399
READY_SECONDS = 180
LEAVE_SECONDS = 30
# Deaths of one process before everything is ready, after which the start is given up.
TRIES = 3


def claim_port(preferred: int) -> tuple[int, int]:
    """`preferred` if nobody listens there or is about to, otherwise a port that the system chooses; with the handle of
    its claim. Between the look and the moment when our server listens, another start of Holdfast would find the port
    free, too: the claim keeps it away. Keep the handle open for as long as the server is to have the port."""
    for port in (preferred, *[0] * 20):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            chosen: int = probe.getsockname()[1]
            return chosen, _exclusive(Path(tempfile.gettempdir()) / f"holdfast-port-{chosen}")
    raise RuntimeError("No loopback port is free.")


def _exclusive(path: Path) -> int:
    """A handle that holds the file's lock; the kernel lets go of it when the process ends. Raises OSError if another
    process holds it, or the file is not ours."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def lock(data: Path) -> int | None:
    """Hold the data folder for this process; None if another one holds it. Two Valkeys would ruin each other."""
    data.mkdir(parents=True, exist_ok=True)
    try:
        return _exclusive(data / "lock")
    except BlockingIOError:
        return None


class Stack:
    """One run of Holdfast on this machine."""

    def __init__(self, port: int, environment: dict[str, str]) -> None:
        self.port = port
        self.env = environment
        self.data = Path(environment.get("HOLDFAST_DATA") or DEFAULT_DATA).expanduser().resolve()
        self.names = ["worker", "web"]
        #: Whether agents that name no model talk to the demo model.
        self.demo_answers = False
        self.supervisor: subprocess.Popen[bytes] | None = None
        #: Handles that keep other starts of Holdfast away from our ports.
        self._claims: list[int] = []
        self.ending = False

    @property
    def address(self) -> str:
        """Where people go."""
        return f"http://127.0.0.1:{self.port}"

    def configure(self) -> None:
        """Decide which processes are needed and what they are told; write the configuration files."""
        (self.data / "logs").mkdir(parents=True, exist_ok=True)
        self.env.setdefault("HOLDFAST_TRIAL", "1")
        self.env |= {
            "HOLDFAST_DATA": str(self.data),
            "HOLDFAST_PORT": str(self.port),
            "HOLDFAST_END_WITH_PARENT": "1",
            "PYTHONUNBUFFERED": "1",
        }
        values = Values(self.env)
        demo = values.switch("HOLDFAST_DEMO", automatic=not names_a_model(values))
        self.demo_answers = demo and not names_a_model(values)
        if demo:
            self.env["HOLDFAST_DEMO_PORT"] = str(
                self._port(int(self.env.get("HOLDFAST_DEMO_PORT") or DEMO_PORT))
            )
            self.names.insert(0, "demo")
        if not self.env.get("REDIS_URL"):
            port, password = self._port(VALKEY_PORT), secrets.token_urlsafe(24)
            supervise.write_valkey_conf(self.data, port, password)
            self.env["REDIS_URL"] = f"redis://:{password}@127.0.0.1:{port}/0"
            # It belongs to the data folder, wherever that was moved.
            self.env["HOLDFAST_REDIS_TAKE"] = "1"
            self.names.insert(0, "valkey")
        conf = supervise.supervisor_conf(self.names, root=BASE_DIR, data=self.data)
        supervise.write_private(self.data / "supervisord.conf", conf)

    def _port(self, preferred: int) -> int:
        port, claim = claim_port(preferred)
        self._claims.append(claim)
        return port

    def manage(self, *arguments: str) -> str:
        """Run one of Django's commands; what it printed. Ends this program with its message when it fails."""
        env = {"DJANGO_SETTINGS_MODULE": "config.settings", **self.env}
        argv = [PYTHON, "-m", "django", *arguments]
        done = subprocess.run(argv, cwd=BASE_DIR, env=env, capture_output=True, text=True)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["It said nothing."]
            sys.exit(f"The command {arguments[0]} failed: {lines[-1]}")
        return done.stdout.strip()

    def start(self) -> None:
        """Start the supervisor, which starts the rest."""
        tell_linux = end_with_parent if sys.platform == "linux" else None
        self.supervisor = subprocess.Popen(
            [PYTHON, "-m", "supervisor.supervisord", "-c", str(self.data / "supervisord.conf")],
            cwd=BASE_DIR,
            env=self.env,
            stdin=subprocess.DEVNULL,
            preexec_fn=tell_linux,
        )

    def ready(self) -> tuple[bool, str]:
        """Whether people can use it now, and if not, what is missing."""
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=5):
                return True, ""
        except urllib.error.HTTPError as answer:
            with answer:
                return False, answer.read(500).decode(errors="replace")
        except OSError:
            return False, "web does not answer yet"

    def stop(self) -> None:
        """End everything: the supervisor ends its processes in reverse order, then itself."""
        supervisor = self.supervisor
        if supervisor is None:
            return
        if supervisor.poll() is None:
            supervisor.terminate()
            try:
                supervisor.wait(LEAVE_SECONDS)
            except subprocess.TimeoutExpired:
                supervisor.kill()
                supervisor.wait()

    def watch(self, tail: Tail, login: str) -> int:
        """Show the address once all are healthy, then what matters in the logs, until the end. The exit status."""
        assert self.supervisor is not None
        deadline = time.monotonic() + READY_SECONDS
        announced, why = False, ""
        while not self.ending:
            for line in tail.lines():
                print(line, flush=True)
            if self.supervisor.poll() is not None:
                print("The supervisor has ended by itself; see data/logs/supervisord.log.", file=sys.stderr)
                return 1
            if not announced:
                announced, why = self.ready()
                if announced:
                    print(banner(self.address, login, self.demo_answers, self.data), flush=True)
                elif (gone := broken(tail)) or time.monotonic() > deadline:
                    reason = (
                        f"{gone} does not start"
                        if gone
                        else f"not ready after {READY_SECONDS} s ({why.strip()})"
                    )
                    print(f"Holdfast cannot start: {reason}. Logs: {self.data / 'logs'}", file=sys.stderr)
                    return 1
            time.sleep(0.2)
        return 0


def broken(tail: Tail) -> str:
    """The process that will not come up, else ''. It may live for a while each time, before it fails."""
    worst = tail.deaths.most_common(1)
    return tail.given_up or (worst[0][0] if worst and worst[0][1] >= TRIES else "")


def banner(address: str, login: str, demo: bool, data: Path) -> str:
    """What a person needs to know now."""
    name, _, word = login.partition(" ")
    model = (
        "the demo model (set OPENAI_API_KEY for a real one)" if demo else "the model that OPENAI_MODEL names"
    )
    return (
        f"\nHoldfast is ready:  {address}\n"
        f"  login     {name}\n"
        f"  password  {word}\n"
        f"  admin     {address}/admin/\n"
        f"  answers by {model}; data and logs in {data}\n"
        "Ctrl-C ends it; every conversation is kept.\n"
    )


def main(arguments: list[str]) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP."""
    parser = argparse.ArgumentParser(prog="python -m scripts.stack")
    parser.add_argument("--port", type=int, default=8000)
    stack = Stack(parser.parse_args(arguments).port, dict(os.environ))

    def end(*_: object) -> None:
        stack.ending = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    held = lock(stack.data)
    if held is None:
        print(f"Holdfast runs already with the data in {stack.data}. End that one first.", file=sys.stderr)
        return 1
    try:
        stack.configure()
    except ImproperlyConfigured as problem:
        print(f"Holdfast cannot start: {problem}", file=sys.stderr)
        return 1
    print("Starting …", flush=True)
    stack.manage("migrate", "--no-input")
    login = stack.manage("setup_demo" if stack.demo_answers else "setup_trial")
    tail = Tail(stack.data / "logs", stack.names)
    if stack.ending:
        return 0
    try:
        stack.start()
        status = stack.watch(tail, login)
    finally:
        stack.stop()
    if stack.ending:
        print("Holdfast has ended.", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
