"""The services of docker-compose.yml, run by the real Docker Compose under a project name and secrets of this run."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from tests.containers.engine import Engine, Failed
from tests.support.processes import ROOT, password
from tests.support.waiting import wait_until

#: Seconds in which a service becomes healthy; the machine may be busy.
HEALTHY_S = 120
PERSON = "alice"
PASSWORD = password(PERSON)


@dataclass
class Project:
    """`image` is what HOLDFAST_IMAGE names; `settings` stand in .env."""

    engine: Engine
    name: str
    image: str
    port: int
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = {
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(48),
            "POSTGRES_PASSWORD": secrets.token_hex(20),
            "VALKEY_PASSWORD": secrets.token_hex(20),
            "DJANGO_ALLOWED_HOSTS": "chat.example.com",
            "DJANGO_INSECURE_HTTP": "1",
            "HOLDFAST_PUBLISH": f"127.0.0.1:{self.port}",
        } | self.settings

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def compose(self, *arguments: str, seconds: float = 300) -> str:
        """`docker compose …` with our .env and image. Raises Failed."""
        env = self.folder / "compose.env"
        given = self.settings | {"HOLDFAST_IMAGE": self.image}
        env.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
        argv = [*self.engine.compose, "--project-name", self.name, "--env-file", str(env)]
        argv += ["--file", str(ROOT / "docker-compose.yml"), "--project-directory", str(ROOT)]
        return self.engine.run(*argv, *arguments, seconds=seconds, cwd=ROOT)

    def up(self, *services: str, scale: dict[str, int] | None = None, options: tuple[str, ...] = ()) -> None:
        """Start these services and what they depend on. What runs already stays as it is with `--no-recreate`."""
        scaled = [f"--scale={name}={number}" for name, number in (scale or {}).items()]
        self.compose("up", "--detach", "--no-build", *options, *scaled, *services)

    def containers(self, service: str) -> list[str]:
        """The ids of the containers of a service that are there, oldest first."""
        label = f"label=com.docker.compose.service={service}"
        mine = f"label=com.docker.compose.project={self.name}"
        once = "label=com.docker.compose.oneoff=False"
        listed = self.engine.docker(
            "ps", "--quiet", "--no-trunc", "--filter", label, "--filter", mine, "--filter", once
        )
        return listed.split()[::-1]

    def healthy(self, service: str, count: int = 1) -> None:
        """Wait until so many containers of a service are healthy. Raises AssertionError with what they said."""
        wait_until(
            lambda: [self.health(one) for one in self.containers(service)].count("healthy") >= count,
            HEALTHY_S,
            lambda: f"{count} {service} to be healthy:\n{self.logs(service)}",
            every=0.5,
        )

    def health(self, container: str) -> str:
        return self.engine.inspect(container, "{{if .State.Health}}{{.State.Health.Status}}{{end}}")

    def logs(self, *services: str, lines: int = 60) -> str:
        """The last lines of these services, of all without any."""
        try:
            return self.compose("logs", "--no-color", f"--tail={lines}", *services)
        except Failed as problem:
            return str(problem)

    def manage(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        """Run one of Django's commands in a container of its own, as docs/deployment.md says."""
        given = [word for name, value in (environment or {}).items() for word in ("-e", f"{name}={value}")]
        return self.compose(
            "run", "--rm", "--no-deps", "-T", *given, "web", "python", "manage.py", *arguments
        )

    def execute(self, container: str, *argv: str) -> str:
        """Run a program in a container that is there. Raises Failed."""
        return self.engine.docker("exec", container, *argv)

    def environment(self, container: str) -> dict[str, str]:
        """The variables with which the first process of a container was started."""
        lines: list[str] = json.loads(self.engine.inspect(container, "{{json .Config.Env}}"))
        # What neither .env nor the shell has stands there as a mere name, and is no variable of the process.
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def stop(self, container: str, seconds: int = 20) -> tuple[float, int]:
        """SIGTERM, and SIGKILL after `seconds`: how long the end took, and the status. 137 means that it was killed."""
        began = time.monotonic()
        self.engine.docker("stop", "--time", str(seconds), container)
        took = time.monotonic() - began
        return took, int(self.engine.inspect(container, "{{.State.ExitCode}}"))

    def down(self) -> None:
        """Remove the containers, networks and volumes of this project."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "20")

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Ask the published address; the status and the body."""
        request = urllib.request.Request(self.address + path, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read().decode(errors="replace")

    def people(self) -> None:
        """The login and the agent, by the commands of docs/deployment.md."""
        self.manage("setup_agent")
        argv = ["createsuperuser", "--noinput", "--username", PERSON, "--email", "a@example.com"]
        self.manage(*argv, environment={"DJANGO_SUPERUSER_PASSWORD": PASSWORD})
