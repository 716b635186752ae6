"""A Docker engine and how its commands are run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


class NoEngine(Exception):
    """There is no engine and none can be started; the text says what to do."""


class Failed(Exception):
    """A command of the engine has failed; the text is the command and the end of what it said."""


@dataclass
class Engine:
    """An engine and how its commands are run. `private`: it is ours alone, and empty. `cut_off` is called once
    everything has been fetched: a private engine, and this process, have a network of their own from then on."""

    environment: dict[str, str] = field(default_factory=dict)
    private: bool = False
    compose: tuple[str, ...] = ("docker", "compose")
    cut_off: Callable[[], None] = field(default=lambda: None)

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
