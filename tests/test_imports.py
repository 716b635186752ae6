"""The import rules of the house (docs/architecture.md), held by reading the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FRONTEND_IMPORT = re.compile(r"""(?:from|import|require\()\s*\(?\s*["']([^"']+)["']""")


@dataclass(frozen=True)
class Source:
    """One Python file: its path below the root and what it imports and touches."""

    path: str
    imports: frozenset[str]
    reads_environment: bool

    def imports_any(self, *packages: str) -> list[str]:
        """The imports that are one of these packages or inside one."""
        return sorted(
            name for name in self.imports if any(name == p or name.startswith(f"{p}.") for p in packages)
        )

    def inside(self, *folders: str) -> bool:
        """Whether it lies in one of these folders or is one of these files."""
        return any(self.path == folder or self.path.startswith(f"{folder}/") for folder in folders)


def read(root: Path, path: Path) -> Source:
    """Parse a file. Relative imports are made absolute, and `from a import b` counts as `a` and `a.b`."""
    relative = path.relative_to(root)
    package = list(relative.parent.parts)
    found: set[str] = set()
    environment = False
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            environment |= node.func.attr == "getenv"
        elif isinstance(node, ast.Attribute) and node.attr in ("environ", "environb"):
            environment |= not _only_names_the_settings(path, node)
    environment |= bool({"os.environ", "os.getenv"} & found)
    return Source(relative.as_posix(), frozenset(found), environment)


def _only_names_the_settings(path: Path, node: ast.Attribute) -> bool:
    # `os.environ.setdefault("DJANGO_SETTINGS_MODULE", …)` is how Django is told where its settings are.
    line = path.read_text(encoding="utf-8").splitlines()[node.lineno - 1]
    return 'environ.setdefault("DJANGO_SETTINGS_MODULE"' in line


def sources(root: Path) -> Iterator[Source]:
    """Every Python file of the product."""
    for package in ("agents", "chat", "config"):
        for path in sorted((root / package).rglob("*.py")):
            yield read(root, path)


# ---- the rules: each yields a line for every file that breaks it ----------------------------------------------

DJANGO_IN_AGENTS = ("agents/models.py", "agents/admin.py", "agents/apps.py", "agents/migrations")
# The store, and the files that it is split into.
REDIS_SPEAKERS = ("chat/session/store.py", "chat/session/connect.py", "chat/session/scripts")
ENTRANCES = "chat/entrances"


def agents_are_alone(files: Iterable[Source]) -> Iterator[str]:
    """`agents` decides and knows nothing of delivery or storage."""
    for file in files:
        if file.inside("agents"):
            bad = file.imports_any(
                "chat", "config", "channels", "channels_redis", "redis", "coredis", "streaq"
            )
            if not file.inside(*DJANGO_IN_AGENTS):
                bad += file.imports_any("django")
            yield from (f"{file.path} imports {name}" for name in bad)


def only_the_store_speaks_redis(files: Iterable[Source]) -> Iterator[str]:
    """One module speaks Redis."""
    for file in files:
        if not file.inside(*REDIS_SPEAKERS):
            yield from (f"{file.path} imports {n}" for n in file.imports_any("redis", "coredis", "valkey"))


def only_the_doorbell_rings(files: Iterable[Source]) -> Iterator[str]:
    """One module touches channel layers, and it carries no data."""
    for file in files:
        if not file.inside("chat/notify/doorbell.py"):
            bad = file.imports_any("channels.layers", "channels_redis")
            yield from (f"{file.path} imports {name}" for name in bad)


def entrances_are_apart(files: Iterable[Source]) -> Iterator[str]:
    """An entrance knows neither the others nor the store nor the loop."""
    for file in files:
        if not file.inside(ENTRANCES) or file.path.count("/") < 3:
            continue
        own = ".".join(file.path.split("/")[:3])
        for name in file.imports_any("chat.entrances"):
            parts = name.split(".")
            if len(parts) > 2 and ".".join(parts[:3]) != own:
                yield f"{file.path} imports {name}"
        bad = file.imports_any("chat.session.store", "chat.session.memory", "agents.loop", "chat.runs.runner")
        yield from (f"{file.path} imports {name}" for name in bad)


def the_messenger_room_knows_no_messenger(files: Iterable[Source]) -> Iterator[str]:
    """What any messenger needs imports no entrance."""
    for file in files:
        if file.inside("chat/messenger"):
            yield from (f"{file.path} imports {name}" for name in file.imports_any("chat.entrances"))


def only_settings_read_the_environment(files: Iterable[Source]) -> Iterator[str]:
    """Every setting has one place."""
    for file in files:
        if file.reads_environment and not file.inside("config/settings.py"):
            yield f"{file.path} reads the environment"


def chat_is_below_config(files: Iterable[Source]) -> Iterator[str]:
    """`chat` takes settings from Django, not from the module; only commands may ask the health page."""
    for file in files:
        if file.inside("chat") and not file.inside("chat/management"):
            yield from (f"{file.path} imports {name}" for name in file.imports_any("config"))


RULES: list[Callable[[Iterable[Source]], Iterator[str]]] = [
    agents_are_alone,
    only_the_store_speaks_redis,
    only_the_doorbell_rings,
    entrances_are_apart,
    the_messenger_room_knows_no_messenger,
    only_settings_read_the_environment,
    chat_is_below_config,
]


def ui_keeps_off_the_socket(root: Path) -> Iterator[str]:
    """The components render state and send commands; the connection is none of their business."""
    for path in sorted((root / "frontend/src/ui").rglob("*.ts*")):
        for name in FRONTEND_IMPORT.findall(path.read_text(encoding="utf-8")):
            if name.rsplit("/", 1)[-1].removesuffix(".ts").removesuffix(".js") == "socket":
                yield f"{path.relative_to(root).as_posix()} imports {name}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_source_keeps(rule: Callable[[Iterable[Source]], Iterator[str]]) -> None:
    files = list(sources(ROOT))
    assert len(files) > 20
    assert list(rule(files)) == []


def test_source_keeps_ui_off_the_socket() -> None:
    assert list((ROOT / "frontend/src/ui").rglob("*.tsx"))
    assert list(ui_keeps_off_the_socket(ROOT)) == []


# ---- the rules can fail: a small tree that breaks each of them ---------------------------------------------------

BROKEN = {
    "agents/loop.py": ("from chat import inbox\nfrom django.db import models\n", agents_are_alone, 4),
    "agents/llm/base.py": ("def late():\n    import redis.asyncio\n", agents_are_alone, 1),
    "chat/feed.py": ("from redis import asyncio\n", only_the_store_speaks_redis, 2),
    "chat/inbox.py": ("from channels.layers import get_channel_layer\n", only_the_doorbell_rings, 2),
    "chat/entrances/feishu/views.py": ("from ..browser import consumer\n", entrances_are_apart, 2),
    "chat/entrances/web/api.py": ("from chat.session.store import Store\n", entrances_are_apart, 2),
    "chat/messenger/outbox.py": (
        "from chat.entrances.feishu import client\n",
        the_messenger_room_knows_no_messenger,
        2,
    ),
    "chat/runs/worker.py": ("import os\nX = os.environ['X']\n", only_settings_read_the_environment, 1),
    "chat/runs/queue.py": ("from os import getenv\n", only_settings_read_the_environment, 1),
    "chat/runs/runner.py": ("from config import settings\n", chat_is_below_config, 2),
}


@pytest.mark.parametrize("path", BROKEN)
def test_each_rule_catches_a_file_that_breaks_it(path: str, tmp_path: Path) -> None:
    text, rule, findings = BROKEN[path]
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    found = list(rule(sources(tmp_path)))
    assert len(found) == findings, found
    assert all(line.startswith(path) for line in found)


def test_the_ui_rule_catches_a_component_that_opens_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / "frontend/src/ui/parts"
    folder.mkdir(parents=True)
    (folder / "Bad.tsx").write_text('import { Socket } from "../../sync/socket";\n')
    (folder / "Good.tsx").write_text('import { Client } from "../../sync/client";\n')
    assert list(ui_keeps_off_the_socket(tmp_path)) == [
        "frontend/src/ui/parts/Bad.tsx imports ../../sync/socket"
    ]


def test_naming_the_settings_module_is_no_reading(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/asgi.py").write_text(
        'import os\n\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")\n'
    )
    assert list(only_settings_read_the_environment(sources(tmp_path))) == []
