"""A virtual environment with nothing but what runs: the packages of requirements.lock, none of the tests'.

They are linked from the environment of the tests, which holds the same files, so this takes no time and no network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from importlib import metadata
from pathlib import Path

from scripts import lock


def make(folder: Path, without: Collection[str] = ()) -> Path:
    """Make the environment in `folder`, without pip and without the packages of these names. Its `bin` folder."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    for entry in lock.locked((lock.ROOT / "requirements.lock").read_text()):
        if not entry.applies or entry.name in without:
            continue
        package = metadata.distribution(entry.name)
        assert package.version == entry.version, f"{entry.name} is not what the lock says: run make tools"
        here = Path(str(package.locate_file("")))
        for file in package.files or ():
            if file.parts[0] in ("..", "__pycache__"):  # Programs: nobody here calls a package by its script.
                continue
            top = here / file.parts[0]
            if (top / "__init__.py").exists() or top.suffix == ".dist-info":
                if not (site / top.name).exists():
                    (site / top.name).symlink_to(top)
            else:  # A module, or a namespace that packages of the tests may share.
                link(here / file, site / file)
    return folder / "bin"


def link(source: Path, target: Path) -> None:
    """The same file in another place, without a copy where the file system can; one that is gone is left out."""
    if not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
