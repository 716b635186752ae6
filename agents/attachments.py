"""How the loop gets at the files of a conversation: by this one method, whatever stores them."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file as it may be shown to a model: what it is, and its bytes."""

    media_type: str
    data: bytes


class FileReader(Protocol):
    """The files of one conversation."""

    async def read(self, id: str) -> FileContent | None:
        """The content of a file, or None if there is none (any more)."""
        ...
