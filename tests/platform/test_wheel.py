"""`pip wheel .` makes a wheel that holds all that runs, and what it installs starts by one command."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts import lock
from tests.support import runtime
from tests.support.ports import claim_port
from tests.support.processes import ROOT, clean_environment
from tests.support.waiting import wait_until
from tests.support.wire import login

PACKAGES = ("agents", "chat", "config", "demo", "scripts")
#: Folders beside the packages, and where a wheel keeps them.
FILES = {"templates": "config/files/templates", "locale": "config/files/locale"}


@pytest.fixture(scope="module")
def wheel() -> Iterator[Path]:
    """The wheel, built by its backend: what `pip wheel .` calls, without the download of the backend."""
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        (path,) = Path(folder).glob("holdfast-*.whl")
        yield path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def tracked(*folders: str) -> list[str]:
    """The files of these folders that belong to the repository."""
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    found = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return [name for name in found if (ROOT / name).is_file()]


def test_the_wheel_holds_every_file_of_what_runs(names: set[str]) -> None:
    """Lua scripts, styles, translations and templates, too; of scripts/ only what a process needs."""
    wanted = {name for name in tracked(*PACKAGES) if not name.startswith("scripts/")}
    for folder, inside in FILES.items():
        wanted |= {inside + name.removeprefix(folder) for name in tracked(folder)}
    assert wanted - names == set()
    assert {"agents/py.typed", "chat/py.typed", "scripts/processes.py", "scripts/alive.py"} <= names


def test_the_wheel_holds_the_built_web_chat(names: set[str]) -> None:
    assert "config/files/frontend/dist/.vite/manifest.json" in names
    assert any(re.fullmatch(r"config/files/frontend/dist/assets/main-.*\.js", name) for name in names)


def test_the_wheel_holds_nothing_else(names: set[str]) -> None:
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} <= set(PACKAGES)
    scripts = {name for name in names if name.startswith("scripts/")}
    for name in scripts:
        imports = re.findall(r"^ *(?:from|import) tests\b", (ROOT / name).read_text(), re.MULTILINE)
        assert imports == [], f"{name} is for a checkout: exclude it in pyproject.toml and .dockerignore"
    assert not {name for name in names if re.search(r"__pycache__|\.pyc$|\.sqlite3|secret_key", name)}


def test_the_wheel_asks_for_the_packages_of_requirements_txt(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = [name for name in archive.namelist() if name.endswith("METADATA")]
        metadata = message_from_bytes(archive.read(path))
    # The metadata have names as the registry writes them: `typing-extensions` for `typing_extensions`.
    asked = {
        str(Requirement(text)).lower().replace("_", "-") for text in metadata.get_all("Requires-Dist") or ()
    }
    assert asked == {str(one).lower().replace("_", "-") for one in lock.direct(ROOT / "requirements.txt")}
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"\n## {metadata['Version']} - 20" in changelog, "The version has no entry in CHANGELOG.md."


@pytest.fixture
def bin(wheel: Path, tmp_path: Path) -> Path:
    """The programs of a clean environment into which the wheel was installed."""
    folder = runtime.make(tmp_path / "environment")
    pip = [sys.executable, "-m", "pip", "--python", folder / "python", "--disable-pip-version-check"]
    install = [*pip, "install", "-q", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, env=os.environ | {"PIP_CONFIG_FILE": os.devnull})
    return folder


@pytest.mark.slow
@pytest.mark.exhaustive
def test_what_the_wheel_installs_runs(bin: Path, tmp_path: Path) -> None:
    """In a folder of somebody's own, with everything that is kept in their home."""
    port, log = claim_port(), tmp_path / "log"
    environment = {**clean_environment(), "HOME": str(tmp_path)}
    environment.pop("VIRTUAL_ENV", None)
    with log.open("wb") as output:
        run = subprocess.Popen(
            [bin / "holdfast", "run", "--port", str(port)],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: run.poll() is not None or "Holdfast is ready" in log.read_text(), 90, "the banner")
        assert run.poll() is None, log.read_text()
        found = re.search(r"login +(\S+)\n +password +(\S+)", log.read_text())
        assert found
        cookies = login(f"http://127.0.0.1:{port}", found[1], found[2])
        page = get(port, "/", cookies)
        (script,) = re.findall(r'<script type="module" src="([^"]+)"', page)
        assert get(port, script, cookies)
    finally:
        run.send_signal(signal.SIGINT)
        assert run.wait(40) == 0, log.read_text()
    assert (tmp_path / ".local/share/holdfast/holdfast.sqlite3").exists()
    site = next(bin.parent.glob("lib/*/site-packages"))
    assert not (site / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--help"], 0, "Usage: holdfast run"),
        ([], 2, "Usage: holdfast run"),
        (["nonsense"], 2, "Usage: holdfast run"),
        (["manage", "check"], 0, "no issues"),
        (["web"], 2, "web cannot start: DJANGO_SECRET_KEY is not set."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_command_says_what_it_does(arguments: list[str], status: int, said: str, tmp_path: Path) -> None:
    trial = {} if arguments == ["web"] else {"HOLDFAST_TRIAL": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "scripts.cli", *arguments],
        cwd=ROOT,
        env=clean_environment(HOLDFAST_DATA=str(tmp_path), **trial),
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr


def get(port: int, path: str, cookies: str) -> str:
    """A page that must be there."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Cookie": cookies})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode(errors="replace")
