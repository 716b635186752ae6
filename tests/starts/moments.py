"""The moments of a first start at which it is interrupted, found by what it has printed and what lies in its folder.

    packages: .venv ─ pip ─ unpacks │ npm │ build: begun ─ written │ handover │ database: tables ─ login │ processes

What an interruption leaves may be mended by the next one, of the same step: whoever makes `.venv` anew has no use for
half a package. So in one installation no step is interrupted twice, and there are as many installations as a step has
moments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

Look = Callable[[Path, str], bool]
#: Bytes of SQLite's log that a migration has written when it is well on its way; all of it writes many times that.
MIGRATING = 150_000
#: What an environment has before anything is installed into it.
BARE = (
    "pip",
    "setuptools",
    "wheel",
    "_distutils_hack",
    "distutils-precedence",
    "pkg_resources",
    "__pycache__",
)


@dataclass(frozen=True)
class Moment:
    """`reached` and `over` look at a clone and at what its start has printed."""

    name: str
    step: str
    reached: Look
    over: Look


def _packages(clone: Path) -> list[str]:
    """What lies among the packages."""
    return [one.name for one in clone.glob(".venv/lib/python3*/site-packages/*")]


def _installed(clone: Path, _said: str) -> bool:
    return (clone / ".venv/.requirements.lock.stamp").exists()


def _built(clone: Path, _said: str) -> bool:
    return (clone / "frontend/dist/.vite/holdfast.stamp").exists()


def _log_of_changes(clone: Path) -> int:
    path = clone / "data/holdfast.sqlite3-wal"
    return path.stat().st_size if path.exists() else 0


def says(text: str) -> Look:
    """Whether it has printed this."""
    return lambda _clone, said: text in said


def lies(path: str) -> Look:
    """Whether there is something of this name in its folder."""
    return lambda clone, _said: any(clone.glob(path))


MOMENTS = (
    Moment(
        "pip is being put into .venv",
        "packages",
        lambda clone, _: "pip" in _packages(clone),
        says("Installing Python packages"),
    ),
    Moment(
        "pip has been started",
        "packages",
        says("Installing Python packages"),
        lambda clone, _: any(not name.startswith(BARE) for name in _packages(clone)),
    ),
    Moment(
        "packages are half unpacked",
        "packages",
        lambda clone, _: any(not name.startswith(BARE) for name in _packages(clone)),
        _installed,
    ),
    Moment(
        "npm unpacks", "npm", lies("frontend/node_modules/*"), lies("frontend/node_modules/.holdfast.stamp")
    ),
    Moment("the build has begun", "build", says("Building the frontend"), lies("frontend/dist/assets")),
    Moment("the build is half written", "build", lies("frontend/dist/assets/*"), _built),
    Moment("all is installed", "handover", _built, says("Starting …")),
    Moment(
        "tables are being made",
        "database",
        lambda clone, _: _log_of_changes(clone) > MIGRATING,
        lies("data/demo_password"),
    ),
    Moment("the login is being made", "database", lies("data/demo_password"), lies("data/supervisord.pid")),
    Moment("the processes start", "processes", lies("data/supervisord.pid"), says("Holdfast is ready")),
    Moment("it has just said that it is ready", "processes", says("Holdfast is ready"), lambda *_: False),
)


def installations(moments: tuple[Moment, ...] = MOMENTS) -> list[list[Moment]]:
    """What is interrupted in each: of every step the next moment, in the order in which they come."""
    steps = [list(some) for _, some in groupby(moments, key=lambda one: one.step)]
    return [
        [step[number] for step in steps if number < len(step)]
        for number in range(max(map(len, steps), default=0))
    ]
