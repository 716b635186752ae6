"""docker-compose.yml as `docker compose` understands it, as far as ours goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
#: Services that are told the settings. The demo model is told no more than where it listens.
FULL = ("web", "worker", "migrate")
#: Settings that .env has no say in, because the image or the compose file decides them.
FIXED = {"HOLDFAST_DATA", "HOLDFAST_HOST", "HOLDFAST_PORT", "HOLDFAST_DEMO_HOST", "HOLDFAST_DEMO_PORT"}
#: How many containers of a service there are: the compose file itself goes by them.
SCALES = {"HOLDFAST_WEB_PROCESSES": "web", "HOLDFAST_WORKER_PROCESSES": "worker"}
#: Settings for a trial and for tests.
NOT_FOR_SERVERS = {
    "HOLDFAST_TRIAL",
    "DJANGO_DEBUG",
    "HOLDFAST_END_WITH_PARENT",
    "HOLDFAST_DIE_AT",
    "HOLDFAST_TEST_CLOCK",
}
#: What the compose file makes of other variables, or of there being a proxy, which is told this one instead.
MADE = {"DATABASE_URL", "REDIS_URL", "DJANGO_BEHIND_PROXY"}
_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?:(:-|:\?)([^}]*))?\}")


def documented() -> set[str]:
    """Every setting that the table of docs/deployment.md names."""
    table = (ROOT / "docs/deployment.md").read_text().split("## Settings")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", table, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


def passed_on() -> set[str]:
    """Those of them that an operator may put into .env and that reach the containers as they are."""
    return documented() - FIXED - NOT_FOR_SERVERS - MADE - SCALES.keys()


def interpolate(text: str, env: Mapping[str, str]) -> str:
    """`${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$`. Raises ValueError(message)."""

    def value(found: re.Match[str]) -> str:
        name, how, rest = found.groups()
        if name is None:
            return "$"
        if how == ":?" and not env.get(name):
            raise ValueError(rest)
        return env.get(name) or (rest if how == ":-" else "")

    return _VARIABLE.sub(value, text)


def read_env(path: Path) -> dict[str, str]:
    """The lines NAME=value of a file such as .env."""
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", path.read_text(), re.MULTILINE))


def load(path: Path, env: Mapping[str, str]) -> dict[str, Any]:
    """The services with their variables put in. A variable without a value is passed on if `env` has it."""
    services: dict[str, Any] = yaml.safe_load(path.read_text())["services"]
    for service in services.values():
        given = {
            name: env.get(name) if text is None else text for name, text in service["environment"].items()
        }
        service["environment"] = {
            name: interpolate(str(text), env) for name, text in given.items() if text is not None
        }
        if command := service.get("command"):
            service["command"] = [interpolate(word, env) for word in command]
    return services
