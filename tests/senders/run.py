"""Run `python -m tests.senders` in the environment of requirements-senders.lock, which is made at the first time."""

from __future__ import annotations

import subprocess
import sys

from scripts.environments import ROOT, NotThere, python


def main() -> int:
    """Make it, and run in it."""
    try:
        there = python("senders")
    except NotThere as problem:
        print(problem, file=sys.stderr)
        return 1
    return subprocess.run([there, "-m", "tests.senders", *sys.argv[1:]], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
