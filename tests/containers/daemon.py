"""The engine for a command: the daemon that answers, or a private one that ends with this process.

The private one keeps all that it has in one temporary folder and listens on a socket there. It lives in a mount
namespace of its own and, once everything has been fetched, in a network of its own: what it mounts, its bridges and
its rules are gone when it has ended, however it ends, and the machine's network is never touched. Only root can
start it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scripts.prepare import apt_install, can_apt
from scripts.processes import end_with_parent
from tests.containers import network
from tests.containers.engine import Engine, NoEngine, compose_command, find
from tests.support.waiting import wait_until

#: What a private engine is made of, with the Debian package that has it.
PROGRAMS = {
    "dockerd": "docker.io",
    "containerd": "containerd",
    "docker": "docker.io",
    "docker-compose": "docker-compose",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
}
#: In a mount namespace of their own. mkdtemp's folder has no space in it.
CONTAINERD = (
    "unshare --mount --propagation private containerd --address {folder}/containerd.sock "
    "--root {folder}/containerd --state {folder}/containerd-state"
)
DOCKERD = (
    "nsenter --mount=/proc/{pid}/ns/mnt dockerd --containerd {folder}/containerd.sock "
    "--host unix://{folder}/docker.sock "
    "--data-root {folder}/docker --exec-root {folder}/run --pidfile {folder}/docker.pid --storage-driver {driver}"
)
#: In the machine's network, to build: it adds nothing to that, and its containers use it as this process does.
BUILDING = ("--bridge=none", "--iptables=false", "--ip-forward=false")


@contextmanager
def engine() -> Iterator[Engine]:
    """The engine to use, for as long as it is needed. Raises NoEngine."""
    found = find()
    if found:
        yield found
        return
    if os.geteuid() != 0:
        raise NoEngine(
            "No Docker daemon answers, and only root can start one of our own. Start Docker, or run as root."
        )
    missing = [name for name in PROGRAMS if not _which(name)]
    if missing:
        packages = sorted({PROGRAMS[name] for name in missing})
        if not (can_apt() and apt_install(*packages)) or any(not _which(name) for name in missing):
            raise NoEngine(
                f"No Docker daemon answers. To start one, install the packages {' '.join(packages)}."
            )
    with _private() as started:
        yield started


def _which(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=network.WHERE)


@contextmanager
def _private() -> Iterator[Engine]:
    with ExitStack() as ending:
        folder = Path(tempfile.mkdtemp(prefix="holdfast-engine-", dir=_place()))
        ending.callback(_remove, folder)
        daemon = Daemon(folder)
        ending.callback(daemon.end)
        daemon.start()
        daemon.serve(*BUILDING)
        daemon.engine.compose = compose_command(daemon.engine)
        ending.callback(_empty, daemon.engine)
        yield daemon.engine


class Daemon:
    """containerd, and dockerd beside it, with all that they have in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.driver = driver(folder)
        self.running: list[subprocess.Popen[bytes]] = []
        told = {"DOCKER_HOST": f"unix://{folder}/docker.sock", "COMPOSE_PARALLEL_LIMIT": "4"}
        self.engine = Engine(told | {"PATH": network.path()}, private=True, cut_off=self.cut_off)

    def start(self) -> None:
        """containerd. Raises NoEngine."""
        self._start("containerd", CONTAINERD.format(folder=self.folder))

    def serve(self, *options: str) -> None:
        """dockerd, in the network in which this process is. Raises NoEngine."""
        argv = DOCKERD.format(folder=self.folder, pid=self.running[0].pid, driver=self.driver)
        self._start("docker", argv, *options)
        version = ("docker", "version")
        wait_until(lambda: self.engine.ask(*version).returncode == 0, 60, "dockerd to answer")

    def cut_off(self) -> None:
        """A dockerd in a network of its own, on the images of the one that has fetched and built them."""
        _end(self.running.pop())
        network.leave()
        self.serve()

    def end(self) -> None:
        """Both, the last one first, and what holds a container after they have died."""
        while self.running:
            _end(self.running.pop())
        for entry in Path("/proc").iterdir():
            try:
                said = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
                if str(self.folder).encode() in said and b"containerd-shim" in said:
                    os.kill(int(entry.name), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                continue

    def _start(self, name: str, argv: str, *options: str) -> None:
        log, socket = self.folder / f"{name}.log", self.folder / f"{name}.sock"
        socket.unlink(missing_ok=True)
        with log.open("ab") as file:
            process = subprocess.Popen(
                [*argv.split(), *options],
                env=os.environ | {"PATH": network.path()},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,  # Ctrl-C is for us: the containers are removed first
                preexec_fn=end_with_parent,
            )
        self.running.append(process)

        def listens() -> bool:
            if process.poll() is not None:
                raise NoEngine(
                    f"{argv.split()[0]} could not be started:\n{log.read_text(errors='replace')[-3000:]}"
                )
            return socket.exists()

        wait_until(listens, 60, f"{name} to listen")


def _place() -> str:
    """Where it keeps everything: a path without a space, with room for images."""
    usual = tempfile.gettempdir()
    return usual if " " not in usual else "/var/tmp"


def driver(folder: Path) -> str:
    """The way to keep layers that works below this folder: overlay2, or plain copies where it is refused."""
    parts = [folder / "trial" / name for name in ("lower", "upper", "work", "merged")]
    for part in parts:
        part.mkdir(parents=True)
    lower, upper, work, merged = parts
    how = f"lowerdir={lower},upperdir={upper},workdir={work}"
    mount = f"mount -t overlay overlay -o {how} {merged}"
    tried = subprocess.run(["unshare", "--mount", "sh", "-c", mount], capture_output=True)
    shutil.rmtree(folder / "trial")
    return "overlay2" if tried.returncode == 0 else "vfs"


def _empty(engine: Engine) -> None:
    """Remove all containers and networks, so that nothing of them outlives the daemon."""
    names = engine.ask("docker", "ps", "--all", "--quiet").stdout.split()
    if names:
        engine.ask("docker", "rm", "--force", "--volumes", *names, seconds=120)
    engine.ask("docker", "network", "prune", "--force", seconds=60)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
