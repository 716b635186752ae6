"""Ask once more, alone, what failed while it ran beside others.

    python -m tests.again       # after `pytest -n …` has ended with status 1

Two cores carry four processes of tests, with Chromium, stores and workers of their own, so a deadline that is missed
may mean a busy machine instead of a fault. At most MOST tests are asked again, one after another, with nothing beside
them; more than that is no accident. A test that passes then is named all the same: either it waits for luck and not for
a condition, or Holdfast is wrong under load, and both have to be mended (docs/decisions/0032-failed-beside-others.md).

The status is pytest's for what was asked again, or 1 where nothing was.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

#: Tests that are asked again at most.
MOST = 3
#: Where pytest keeps what failed in its last run, in the folder that it ran in.
LAST_FAILED = Path(".pytest_cache/v/cache/lastfailed")


def failed_last(folder: Path) -> list[str]:
    """The ids of the tests that failed in the last run of pytest in `folder`; none if it kept nothing."""
    kept = folder / LAST_FAILED
    return sorted(json.loads(kept.read_text())) if kept.is_file() else []


def ask_again(folder: Path) -> int:
    """Run what failed last in `folder` alone, tell what became of it, and give the status to end with."""
    failed = failed_last(folder)
    if not 0 < len(failed) <= MOST:
        print(f"\n{len(failed)} tests failed; at most {MOST} are asked again alone.", flush=True)
        return 1
    print("\nFailed beside others, and asked again alone:", *failed, sep="\n  ", flush=True)
    status = subprocess.run([sys.executable, "-m", "pytest", *failed], cwd=folder, check=False).returncode
    if status == 0:
        # Above pytest's last line it would be lost in a long log, so it is told on the other stream, too.
        print("Passed alone, to be mended all the same:", *failed, sep="\n  ", file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    raise SystemExit(ask_again(Path.cwd()))
