"""Run `python -m tests.senders` and `python -m tests.senders.feishu` in the environment of requirements-senders.txt.

It is made at the first time."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WANTED = ("requirements.txt", "requirements-senders.txt")


def environment() -> Path:
    """The interpreter of that environment, made anew when the pins change. Raises CalledProcessError."""
    pins = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in WANTED)).hexdigest()[:12]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = Path(os.environ.get("HOLDFAST_WITNESSES") or base / "holdfast" / "witnesses")
    folder = kept / f"senders-{pins}"
    python, whole = folder / "bin" / "python", folder / "whole"
    if not whole.exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", ROOT / WANTED[-1]], cwd=ROOT, check=True)
        whole.touch()  # last, so that half of one is never taken for the whole
    return python


def main() -> int:
    """Make it, and run in it."""
    try:
        python = environment()
    except subprocess.CalledProcessError:
        print("The senders' libraries could not be installed: pip says above why.", file=sys.stderr)
        return 1
    signed = subprocess.run([python, "-m", "tests.senders", *sys.argv[1:]], cwd=ROOT).returncode
    return subprocess.run([python, "-m", "tests.senders.feishu"], cwd=ROOT).returncode or signed


if __name__ == "__main__":
    sys.exit(main())
