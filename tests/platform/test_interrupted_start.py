"""`make run` that is interrupted while it prepares, and begun again: the real venv, pip and npm, with a package each
that a registry of ours keeps them waiting for. `make first-starts` does it with everything that there is to install."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.starts.interrupted import Clone
from tests.starts.moments import MOMENTS, Moment, lies, says
from tests.support.held_registry import BUILT, MODULE, MODULES, NAME, WHEEL, Registry
from tests.support.ports import claim_port
from tests.support.processes import ROOT
from tests.support.waiting import wait_until

INT, KILL = signal.SIGINT, signal.SIGKILL
#: Takes the place of what starts everything once all is installed.
STARTS = "print('Holdfast is ready:  http://here\\n  login     demo\\n  password  word', flush=True)\n"


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as one:
        yield one


@pytest.fixture
def clone(tmp_path: Path, registry: Registry) -> Iterator[Clone]:
    """A clone with a small lock and a small page."""
    root = tmp_path / "clone"
    shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", root)
    (root / "scripts/stack.py").write_text(STARTS)
    (root / "requirements.lock").write_text(registry.wanted_by_pip())
    (root / "frontend").mkdir()
    package, lock = registry.wanted_by_npm()
    (root / "frontend/package.json").write_text(package)
    (root / "frontend/package-lock.json").write_text(lock)
    one = Clone(root, claim_port(), ("make", "run", f"PYTHON={sys.executable}"))
    yield one
    one.end()


def asked(registry: Registry, path: str) -> Moment:
    """When somebody waits for this."""
    before = registry.asked.count(path)
    return Moment(
        f"{path} is waited for", "", lambda *_: registry.asked.count(path) > before, lambda *_: False
    )


def is_whole(folder: Path) -> None:
    """Everything is there, and nothing says that something was begun."""
    code = (
        f"import {', '.join(f'{MODULE}.part{number}' for number in range(MODULES))}, pip._internal.cli.main"
    )
    done = subprocess.run([folder / ".venv/bin/python", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list((folder / ".venv").glob(".*.begun"))
    assert (folder / "frontend/node_modules" / NAME / "index.js").exists()
    assert (folder / "frontend/dist/assets/whole.js").exists()


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "signals",
    [(KILL, INT, KILL, INT), (INT, KILL, INT, KILL)],
    ids=["kill first", "Ctrl-C first"],
)
def test_interrupted_at_each_step_it_is_begun_again_and_all_is_whole(
    signals: tuple[signal.Signals, ...], clone: Clone, registry: Registry, tmp_path: Path
) -> None:
    env = registry.environment(tmp_path / "cache")
    registry.hold(f"/{WHEEL}", "/small.tgz", BUILT)
    # pip looks whole long before it is: half of an environment must not pass for one.
    clone.interrupt(MOMENTS[0], signals[0], **env)
    clone.interrupt(asked(registry, f"/{WHEEL}"), signals[1], **env)
    assert "Creating .venv" in (clone.logs / "2.log").read_text()
    registry.let_go(f"/{WHEEL}")
    clone.interrupt(asked(registry, "/small.tgz"), signals[2], **env)
    assert "Creating .venv" in (clone.logs / "3.log").read_text()
    registry.let_go("/small.tgz")
    clone.interrupt(asked(registry, BUILT), signals[3], **env)
    registry.let_go(BUILT)
    clone.ready(**env)
    is_whole(clone.folder)
    # What was finished before the last interruption was not done again.
    assert "Creating" not in (clone.logs / "5.log").read_text() + (clone.logs / "4.log").read_text()
    assert "Installing" not in (clone.logs / "5.log").read_text()


@pytest.mark.slow
@pytest.mark.exhaustive
def test_what_a_killed_start_has_left_running_is_waited_for(
    clone: Clone, registry: Registry, tmp_path: Path
) -> None:
    """pip goes on by itself when only its parent is killed; a second pip in the same folder would ruin it."""
    env = registry.environment(tmp_path / "cache")
    registry.hold(f"/{WHEEL}")
    first = clone.start(**env)
    wait_until(lambda: f"/{WHEEL}" in registry.asked, 60, "pip to wait")
    parents = [pid for pid, line in clone.left().items() if "bootstrap.py" in line and "make" not in line]
    os.kill(first.process.pid, KILL)
    os.kill(parents[0], KILL)
    first.process.wait(10)
    second = clone.start(**env)
    wait_until(lambda: "waiting until it has done so" in second.said(), 60, lambda: second.said())
    assert registry.asked.count(f"/{WHEEL}") == 1
    registry.let_go(f"/{WHEEL}")
    second.ready(120)
    is_whole(clone.folder)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_build_that_was_replaced_half_does_not_pass_for_the_one_before(
    clone: Clone, registry: Registry, tmp_path: Path
) -> None:
    """Somebody looks at another commit, interrupts its build, and goes back."""
    env = registry.environment(tmp_path / "cache")
    clone.ready(**env)
    (clone.folder / "frontend/other.ts").touch()
    registry.hold(BUILT)
    began = Moment("it builds", "", says("Building the frontend"), lambda *_: False)
    clone.interrupt(began, KILL, **env)
    (clone.folder / "frontend/other.ts").unlink()
    assert not lies("frontend/dist/.vite/holdfast.stamp")(clone.folder, "")
    registry.let_go(BUILT)
    clone.ready(**env)
    assert "Building the frontend" in (clone.logs / "3.log").read_text()
