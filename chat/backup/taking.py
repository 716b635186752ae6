"""Taking a backup while everything runs."""

import shutil
from collections.abc import Callable
from pathlib import Path

from chat.backup import databases, files
from chat.backup.manifest import FORMAT, NAME, BackupError, Manifest, digest, key_mark
from chat.installation import installation
from chat.models import Conversation, Event
from chat.support.clock import now_ms


def take(folder: Path, told: Callable[[str], None], *, with_files: bool = True) -> Manifest:
    """Write a backup into a new folder; what it says of itself. Everything that was acknowledged before it began is in
    it. Raises BackupError; what was written stays, and is no backup."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BackupError(f"{folder} is not empty. Name a new folder for each backup.")
    except OSError as problem:
        raise BackupError(f"{folder} cannot be made ({problem.strerror}).") from None
    began = now_ms()
    # Counts of before: what comes meanwhile may be in the copy, or not.
    conversations, events = Conversation.objects.count(), Event.objects.count()
    try:
        copy = databases.dump(folder)
        told(f"the database: {copy.stat().st_size:,} bytes")
        count = size = gone = 0
        if with_files:
            (folder / files.FOLDER).mkdir(mode=0o700)
            count, size, gone = files.copy_out(folder / files.FOLDER, lambda n: told(f"{n:,} files"))
            told(f"{count:,} files: {size:,} bytes")
    except OSError as problem:
        raise BackupError(f"The backup cannot be written ({problem.strerror}): {folder}") from None
    manifest = Manifest(
        format=FORMAT,
        taken_at=began,
        engine=databases.engine(),
        identity=installation().identity,
        database=copy.name,
        digest=digest(copy),
        conversations=conversations,
        events=events,
        files=count,
        bytes=size,
        missing=gone,
        migrations=databases.migrations(),
        key=key_mark(),
    )
    manifest.write(folder)
    return manifest


def remove_unfinished(folder: Path) -> None:
    """Remove what a backup that failed has left; never one that is whole."""
    if folder.is_dir() and not (folder / NAME).exists():
        shutil.rmtree(folder, ignore_errors=True)
