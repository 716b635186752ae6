"""What a backup says of itself. It is written last: a folder without it is no backup, whatever is in it."""

import hashlib
import hmac
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

FORMAT = 1
NAME = "manifest.json"
#: Bytes that are read at a time.
CHUNK = 1 << 20


class BackupError(Exception):
    """It cannot be made, or restored; the text says why and what to do."""


@dataclass(frozen=True)
class Manifest:
    """`migrations` are the last ones of each app, `key` tells the secret key from others and nothing more."""

    format: int
    taken_at: int
    engine: str
    identity: str
    database: str
    digest: str
    conversations: int
    events: int
    files: int
    bytes: int
    missing: int
    migrations: dict[str, str]
    key: str

    def write(self, folder: Path) -> None:
        """Make the folder a backup."""
        draft = folder / f"{NAME}.part"
        with draft.open("w") as file:
            json.dump(asdict(self), file, indent=2, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / NAME)


def read(folder: Path) -> Manifest:
    """The manifest of a backup that is whole. Raises BackupError."""
    try:
        found = json.loads((folder / NAME).read_text())
    except OSError:
        raise BackupError(
            f"{folder} is no backup, or one that was not finished: it has no {NAME}. Take another one."
        ) from None
    except ValueError:
        raise BackupError(f"{folder / NAME} cannot be read. Take another backup.") from None
    if found.get("format") != FORMAT:
        raise BackupError(
            f"This backup has the format {found.get('format')}, and this release reads {FORMAT}. Restore it with the "
            "release that made it, and upgrade then."
        )
    manifest = Manifest(**found)
    try:
        now = digest(folder / manifest.database)
    except OSError as problem:
        raise BackupError(f"The backup lacks its database ({problem.strerror}).") from None
    if now != manifest.digest:
        raise BackupError("The backup's database is not as it was written: it is damaged, or was changed.")
    return manifest


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def key_mark() -> str:
    """What tells the secret key from others. It is made so slowly that nobody finds a key by it."""
    key = str(settings.SECRET_KEY).encode()
    made = hashlib.pbkdf2_hmac("sha256", key, b"holdfast.backup.key", 200_000)
    return made.hex()[:16]


def same_key(mark: str) -> bool:
    """Whether secrets of the backup open with the key of now."""
    return hmac.compare_digest(mark, key_mark())
