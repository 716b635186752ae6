"""The file tree that the Dockerfile makes, without a container engine.

Docker's own SDK applies .dockerignore, a parser of Dockerfiles reads the instructions, and COPY is done here by its
rules: a folder's content is copied, not the folder; a source that is not in the context fails the build.
"""

from __future__ import annotations

import glob
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from docker.utils.build import exclude_paths
from dockerfile_parse import DockerfileParser

from tests.support.runtime import link


class BuildFailed(Exception):
    """What a real build would have refused; the text says which instruction and why."""


@dataclass
class Stage:
    """One stage of a Dockerfile: its name ('' for one without) and its instructions, as (name, value)."""

    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def values(self, instruction: str) -> list[str]:
        """The values of one kind of instruction, in order."""
        return [value for name, value in self.instructions if name == instruction]

    def environment(self) -> dict[str, str]:
        """ENV, with the variables of the stage itself put in."""
        found: dict[str, str] = {}
        for value in self.values("ENV"):
            found |= dict(part.split("=", 1) for part in shlex.split(value))
        return found


def stages(dockerfile: str) -> list[Stage]:
    """The stages of a Dockerfile, in order."""
    with tempfile.TemporaryDirectory() as folder:
        parser = DockerfileParser(path=folder)
        parser.content = dockerfile
        structure = parser.structure
    found: list[Stage] = []
    for one in structure:
        name, value = one["instruction"], one["value"]
        if name == "FROM":
            words = value.split()
            found.append(Stage(words[2] if len(words) == 3 and words[1].upper() == "AS" else ""))
        elif name != "COMMENT":
            found[-1].instructions.append((name, value))
    return found


def context(root: Path, folder: Path) -> Path:
    """What the engine is sent: the files of a fresh clone that .dockerignore lets through, in `folder`."""
    clone = folder / "clone"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=root, capture_output=True, check=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (root / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, clone / name)
    sent = folder / "context"
    sent.mkdir()
    patterns = [line.strip() for line in (root / ".dockerignore").read_text().splitlines()]
    for name in exclude_paths(str(clone), [line for line in patterns if line and not line.startswith("#")]):
        if (clone / name).is_file() and name not in ("Dockerfile", ".dockerignore"):
            link(clone / name, sent / name)
    return sent


def copies(stage: Stage) -> Iterator[tuple[str, list[str], str]]:
    """The COPY instructions of a stage: (stage it takes from or '', sources, destination)."""
    for value in stage.values("COPY"):
        words = json.loads(value) if value.startswith("[") else shlex.split(value)
        flags = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
        *sources, destination = [word for word in words if not word.startswith("--")]
        assert flags.keys() <= {"from"}, f"teach tests/support/image.py about {value!r}"
        yield flags.get("from", ""), sources, destination


def build(
    stage: Stage, sent: Path, root: Path, others: Mapping[tuple[str, str], Callable[[Path], object]]
) -> None:
    """Do the COPY instructions of a stage below `root`. `others`: puts what another stage made in its
    place, by stage and path.

    Raises BuildFailed for a source that is not there.
    """
    workdir = PurePosixPath((stage.values("WORKDIR") or ["/"])[-1])
    for origin, sources, destination in copies(stage):
        target = root / str(workdir / destination).lstrip("/")
        into = destination.endswith("/") or len(sources) > 1
        for source in sources:
            if origin:
                others[origin, source](target)
                continue
            found = [Path(path) for path in sorted(glob.glob(str(sent / source)))]
            if not found:
                raise BuildFailed(f"COPY {source}: not in the build context; see .dockerignore")
            for path in found:
                if path.is_dir():
                    copy_folder(path, target)
                elif into or target.is_dir():
                    link(path, target / path.name)
                else:
                    link(path, target)


def copy_folder(source: Path, target: Path) -> None:
    """Put the content of a folder into another one."""
    shutil.copytree(source, target, copy_function=lambda a, b: link(Path(a), Path(b)), dirs_exist_ok=True)


def close(folder: Path) -> None:
    """Make a read-only root of it. Only the folders are changed: the files may be other places' files, too."""
    for path in [folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())]:
        path.chmod(0o555)


def reopen(folder: Path) -> None:
    """Undo `close`, so that it can be removed."""
    folder.chmod(0o755)
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            if not (Path(parent) / name).is_symlink():
                (Path(parent) / name).chmod(0o755)
