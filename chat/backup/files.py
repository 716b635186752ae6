"""The files of a backup: what rows name in the storage, copied under the same names.

Files never change once they are written, so a copy needs no lock. Any storage of Django's will do.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from django.core.files.base import File
from django.core.files.storage import default_storage

from chat.backup.manifest import BackupError

#: The folder of a backup that has them.
FOLDER = "files"


def names() -> Iterator[str]:
    """Every file of the storage."""
    yield from _below("")


def _below(folder: str) -> Iterator[str]:
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in sorted(files):
        yield f"{folder}/{name}" if folder else name
    for name in sorted(folders):
        yield from _below(f"{folder}/{name}" if folder else name)


def copy_out(folder: Path, told: Callable[[int], None]) -> tuple[int, int, int]:
    """Copy all files into `folder`; (files, bytes, how many went while it was done)."""
    count = size = gone = 0
    for name in names():
        target = _inside(folder, name)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with default_storage.open(name, "rb") as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
        except FileNotFoundError:
            target.unlink(missing_ok=True)
            gone += 1  # its conversation was deleted in this moment
            continue
        count, size = count + 1, size + target.stat().st_size
        if count % 1_000 == 0:
            told(count)
    return count, size, gone


def copy_in(folder: Path) -> int:
    """Put the files of a backup into the storage, under their names; how many. One that is there already stays: it was
    put there by a restore that was interrupted."""
    count = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            if default_storage.exists(name):
                if default_storage.size(name) == path.stat().st_size:
                    count += 1
                    continue
                default_storage.delete(name)
            with path.open("rb") as file:
                if (kept := default_storage.save(name, File(file))) != name:
                    raise BackupError(
                        f"The storage has another file of the name {name} ({kept} was written)."
                    )
            count += 1
    return count


def _inside(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    if ".." in parts or name.startswith("/"):
        raise BackupError(f"The storage names a file {name!r}.")
    return folder.joinpath(*parts)
