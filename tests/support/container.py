"""One container after another from a file tree that tests/support/image.py has made: its commands and settings from
docker-compose.yml, its services on loopback ports, without capabilities."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.image import Stage

PR_CAPBSET_DROP = 24


def without_capabilities() -> None:
    """`cap_drop: [ALL]`: root, too, is held to the permissions of files then. It survives the exec."""
    if os.geteuid() == 0:
        for capability in range(41):
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


@dataclass
class Container:
    """The image's tree in a folder, its services on loopback ports, one environment per service."""

    root: Path
    stage: Stage
    services: dict[str, Any] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    #: By service. A port is claimed shortly before it is used; until then 1, where nobody listens.
    ports: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("web", "demo", "valkey"), 1))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.ports['web']}"

    def environment(self, service: str) -> dict[str, str]:
        """What the image and the compose file set, with hosts and folders of ours in place of the containers'."""
        env = self.stage.environment() | self.services[service].get("environment", {})
        env["PATH"] = env["PATH"].replace("/opt", f"{self.root}/opt").replace("$PATH", os.environ["PATH"])
        env["HOLDFAST_DATA"] = f"{self.root}{env['HOLDFAST_DATA']}"
        env |= {name: "127.0.0.1" for name, value in env.items() if value == "0.0.0.0"}
        env |= {"HOLDFAST_PORT": str(self.ports["web"]), "HOLDFAST_DEMO_PORT": str(self.ports["demo"])}
        for name, value in env.items():
            for host, port in self.ports.items():
                value = re.sub(rf"(?<=[@/]){host}:\d+", f"127.0.0.1:{port}", value)
            env[name] = value
        return env

    def begin(self, service: str, argv: list[str]) -> subprocess.Popen[bytes]:
        """Start a command as the container of this service would."""
        env = self.environment(service)
        program = shutil.which(argv[0], path=env["PATH"])
        assert program, argv
        with (self.root.parent / f"{service}.log").open("ab") as log:
            return subprocess.Popen(
                [program, *argv[1:]],
                cwd=f"{self.root}{self.stage.values('WORKDIR')[-1]}",
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=without_capabilities,
            )

    def run(self, service: str, *argv: str) -> None:
        """Run a command to its end; it must succeed."""
        assert self.begin(service, list(argv)).wait(120) == 0, f"{argv}:\n{self.log(service)}"

    def start(self, service: str) -> None:
        """Start the service by its own command."""
        self.running[service] = self.begin(service, self.services[service]["command"])

    def log(self, service: str) -> str:
        return (self.root.parent / f"{service}.log").read_text(errors="replace")[-4000:]

    def healthy(self, service: str) -> bool:
        """Whether the health check of the compose file succeeds. The process must be alive."""
        assert self.running[service].poll() is None, f"{service} has ended:\n{self.log(service)}"
        kind, *argv = self.services[service]["healthcheck"]["test"]
        return self.begin(service, ["sh", "-c", *argv] if kind == "CMD-SHELL" else argv).wait(60) == 0
