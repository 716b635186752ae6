"""What failed beside others is asked again alone, with a pytest of its own in a folder of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.again import MOST, ask_again, failed_last

#: Fails while a file is there, and takes it away: a busy machine that is quiet the second time.
ONCE = """
from pathlib import Path

def test_once():
    busy = Path(__file__).with_name("busy")
    was = busy.exists()
    busy.unlink(missing_ok=True)
    assert not was
"""
ALWAYS = "def test_always():\n    assert False\n"
FINE = "def test_fine():\n    pass\n"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pytest of these tests knows nothing of Holdfast's plugins, nor of how this run was started."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)


def ran(folder: Path, **files: str) -> Path:
    """A folder in which pytest has run over `files`."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    (folder / "busy").touch()
    subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=folder, check=False)
    return folder


def test_what_fails_once_passes_alone_and_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = ran(tmp_path, once=ONCE, fine=FINE)
    assert failed_last(folder) == ["test_once.py::test_once"]
    assert ask_again(folder) == 0
    out, err = capfd.readouterr()
    assert "1 passed" in out.strip().splitlines()[-1]
    assert "test_once.py::test_once" in out and "test_once.py::test_once" in err


def test_what_fails_always_fails_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = ran(tmp_path, once=ONCE, always=ALWAYS)
    assert ask_again(folder) == 1
    out, err = capfd.readouterr()
    assert "1 failed, 1 passed" in out.strip().splitlines()[-1]
    assert "Passed alone" not in err


def test_more_failures_than_an_accident_are_not_asked_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = ran(tmp_path, **{f"always_{number}": ALWAYS for number in range(MOST + 1)})
    assert len(failed_last(folder)) == MOST + 1
    capfd.readouterr()
    assert ask_again(folder) == 1
    assert "AssertionError" not in capfd.readouterr().out


def test_a_run_that_failed_otherwise_is_not_made_good(tmp_path: Path) -> None:
    folder = ran(tmp_path, fine=FINE)
    assert failed_last(folder) == []
    assert ask_again(folder) == 1
