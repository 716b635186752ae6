"""A secret that is made once and kept in a file. Needs no settings: they use it."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def kept(path: Path, make: Callable[[], str]) -> str:
    """What the file says, which only its owner may read; what `make` gives, if it is not there or was never finished.

    The file gets its name once it is whole: whoever is killed while he writes it leaves nothing that looks like a
    secret, and of several processes that start at once all have the same."""
    with suppress(FileNotFoundError):
        if word := path.read_text().strip():
            return word
        path.unlink()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(make())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return path.read_text().strip()
