"""The data folder belongs to one user of the machine: folders have mode 0700 and files 0600.

SQLite holds session keys and notes, Valkey every conversation, and logs what went wrong. The folder alone would keep
others out; the files are closed, too, because folders get copied and mounted. Standard library only.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

#: What new files and folders of our processes may not be for anybody but their owner.
UMASK = 0o077
#: What we keep in the data folder, by how its names begin. Whatever else lies there is not ours to change.
OURS = ("holdfast.sqlite3", "secret_key", "demo_password", "lock", "supervisord.", ".room-")
OUR_FOLDERS = ("logs", "media", "valkey")


def close(path: Path) -> bool:
    """Take a file or folder of ours from everybody else; whether that had to be done. What belongs to another user, or
    to everybody (as /tmp), is left alone, and so is a link: what it leads to may be anything."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    wide = stat.S_IMODE(found.st_mode) & UMASK
    shared = stat.S_ISLNK(found.st_mode) or found.st_mode & stat.S_ISVTX or found.st_uid != os.geteuid()
    if shared or not wide or path == Path(path.anchor):
        return False
    path.chmod(stat.S_IMODE(found.st_mode) & ~UMASK)
    return True


def close_all(data: Path) -> int:
    """The same for the data folder and all that we keep in it; how much had to be closed. A release before this one
    left it open to everybody. Takes a second for 100,000 attachments, so only where something starts for long."""
    return sum(close(path) for path in [data, *_kept(data)])


def _kept(data: Path) -> Iterator[Path]:
    for path in data.iterdir() if data.is_dir() else ():
        if path.name.startswith(OURS):
            yield path
        elif path.name in OUR_FOLDERS and path.is_dir() and not path.is_symlink():
            yield path
            for folder, folders, files in os.walk(path):
                yield from (Path(folder) / name for name in [*folders, *files])


def private_database(path: Path) -> None:
    """An SQLite file that only its owner may read, made if it is not there: SQLite gives its journals the modes that
    the file has. Raises OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for one in (path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm", "-journal"))):
        close(one)


def open_to_others(data: Path) -> bool:
    """Whether other users of the machine may look into the folder. Windows knows no such modes."""
    return data.is_dir() and bool(stat.S_IMODE(data.stat().st_mode) & UMASK)
