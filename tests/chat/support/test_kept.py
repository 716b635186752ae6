"""A secret is made once, whole, and the same for all that start at once."""

from __future__ import annotations

import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chat.support.kept import kept


def test_it_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret"
    assert kept(path, lambda: "first") == "first"
    assert kept(path, lambda: "second") == "first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret"]


def test_a_file_that_was_never_finished_is_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("")
    assert kept(path, lambda: "whole") == "whole"
    assert path.read_text() == "whole"


def test_who_starts_at_the_same_time_gets_the_same(tmp_path: Path) -> None:
    for number in range(20):
        path = tmp_path / str(number)
        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(lambda _: kept(path, secrets.token_hex), range(8)))) == 1  # noqa: B023


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> str:
        raise OSError(28, "No space left on device")

    try:
        kept(tmp_path / "secret", fail)
    except OSError:
        pass
    assert list(tmp_path.iterdir()) == []
