"""Nobody else on the machine reads the data folder: folders 0700, files 0600, new ones and those of earlier releases.

Looked at as they really are, by their modes, after the processes have made them.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from config.private import close, close_all, open_to_others, private_database
from tests.platform.test_run import Run
from tests.support.ports import claim_port
from tests.support.processes import ROOT, clean_environment


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def wide(data: Path) -> dict[str, str]:
    """What others could open: the modes by path."""
    return {str(path): oct(mode(path)) for path in [data, *data.rglob("*")] if mode(path) & 0o077}


@pytest.fixture(autouse=True)
def as_most_machines() -> Iterator[None]:
    """New files of this process are for everybody to read, as on most machines."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def of_an_earlier_release(data: Path) -> None:
    """A folder as `make run` left it before: for everybody to read."""
    for name in ("logs/web.log", "media/ab/cd", "valkey/appendonlydir/a.aof", "lock", "holdfast.sqlite3-wal"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(b"")
    (data / "secret_key").write_text("a-random-key-" * 5)
    shutil.rmtree(data / "valkey")
    (data / "holdfast.sqlite3-wal").unlink()


class TestMakeRun:
    @pytest.mark.exhaustive
    @pytest.mark.parametrize("before", ["none", "earlier release"])
    def test_what_the_supervisors_processes_make_is_for_their_user_alone(
        self, before: str, tmp_path: Path
    ) -> None:
        data = tmp_path / "data"
        if before != "none":
            data.mkdir()
            of_an_earlier_release(data)
            assert len(wide(data)) >= 7
        run = Run(data, claim_port())
        try:
            run.until("Holdfast is ready")
            names = {path.relative_to(data).parts[0] for path in data.rglob("*")}
            assert names >= {
                "holdfast.sqlite3",
                "holdfast.sqlite3-wal",
                "secret_key",
                "logs",
                "valkey",
                "lock",
            }
            assert (data / "logs" / "web.log").exists() and any((data / "valkey").rglob("*.aof"))
            assert wide(data) == {}
        finally:
            run.end()
        assert wide(data) == {}


def load(data: Path) -> subprocess.CompletedProcess[str]:
    """The settings, as any command of manage.py loads them, and a row in the database."""
    script = (
        "import os; os.umask(0o022); import django; django.setup(); from django.db import connection as c; "
        "c.cursor().execute('create table t (x)'); import sys; sys.stdin.read(1)"
    )
    env = clean_environment(
        HOLDFAST_DATA=str(data), DJANGO_SECRET_KEY="of-tests-" * 8, DJANGO_SETTINGS_MODULE="config.settings"
    )
    argv = [sys.executable, "-c", script]
    return subprocess.run(argv, cwd=ROOT, env=env, input="", capture_output=True, text=True)


def test_a_database_that_a_command_makes_is_private_whatever_its_umask(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert load(data).returncode == 0
    assert mode(data) == 0o700 and mode(data / "holdfast.sqlite3") == 0o600


def test_a_database_of_an_earlier_release_is_closed_with_its_journals(tmp_path: Path) -> None:
    names = ("holdfast.sqlite3", "holdfast.sqlite3-wal", "holdfast.sqlite3-shm")
    for name in names:
        (tmp_path / name).touch(mode=0o644)
    private_database(tmp_path / "holdfast.sqlite3")
    assert {mode(tmp_path / name) for name in names} == {0o600}


def test_attachments_are_private_also_in_new_folders(settings, tmp_path: Path) -> None:
    storage = FileSystemStorage(
        tmp_path / "media",
        file_permissions_mode=settings.FILE_UPLOAD_PERMISSIONS,
        directory_permissions_mode=settings.FILE_UPLOAD_DIRECTORY_PERMISSIONS,
    )
    storage.save("ab/cd", ContentFile(b"x"))
    assert mode(tmp_path / "media/ab") == 0o700 and mode(tmp_path / "media/ab/cd") == 0o600


def test_only_what_is_ours_is_closed(tmp_path: Path) -> None:
    """The folder may be somebody's home, or everybody's."""
    of_an_earlier_release(tmp_path)
    (tmp_path / "program").touch()
    (tmp_path / "program").chmod(0o755)
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / "logs" / "link").symlink_to(tmp_path / "program")
    close_all(tmp_path)
    assert mode(tmp_path / "program") == 0o755 and mode(tmp_path / "elsewhere") == 0o755
    assert mode(tmp_path) == 0o700 and mode(tmp_path / "secret_key") == 0o600
    everybodys = tmp_path / "tmp"
    everybodys.mkdir()
    everybodys.chmod(0o1777)
    assert not close(everybodys) and mode(everybodys) == 0o1777
    assert not close(Path("/")) and close_all(tmp_path) == 0


def test_a_folder_that_stays_open_is_told(settings, tmp_path: Path) -> None:
    from config.checks import data_folder

    tmp_path.chmod(0o755)
    settings.HOLDFAST_DATA = tmp_path
    (warning,) = data_folder(None)
    assert "chmod 700" in str(warning.hint) and open_to_others(tmp_path)
    tmp_path.chmod(0o700)
    assert data_folder(None) == []
