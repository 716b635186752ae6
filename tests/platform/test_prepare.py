"""Preparing a checkout: what is missing is one line, what is done is not done again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import lock, prepare
from tests.support.ports import claim_port
from tests.support.processes import ROOT, clean_environment

BOOTSTRAP = ROOT / "scripts" / "bootstrap.py"


def test_port_in_use_is_one_line_and_nothing_is_installed() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            ["make", "run", f"PORT={port}", f"PYTHON={sys.executable}"],
            cwd=ROOT,
            env=clean_environment(),
            capture_output=True,
            text=True,
        )
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert lines == [
        f"Port {port} is in use. Stop what listens there or choose another: make run PORT={port + 1}"
    ]
    assert done.stdout == ""


@pytest.mark.parametrize("port", ["70000", "0", "-1", "http", ""])
def test_port_that_is_none_is_one_line(port: str) -> None:
    argv = ["make", "run", f"PORT={port}", f"PYTHON={sys.executable}"]
    done = subprocess.run(argv, cwd=ROOT, env=clean_environment(), capture_output=True, text=True)
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if not line.startswith("make")] == [
        f"PORT must be a number between 1 and 65535, and {port!r} is none. Choose another: make run PORT=8000"
    ]


def test_port_that_is_free_is_fine() -> None:
    prepare.check_port(claim_port())


OLD = """
import sys
sys.version_info = (3, 9, 1, "final", 0)
sys.argv = ["scripts/bootstrap.py", "run"]
exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"))
"""


def test_old_python_is_one_line(tmp_path: Path) -> None:
    """The interpreter is this one; what it says of its version is an old one's."""
    done = subprocess.run(
        [sys.executable, "-c", OLD], cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Holdfast needs Python 3.11 or newer; this is 3.9. Install one (https://www.python.org/downloads/) "
        "or name it: make run PYTHON=/path/to/python3"
    ]
    assert done.stdout == ""


def test_old_python_hands_over_to_a_newer_one_in_path(tmp_path: Path) -> None:
    (tmp_path / "python3.12").write_text("#!/bin/sh\necho newer: $*\n")
    (tmp_path / "python3.12").chmod(0o755)
    path = (
        f"{tmp_path}:/usr/bin:/bin"
        if not any(Path(f"/usr/bin/python3.{n}").exists() for n in (13, 14))
        else ""
    )
    done = subprocess.run(
        [sys.executable, "-c", OLD],
        cwd=ROOT,
        env={"PATH": path or str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "newer: scripts/bootstrap.py run\n"


def test_first_step_is_plain_enough_for_old_pythons() -> None:
    text = BOOTSTRAP.read_text()
    text.encode("ascii")
    compile(text, "bootstrap", "exec", dont_inherit=True)
    for modern in ('f"', "f'", ":=", "->", "from __future__", "match "):
        assert modern not in text


@pytest.mark.parametrize(
    ("program", "line"),
    [
        (None, "node or npm is not in PATH"),
        ("#!/bin/sh\necho v18.19.0\n", "this is v18.19.0"),
        ("#!/bin/sh\necho v20.3.1\n", "this is v20.3.1"),
        ("#!/bin/sh\nexit 1\n", "this is none that works"),
    ],
)
def test_node_missing_or_too_old_is_one_line(
    program: str | None, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if program:
        for name in ("node", "npm"):
            (tmp_path / name).write_text(program)
            (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    with pytest.raises(prepare.Missing) as missing:
        prepare.node_version()
    assert line in str(missing.value)
    assert "Holdfast needs Node 20.19 or newer" in str(missing.value)
    assert "\n" not in str(missing.value)


def test_this_node_is_new_enough() -> None:
    assert prepare.node_version().startswith("v")


def test_a_step_is_done_again_exactly_when_what_it_depends_on_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "ROOT", tmp_path)
    source, stamp = tmp_path / "a.txt", tmp_path / "stamp"
    source.write_text("one")
    first = prepare.fingerprint([source], "v1")
    assert not prepare.is_done(stamp, first)
    stamp.write_text(first)
    assert prepare.is_done(stamp, prepare.fingerprint([source], "v1"))
    assert not prepare.is_done(stamp, prepare.fingerprint([source], "v2"))
    source.write_text("two")
    assert not prepare.is_done(stamp, prepare.fingerprint([source], "v1"))
    source.write_text("one")
    (tmp_path / "b.txt").write_text("")
    assert prepare.fingerprint([source, tmp_path / "b.txt"], "v1") != first


def test_a_failing_command_shows_its_output_and_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(prepare.Missing, match="^it failed$"):
        prepare.run([sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], "it failed")
    assert "the reason" in capfd.readouterr().err


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    for name in lock.LOCKS | lock.APART:
        for line in (ROOT / name).read_text().splitlines():
            if line and not line.startswith(("#", "-r ")):
                package = line.split("==")[0].split("[")[0]
                assert f"`{package}`" in text, package


def test_ci_calls_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = [line for line in script.read_text().splitlines() if line and not line.startswith("#")]
    assert lines[-1] == "exec make test"
