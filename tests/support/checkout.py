"""What git would bring of this checkout, in another folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.processes import ROOT


def copy_to(where: Path) -> None:
    """Every file that is committed, or would be, as it is now; `where` is made."""
    where.mkdir(parents=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    there = b"\0".join(one for one in names if one and (ROOT / one.decode()).is_file())
    packed = subprocess.run(
        ["tar", "--null", "--files-from=-", "-c"], cwd=ROOT, input=there, capture_output=True, check=True
    )
    subprocess.run(["tar", "-x"], cwd=where, input=packed.stdout, check=True)
