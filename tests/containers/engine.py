"""A Docker engine to build and run with: the daemon that answers, or a private one that ends with this process.

The private one keeps all that it has in one temporary folder, listens on a socket there, and lives in a mount
namespace of its own: what it mounts is gone when it has ended, however it ends. Only root can start it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.prepare import apt_install, can_apt
from scripts.processes import end_with_parent
from tests.containers import network
from tests.support.waiting import wait_until

#: What a private engine is made of, with the Debian package that has it.
PROGRAMS = {
    "dockerd": "docker.io",
    "containerd": "containerd",
    "docker": "docker.io",
    "docker-compose": "docker-compose",
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


class NoEngine(Exception):
    """There is no engine and none can be started; the text says what to do."""


class Failed(Exception):
    """A command of the engine has failed; the text is the command and the end of what it said."""


@dataclass
class Engine:
    """An engine and how its commands are run. `private`: it is ours alone, and empty."""

    environment: dict[str, str] = field(default_factory=dict)
    private: bool = False
    compose: tuple[str, ...] = ("docker", "compose")

    def run(
        self, *argv: str, seconds: float = 900, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> str:
        """What a command wrote on its output. Raises Failed."""
        done = self.ask(*argv, seconds=seconds, cwd=cwd, env=env)
        if done.returncode:
            raise Failed(f"{' '.join(argv)}\n{(done.stdout + done.stderr)[-6000:]}")
        return done.stdout

    def ask(
        self, *argv: str, seconds: float = 900, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever that is. Raises Failed when it takes longer than `seconds`."""
        whole = os.environ | self.environment | (env or {})
        try:
            return subprocess.run(
                argv, env=whole, cwd=cwd, capture_output=True, text=True, timeout=seconds, errors="replace"
            )
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{' '.join(argv)}\nhas not ended after {seconds:.0f} s") from late

    def docker(self, *arguments: str, seconds: float = 900) -> str:
        """`docker …`; its output without the line's end. Raises Failed."""
        return self.run("docker", *arguments, seconds=seconds).strip()

    def inspect(self, what: str, form: str) -> str:
        """A value of a container, in Go's template language."""
        return self.docker("inspect", "--format", form, what)


def find(environment: dict[str, str] | None = None) -> Engine | None:
    """The engine whose daemon answers at DOCKER_HOST or at the usual place, None without one."""
    if not shutil.which("docker"):
        return None
    engine = Engine(environment or {})
    if engine.ask("docker", "version", "--format", "{{.Server.Version}}", seconds=20).returncode:
        return None
    engine.compose = compose_command(engine)
    return engine


def compose_command(engine: Engine) -> tuple[str, ...]:
    """Docker's plugin, or the program of the same name that Debian has. Raises NoEngine."""
    if engine.ask("docker", "compose", "version").returncode == 0:
        return ("docker", "compose")
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    raise NoEngine(
        "Docker Compose is missing. Install the package `docker-compose` or Docker's compose plugin."
    )


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
        ending.enter_context(network.left_as_it_was())
        path = {"PATH": network.path()}

        first = _start("containerd", CONTAINERD.format(folder=folder).split(), folder, path)
        ending.callback(_end, first, folder)
        wait_until(lambda: _listens(first, "containerd", folder), 60, "containerd to listen")

        dockerd = DOCKERD.format(folder=folder, pid=first.pid, driver=driver(folder)).split()
        second = _start("docker", dockerd, folder, path)
        ending.callback(_end, second, folder)
        made = Engine(
            {"DOCKER_HOST": f"unix://{folder}/docker.sock", "COMPOSE_PARALLEL_LIMIT": "4"} | path,
            private=True,
        )
        wait_until(lambda: _listens(second, "docker", folder), 60, "dockerd to listen")
        wait_until(lambda: made.ask("docker", "version").returncode == 0, 60, "dockerd to answer")
        made.compose = compose_command(made)
        ending.callback(_empty, made)
        yield made


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


def _start(name: str, argv: list[str], folder: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("wb") as file:
        return subprocess.Popen(
            argv,
            env=os.environ | env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,  # Ctrl-C is for us: the containers are removed first
            preexec_fn=end_with_parent,
        )


def _listens(process: subprocess.Popen[bytes], name: str, folder: Path) -> bool:
    if process.poll() is not None:
        said = (folder / f"{name}.log").read_text(errors="replace")[-3000:]
        raise NoEngine(f"{name} could not be started:\n{said}")
    return (folder / f"{name}.sock").exists()


def _empty(engine: Engine) -> None:
    """Remove all containers and networks, so that nothing of them outlives the daemon."""
    names = engine.ask("docker", "ps", "--all", "--quiet").stdout.split()
    if names:
        engine.ask("docker", "rm", "--force", "--volumes", *names, seconds=120)
    engine.ask("docker", "network", "prune", "--force", seconds=60)


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for entry in Path("/proc").iterdir():  # what holds a container after the daemon has died
        try:
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                if b"containerd-shim" in (entry / "cmdline").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
