"""`make run` after preparation: migrate, start everything under one supervisor, show where it is, end it all.

this process ── supervisord ──┬─ valkey   (unless REDIS_URL names another)
  prints, watches,            ├─ demo     (unless a model of one's own is configured)
  passes on the end           ├─ worker
                              └─ web      (of these two as many as HOLDFAST_…_PROCESSES says)
"""

from __future__ import annotations

from scripts import signals

if __name__ == "__main__":
    signals.hear(signals.CTRL_C)  # before the imports

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config.paths import BASE_DIR, DEFAULT_DATA
from config.private import UMASK, close_all
from config.values import Values, names_a_model
from scripts import ports, supervise
from scripts.logtail import Tail
from scripts.processes import LAUNCH, PYTHON, end_with_parent

VALKEY_PORT = 6380
DEMO_PORT = 8399
READY_SECONDS = 180
LEAVE_SECONDS = 30
# Deaths of one process before everything is ready, after which the start is given up.
TRIES = 3
#: Asks our own servers, and no proxy that the environment names.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def lock(data: Path) -> int | None:
    """Hold the data folder for this process; None if another one holds it. Two Valkeys would ruin each other."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    close_all(data)
    try:
        return ports.exclusive(data / "lock")
    except BlockingIOError:
        return None


class Stack:
    """One run of Holdfast on this machine."""

    def __init__(self, port: int, environment: dict[str, str]) -> None:
        self.port = port
        self.env = environment
        self.data = Path(environment.get("HOLDFAST_DATA") or DEFAULT_DATA).expanduser().resolve()
        #: The processes, in the order in which they are started.
        self.names: list[str] = []
        #: Whether agents that name no model talk to the demo model.
        self.demo_answers = False
        self.supervisor: subprocess.Popen[bytes] | None = None
        #: Handles that keep other starts of Holdfast away from our ports, and these ports, by process.
        self._claims: list[int] = []
        self.ports: dict[str, int] = {}
        #: Whether the store is ours, on a port that we choose.
        self._own_store = not environment.get("REDIS_URL")
        self.ending = False

    @property
    def address(self) -> str:
        """Where people go, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}{self.env.get('HOLDFAST_PATH', '').rstrip('/')}"

    def configure(self) -> None:
        """Decide which processes are needed and what they are told; write the configuration files. Once more where
        somebody was quicker than we to listen on a port: another is chosen then. Raises ImproperlyConfigured."""
        (self.data / "logs").mkdir(parents=True, exist_ok=True)
        self.env.setdefault("HOLDFAST_TRIAL", "1")
        self.env |= {
            "HOLDFAST_DATA": str(self.data),
            "HOLDFAST_PORT": str(self.port),
            "HOLDFAST_END_WITH_PARENT": "1",
            "PYTHONUNBUFFERED": "1",
        }
        for claim in self._claims:
            os.close(claim)
        values = Values(self.env)
        self._claims, self.names = [], []
        for name in ("worker", "web"):
            count = values.number(f"HOLDFAST_{name.upper()}_PROCESSES", 1, least=1, most=64)
            self.names += supervise.several(name, count)
        self._claims.append(self._claim_own())
        demo = values.switch("HOLDFAST_DEMO", automatic=not names_a_model(values))
        self.demo_answers = demo and not names_a_model(values)
        if demo:
            wanted = values.number("HOLDFAST_DEMO_PORT", DEMO_PORT, least=1, most=65535)
            self.env["HOLDFAST_DEMO_PORT"] = str(self._port("demo", wanted))
            self.names.insert(0, "demo")
        if self._own_store:
            port, password = self._port("valkey", VALKEY_PORT), secrets.token_urlsafe(24)
            supervise.write_valkey_conf(self.data, port, password)
            self.env["REDIS_URL"] = f"redis://:{password}@127.0.0.1:{port}/0"
            # It belongs to the data folder, wherever that was moved.
            self.env["HOLDFAST_REDIS_TAKE"] = "1"
            self.names.insert(0, "valkey")
        conf = supervise.supervisor_conf(self.names, root=BASE_DIR, data=self.data)
        supervise.write_private(self.data / "supervisord.conf", conf)

    def _port(self, name: str, preferred: int) -> int:
        self.ports[name], claim = ports.claim_port(preferred)
        self._claims.append(claim)
        return self.ports[name]

    def _claim_own(self) -> int:
        """The port that people know is the one that was asked for, or none."""
        if told := ports.trouble_with(self.port):
            raise ImproperlyConfigured(told)
        try:
            return ports.claim(self.port)
        except OSError:
            raise ImproperlyConfigured(
                f"Another Holdfast is about to use port {self.port}. Choose another: make run PORT={self.port + 1}"
            ) from None

    def overtaken(self, name: str) -> bool:
        """Whether it is because somebody else listens on its port that this process does not start."""
        return name in self.ports and bool(ports.trouble_with(self.ports[name]))

    def manage(self, *arguments: str) -> str:
        """Run one of Django's commands; what it printed. Ends this program with its message when it fails."""
        env = {"DJANGO_SETTINGS_MODULE": "config.settings", **self.env}
        argv = [*LAUNCH, "--undo", "django", *arguments]
        child = subprocess.Popen(
            argv, cwd=BASE_DIR, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        told = False
        while True:
            try:
                output, errors = child.communicate(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                if self.ending and not told:
                    told = True
                    child.terminate()
        if self.ending:
            print("Holdfast has ended.", flush=True)
            sys.exit(0)
        if child.returncode:
            lines = (errors or output).strip().splitlines() or ["It said nothing."]
            sys.exit(f"The command {arguments[0]} failed: {lines[-1]}")
        return output.strip()

    def start(self) -> None:
        """Start the supervisor, which starts the rest."""
        tell_linux = end_with_parent if sys.platform == "linux" else None
        self.supervisor = subprocess.Popen(
            [PYTHON, "-m", "supervisor.supervisord", "-c", str(self.data / "supervisord.conf")],
            cwd=BASE_DIR,
            env=self.env,
            stdin=subprocess.DEVNULL,
            preexec_fn=tell_linux,
            # Ctrl-C is ours to pass on: it would not know what to do with it while it is still starting.
            process_group=0,
        )

    def ready(self) -> tuple[bool, str]:
        """Whether people can use it now, and if not, what is missing."""
        try:
            with DIRECT.open(f"{self.address}/readyz", timeout=5):
                pass
        except urllib.error.HTTPError as answer:
            with answer:
                return False, answer.read(500).decode(errors="replace")
        except (OSError, HTTPException):
            return False, "web does not answer yet"
        if "demo" in self.names and not self._demo_listens():
            return False, "the demo model does not answer yet"
        return True, ""

    def _demo_listens(self) -> bool:
        """Whether it is the demo model that answers on its port; web knows nothing of it, and somebody else may have
        been quicker to listen there."""
        try:
            with DIRECT.open(f"http://127.0.0.1:{self.ports['demo']}/v1/models", timeout=5) as answer:
                return any(
                    model["owned_by"] == "holdfast" for model in json.loads(answer.read(100_000))["data"]
                )
        except (OSError, HTTPException, ValueError, LookupError, TypeError):
            return False

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

    def watch(self, tail: Tail, login: str) -> int | None:
        """Show the address once all are healthy, then what matters in the logs, until the end. The exit status; None: a
        process found its port taken, and another must be chosen."""
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
                elif (gone := broken(tail)) and self.overtaken(gone):
                    return None
                elif gone or time.monotonic() > deadline:
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
    parser = ports.Arguments(prog="python -m scripts.stack")
    parser.add_argument("--port", type=ports.port_number, default=8000)
    stack = Stack(parser.parse_args(arguments).port, dict(os.environ))

    def end(*_: object) -> None:
        stack.ending = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    os.umask(UMASK)
    try:
        held = lock(stack.data)
    except OSError as problem:
        print(f"Holdfast cannot start: {stack.data}: {problem.strerror}. Set HOLDFAST_DATA.", file=sys.stderr)
        return 1
    if held is None:
        print(f"Holdfast runs already with the data in {stack.data}. End that one first.", file=sys.stderr)
        return 1
    status: int | None = None
    for _ in range(TRIES):
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
            break
        try:
            stack.start()
            status = stack.watch(tail, login)
        finally:
            stack.stop()
        if status is not None:
            break
        print("A port was taken in the meantime; starting with another …", flush=True)
    if stack.ending:
        print("Holdfast has ended.", flush=True)
        return status or 0
    if status is None:
        print("Holdfast cannot start: each port that it chose was taken in the same moment.", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
