"""What `make first-starts` decides without a start: what is interrupted where, and that each moment can be told."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.starts.moments import MIGRATING, MOMENTS, installations


def test_every_moment_is_interrupted_once_and_no_step_twice_in_one_installation() -> None:
    planned = installations()
    assert sorted(one.name for some in planned for one in some) == sorted(one.name for one in MOMENTS)
    assert len(MOMENTS) >= 10
    for some in planned:
        assert len({one.step for one in some}) == len(some)
        assert [MOMENTS.index(one) for one in some] == sorted(MOMENTS.index(one) for one in some)


def test_each_moment_comes_before_the_next_one_of_its_step(tmp_path: Path) -> None:
    """As a start goes on, one after another is reached, and is not over yet."""
    said = ""

    def made(path: str, size: int = 0) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"x" * size)

    packages = ".venv/lib/python3.11/site-packages"
    happens: list[Any] = [
        lambda: made(f"{packages}/pip/__init__.py"),
        "Installing Python packages from requirements.lock …\n",
        lambda: made(f"{packages}/django/__init__.py"),
        lambda: (made(".venv/.requirements.lock.stamp"), made("frontend/node_modules/react/package.json")),
        "Building the frontend …\n",
        lambda: (made("frontend/node_modules/.holdfast.stamp"), made("frontend/dist/assets/main.js")),
        lambda: made("frontend/dist/.vite/holdfast.stamp"),
        lambda: made("data/holdfast.sqlite3-wal", MIGRATING + 1),
        lambda: made("data/demo_password"),
        lambda: made("data/supervisord.pid"),
        "Holdfast is ready:  http://127.0.0.1:8000\n",
    ]
    assert not any(moment.reached(tmp_path, said) for moment in MOMENTS)
    for moment, what in zip(MOMENTS, happens, strict=True):
        if isinstance(what, str):
            said += what
        else:
            what()
        assert moment.reached(tmp_path, said) and not moment.over(tmp_path, said), moment.name
    for one, after in pairwise(MOMENTS):
        if one.step == after.step:
            assert one.over(tmp_path, said), one.name
