"""The import rules of the house (docs/architecture.md), held by reading the source."""

from __future__ import annotations

import ast
import functools
import graphlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
FRONTEND_IMPORT = re.compile(r"""(?:from|import|require\()\s*\(?\s*["']([^"']+)["']""")


@dataclass(frozen=True)
class Source:
    """One Python file: its path below the root, what it imports and touches, and the texts that it works with (not
    those that document it)."""

    path: str
    imports: frozenset[str]
    reads_environment: bool
    texts: frozenset[str] = frozenset()

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
    texts: set[str] = set()
    environment = False
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= _named(node, package)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            texts.add(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            environment |= node.func.attr == "getenv"
        elif isinstance(node, ast.Attribute) and node.attr in ("environ", "environb"):
            environment |= not _only_names_the_settings(path, node)
    environment |= bool({"os.environ", "os.getenv"} & found)
    return Source(relative.as_posix(), frozenset(found), environment, frozenset(texts))


def _named(node: ast.Import | ast.ImportFrom, package: list[str]) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    above = package[: len(package) - node.level + 1] if node.level else []
    base = ".".join([*above, *(node.module or "").split(".")]).strip(".")
    return {base, *(f"{base}.{alias.name}" for alias in node.names)}


def _only_names_the_settings(path: Path, node: ast.Attribute) -> bool:
    # `os.environ.setdefault("DJANGO_SETTINGS_MODULE", …)` is how Django is told where its settings are.
    line = path.read_text(encoding="utf-8").splitlines()[node.lineno - 1]
    return 'environ.setdefault("DJANGO_SETTINGS_MODULE"' in line


@functools.cache
def product() -> tuple[Source, ...]:
    """Every Python file of the product as it is here."""
    return tuple(sources(ROOT))


def sources(root: Path) -> Iterator[Source]:
    """Every Python file of the product."""
    for package in ("agents", "chat", "config", "demo"):
        for path in sorted((root / package).rglob("*.py")):
            yield read(root, path)


# ---- the rules: each yields a line for every file that breaks it ----------------------------------------------

DJANGO_IN_AGENTS = (
    "agents/models.py",
    "agents/admin.py",
    "agents/apps.py",
    "agents/migrations",
    "agents/serving",
)
# What keeps something has its table and its admin beside it, and knows nothing of them itself.
DJANGO_IN_TOOLS = re.compile(r"agents/(tools/\w+|learned)/(models|store|admin)\.py")
# The store, and the files that it is split into.
REDIS_SPEAKERS = ("chat/session/store.py", "chat/session/connect.py", "chat/session/scripts")
ENTRANCES = "chat/entrances"
#: What the core must not name: the entrances of the journal. (`web` is what an event says that says nothing.)
NAMES = frozenset({"feishu", "schedule", "trigger"})
#: What has been there before the entrances were apps, and cannot be changed any more.
LANDED = "chat/migrations"
#: What sessions name as 0.1.0 did (chat/http/sessions.py): data, no module.
STORED = "chat.entrances.browser.guesses.PasswordBackend"
DIALECTS = {
    f"agents.dialects.{folder.name}" for folder in (ROOT / "agents/dialects").iterdir() if folder.is_dir()
}


# Modules that cannot be imported without Django.
TABLES = (
    *("agents.models", "agents.admin", "agents.serving"),
    *("agents.tools.notes.models", "agents.tools.notes.store"),
    *("agents.learned.models", "agents.learned.store", "agents.learned.admin"),
)


def agents_are_alone(files: Iterable[Source]) -> Iterator[str]:
    """`agents` decides and knows nothing of delivery or storage."""
    for file in files:
        if file.inside("agents"):
            bad = file.imports_any(
                "chat", "config", "channels", "channels_redis", "redis", "coredis", "streaq"
            )
            if not file.inside(*DJANGO_IN_AGENTS) and not DJANGO_IN_TOOLS.fullmatch(file.path):
                bad += file.imports_any("django", "asgiref", *TABLES)
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


def the_core_knows_no_entrance(files: Iterable[Source]) -> Iterator[str]:
    """Entrances register themselves (chat/extensions.py); nothing else imports one, or decides by the name of one."""
    for file in files:
        if file.inside(ENTRANCES, LANDED):
            continue
        yield from (f"{file.path} imports {name}" for name in file.imports_any("chat.entrances"))
        yield from (f"{file.path} names {text!r}" for text in sorted(file.texts & NAMES))
        dotted = sorted(text for text in file.texts - {STORED} if re.match(r"chat\.entrances\.\w", text))
        yield from (f"{file.path} names {text!r}" for text in dotted)


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


def nobody_needs_the_demo(files: Iterable[Source]) -> Iterator[str]:
    """The demo is for a trial: the product must be whole without it."""
    for file in files:
        if not file.inside("demo"):
            yield from (f"{file.path} imports {name}" for name in file.imports_any("demo"))


def dialects_are_apart(files: Iterable[Source]) -> Iterator[str]:
    """A dialect knows no other, and its gate nothing of what makes its requests."""
    for file in files:
        parts = file.path.split("/")
        if not file.inside("agents/dialects") or len(parts) < 4:
            continue
        for name in file.imports_any("agents.dialects"):
            folder = ".".join(name.split(".")[:3])
            if folder != f"agents.dialects.{parts[2]}" and folder.count(".") == 2 and folder in DIALECTS:
                yield f"{file.path} imports {name}"
        if parts[3] == "validate.py":
            bad = file.imports_any("agents.transcript", f"agents.dialects.{parts[2]}.request")
            yield from (f"{file.path} imports {name}" for name in bad)


def providers_are_apart(files: Iterable[Source]) -> Iterator[str]:
    """A provider's file is data of its own: it takes the shapes from `base` and nothing else."""
    for file in files:
        if file.inside("agents/providers") and not file.inside("agents/providers/base.py"):
            bad = [
                name
                for name in file.imports_any("agents")
                if name not in ("agents", "agents.providers", "agents.providers.base")
                and not name.startswith("agents.providers.base.")
            ]
            yield from (f"{file.path} imports {name}" for name in bad)


def sql_is_asked_in_one_way(files: Iterable[Source]) -> Iterator[str]:
    """Async code goes to SQL by chat/support/database.py, which translates what the driver says."""
    for file in files:
        # Django's cache is asked in threads, too; it may be a table, and when it is away each process goes on alone.
        # What Django's own middleware stores is for Django's own answer to an error.
        if not file.inside("chat/messenger/pacing.py", "config/middleware.py"):
            bad = file.imports_any("channels.db", "asgiref.sync.sync_to_async")
            yield from (f"{file.path} imports {name}" for name in bad)


RULES: list[Callable[[Iterable[Source]], Iterator[str]]] = [
    sql_is_asked_in_one_way,
    agents_are_alone,
    only_the_store_speaks_redis,
    only_the_doorbell_rings,
    entrances_are_apart,
    the_core_knows_no_entrance,
    only_settings_read_the_environment,
    chat_is_below_config,
    nobody_needs_the_demo,
    dialects_are_apart,
    providers_are_apart,
]


# ---- circles ------------------------------------------------------------------------------------------------------

PACKAGES = ("agents", "chat", "config", "demo")


def import_graph(root: Path, packages: Iterable[str] = PACKAGES) -> grimp.ImportGraph:
    """Who imports whom, as grimp reads it: also inside functions, and also for types only."""
    sys.path.insert(0, str(root))
    try:
        return grimp.build_graph(*packages, cache_dir=None)
    finally:
        sys.path.remove(str(root))


def circle(graph: grimp.ImportGraph) -> list[str]:
    """Modules of which each is imported by the next, and the first is the last; empty if there are none."""
    try:
        graphlib.TopologicalSorter(
            {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        ).prepare()
    except graphlib.CycleError as found:
        return list(found.args[1])
    return []


def floors(graph: grimp.ImportGraph) -> int:
    """The modules of the longest chain of imports, in a graph without circles."""
    sorter = graphlib.TopologicalSorter(
        {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    )
    sorter.prepare()
    found = 0
    while sorter.is_active():
        found += 1
        sorter.done(*sorter.get_ready())
    return found


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = import_graph(ROOT)
    assert len(graph.modules) > 200
    assert circle(graph) == []
    print(f"{len(graph.modules)} modules, {graph.count_imports()} arrows, {floors(graph)} floors")


@pytest.mark.parametrize(
    "text",
    [
        "from snake.tail import end\n",
        "def late():\n    from snake.tail import end\n",
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from . import tail\n",
    ],
    ids=["at the top", "in a function", "for a type"],
)
def test_a_circle_is_found_wherever_its_import_stands(text: str, tmp_path: Path) -> None:
    (tmp_path / "snake").mkdir()
    for name, lines in {
        "__init__": "",
        "head": text,
        "body": "import snake.head\n",
        "tail": "import snake.body\n",
    }.items():
        (tmp_path / f"snake/{name}.py").write_text(lines)
    found = circle(import_graph(tmp_path, ["snake"]))
    assert set(found) == {"snake.head", "snake.body", "snake.tail"} and found[0] == found[-1]


def ui_uses_the_public_entry_of_sync(root: Path) -> Iterator[str]:
    """The components render state and send commands; how the client does its work is none of their business."""
    sync = (root / "frontend/src/sync").resolve()
    for path in sorted((root / "frontend/src/ui").rglob("*.ts*")):
        for name in FRONTEND_IMPORT.findall(path.read_text(encoding="utf-8")):
            if name.startswith(".") and sync in (path.parent / name).resolve().parents:
                yield f"{path.relative_to(root).as_posix()} imports {name}"


def sync_is_free_of_any_framework(root: Path) -> Iterator[str]:
    """`src/sync` is a package of its own: it imports its own files only, and its tests what runs them."""
    sync = (root / "frontend/src/sync").resolve()
    for path in sorted((root / "frontend/src/sync").rglob("*.ts*")):
        tests = ".test." in path.name or path.parent.name == "testing"
        for name in FRONTEND_IMPORT.findall(path.read_text(encoding="utf-8")):
            if sync in (path.parent / name).resolve().parents if name.startswith(".") else tests:
                continue
            yield f"{path.relative_to(root).as_posix()} imports {name}"


FRONTEND_RULES = [ui_uses_the_public_entry_of_sync, sync_is_free_of_any_framework]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_source_keeps(rule: Callable[[Iterable[Source]], Iterator[str]]) -> None:
    assert len(product()) > 20
    assert list(rule(product())) == []


@pytest.mark.parametrize("rule", FRONTEND_RULES, ids=lambda rule: rule.__name__)
def test_frontend_keeps(rule: Callable[[Path], Iterator[str]]) -> None:
    assert list((ROOT / "frontend/src/ui").rglob("*.tsx"))
    assert list((ROOT / "frontend/src/sync").rglob("*.ts"))
    assert list(rule(ROOT)) == []


# ---- the rules can fail: a small tree that breaks each of them ---------------------------------------------------

BROKEN = {
    "chat/runs/presence.py": (
        "def late():\n    from asgiref.sync import sync_to_async\n",
        sql_is_asked_in_one_way,
        1,
    ),
    "agents/loop.py": ("from chat import inbox\nfrom django.db import models\n", agents_are_alone, 4),
    "agents/dialects/base.py": ("def late():\n    import redis.asyncio\n", agents_are_alone, 1),
    "chat/feed.py": ("from redis import asyncio\n", only_the_store_speaks_redis, 2),
    "chat/inbox.py": ("from channels.layers import get_channel_layer\n", only_the_doorbell_rings, 2),
    "chat/entrances/feishu/views.py": ("from ..browser import consumer\n", entrances_are_apart, 2),
    "chat/entrances/web/api.py": ("from chat.session.store import Store\n", entrances_are_apart, 2),
    "chat/models.py": ("from chat.entrances.feishu.models import FeishuApp\n", the_core_knows_no_entrance, 2),
    "chat/apps.py": ("def ready():\n    import chat.entrances.feishu\n", the_core_knows_no_entrance, 1),
    "agents/results.py": (
        '"""The trigger."""\nUNWATCHED = {"schedule", "trigger"}\n',
        the_core_knows_no_entrance,
        2,
    ),
    "config/urls.py": ('include("chat.entrances.feishu.urls")\n', the_core_knows_no_entrance, 1),
    "chat/messenger/outbox.py": (
        "from chat.entrances.feishu import client\n",
        the_core_knows_no_entrance,
        2,
    ),
    "chat/runs/worker.py": ("import os\nX = os.environ['X']\n", only_settings_read_the_environment, 1),
    "chat/runs/queue.py": ("from os import getenv\n", only_settings_read_the_environment, 1),
    "chat/runs/runner.py": ("from config import settings\n", chat_is_below_config, 2),
    "agents/steps.py": ("from agents.tools.notes.store import NoteStorage\n", agents_are_alone, 2),
    "chat/runs/dependencies.py": ("from demo.tools import TOOLS\n", nobody_needs_the_demo, 2),
    "agents/dialects/responses/request.py": (
        "from agents.dialects.base import Model\nfrom agents.dialects.chat.request import render\n",
        dialects_are_apart,
        2,
    ),
    "agents/dialects/chat/validate.py": ("from agents.transcript.room import Ask\n", dialects_are_apart, 2),
    "agents/providers/azure.py": (
        "from agents.providers.base import Profile\nfrom agents.providers.openai import PROVIDER\n",
        providers_are_apart,
        2,
    ),
}


@pytest.mark.parametrize("path", BROKEN)
def test_each_rule_catches_a_file_that_breaks_it(path: str, tmp_path: Path) -> None:
    text, rule, findings = BROKEN[path]
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    found = list(rule(sources(tmp_path)))
    assert len(found) == findings, found
    assert all(line.startswith(path) for line in found)


def test_the_frontend_rules_catch_a_file_that_breaks_them(tmp_path: Path) -> None:
    parts, sync = tmp_path / "frontend/src/ui/parts", tmp_path / "frontend/src/sync"
    parts.mkdir(parents=True)
    sync.mkdir()
    (parts / "Bad.tsx").write_text('import { Socket } from "../../sync/socket";\n')
    (parts / "Good.tsx").write_text('import type { Client } from "../../sync";\n')
    (sync / "bad.ts").write_text('import { words } from "../ui/i18n";\nimport { useState } from "react";\n')
    (sync / "good.ts").write_text('import { Core } from "./core";\n')
    (sync / "good.test.ts").write_text('import { test } from "vitest";\n')
    assert list(ui_uses_the_public_entry_of_sync(tmp_path)) == [
        "frontend/src/ui/parts/Bad.tsx imports ../../sync/socket"
    ]
    assert list(sync_is_free_of_any_framework(tmp_path)) == [
        "frontend/src/sync/bad.ts imports ../ui/i18n",
        "frontend/src/sync/bad.ts imports react",
    ]


def test_naming_the_settings_module_is_no_reading(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/asgi.py").write_text(
        'import os\n\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")\n'
    )
    assert list(only_settings_read_the_environment(sources(tmp_path))) == []
