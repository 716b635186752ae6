"""Environments outside the repository, each of a group of packages (`requirements-<group>.lock`) that neither the
product nor its tests import: witnesses, and tools of a release."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class NotThere(Exception):
    """A package could not be downloaded; the text says what to do."""


def cache() -> Path:
    """Where they are kept: HOLDFAST_WITNESSES, or a folder in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("HOLDFAST_WITNESSES") or Path(base) / "holdfast" / "witnesses")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def python(group: str = "witnesses") -> Path:
    """A Python with the packages of requirements-<group>.lock, made anew when the lock has changed. Raises NotThere."""
    with (cache() / f"{group}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # several may want it at once
        return _python(group)


def _python(group: str) -> Path:
    lock = ROOT / f"requirements-{group}.lock"
    folder = cache() / ("venv" if group == "witnesses" else f"venv-{group}")
    made, stamp = folder / "bin" / "python", folder / "holdfast.stamp"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return made
    print(f"Installing {lock.name} …", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
    how = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
    done = subprocess.run([made, "-m", "pip", "install", *how, "-r", lock], capture_output=True, text=True)
    if done.returncode:
        raise NotThere(f"pip could not install {lock.name}.\n{done.stderr[-2000:]}")
    stamp.write_text(wanted)
    return made
