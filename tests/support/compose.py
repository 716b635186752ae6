"""docker-compose.yml as `docker compose` understands it, as far as ours goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?:(:-|:\?)([^}]*))?\}")


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
